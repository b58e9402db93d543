"""The market of the story: what every pool is worth, every 45 days for two years.

The numbers are invented; their shape is not: a boom, a crash, a recovery and a long decline, with one token that
only rises, so that the owner ends with gains and losses, of short and of long term.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import isqrt

START = datetime(2024, 11, 4, tzinfo=UTC)
INTERVAL = timedelta(days=45)

PRICES: dict[str, tuple[int, ...]] = {
    "WETH": (248_000, 385_000, 330_000, 205_000, 158_000, 265_000, 370_000, 445_000, 405_000,
             300_000, 315_000, 240_000, 205_000, 260_000, 290_000, 250_000, 220_000),
    "FERN": (400, 940, 610, 390, 320, 440, 520, 600, 480, 360, 310, 260, 235, 210, 195, 180, 170),
    "KITE": (80, 62, 55, 48, 70, 95, 130, 110, 160, 205, 185, 220, 260, 240, 275, 295, 310),
    "ORE": (6_900_000, 9_800_000, 9_700_000, 8_400_000, 9_500_000, 10_400_000, 11_400_000, 11_650_000,
            11_000_000, 9_000_000, 8_850_000, 7_200_000, 7_650_000, 8_100_000, 7_900_000, 7_400_000, 7_100_000),
    "MOSS": (1_400, 1_950, 1_800, 920, 810, 740, 990, 1_120, 860, 680, 610, 540, 590, 520, 560, 505, 550),
}  # fmt: skip
"""US cents for one whole token, one entry an interval from `START` on."""

CENT = 10**4
"""Base units of the stable in one US cent."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A token with a pool against the stable. `depth` is the pool's stable side at the start, in whole units."""

    symbol: str
    name: str
    decimals: int
    depth: int


LISTINGS: dict[int, tuple[Listing, ...]] = {
    31337: (
        Listing("WETH", "Wrapped Ether", 18, 12_000_000),
        Listing("FERN", "Fern Protocol", 18, 3_000_000),
        Listing("KITE", "Kite", 18, 2_000_000),
        Listing("ORE", "Ore Standard", 8, 8_000_000),
    ),
    31338: (
        Listing("WETH", "Wrapped Ether", 18, 9_000_000),
        Listing("FERN", "Fern Protocol", 18, 1_500_000),
        Listing("MOSS", "Moss", 18, 2_500_000),
    ),
}


def opening_amounts(listing: Listing) -> tuple[int, int]:
    """Base units of (token, stable) that open the pool at the first price."""
    stable = listing.depth * 100 * CENT
    token = stable * 10**listing.decimals // (PRICES[listing.symbol][0] * CENT)
    return token, stable


def trade_to(price_cents: int, decimals: int, token: int, stable: int) -> tuple[bool, int]:
    """What moves a constant-product pool to a price: (sell the token?, base units paid in), fee left aside."""
    product = token * stable
    wanted_token = isqrt(product * 10**decimals // (price_cents * CENT))
    if wanted_token >= token:
        return True, wanted_token - token
    return False, isqrt(product * price_cents * CENT // 10**decimals) - stable
