"""Celer cBridge: liquidity pools, and vaults with pegged tokens. Every arrival names the departure's id.

A withdrawal from the pool whose reference is a transfer's id is its refund, on the source chain.
Source: celer-network/sgn-v2-contracts (Bridge, OriginalTokenVault, PeggedTokenBridge).
"""

from collections.abc import Iterator
from typing import Any

from indexer.bridges.abi import event
from indexer.bridges.protocol import Protocol, Scope, Window, contracts, evm
from indexer.model.links import BridgeLeg, LogEntry, Mechanism, Side

SEND = event(
    "Send(bytes32 transferId, address sender, address receiver, address token, uint256 amount, uint64 dstChainId, "
    "uint64 nonce, uint32 maxSlippage)"
)
RELAY = event(
    "Relay(bytes32 transferId, address sender, address receiver, address token, uint256 amount, uint64 srcChainId, "
    "bytes32 srcTransferId)"
)
WITHDRAW_DONE = event(
    "WithdrawDone(bytes32 withdrawId, uint64 seqnum, address receiver, address token, uint256 amount, bytes32 refid)"
)
DEPOSITED = (
    event(
        "Deposited(bytes32 depositId, address depositor, address token, uint256 amount, uint64 mintChainId, "
        "address mintAccount)"
    ),
    event(
        "Deposited(bytes32 depositId, address depositor, address token, uint256 amount, uint64 mintChainId, "
        "address mintAccount, uint64 nonce)"
    ),
)
BURN = (
    event("Burn(bytes32 burnId, address token, address account, uint256 amount, address withdrawAccount)"),
    event(
        "Burn(bytes32 burnId, address token, address account, uint256 amount, uint64 toChainId, address toAccount, "
        "uint64 nonce)"
    ),
)
MINT = event(
    "Mint(bytes32 mintId, address token, address account, uint256 amount, uint64 refChainId, bytes32 refId, "
    "address depositor)"
)
WITHDRAWN = event(
    "Withdrawn(bytes32 withdrawId, address receiver, address token, uint256 amount, uint64 refChainId, bytes32 refId, "
    "address burnAccount)"
)


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Pool moves, refunds, pegged moves."""
    for log, values in scope.logs(SEND, "pool"):
        ends = (values["sender"], values["receiver"], evm(values["dstChainId"]))
        yield _out(scope, log, values, ends, values["transferId"])
    for log, values in scope.logs(RELAY, "pool"):
        back = (values["receiver"], evm(values["srcChainId"]))
        yield _in(scope, log, values, back, values["srcTransferId"])
    for log, values in scope.logs(WITHDRAW_DONE, "pool"):
        if any(values["refid"]):
            yield _in(
                scope, log, values, (values["receiver"], scope.view.chain), values["refid"], refund=True
            )
    yield from _pegged(scope)


def _pegged(scope: Scope) -> Iterator[BridgeLeg]:
    for wanted in DEPOSITED:
        for log, values in scope.logs(wanted, "vault"):
            ends = (values["depositor"], values["mintAccount"], evm(values["mintChainId"]))
            yield _out(scope, log, values, ends, values["depositId"])
    for log, values in scope.logs(BURN[0], "peg"):
        yield _out(scope, log, values, (values["account"], values["withdrawAccount"], None), values["burnId"])
    for log, values in scope.logs(BURN[1], "peg"):
        # chain 0 stands for the chain of the original token, which the event does not name
        target = evm(values["toChainId"]) if values["toChainId"] else None
        yield _out(scope, log, values, (values["account"], values["toAccount"], target), values["burnId"])
    for log, values in scope.logs(MINT, "peg"):
        yield _in(scope, log, values, (values["account"], evm(values["refChainId"])), values["refId"])
    for log, values in scope.logs(WITHDRAWN, "vault"):
        yield _in(scope, log, values, (values["receiver"], evm(values["refChainId"])), values["refId"])


def _out(
    scope: Scope, log: LogEntry, values: dict[str, Any], ends: tuple[str, str, str | None], ident: bytes
) -> BridgeLeg:
    """`ends` are sender, recipient and destination chain."""
    token, amount = values["token"], values["amount"]
    pool = scope.known("pool", log.address)
    return scope.leg(
        Side.SOURCE,
        log,
        asset=scope.native() if scope.wrapped_by(token, log.address, amount) else scope.token(token),
        amount=amount,
        wallet=ends[0],
        recipient=ends[1],
        other_chain=ends[2],
        join_key=ident.hex(),
        mechanism=Mechanism.LIQUIDITY if pool else Mechanism.WRAPPED,
        event="Send" if pool else "Deposited or Burn",
    )


def _in(
    scope: Scope,
    log: LogEntry,
    values: dict[str, Any],
    ends: tuple[str, str],
    ident: bytes,
    *,
    refund: bool = False,
) -> BridgeLeg:
    """`ends` are recipient and origin chain."""
    token, amount = values["token"], values["amount"]
    pool = scope.known("pool", log.address)
    return scope.leg(
        Side.DESTINATION,
        log,
        asset=scope.native() if scope.unwrapped_by(token, log.address, amount) else scope.token(token),
        amount=amount,
        wallet=ends[0],
        other_chain=ends[1],
        join_key=ident.hex(),
        refund=refund,
        mechanism=Mechanism.LIQUIDITY if pool else Mechanism.WRAPPED,
        event="WithdrawDone" if refund else "Relay" if pool else "Mint or Withdrawn",
    )


PROTOCOL = Protocol(
    id="celer",
    name="Celer cBridge",
    mechanism=Mechanism.LIQUIDITY,
    contracts=contracts(
        pool={
            1: "0x5427FEFA711Eff984124bFBB1AB6fbf5E3DA1820",
            10: "0x9D39Fc627A6d9d9F8C831c16995b209548cc3401",
            56: "0xdd90E5E87A2081Dcf0391920868eBc2FFB81a1aF",
            137: "0x88DCDC47D2f83a99CF0000FDF667A468bB958a78",
            8453: "0x7d43AABC515C356145049227CeE54B608342c0ad",
            42161: "0x1619DE6B6B20eD217a58d00f37B9d47C7663feca",
            43114: "0xef3c714c9425a8F3697A9C969Dc1af30ba82e5d4",
        },
        vault={
            1: ("0xB37D31b2A74029B5951a2778F959282E2D518595", "0x7510792A3B1969F9307F3845CE88e39578f2bAE1")
        },
        peg={},
    ),
    events={"pool": (SEND, RELAY, WITHDRAW_DONE), "vault": (*DEPOSITED, WITHDRAWN), "peg": (*BURN, MINT)},
    decode=decode,
    deposit=Window(usual=6 * 3_600, fee_ppm=5_000),
    aliases=("celer-cbridge",),
)
