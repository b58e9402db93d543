"""Connext (Amarok): routers pay ahead; both sides carry the transfer's id. Source: connext/monorepo (BridgeFacet)."""

from collections.abc import Iterator

from indexer.bridges.abi import event
from indexer.bridges.chains import CONNEXT
from indexer.bridges.protocol import Protocol, Scope, Window, contracts
from indexer.model.links import BridgeLeg, Mechanism, Side

_PARAMS = (
    "(uint32 originDomain, uint32 destinationDomain, uint32 canonicalDomain, address to, address delegate, "
    "bool receiveLocal, bytes callData, uint256 slippage, address originSender, uint256 bridgedAmt, "
    "uint256 normalizedIn, uint256 nonce, bytes32 canonicalId) params"
)
XCALLED = event(
    f"XCalled(bytes32 indexed transferId, uint256 indexed nonce, bytes32 indexed messageHash, {_PARAMS}, "
    "address asset, uint256 amount, address local, bytes messageBody)"
)
EXECUTED = event(
    "Executed(bytes32 indexed transferId, address indexed to, address indexed asset, "
    f"({_PARAMS}, address[] routers, bytes[] routerSignatures, address sequencer, bytes sequencerSignature) args, "
    "address local, uint256 amount, address caller)"
)


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Calls out and executions."""
    for log, values in scope.logs(XCALLED, "diamond"):
        params = values["params"]
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=scope.token(values["asset"]),
            amount=values["amount"],
            wallet=params[8],
            # a call's target is a contract that passes it on
            recipient=None if params[6] else params[3],
            other_chain=CONNEXT.get(params[1]),
            join_key=values["transferId"].hex(),
            event=XCALLED.name,
        )
    for log, values in scope.logs(EXECUTED, "diamond"):
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=scope.token(values["asset"]),
            amount=values["amount"],
            wallet=values["to"],
            other_chain=CONNEXT.get(values["args"][0][0]),
            join_key=values["transferId"].hex(),
            event=EXECUTED.name,
        )


PROTOCOL = Protocol(
    id="connext",
    name="Connext",
    mechanism=Mechanism.LIQUIDITY,
    contracts=contracts(
        diamond={
            1: "0x8898B472C54c31894e3B9bb83cEA802a5d0e63C6",
            10: "0x8f7492DE823025b4CfaAB1D34c58963F2af5DEDA",
            56: "0xCd401c10afa37d641d2F594852DA94C700e4F2CE",
            137: "0x11984dc4465481512eb5b777E44061C158CF2259",
            8453: "0xB8448C6f7f7887D36DcA487370778e419e9ebE3F",
            42161: "0xEE9deC2712cCE65174B561151701Bf54b99C24C8",
        }
    ),
    events={"diamond": (XCALLED, EXECUTED)},
    decode=decode,
    deposit=Window(usual=6 * 3_600, fee_ppm=5_000),
)
