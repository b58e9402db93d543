"""A price source that does as it is told: shipped beside the port, for the tests of everything that needs prices."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal

from indexer.model.asset import Asset
from indexer.model.errors import GleanerError
from indexer.model.prices import PriceMissing, PriceNeed, PriceQuote, PriceResult

Script = Callable[[PriceNeed], Decimal | PriceMissing | PriceQuote | None]


class FakeSource:
    """Answers from a table of prices by asset and instant (None: always), or from a script.

    It records every call, and fails the next calls with `failures`, first in, first out; None lets one pass.
    """

    def __init__(self, name: str = "fake", script: Script | None = None) -> None:
        self._name = name
        self._script = script
        self._always: dict[str, Decimal] = {}
        self._points: dict[str, dict[datetime, Decimal]] = {}
        self.failures: list[Exception | None] = []
        self.calls: list[tuple[PriceNeed, ...]] = []
        self.gate: asyncio.Event | None = None
        """When set to an event, answers wait for it."""
        self.confidence: float | None = None
        self.confirms_history = True
        self.lag = timedelta(0)
        """How far behind the instant asked every scripted or constant quote is."""

    @property
    def name(self) -> str:
        """The name it was given."""
        return self._name

    @property
    def asked(self) -> int:
        """Needs it was asked for, over all calls."""
        return sum(len(call) for call in self.calls)

    def set(self, asset: str, price: Decimal | int | str, instant: datetime | None = None) -> None:
        """Quote an asset at an instant, or at every instant."""
        if instant is None:
            self._always[asset] = Decimal(price)
        else:
            self._points.setdefault(asset, {})[instant] = Decimal(price)

    async def quotes(
        self, needs: Sequence[PriceNeed], assets: Mapping[str, Asset]
    ) -> Mapping[PriceNeed, PriceResult]:
        """Answer as told; needs that nothing was said about are left out."""
        self.calls.append(tuple(needs))
        if self.gate is not None:
            await self.gate.wait()
        failure = self.failures.pop(0) if self.failures else None
        if failure is not None:
            raise failure
        for need in needs:
            if need.asset not in assets:
                raise GleanerError(f"{need.asset} was asked without its asset")
        answers = {need: self._answer(need) for need in needs}
        return {need: answer for need, answer in answers.items() if answer is not None}

    def _answer(self, need: PriceNeed) -> PriceResult | None:
        said = self._script(need) if self._script is not None else None
        if isinstance(said, PriceMissing | PriceQuote):
            return said
        instant = need.instant - self.lag
        if said is None and need.asset in self._points:
            points = self._points[need.asset]
            instant = min(points, key=lambda point: (abs(point - need.instant), point))
            said = points[instant]
        if said is None:
            said = self._always.get(need.asset)
        if said is None:
            return None
        return PriceQuote(
            need.asset, need.currency, instant, said, self._name, abs(instant - need.instant), self.confidence
        )
