"""What an installation chooses about prices. Wiring fills it from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from indexer.model.prices import PricePolicy

USER = "manual"
"""Name of the source of the user's own quotes, typed in or imported."""

DEFAULT_ORDER = (USER, "uniswap_v2", "defillama", "underlying")


@dataclass(frozen=True, slots=True)
class PriceSettings:
    """Order, addresses, keys and bounds of the price sources.

    `keys` are secrets by source name: they are in no repr, no error and no log.
    """

    order: tuple[str, ...] = DEFAULT_ORDER
    base_urls: Mapping[str, str] = field(default_factory=dict)
    """Other base URLs by source name, for mirrors and tests."""
    keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    per_second: Mapping[str, float] = field(default_factory=dict)
    """Other request rates by source name."""
    timeout_seconds: float = 20.0
    """For one request."""
    source_seconds: float = 120.0
    """For one call of a source, that is for up to 20,000 quotes: what it has no time for is left for next time."""
    policy: PricePolicy = field(default_factory=PricePolicy)
    chainlink_feeds: Mapping[str, str] = field(default_factory=dict)
    """Further feeds: CAIP-19 id of the asset -> address of its dollar feed on the same chain."""
    uniswap_v3: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """CAIP-2 id -> (factory, quote token) of chains whose v3 pools may price tokens."""
    min_pool_depth: Decimal = Decimal(5000)
    """A pool with less than this on its quote side, in currency units, is not believed alone."""
    fx_download: bool = True
    """Fetch ECB's newest rates when the shipped ones are too old."""

    def policy_in_order(self) -> PricePolicy:
        """The policy with this order."""
        return replace(self.policy, order=self.order)
