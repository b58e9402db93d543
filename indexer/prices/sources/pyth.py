"""Pyth through Hermes: keyless at a low rate, large coins, to the second. One question serves one instant.

https://docs.pyth.network/price-feeds/core/api-instances-and-providers/hermes (30 requests in ten seconds, or a
minute's refusal)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from indexer.model.asset import Asset
from indexer.model.errors import GleanerError, LyingSourceError
from indexer.model.money import CONTEXT
from indexer.model.ports import PriceSource
from indexer.model.prices import PriceNeed, PriceQuote, PriceResult
from indexer.prices.batches import ask_all, failed
from indexer.prices.candles import COINS, coin_of
from indexer.prices.context import SourceContext, SourceFactory
from indexer.prices.fields import as_instant, as_list, as_number, as_object
from indexer.prices.upstream import UpstreamSpec

NAME = "pyth"

_WIDE = Decimal("0.02")
"""A confidence interval wider than this share of the price makes a quote weak."""
_DOUBTFUL = 0.3
_WIDEST_EXPONENT = 30


@dataclass(frozen=True, slots=True)
class _Moment:
    """One question: the feeds wanted at one instant, None for the present."""

    instant: datetime | None
    feeds: Mapping[str, tuple[PriceNeed, ...]]


class Pyth:
    """Learns the feeds' ids once, then asks `/v2/updates/price/...`."""

    name = NAME
    confirms_history = False

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        key = context.settings.keys.get(NAME)
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        self._upstream = context.upstream(
            UpstreamSpec(
                name=NAME, base_url="https://hermes.pyth.network", per_second=2.0, burst=5, headers=headers
            )
        )
        self._feeds: dict[str, str] | None = None

    async def quotes(
        self, needs: Sequence[PriceNeed], assets: Mapping[str, Asset]
    ) -> Mapping[PriceNeed, PriceResult]:
        """Answer the needs whose coin has a dollar feed."""
        coins = {need: coin_of(assets[need.asset], self._context.specs) for need in needs}
        wanted = {need: coin for need, coin in coins.items() if coin is not None}
        if not wanted:
            return {}
        try:
            feeds = await self._ids()
        except GleanerError as error:
            return {need: failed(need, error) for need in wanted}
        moments: dict[datetime | None, dict[str, list[PriceNeed]]] = {}
        for need, coin in wanted.items():
            if coin in feeds:
                instant = None if self._context.is_live(need.instant) else need.instant
                moments.setdefault(instant, {}).setdefault(feeds[coin], []).append(need)
        batches = [
            _Moment(instant, {feed: tuple(group) for feed, group in by_feed.items()})
            for instant, by_feed in moments.items()
        ]
        return await ask_all(batches, self._ask, _needs_of, self._context.patience(NAME))

    async def _ids(self) -> dict[str, str]:
        """Feed ids by coin, from Pyth's own list (`attributes.symbol` is `Crypto.ETH/USD`)."""
        if self._feeds is None:
            answer = await self._upstream.get("/v2/price_feeds", {"asset_type": "crypto"})
            found = {}
            for row in as_list(answer, NAME):
                fields = as_object(row, NAME)
                symbol = str(as_object(fields.get("attributes"), NAME).get("symbol", ""))
                coin = symbol.removeprefix("Crypto.").removesuffix("/USD")
                if coin in COINS and symbol == f"Crypto.{coin}/USD":
                    found[coin] = _plain_id(fields.get("id"))
            self._feeds = found
        return self._feeds

    async def _ask(self, moment: _Moment) -> dict[PriceNeed, PriceResult]:
        when = "latest" if moment.instant is None else str(int(moment.instant.timestamp()))
        answer = await self._upstream.get(
            f"/v2/updates/price/{when}",
            {"ids[]": list(moment.feeds), "parsed": "true", "ignore_invalid_price_ids": "true"},
        )
        answers: dict[PriceNeed, PriceResult] = {}
        for row in as_list(as_object(answer, NAME).get("parsed"), NAME):
            fields = as_object(row, NAME)
            for need in moment.feeds.get(_plain_id(fields.get("id")), ()):
                answers[need] = _quote(need, as_object(fields.get("price"), NAME))
        return answers


def _quote(need: PriceNeed, fields: Mapping[str, Any]) -> PriceQuote:
    """`price` and `conf` are integers to be scaled by 10**`expo`."""
    raw, conf = as_number(fields.get("price"), NAME), as_number(fields.get("conf"), NAME)
    instant = as_instant(fields.get("publish_time"), NAME)
    exponent = as_number(fields.get("expo"), NAME)
    if not -_WIDEST_EXPONENT <= exponent <= _WIDEST_EXPONENT:
        raise LyingSourceError(f"{NAME} sent an exponent that cannot be.")
    return PriceQuote(
        asset=need.asset,
        currency=need.currency,
        instant=instant,
        price=raw.scaleb(int(exponent), CONTEXT),
        source=NAME,
        distance=abs(instant - need.instant),
        confidence=_DOUBTFUL if conf > raw * _WIDE else None,
    )


def _plain_id(value: object) -> str:
    return str(value).lower().removeprefix("0x")


def _needs_of(moment: _Moment) -> list[PriceNeed]:
    return [need for needs in moment.feeds.values() for need in needs]


def _build(context: SourceContext) -> PriceSource:
    return Pyth(context)


SOURCE = SourceFactory(
    name=NAME,
    build=_build,
    about="Pyth (Hermes): keyless, large coins, to the second; one request for each instant",
)
