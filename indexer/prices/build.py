"""Puts the price service together from settings and ports; wiring calls this once."""

import logging
from collections.abc import Mapping

import httpx

from indexer.model.chain import ChainSpec
from indexer.model.errors import ConfigError
from indexer.model.ports import ChainReader, Clock, PriceSource
from indexer.model.prices import QuoteCache
from indexer.prices.canonical import AnchorFor
from indexer.prices.context import SourceContext
from indexer.prices.fx import ECB, EcbRates
from indexer.prices.service import Prices
from indexer.prices.settings import USER, PriceSettings
from indexer.prices.sources import discover
from indexer.prices.throttle import RealWaiter, Waiter


def build_prices(
    settings: PriceSettings,
    *,
    specs: Mapping[str, ChainSpec],
    readers: Mapping[str, ChainReader],
    cache: QuoteCache,
    clock: Clock,
    http: httpx.AsyncClient,
    waiter: Waiter | None = None,
) -> Prices:
    """Return the service over the sources of `settings.order`. The caller owns `http` and closes it.

    Raises:
        ConfigError: the order names a source that does not exist, or one that cannot work as configured.
    """
    # httpx logs every URL, and a base URL may hold a key (DefiLlama's paid one does)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    policy = settings.policy_in_order()
    context = SourceContext(settings, policy, http, clock, waiter or RealWaiter(), specs, readers)
    fx = EcbRates(clock, context.upstream(ECB) if settings.fx_download else None)
    return Prices(_sources(context), cache, clock, policy, fx=fx, anchor=AnchorFor(specs))


def _sources(context: SourceContext) -> list[PriceSource]:
    factories = discover()
    sources = []
    for name in context.settings.order:
        if name == USER:
            continue
        if name not in factories:
            known = ", ".join(sorted([USER, *factories]))
            raise ConfigError(f"price source {name!r} does not exist; the order may name {known}.")
        source = factories[name].build(context)
        if source is None:
            raise ConfigError(f"price source {name!r} cannot be used: {factories[name].why_not}")
        sources.append(source)
    return sources
