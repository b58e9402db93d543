"""How bridges number chains, in CAIP-2 terms."""

from collections.abc import Mapping

SOLANA = "solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"

CCTP_DOMAINS: Mapping[int, str] = {
    0: "eip155:1", 1: "eip155:43114", 2: "eip155:10", 3: "eip155:42161", 5: SOLANA, 6: "eip155:8453",
    7: "eip155:137", 10: "eip155:130", 11: "eip155:59144", 13: "eip155:146", 14: "eip155:480", 15: "eip155:143",
    16: "eip155:1329", 19: "eip155:999",
}  # fmt: skip
"""Circle's domains"""

LAYERZERO_V1: Mapping[int, str] = {
    101: "eip155:1", 102: "eip155:56", 106: "eip155:43114", 109: "eip155:137", 110: "eip155:42161",
    111: "eip155:10", 112: "eip155:250", 145: "eip155:100", 165: "eip155:324", 183: "eip155:59144",
    184: "eip155:8453", 214: "eip155:534352",
}  # fmt: skip
"""LayerZero's endpoint ids; version 2 adds 30,000"""

WORMHOLE: Mapping[int, str] = {
    1: SOLANA, 2: "eip155:1", 4: "eip155:56", 5: "eip155:137", 6: "eip155:43114", 23: "eip155:42161",
    24: "eip155:10", 30: "eip155:8453",
}  # fmt: skip
"""Wormhole's chain ids"""

CONNEXT: Mapping[int, str] = {
    6648936: "eip155:1", 1869640809: "eip155:10", 6450786: "eip155:56", 6778479: "eip155:100",
    1886350457: "eip155:137", 1634886255: "eip155:42161", 1650553709: "eip155:8453",
}  # fmt: skip
"""Connext's domains: the ASCII of short names"""


def layerzero(endpoint: int) -> str | None:
    """The chain of a LayerZero endpoint id of either version, None when it is not listed."""
    return LAYERZERO_V1.get(endpoint % 30_000)
