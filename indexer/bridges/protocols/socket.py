"""Socket (Bungee): a gateway over other bridges. Its event counts only where the bridge under it is not known."""

from collections.abc import Iterator

from indexer.bridges.abi import event
from indexer.bridges.protocol import Protocol, Scope, Window, contracts, everywhere, evm
from indexer.model.links import BridgeLeg, Mechanism, Side

BRIDGED = event(
    "SocketBridge(uint256 amount, address token, uint256 toChainId, bytes32 bridgeName, address sender, "
    "address receiver, bytes32 metadata)"
)

_GATEWAY = "gateway"


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Departures; arrivals are the bridge's own."""
    for log, values in scope.logs(BRIDGED, _GATEWAY):
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=scope.token(values["token"]),
            amount=values["amount"],
            wallet=values["sender"],
            recipient=values["receiver"],
            other_chain=evm(values["toChainId"]),
            event="SocketBridge",
        )


PROTOCOL = Protocol(
    id="socket",
    name="Socket",
    mechanism=Mechanism.LIQUIDITY,
    contracts=contracts(
        gateway={
            **everywhere(
                "0x3a23F943181408EAC424116Af7b7790c94Cb97a5",
                1, 10, 56, 100, 137, 1101, 8453, 42161, 43114, 59144, 534352,
            )
        }
    ),
    events={_GATEWAY: (BRIDGED,)},
    decode=decode,
    deposit=Window(usual=12 * 3_600, fee_ppm=30_000),
    wrapper=True,
)  # fmt: skip
