"""The bridges of OP stack chains: Optimism, Base.

Standard bridge and messenger: both sides can compute the hash of the message. Withdrawals straight through the
message passer share the withdrawal's hash with the portal's event. Deposits straight into the portal leave no event
on the chain; their arrival is found by recipient and amount.
Source: ethereum-optimism contracts (StandardBridge, CrossDomainMessenger, OptimismPortal, L2ToL1MessagePasser).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from indexer.bridges.abi import Event, event, selector
from indexer.bridges.messenger import BridgeMove, Message, Traffic, messenger_legs, op_call, op_hash
from indexer.bridges.protocol import ZERO_ADDRESS, Protocol, Scope, Window, contracts
from indexer.model.links import BridgeLeg, LogEntry, Mechanism, Side

_MOVE = "(address indexed from, address indexed to, uint256 amount, bytes extraData)"
_ERC20_MOVE = "(address indexed {a}, address indexed {b}, address indexed from, address to, uint256 amount, bytes extraData)"


def _token_event(name: str, a: str = "l1Token", b: str = "l2Token") -> Event:
    return event(name + _ERC20_MOVE.format(a=a, b=b))


ETH_OUT = event(f"ETHDepositInitiated{_MOVE}")
ETH_OUT_NEW = event(f"ETHBridgeInitiated{_MOVE}")
ERC20_OUT = _token_event("ERC20DepositInitiated")
ERC20_OUT_NEW = _token_event("ERC20BridgeInitiated", "localToken", "remoteToken")
L2_OUT = _token_event("WithdrawalInitiated")
L2_IN = _token_event("DepositFinalized")
ETH_IN = event(f"ETHWithdrawalFinalized{_MOVE}")
ETH_IN_NEW = event(f"ETHBridgeFinalized{_MOVE}")
ERC20_IN = _token_event("ERC20WithdrawalFinalized")
ERC20_IN_NEW = _token_event("ERC20BridgeFinalized", "localToken", "remoteToken")
SENT = event(
    "SentMessage(address indexed target, address sender, bytes message, uint256 messageNonce, uint256 gasLimit)"
)
SENT_VALUE = event("SentMessageExtension1(address indexed sender, uint256 value)")
RELAYED = event("RelayedMessage(bytes32 indexed msgHash)")
DEPOSITED = event(
    "TransactionDeposited(address indexed from, address indexed to, uint256 indexed version, bytes opaqueData)"
)
PASSED = event(
    "MessagePassed(uint256 indexed nonce, address indexed sender, address indexed target, uint256 value, "
    "uint256 gasLimit, bytes data, bytes32 withdrawalHash)"
)
PORTAL_FINALIZED = event("WithdrawalFinalized(bytes32 indexed withdrawalHash, bool success)")

_L1 = "eip155:1"
_FINALIZE = selector("finalizeWithdrawalTransaction((uint256,address,address,uint256,uint256,bytes))")
_WITHDRAWAL = ["(uint256,address,address,uint256,uint256,bytes)"]
_OLD_ETHER = frozenset({ZERO_ADDRESS, "0xdeaddeaddeaddeaddeaddeaddeaddeaddead0000"})


@dataclass(frozen=True, slots=True)
class _Chain:
    bridge: str
    messenger: str
    portal: str


_L2S = {
    "eip155:10": _Chain(
        "0x99c9fc46f92e8a1c0dec1b1747d010903e884be1",
        "0x25ace71c97b33cc4729cf772ae268934f7ab5fa1",
        "0xbeb5fc579115071764c7423a4f12edde41f106ed",
    ),
    "eip155:8453": _Chain(
        "0x3154cf16ccdb4c6d922629664174b904d80f2c35",
        "0x866e82a600a1414e583f7f13623f1ac5d58b0afa",
        "0x49048044d57e1c92a77f79988d21fa8faf74e97e",
    ),
}
_DAI_BRIDGES = ("0x10E6593CDda8c58a1d0f14C5164B376352a55f2F", "0x467194771dAe2967Aef3ECbEDD3Bf9a310C76C65")
"""MakerDAO's own on Ethereum and Optimism: the standard events over the standard messenger."""
_PREDEPLOYS = {"bridge": "10", "messenger": "07", "passer": "16"}


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Standard bridge moves first, then what used the messenger or the portal alone."""
    traffic = Traffic(
        sent=list(_sent(scope)),
        relayed=[(log, values["msgHash"]) for log, values in scope.logs(RELAYED, "messenger")],
        call=op_call(scope.view.input),
        hashed=op_hash,
        other_chain=lambda log: _other_chain(scope, log.address, "messenger"),
        prefix="msg:",
    )
    left = list(_bridged(scope, (ETH_OUT, ERC20_OUT, L2_OUT), (ETH_OUT_NEW, ERC20_OUT_NEW)))
    came = list(_bridged(scope, (ETH_IN, ERC20_IN, L2_IN), (ETH_IN_NEW, ERC20_IN_NEW)))
    yield from messenger_legs(scope, traffic, left, came)
    yield from _portal(scope)


def _bridged(scope: Scope, old: tuple[Event, ...], new: tuple[Event, ...]) -> Iterator[BridgeMove]:
    """Both generations of events are emitted for one move; the newer counts where the older is missing."""
    found = [one for wanted in old for one in scope.logs(wanted, "bridge")]
    if not found:
        found = [one for wanted in new for one in scope.logs(wanted, "bridge")]
    for log, values in sorted(found, key=lambda one: one[0].index):
        token = values.get("l1Token" if scope.view.chain == _L1 else "l2Token", values.get("localToken"))
        asset = scope.native() if token is None or token in _OLD_ETHER else scope.token(token)
        other = _other_chain(scope, log.address, "bridge")
        remote = _remote(scope, values, other)
        yield BridgeMove(log, asset, values["amount"], values["from"], values["to"], other, remote)


def _remote(scope: Scope, values: dict[str, Any], other: str | None) -> str | None:
    token = values.get("l2Token" if scope.view.chain == _L1 else "l1Token", values.get("remoteToken"))
    if other is None:
        return None
    return scope.native(other) if token is None or token in _OLD_ETHER else scope.token(token, other)


def _sent(scope: Scope) -> Iterator[tuple[LogEntry, Message]]:
    """Messages sent in the transaction; their value stands in the next log."""
    values_at = {log.index: values["value"] for log, values in scope.logs(SENT_VALUE, "messenger")}
    for log, values in scope.logs(SENT, "messenger"):
        yield (
            log,
            Message(
                values["sender"],
                values["target"],
                values_at.get(log.index + 1, 0),
                values["messageNonce"],
                values["message"],
                values["gasLimit"],
            ),
        )


def _other_chain(scope: Scope, address: str, part: str) -> str | None:
    if scope.view.chain != _L1:
        return _L1
    if address == _DAI_BRIDGES[0].lower():
        return "eip155:10"
    return next((chain for chain, known in _L2S.items() if getattr(known, part) == address), None)


def _portal(scope: Scope) -> Iterator[BridgeLeg]:
    messengers = {known.messenger for known in _L2S.values()}
    for log, values in scope.logs(DEPOSITED, "portal"):
        minted = int.from_bytes(values["opaqueData"][:32], "big")
        # what the messenger deposits has been counted above; it stands aliased in the event
        if minted and _plain(values["from"]) not in messengers and values["from"] not in messengers:
            yield scope.leg(
                Side.SOURCE,
                log,
                asset=scope.native(),
                amount=minted,
                wallet=scope.view.sender if scope.view.sender == _plain(values["from"]) else values["from"],
                recipient=values["to"],
                other_chain=_other_chain(scope, log.address, "portal"),
                expected_amount=int.from_bytes(values["opaqueData"][32:64], "big"),
                event="TransactionDeposited",
            )
    for log, values in scope.logs(PASSED, "passer"):
        if values["value"] and not values["sender"].endswith(_PREDEPLOYS["messenger"]):
            yield scope.leg(
                Side.SOURCE,
                log,
                asset=scope.native(),
                amount=values["value"],
                wallet=values["sender"],
                recipient=values["target"],
                other_chain=_L1,
                expected_amount=values["value"],
                join_key=f"wd:{values['withdrawalHash'].hex()}",
                event="MessagePassed",
            )
    for log, values in scope.logs(PORTAL_FINALIZED, "portal"):
        sent = _finalized_call(scope.view.input)
        if values["success"] and sent is not None and sent[0] and sent[1] not in messengers:
            yield scope.leg(
                Side.DESTINATION,
                log,
                asset=scope.native(),
                amount=sent[0],
                wallet=sent[1],
                other_chain=_other_chain(scope, log.address, "portal"),
                join_key=f"wd:{values['withdrawalHash'].hex()}",
                event="WithdrawalFinalized",
            )


def _finalized_call(call: bytes) -> tuple[int, str] | None:
    """Value and target of a finalized withdrawal: only the call names them."""
    if call[:4] != _FINALIZE:
        return None
    try:
        (_, _, target, value, _, _) = abi_decode(_WITHDRAWAL, call[4:])[0]
    except DecodingError:
        return None
    return value, target


def _plain(aliased: str) -> str:
    return f"0x{(int(aliased, 16) - 0x1111000000000000000000000000000000001111) % 2**160:040x}"


def _role(part: str) -> dict[int, str | tuple[str, ...]]:
    """Contracts of a role: predeploys on the chains, one each on Ethereum."""
    found: dict[int, str | tuple[str, ...]] = {}
    if part in _PREDEPLOYS:
        predeploy = "0x42" + "0" * 36 + _PREDEPLOYS[part]
        found.update(dict.fromkeys((int(chain[7:]) for chain in _L2S), predeploy))
    if part != "passer":
        found[1] = tuple(getattr(known, part) for known in _L2S.values())
    if part == "bridge":
        found[1], found[10] = (*found[1], _DAI_BRIDGES[0]), (str(found[10]), _DAI_BRIDGES[1])
    return found


PROTOCOL = Protocol(
    id="opstack",
    name="OP stack bridge",
    mechanism=Mechanism.CANONICAL,
    contracts=contracts(bridge=_role("bridge"), messenger=_role("messenger"), portal=_role("portal"), passer=_role("passer")),
    events={
        "bridge": (
            ETH_OUT, ETH_OUT_NEW, ERC20_OUT, ERC20_OUT_NEW, L2_OUT,
            L2_IN, ETH_IN, ETH_IN_NEW, ERC20_IN, ERC20_IN_NEW,
        ),
        "messenger": (SENT, SENT_VALUE, RELAYED),
        "portal": (DEPOSITED, PORTAL_FINALIZED),
        "passer": (PASSED,),
    },
    decode=decode,
    deposit=Window(usual=3_600, fee_ppm=0),
    withdrawal=Window(usual=14 * 86_400, fee_ppm=0, claim=True),
    home=_L1,
)  # fmt: skip
