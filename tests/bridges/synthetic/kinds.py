"""The bridges of the invented world: where they run, how long they take, what they keep."""

from dataclasses import dataclass

from tests.bridges.synthetic import bridges, native, swaps
from tests.bridges.synthetic.money import ETHER_CHAINS
from tests.bridges.synthetic.move import Writer


@dataclass(frozen=True, slots=True)
class Kind:
    """A bridge with where it runs, how long it takes (seconds at the median and the 99th of 100) and its fees."""

    write: Writer
    sources: tuple[int, ...]
    targets: tuple[int, ...]
    latency: tuple[float, float]
    fees_ppm: tuple[int, int] = (0, 0)
    ether: bool = False
    has_id: bool = True


_MINUTE, _HOUR, _DAY = 60, 3600, 86400
KINDS = {
    "across": Kind(
        bridges.across, tuple(bridges.SPOKES), tuple(bridges.SPOKES), (8, 10 * _MINUTE), (200, 3000)
    ),
    "cctp": Kind(bridges.cctp, tuple(bridges.DOMAINS), tuple(bridges.DOMAINS), (16 * _MINUTE, _HOUR)),
    "cctp2": Kind(
        bridges.cctp2,
        tuple(bridges.DOMAINS),
        tuple(bridges.DOMAINS),
        (30, 20 * _MINUTE),
        (0, 200),
        has_id=False,
    ),
    "hop": Kind(bridges.hop, (1,), (10, 42161), (5 * _MINUTE, 30 * _MINUTE), (200, 3000), has_id=False),
    "celer": Kind(
        bridges.celer, tuple(bridges.CELER), tuple(bridges.CELER), (8 * _MINUTE, _HOUR), (200, 3000)
    ),
    "dln": Kind(swaps.dln, (1, 10, 137, 8453), (56, 42161, 43114), (8, 10 * _MINUTE)),
    "thorchain": Kind(swaps.thorchain, (1, 56), (1, 56), (5 * _MINUTE, _HOUR)),
    "portal": Kind(
        native.portal, (1,), tuple(native.PORTALS), (2 * _MINUTE, 10 * _MINUTE), ether=True, has_id=False
    ),
    "arbitrum_in": Kind(native.arbitrum_in, (1,), (42161,), (10 * _MINUTE, 40 * _MINUTE), ether=True),
    "arbitrum_out": Kind(native.arbitrum_out, (42161,), (1,), (7.1 * _DAY, 60 * _DAY), ether=True),
    "multichain": Kind(
        bridges.multichain,
        tuple(bridges.MULTICHAIN),
        tuple(bridges.MULTICHAIN),
        (20 * _MINUTE, 3 * _HOUR),
        (500, 40_000),
    ),
    "orbiter": Kind(
        native.orbiter, ETHER_CHAINS, ETHER_CHAINS, (40, 20 * _MINUTE), (500, 8000), ether=True, has_id=False
    ),
    "lifi_across": Kind(
        bridges.lifi_across, tuple(bridges.SPOKES), tuple(bridges.SPOKES), (8, 10 * _MINUTE), (200, 3000)
    ),
}
