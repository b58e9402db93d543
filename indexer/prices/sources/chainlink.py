"""Chainlink dollar feeds, read on chain: what contracts on the chain itself took for the price.

A feed writes when the price has moved by its threshold, and at the latest at every heartbeat; within a heartbeat
its answer is in force. https://docs.chain.link/data-feeds/api-reference (latestRoundData)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from indexer.model.asset import Asset
from indexer.model.errors import LyingSourceError
from indexer.model.money import units_to_decimal
from indexer.model.ports import ChainReader, PriceSource
from indexer.model.prices import PriceNeed, PriceQuote, PriceResult
from indexer.prices.candles import coin_of
from indexer.prices.context import SourceContext, SourceFactory
from indexer.prices.contract import DECIMALS, LATEST_ROUND_DATA, ask, signed
from indexer.prices.moments import Moment
from indexer.prices.onchain import look_up

NAME = "chainlink"

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_SLACK = timedelta(minutes=30)
"""How much later than its heartbeat a feed may write: blocks are full at times."""


@dataclass(frozen=True, slots=True)
class Feed:
    """A dollar feed and how often it writes at the least."""

    chain: str
    address: str
    heartbeat: timedelta = _DAY


FEEDS = {
    "ETH": Feed("eip155:1", "0x5f4ec3df9cbd43714fe2740f5e3616155c5b8419", _HOUR),
    "BTC": Feed("eip155:1", "0xf4030086522a5beea4988f8ca5b36dbc97bee88c", _HOUR),
    "LINK": Feed("eip155:1", "0x2c1d072e956affc0d435cb7ac38ef18d24d9127c", _HOUR),
    "UNI": Feed("eip155:1", "0x553303d460ee0afb37edff9be42922d8ff63220e", _HOUR),
    "DAI": Feed("eip155:1", "0xaed0c38402a5d19df6e4c03f4e2dced6e29c1ee9", _HOUR),
    "USDC": Feed("eip155:1", "0x8fffffd4afb6115b954bd326cbe7b4ba576818f6", _DAY),
    "USDT": Feed("eip155:1", "0x3e7d1eab13ad0104d2750b8863b489d65364e32d", _DAY),
}
"""Ethereum's feeds by coin. https://docs.chain.link/data-feeds/price-feeds/addresses"""


class Chainlink:
    """Reads `latestRoundData` of a coin's feed at the block of the instant."""

    name = NAME
    confirms_history = False

    def __init__(self, context: SourceContext) -> None:
        self._context = context
        self._decimals: dict[str, int] = {}

    async def quotes(
        self, needs: Sequence[PriceNeed], assets: Mapping[str, Asset]
    ) -> Mapping[PriceNeed, PriceResult]:
        """Answer the needs whose asset has a feed on a chain that can be read."""
        wanted: dict[PriceNeed, tuple[Asset, ChainReader]] = {}
        for need in needs:
            feed = self._feed(assets[need.asset])
            reader = None if feed is None else self._context.readers.get(feed.chain)
            if reader is not None:
                wanted[need] = (assets[need.asset], reader)
        return await look_up(NAME, self._context, wanted, self._look)

    def _feed(self, asset: Asset) -> Feed | None:
        own = self._context.settings.chainlink_feeds.get(asset.id)
        if own is not None:
            return Feed(asset.chain, own.lower())
        coin = coin_of(asset, self._context.specs)
        return None if coin is None else FEEDS.get(coin)

    async def _look(self, need: PriceNeed, asset: Asset, moment: Moment) -> PriceQuote | None:
        feed = self._feed(asset)
        if feed is None:
            return None
        reader = self._context.readers[feed.chain]
        round_ = await ask(reader, feed.address, LATEST_ROUND_DATA, block=moment.block)
        if len(round_) < 5 or round_[3] == 0:
            return None  # no feed there, or no round yet
        answer, updated = signed(round_[1]), _time(round_[3])
        in_force = moment.instant - updated <= feed.heartbeat + _SLACK
        instant = moment.instant if in_force else updated
        return PriceQuote(
            asset=need.asset,
            currency=need.currency,
            instant=instant,
            price=units_to_decimal(answer, await self._decimals_of(reader, feed)),
            source=NAME,
            distance=abs(instant - need.instant),
        )

    async def _decimals_of(self, reader: ChainReader, feed: Feed) -> int:
        if feed.address not in self._decimals:
            answer = await ask(reader, feed.address, DECIMALS)
            if not answer or answer[0] > 77:
                raise LyingSourceError(f"{NAME}: the feed {feed.address} does not say its decimals.")
            self._decimals[feed.address] = answer[0]
        return self._decimals[feed.address]


def _time(seconds: int) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise LyingSourceError(f"{NAME}: a feed names a time that is none.") from error


def _build(context: SourceContext) -> PriceSource:
    return Chainlink(context)


SOURCE = SourceFactory(
    name=NAME,
    build=_build,
    about="Chainlink feeds of Ethereum, read on chain: large coins, historical where the node keeps past states",
)
