"""Multichain (Anyswap), which stopped in July 2023. The arrival names the departure's transaction.

Source: anyswap contracts (AnyswapV4Router, V6Router).
"""

from collections.abc import Iterator

from indexer.bridges.abi import event
from indexer.bridges.protocol import Protocol, Scope, Window, contracts, evm
from indexer.model.links import BridgeLeg, Mechanism, Side

OUT = event(
    "LogAnySwapOut(address indexed token, address indexed from, address indexed to, uint256 amount, "
    "uint256 fromChainID, uint256 toChainID)"
)
IN = event(
    "LogAnySwapIn(bytes32 indexed txhash, address indexed token, address indexed to, uint256 amount, "
    "uint256 fromChainID, uint256 toChainID)"
)


def decode(scope: Scope) -> Iterator[BridgeLeg]:
    """Departures and arrivals. The event names the anyToken; the transfer says which token it stood for."""
    for log, values in scope.logs(OUT, "router"):
        given = scope.gave(values["from"], values["amount"])
        native = scope.view.value == values["amount"] and given is None
        yield scope.leg(
            Side.SOURCE,
            log,
            asset=scope.native() if native else given or scope.token(values["token"]),
            amount=values["amount"],
            wallet=values["from"],
            recipient=values["to"],
            other_chain=evm(values["toChainID"]),
            join_key=f"{scope.view.tx.lower()}:{values['to']}",
            event=OUT.name,
        )
    for log, values in scope.logs(IN, "router"):
        came = scope.received(values["to"])
        fits = came is not None and came[1] == values["amount"]
        yield scope.leg(
            Side.DESTINATION,
            log,
            asset=came[0] if came is not None and fits else scope.token(values["token"]),
            amount=values["amount"],
            wallet=values["to"],
            other_chain=evm(values["fromChainID"]),
            join_key=f"0x{values['txhash'].hex()}:{values['to']}",
            event=IN.name,
        )


PROTOCOL = Protocol(
    id="multichain",
    name="Multichain",
    mechanism=Mechanism.LIQUIDITY,
    contracts=contracts(
        router={
            1: (
                "0xe95fD76CF16008c12FF3b3a937CB16Cd9Cc20284",
                "0x6b7a87899490EcE95443e979cA9485CBE7E71522",
                "0x765277EebeCA2e31912C9946eAe1021199B39C61",
                "0xBa8Da9dcF11B50B03fd5284f164Ef5cdEF910705",
            ),
            10: "0xDC42728B0eA910349ed3c6e1c9Dc06b5FB591f98",
            56: (
                "0xe1d592c3322f1F714Ca11f05B6bC0eFEf1907859",
                "0xf9736ec3926703e85C843FC972BD89A7f8E827C0",
                "0xABd380327Fe66724FFDa91A87c772FB8D00bE488",
            ),
            137: (
                "0x4f3Aff3A747fCADe12598081e80c6605A8be192F",
                "0x2eF4A574b72E1f555185AfA8A09c6d1A8AC4025C",
            ),
            42161: (
                "0x650Af55D5877F289837c30b94af91538a7504b76",
                "0x0caE51e1032e8461f4806e26332c030E34De3aDb",
                "0xC931f61B1534EB21D8c11B24f3f5Ab2471d4aB50",
            ),
            43114: (
                "0x833F307aC507D47309fD8CDD1F835BeF8D702a93",
                "0x05f024C6F5a94990d32191D6f36211E3Ee33504e",
                "0xB0731d50C681C45856BFc3f7539D5f61d4bE81D8",
                "0x9b17bAADf0f21F03e35249e0e59723F34994F806",
            ),
        }
    ),
    events={"router": (OUT, IN)},
    decode=decode,
    deposit=Window(usual=12 * 3_600, fee_ppm=50_000),
    dead_since=1_688_688_000,
)
