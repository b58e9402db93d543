"""What a price source is made from, and the constant by which it is found."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import httpx

from indexer.model.chain import ChainSpec
from indexer.model.ports import ChainReader, Clock, PriceSource
from indexer.model.prices import PricePolicy
from indexer.prices.patience import Patience
from indexer.prices.settings import PriceSettings
from indexer.prices.throttle import Waiter
from indexer.prices.upstream import Upstream, UpstreamSpec


@dataclass(frozen=True, slots=True)
class SourceContext:
    """The parts a source may use. `readers` and `specs` are by CAIP-2 id."""

    settings: PriceSettings
    policy: PricePolicy
    http: httpx.AsyncClient
    clock: Clock
    waiter: Waiter
    specs: Mapping[str, ChainSpec]
    readers: Mapping[str, ChainReader]

    def upstream(self, spec: UpstreamSpec) -> Upstream:
        """The door to a source, its base URL replaced by the settings' one."""
        url = self.settings.base_urls.get(spec.name, spec.base_url)
        changed = UpstreamSpec(
            name=spec.name,
            base_url=url,
            per_second=self.settings.per_second.get(spec.name, spec.per_second),
            burst=spec.burst,
            headers=spec.headers,
            timeout_seconds=self.settings.timeout_seconds,
            breaker=spec.breaker,
        )
        return Upstream(changed, self.http, self.waiter, self.clock)

    def patience(self, name: str) -> Patience:
        """The time that one call of a source has from now on."""
        return Patience(name, self.settings.source_seconds, self.waiter)

    def is_live(self, instant: datetime) -> bool:
        """Whether an instant asks for the price of now."""
        return instant > self.clock.now() - self.policy.live_window

    def bound(self, instant: datetime) -> timedelta:
        """How far from the instant a quote is worth looking for."""
        return self.policy.live_within if self.is_live(instant) else self.policy.within


@dataclass(frozen=True, slots=True)
class SourceFactory:
    """The one constant, `SOURCE`, that a file in `indexer/prices/sources/` exports.

    `build` returns None when the source cannot work with these settings (its key is missing); `why_not` then
    tells the user what to set.
    """

    name: str
    build: Callable[[SourceContext], PriceSource | None]
    about: str
    """One line for `gleaner prices doctor`."""
    needs_key: bool = False
    live_only: bool = False
    why_not: str = ""
