"""Polygon PoS bridge, and the older Plasma bridge that MATIC and POL use.

Deposits are numbered by the state sync that mints them (Plasma: by its own count). An exit proves the burn on
Polygon but names no id; its key is what both show: who, which root token, how much.
Source: maticnetwork/pos-portal (predicates, StateSender), contracts (DepositManager, ChildChain, MRC20).
"""

from collections.abc import Iterator
from typing import Any

from indexer.bridges.abi import event
from indexer.bridges.protocol import TRANSFER, ZERO_ADDRESS, Protocol, Scope, Window, contracts
from indexer.model.links import BridgeLeg, LogEntry, Mechanism, Side

LOCKED = event(
    "LockedERC20(address indexed depositor, address indexed depositReceiver, address indexed rootToken, uint256 amount)"
)
LOCKED_ETHER = event(
    "LockedEther(address indexed depositor, address indexed depositReceiver, uint256 amount)"
)
SYNCED = event("StateSynced(uint256 indexed id, address indexed contractAddress, bytes data)")
COMMITTED = event("StateCommitted(uint256 indexed stateId, bool success)")
PLASMA_OUT = event(
    "NewDepositBlock(address indexed owner, address indexed token, uint256 amountOrNFTId, uint256 depositBlockId)"
)
PLASMA_IN = event(
    "TokenDeposited(address indexed rootToken, address indexed childToken, address indexed user, uint256 amount, "
    "uint256 depositCount)"
)
EXITED = event("ExitedERC20(address indexed exitor, address indexed rootToken, uint256 amount)")
EXITED_ETHER = event("ExitedEther(address indexed exitor, uint256 amount)")

_L1, _L2 = "eip155:1", "eip155:137"
_ETHER = "ether"
_ROOT_OF = {
    "0x7ceb23fd6bc0add59e62ac25578270cff1b9f619": _ETHER,
    "0x2791bca1f2de4661ed88a30c99a7a9449aa84174": "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48",
    "0xc2132d05d31c914a87c6611c10748aeb04b58e8f": "0xdac17f958d2ee523a2206206994597c13d831ec7",
    "0x8f3cf7ad23cd3cadbd9735aff958023239c6a063": "0x6b175474e89094c44da98b954eedeac495271d0f",
    "0x1bfd67037b42cf73acf2047067bd4f2c47d9bfd6": "0x2260fac5e5542a773aa44fbcfedf7c193bc2c599",
}
"""Child tokens whose burns are withdrawals: a burn of any other token is not told from a plain one."""


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Deposits, mints, burns and exits."""
    yield from _deposits(scope)
    yield from _mints(scope)
    yield from _burns(scope)
    for log, values in scope.logs(EXITED, "predicate"):
        yield _exit(scope, log, values, values["rootToken"])
    for log, values in scope.logs(EXITED_ETHER, "predicate"):
        yield _exit(scope, log, values, _ETHER)


def _deposits(scope: Scope) -> Iterator[BridgeLeg]:
    plasma = list(scope.logs(PLASMA_OUT, "deposit_manager"))
    locked = [(log, values, scope.native()) for log, values in scope.logs(LOCKED_ETHER, "predicate")]
    locked += [
        (log, values, scope.token(values["rootToken"])) for log, values in scope.logs(LOCKED, "predicate")
    ]
    for log, values, asset in locked:
        synced = scope.neighbour(log, SYNCED, "state_sender", before=False)
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=asset,
            amount=values["amount"],
            wallet=values["depositor"],
            recipient=values["depositReceiver"],
            other_chain=_L2,
            expected_amount=values["amount"],
            join_key=None if synced is None else f"state:{synced['id']}",
            event="LockedERC20 or LockedEther",
        )
    for log, values in plasma:
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=scope.token(values["token"]),
            amount=values["amountOrNFTId"],
            wallet=scope.view.sender,
            recipient=values["owner"],
            other_chain=_L2,
            expected_amount=values["amountOrNFTId"],
            join_key=f"plasma:{values['depositBlockId']}",
            event="NewDepositBlock",
        )


def _mints(scope: Scope) -> Iterator[BridgeLeg]:
    """A state sync mints first and commits after; the mint of a commit is the last one before it."""
    plasma = [log.index for log, _ in scope.logs(PLASMA_IN, "child_chain")]
    minted = scope.transfers(sender=ZERO_ADDRESS)
    done = -1
    for log, values in scope.logs(COMMITTED, "state_receiver"):
        between = [one for one in minted if done < one[0].index < log.index]
        is_plasma = any(done < at < log.index for at in plasma)
        done = log.index
        if not between or is_plasma or not values["success"]:
            continue
        mint, amount = between[-1]
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=scope.token(mint.address),
            amount=amount,
            wallet=f"0x{mint.topics[2][12:].hex()}",
            other_chain=_L1,
            join_key=f"state:{values['stateId']}",
            event="StateCommitted",
        )
    for log, values in scope.logs(PLASMA_IN, "child_chain"):
        coin = values["childToken"].endswith("1010")
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=scope.native() if coin else scope.token(values["childToken"]),
            amount=values["amount"],
            wallet=values["user"],
            other_chain=_L1,
            join_key=f"plasma:{values['depositCount']}",
            event="TokenDeposited",
        )


def _burns(scope: Scope) -> Iterator[BridgeLeg]:
    if scope.view.chain != _L2:
        return
    for log, amount in scope.transfers(recipient=ZERO_ADDRESS):
        root = _ROOT_OF.get(log.address)
        # the owner burns in person: a pool that burns on the way of a swap is called by another contract
        if root is None or scope.view.recipient != log.address or not amount:
            continue
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=scope.token(log.address),
            amount=amount,
            wallet=scope.view.sender,
            recipient=scope.view.sender,
            other_chain=_L1,
            expected_amount=amount,
            join_key=_exit_key(scope.view.sender, root, amount),
            derived=True,
            event="a burn for withdrawal",
        )


def _exit(scope: Scope, log: LogEntry, values: dict[str, Any], root: str) -> BridgeLeg:
    return scope.leg(
        Side.DESTINATION,
        log,
        asset=scope.native() if root == _ETHER else scope.token(root),
        amount=values["amount"],
        wallet=values["exitor"],
        other_chain=_L2,
        join_key=_exit_key(values["exitor"], root, values["amount"]),
        derived=True,
        event="ExitedERC20 or ExitedEther",
    )


def _exit_key(who: str, root: str, amount: int) -> str:
    return f"exit:{who}:{root}:{amount}"


PROTOCOL = Protocol(
    id="polygon",
    name="Polygon PoS bridge",
    mechanism=Mechanism.CANONICAL,
    contracts=contracts(
        predicate={
            1: (
                "0x40ec5B33f54e0E8A33A975908C5BA1c14e5BbbDf",
                "0x8484Ef722627bf18ca5Ae6BcF031c23E6e922B30",
            )
        },
        state_sender={1: "0x28e4F3a7f651294B9564800b2D01f35189A5bFbE"},
        deposit_manager={1: "0x401F6c983eA34274ec46f84D70b31C151321188b"},
        state_receiver={137: "0x0000000000000000000000000000000000001001"},
        child_chain={137: "0xD9c7C4ED4B66858301D0cb28Cc88bf655Fe34861"},
        child_token={137: tuple(_ROOT_OF)},
    ),
    events={
        "predicate": (LOCKED, LOCKED_ETHER, EXITED, EXITED_ETHER),
        "state_sender": (SYNCED,),
        "deposit_manager": (PLASMA_OUT,),
        "state_receiver": (COMMITTED,),
        "child_chain": (PLASMA_IN,),
        "child_token": (TRANSFER,),
    },
    decode=decode,
    deposit=Window(usual=2 * 3_600, fee_ppm=0),
    withdrawal=Window(usual=14 * 86_400, fee_ppm=0, claim=True),
    home=_L1,
)
