"""Arbitrum One's own bridge.

Withdrawals are numbered: the position of the L2-to-L1 message is the index that the outbox executes, days later and
by hand. Token deposits become retryable tickets whose second transaction no longer names the ticket; the key is what
both gateways' events repeat. Plain ether deposits leave no event on Arbitrum; the hash of the transaction that pays
out is computed from the message.
Source: OffchainLabs/nitro-contracts (Bridge, Inbox, Outbox), token-bridge-contracts (gateways), nitro arbitrum types.
"""

from collections.abc import Iterator
from typing import Any

from eth_utils.crypto import keccak

from indexer.bridges.abi import event
from indexer.bridges.protocol import Protocol, Scope, Window, contracts
from indexer.bridges.rlp import rlp
from indexer.model.links import BridgeLeg, LogEntry, Mechanism, Side

MESSAGE = event(
    "MessageDelivered(uint256 indexed messageIndex, bytes32 indexed beforeInboxAcc, address inbox, uint8 kind, "
    "address sender, bytes32 messageDataHash, uint256 baseFeeL1, uint64 timestamp)"
)
INBOX = event("InboxMessageDelivered(uint256 indexed messageNum, bytes data)")
DEPOSIT_INITIATED = event(
    "DepositInitiated(address l1Token, address indexed from, address indexed to, uint256 indexed sequenceNumber, "
    "uint256 amount)"
)
DEPOSIT_FINALIZED = event(
    "DepositFinalized(address indexed l1Token, address indexed from, address indexed to, uint256 amount)"
)
L2_TO_L1 = event(
    "L2ToL1Tx(address caller, address indexed destination, uint256 indexed hash, uint256 indexed position, "
    "uint256 arbBlockNum, uint256 ethBlockNum, uint256 timestamp, uint256 callvalue, bytes data)"
)
WITHDRAWAL_INITIATED = event(
    "WithdrawalInitiated(address l1Token, address indexed from, address indexed to, uint256 indexed l2ToL1Id, "
    "uint256 exitNum, uint256 amount)"
)
EXECUTED = event(
    "OutBoxTransactionExecuted(address indexed to, address indexed l2Sender, uint256 indexed zero, "
    "uint256 transactionIndex)"
)
CALLED = event("BridgeCallTriggered(address indexed outbox, address indexed to, uint256 value, bytes data)")
WITHDRAWAL_FINALIZED = event(
    "WithdrawalFinalized(address l1Token, address indexed from, address indexed to, uint256 indexed exitNum, "
    "uint256 amount)"
)

_L1, _L2 = "eip155:1", "eip155:42161"
_ETH_DEPOSIT = 12
_DEPOSIT_TYPE = bytes([0x64])
"""Transaction type of an ether deposit; the hash is over the type and its fields."""
_ALIAS = 0x1111000000000000000000000000000000001111


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Deposits and claims on Ethereum, arrivals and withdrawals on Arbitrum."""
    yield from _deposits(scope)
    for log, values in scope.logs(DEPOSIT_FINALIZED, "l2_gateway"):
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=_minted(scope, values["to"], values["amount"]),
            amount=values["amount"],
            wallet=values["to"],
            other_chain=_L1,
            other_asset=scope.token(values["l1Token"], _L1),
            join_key=_ticket(values),
            derived=True,
            event="DepositFinalized",
        )
    yield from _withdrawals(scope)
    yield from _claims(scope)


def _deposits(scope: Scope) -> Iterator[BridgeLeg]:
    for log, values in scope.logs(DEPOSIT_INITIATED, "l1_gateway"):
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=scope.token(values["l1Token"]),
            amount=values["amount"],
            wallet=values["from"],
            recipient=values["to"],
            other_chain=_L2,
            join_key=_ticket(values),
            derived=True,
            event="DepositInitiated",
        )
    kinds = {values["messageIndex"]: values for _, values in scope.logs(MESSAGE, "bridge")}
    for log, values in scope.logs(INBOX, "inbox"):
        message = kinds.get(values["messageNum"])
        if message is not None and message["kind"] == _ETH_DEPOSIT and len(values["data"]) == 52:
            yield _ether_deposit(scope, log, values, message)


def _ether_deposit(scope: Scope, log: LogEntry, values: dict[str, Any], message: dict[str, Any]) -> BridgeLeg:
    recipient, amount = values["data"][:20], int.from_bytes(values["data"][20:], "big")
    fields = [
        42161,
        values["messageNum"].to_bytes(32, "big"),
        bytes.fromhex(message["sender"][2:]),
        recipient,
        amount,
    ]
    return scope.leg(
        Side.SOURCE,
        log,
        asset=scope.native(),
        amount=amount,
        wallet=_unaliased(scope, message["sender"]),
        recipient=f"0x{recipient.hex()}",
        other_chain=_L2,
        arrives_in=f"0x{keccak(_DEPOSIT_TYPE + rlp(fields)).hex()}",
        event="InboxMessageDelivered",
    )


def _withdrawals(scope: Scope) -> Iterator[BridgeLeg]:
    tokens = {}
    for log, values in scope.anywhere(WITHDRAWAL_INITIATED):
        tokens[values["l2ToL1Id"]] = (log, values)
    for log, values in scope.logs(L2_TO_L1, "arbsys"):
        found = tokens.get(values["position"])
        # ArbSys names the gateway as its caller: that proves gateways that no list knows
        if found is not None and found[0].address == values["caller"]:
            _, withdrawn = found
            burned = scope.gave(withdrawn["from"], withdrawn["amount"])
            if burned is None:
                scope.reject(found[0], "WithdrawalInitiated for tokens that did not leave their owner")
                continue
            asset, amount, wallet, recipient = burned, withdrawn["amount"], withdrawn["from"], withdrawn["to"]
        elif values["callvalue"]:
            asset, amount = scope.native(), values["callvalue"]
            wallet, recipient = values["caller"], values["destination"]
        else:
            continue
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=asset,
            amount=amount,
            wallet=wallet,
            recipient=recipient,
            other_chain=_L1,
            expected_amount=amount,
            join_key=f"out:{values['position']}",
            event="L2ToL1Tx",
        )


def _claims(scope: Scope) -> Iterator[BridgeLeg]:
    released = list(scope.anywhere(WITHDRAWAL_FINALIZED))
    calls = {values["to"]: values for _, values in scope.logs(CALLED, "bridge")}
    for log, values in scope.logs(EXECUTED, "outbox"):
        gateway = values["to"]
        token = next((one for other, one in released if other.address == gateway), None)
        if token is not None:
            asset, amount, wallet = scope.token(token["l1Token"]), token["amount"], token["to"]
        elif gateway in calls and calls[gateway]["value"]:
            asset, amount, wallet = scope.native(), calls[gateway]["value"], gateway
        else:
            continue
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=asset,
            amount=amount,
            wallet=wallet,
            other_chain=_L2,
            join_key=f"out:{values['transactionIndex']}",
            event="OutBoxTransactionExecuted",
        )


def _ticket(values: dict[str, Any]) -> str:
    return f"in:{values['l1Token']}:{values['from']}:{values['to']}:{values['amount']}"


def _minted(scope: Scope, recipient: str, amount: int) -> str:
    for log, moved in scope.transfers(recipient=recipient):
        if moved == amount:
            return scope.token(log.address)
    return scope.native()  # the WETH gateway's tokens may be unwrapped on the way


def _unaliased(scope: Scope, sender: str) -> str:
    """Contracts are aliased on their way up; plain accounts are too when the inbox was called by one."""
    plain = f"0x{(int(sender, 16) - _ALIAS) % 2**160:040x}"
    return plain if plain == scope.view.sender else sender


PROTOCOL = Protocol(
    id="arbitrum",
    name="Arbitrum bridge",
    mechanism=Mechanism.CANONICAL,
    contracts=contracts(
        bridge={1: "0x8315177aB297bA92A06054cE80a67Ed4DBd7ed3a"},
        inbox={1: "0x4Dbd4fc535Ac27206064B68FfCf827b0A60BAB3f"},
        outbox={1: "0x0B9857ae2D4A3DBe74ffE1d7DF045bb7F96E4840"},
        l1_gateway={
            1: (
                "0xa3A7B6F88361F48403514059F1F16C8E78d60EeC",
                "0xcEe284F754E854890e311e3280b767F80797180d",
                "0xd92023E9d9911199a6711321D1277285e6d4e2db",
                "0xD3B5b60020504bc3489D6949d545893982BA3011",
                "0x6142f1C8bBF02E6A6bd074E8d564c9A5420a0676",
                "0x01cDC91B0A9bA741903aA3699BF4CE31d6C5cC06",
            )
        },
        l2_gateway={
            42161: (
                "0x09e9222E96E7B4AE2a407B98d48e330053351EEe",
                "0x6c411aD3E74De3E7Bd422b94A27770f5B86C623B",
                "0x096760F208390250649E3e8763348E783AEF5562",
                "0x6D2457a4ad276000A615295f7A80F79E48CcD318",
                "0x65E1a5e8946e7E87d9774f5288f41c30a99fD302",
            )
        },
        arbsys={42161: "0x0000000000000000000000000000000000000064"},
    ),
    events={
        "bridge": (MESSAGE, CALLED),
        "inbox": (INBOX,),
        "outbox": (EXECUTED,),
        "l1_gateway": (DEPOSIT_INITIATED, WITHDRAWAL_FINALIZED),
        "l2_gateway": (DEPOSIT_FINALIZED, WITHDRAWAL_INITIATED),
        "arbsys": (L2_TO_L1,),
    },
    decode=decode,
    deposit=Window(usual=2 * 3_600, fee_ppm=0),
    withdrawal=Window(usual=14 * 86_400, fee_ppm=0, claim=True),
    home=_L1,
)
