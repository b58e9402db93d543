"""zkSync Era's own bridge. The request on Ethereum carries the hash of the transaction that pays out on Era.

Withdrawals are proved by batch and index in the call alone; their key is who, which token, how much.
Source: matter-labs/era-contracts (IMailbox, IL1AssetRouter, L2BaseToken); no recorded transaction was seen.
"""

from collections.abc import Iterator
from typing import Any

from indexer.bridges.abi import event
from indexer.bridges.protocol import Protocol, Scope, Window, contracts
from indexer.model.links import BridgeLeg, LogEntry, Mechanism, Side

REQUESTED = event(
    "NewPriorityRequest(uint256 txId, bytes32 txHash, uint64 expirationTimestamp, "
    "(uint256, uint256, uint256, uint256, uint256, uint256, uint256, uint256, uint256, uint256, uint256[4], bytes, "
    "bytes, uint256[], bytes, bytes) transaction, bytes[] factoryDeps)"
)
WITHDRAWN = event("Withdrawal(address indexed l2Sender, address indexed l1Receiver, uint256 amount)")
FINALIZED = event(
    "FinalizeDeposit(address indexed l1Sender, address indexed l2Receiver, address indexed l2Token, uint256 amount)"
)
RELEASED = event(
    "WithdrawalFinalizedSharedBridge(uint256 indexed chainId, address indexed to, address indexed l1Token, uint256 amount)"
)
RELEASED_OLD = event("EthWithdrawalFinalized(address indexed to, uint256 amount)")

_L1, _L2 = "eip155:1", "eip155:324"
_ERA = 324
_ETHER = ("0x" + "0" * 39 + "1", "0x" + "0" * 40)


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Deposits by the hash of their other half, withdrawals by content."""
    for log, values in scope.logs(REQUESTED, "diamond"):
        made = _deposit(scope, log, values)
        if made is not None:
            yield made
    for log, values in scope.logs(FINALIZED, "l2_bridge"):
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=scope.token(values["l2Token"]),
            amount=values["amount"],
            wallet=values["l2Receiver"],
            other_chain=_L1,
            event=FINALIZED.name,
        )
    for log, values in scope.logs(WITHDRAWN, "base_token"):
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=scope.native(),
            amount=values["amount"],
            wallet=values["l2Sender"],
            recipient=values["l1Receiver"],
            other_chain=_L1,
            expected_amount=values["amount"],
            join_key=f"out:{values['l1Receiver']}:{values['amount']}",
            derived=True,
            event=WITHDRAWN.name,
        )
    released = [
        (log, values, values["l1Token"])
        for log, values in scope.logs(RELEASED, "l1_bridge")
        if values["chainId"] == _ERA
    ]
    released += [(log, values, _ETHER[0]) for log, values in scope.logs(RELEASED_OLD, "diamond")]
    for log, values, token in released:
        ether = token in _ETHER
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=scope.native() if ether else scope.token(token),
            amount=values["amount"],
            wallet=values["to"],
            other_chain=_L2,
            join_key=f"out:{values['to']}:{values['amount']}" if ether else None,
            derived=True,
            event="a withdrawal finalized",
        )


def _deposit(scope: Scope, log: LogEntry, values: dict[str, Any]) -> BridgeLeg | None:
    """What the sender gave: a token that moved to the bridge, else the coin that the request mints."""
    fields = values["transaction"]
    sender, target, value, reserved = fields[1], fields[2], fields[9], fields[10]
    given = scope.transfers(sender=scope.view.sender)
    if given:
        asset, amount, recipient = scope.token(given[0][0].address), given[0][1], None
    else:
        # the request's value arrives, the rest of what was paid is the fee and its refund
        asset, amount = scope.native(), value or reserved[0]
        recipient = f"0x{target:040x}"
    if not amount:
        return None
    return scope.leg(
        Side.SOURCE,
        log,
        asset=asset,
        amount=amount,
        wallet=scope.view.sender or f"0x{sender:040x}",
        recipient=recipient,
        other_chain=_L2,
        expected_amount=amount,
        arrives_in=f"0x{values['txHash'].hex()}",
        event=REQUESTED.name,
    )


PROTOCOL = Protocol(
    id="zksync",
    name="zkSync Era bridge",
    mechanism=Mechanism.CANONICAL,
    contracts=contracts(
        diamond={1: "0x32400084C286CF3E17e7B677ea9583e60a000324"},
        l1_bridge={
            1: (
                "0x8829AD80E425C646DAB305381ff105169FeEcE56",
                "0xD7f9f54194C633F36CCD5F3da84ad4a1c38cB2cB",
                "0x57891966931Eb4Bb6FB81430E6cE0A03AAbDe063",
            )
        },
        l2_bridge={324: "0x11f943b2c77b743AB90f4A0Ae7d5A4e7FCA3E102"},
        base_token={324: "0x000000000000000000000000000000000000800A"},
    ),
    events={
        "diamond": (REQUESTED, RELEASED_OLD),
        "l1_bridge": (RELEASED,),
        "l2_bridge": (FINALIZED,),
        "base_token": (WITHDRAWN,),
    },
    decode=decode,
    deposit=Window(usual=2 * 3_600, fee_ppm=0),
    withdrawal=Window(usual=7 * 86_400, fee_ppm=0, claim=True),
    home=_L1,
)
