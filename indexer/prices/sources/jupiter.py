"""Jupiter price API: tokens of Solana, live only, needs a key. https://dev.jup.ag/docs/price"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from indexer.model.asset import Asset, AssetKind
from indexer.model.chain import Family
from indexer.model.ports import PriceSource
from indexer.model.prices import PriceNeed, PriceQuote, PriceResult
from indexer.prices.batches import ask_all
from indexer.prices.context import SourceContext, SourceFactory
from indexer.prices.fields import as_number, as_object
from indexer.prices.pools import SHALLOW
from indexer.prices.upstream import UpstreamSpec

NAME = "jupiter"

_WRAPPED_SOL = "So11111111111111111111111111111111111111112"
_MINTS_AT_ONCE = 50

_Batch = Mapping[str, Sequence[PriceNeed]]


class Jupiter:
    """Asks `/price/v3` for the present price of mints."""

    name = NAME

    def __init__(self, context: SourceContext, key: str) -> None:
        self._context = context
        self._upstream = context.upstream(
            UpstreamSpec(
                name=NAME, base_url="https://api.jup.ag", per_second=1.0, burst=3, headers={"x-api-key": key}
            )
        )

    async def quotes(
        self, needs: Sequence[PriceNeed], assets: Mapping[str, Asset]
    ) -> Mapping[PriceNeed, PriceResult]:
        """Answer live needs for tokens of Solana."""
        wanted: dict[str, list[PriceNeed]] = {}
        for need in needs:
            mint = self._mint(assets[need.asset])
            if mint is not None and self._context.is_live(need.instant):
                wanted.setdefault(mint, []).append(need)
        mints = list(wanted)
        batches = [
            {mint: wanted[mint] for mint in mints[start : start + _MINTS_AT_ONCE]}
            for start in range(0, len(mints), _MINTS_AT_ONCE)
        ]
        return await ask_all(batches, self._ask, _needs_of, self._context.patience(NAME))

    def _mint(self, asset: Asset) -> str | None:
        spec = self._context.specs.get(asset.chain)
        if spec is None or spec.family is not Family.SOLANA:
            return None
        return _WRAPPED_SOL if asset.kind is AssetKind.NATIVE else asset.contract

    async def _ask(self, batch: _Batch) -> dict[PriceNeed, PriceResult]:
        """`{mint: {usdPrice, liquidity, blockId, decimals}}`; a mint without a price is left out or null."""
        answer = as_object(await self._upstream.get("/price/v3", {"ids": ",".join(batch)}), NAME)
        now = self._context.clock.now()
        answers: dict[PriceNeed, PriceResult] = {}
        for mint, needs in batch.items():
            said = answer.get(mint)
            if said is None or as_object(said, NAME).get("usdPrice") is None:
                continue
            price = as_number(said["usdPrice"], NAME)
            confidence = self._confidence(said)
            for need in needs:
                answers[need] = PriceQuote(
                    need.asset, need.currency, now, price, NAME, abs(now - need.instant), confidence
                )
        return answers

    def _confidence(self, said: Mapping[str, object]) -> float | None:
        depth: Decimal | None = None if said.get("liquidity") is None else as_number(said["liquidity"], NAME)
        shallow = depth is not None and depth < self._context.settings.min_pool_depth
        return SHALLOW if shallow else None


def _needs_of(batch: _Batch) -> list[PriceNeed]:
    return [need for needs in batch.values() for need in needs]


def _build(context: SourceContext) -> PriceSource | None:
    key = context.settings.keys.get(NAME)
    return None if key is None else Jupiter(context, key)


SOURCE = SourceFactory(
    name=NAME,
    build=_build,
    about="Jupiter: tokens of Solana, present prices only",
    needs_key=True,
    live_only=True,
    why_not="it needs an API key from portal.jup.ag; without one leave it out of the order",
)
