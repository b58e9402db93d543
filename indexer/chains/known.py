"""What is known of public chains by their id, for a chains file that does not say it (pure).

A file that leaves a key out gets these; one that writes `null` or another value is taken at its word.
"""

from dataclasses import dataclass

from indexer.model.chain import Quirk


@dataclass(frozen=True, slots=True)
class KnownChain:
    """Contracts and quirks of a public chain; addresses in lower case."""

    wrapped_native: str | None = None
    native_token_contract: str | None = None
    quirks: frozenset[Quirk] = frozenset()


_L1 = frozenset({Quirk.L1_DATA_FEE, Quirk.SYSTEM_TRANSACTIONS})
_SYSTEM = frozenset({Quirk.SYSTEM_TRANSACTIONS})
_MIRROR = frozenset({Quirk.NATIVE_TRANSFER_LOGS, Quirk.SYSTEM_TRANSACTIONS})
_OP_WETH = "0x4200000000000000000000000000000000000006"

KNOWN_CHAINS = {
    "eip155:1": KnownChain("0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"),
    "eip155:10": KnownChain(
        _OP_WETH, "0xdeaddeaddeaddeaddeaddeaddeaddeaddead0000", _L1 | {Quirk.NATIVE_TRANSFER_LOGS}
    ),
    "eip155:56": KnownChain("0xbb4cdb9cbd36b01bd1cbaebf2de08d9173bc095c", None, _SYSTEM),
    "eip155:100": KnownChain("0xe91d153e0b41518a2ce8dd3d7944fa863463a97d"),
    "eip155:137": KnownChain(
        "0x0d500b1d8e8ef31e21c99d1db9a6444d3adf1270", "0x0000000000000000000000000000000000001010", _MIRROR
    ),
    "eip155:324": KnownChain(
        "0x5aea5775959fbc2557cc8789bc1bf90a239d9a91", "0x000000000000000000000000000000000000800a", _MIRROR
    ),
    "eip155:999": KnownChain("0x5555555555555555555555555555555555555555", None, _SYSTEM),
    "eip155:8453": KnownChain(_OP_WETH, None, _L1),
    "eip155:42161": KnownChain("0x82af49447d8a07e3bd95bd0d56f35241523fbab1", None, _SYSTEM),
    "eip155:43114": KnownChain("0xb31f66aa3c1e785363f0875a1b74e27b85fd66c7"),
    "eip155:59144": KnownChain("0xe5d7c2a44ffddf6b295a15c148167daaaf5cf34f", None, _SYSTEM),
    "eip155:534352": KnownChain("0x5300000000000000000000000000000000000004", None, _L1),
}

UNKNOWN_CHAIN = KnownChain()
