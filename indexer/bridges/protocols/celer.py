"""Celer cBridge: liquidity pools, and vaults with pegged tokens. Every arrival names the departure's id.

A withdrawal from the pool whose reference is a transfer's id is its refund, on the source chain; so is what a vault or
a peg gives back with a reference to its own chain.
Source: celer-network/sgn-v2-contracts (Bridge, OriginalTokenVault, PeggedTokenBridge); addresses of vaults and pegs:
DefiLlama/bridges-server src/adapters/celer, which has the same pools.
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
    for wanted, role, who in ((MINT, "peg", "account"), (WITHDRAWN, "vault", "receiver")):
        for log, values in scope.logs(wanted, role):
            origin = evm(values["refChainId"])
            back = origin == scope.view.chain
            yield _in(scope, log, values, (values[who], origin), values["refId"], refund=back)


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
        event=("WithdrawDone" if refund else "Relay") if pool else "Mint or Withdrawn",
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
            1: ("0xB37D31b2A74029B5951a2778F959282E2D518595", "0x7510792A3B1969F9307F3845CE88e39578f2bAE1"),
            10: "0xbCfeF6Bb4597e724D720735d32A9249E0640aA11",
            56: ("0x78bc5Ee9F11d133A08b331C2e18fE81BE0Ed02DC", "0x11a0c9270D88C99e221360BCA50c2f6Fda44A980"),
            137: ("0xc1a2D967DfAa6A10f3461bc21864C23C1DD51EeA", "0x4C882ec256823eE773B25b414d36F92ef58a7c0C"),
            42161: (
                "0xFe31bFc4f7C9b69246a6dc0087D91a91Cb040f76",
                "0xEA4B1b0aa3C110c55f650d28159Ce4AD43a4a58b",
            ),
            43114: (
                "0x5427FEFA711Eff984124bFBB1AB6fbf5E3DA1820",
                "0xb51541df05DE07be38dcfc4a80c05389A54502BB",
            ),
        },
        peg={
            1: ("0x16365b45EB269B5B5dACB34B4a15399Ec79b95eB", "0x52E4f244f380f8fA51816c8a10A63105dd4De084"),
            10: "0x61f85fF2a2f4289Be4bb9B72Fc7010B3142B5f41",
            56: ("0xd443FE6bf23A4C9B78312391A30ff881a097580E", "0x26c76F7FeF00e02a5DD4B5Cc8a0f717eB61e1E4b"),
            100: "0xd4c058380D268d85bC7c758072f561e8f2dB5975",
            137: ("0x4d58FDC7d0Ee9b674F49a0ADE11F26C3c9426F7A", "0xb51541df05DE07be38dcfc4a80c05389A54502BB"),
            42161: "0xbdd2739AE69A054895Be33A22b2D2ed71a1DE778",
            43114: (
                "0x88DCDC47D2f83a99CF0000FDF667A468bB958a78",
                "0xb774C6f82d1d5dBD36894762330809e512feD195",
            ),
        },
    ),
    events={"pool": (SEND, RELAY, WITHDRAW_DONE), "vault": (*DEPOSITED, WITHDRAWN), "peg": (*BURN, MINT)},
    decode=decode,
    deposit=Window(usual=6 * 3_600, fee_ppm=5_000),
    aliases=("celer-cbridge",),
)
