"""What one process remembers: live answers for seconds, and that nobody knew a price of the past for an hour."""

from collections import OrderedDict
from datetime import datetime, timedelta

from indexer.model.prices import PriceResult
from indexer.prices.slots import Slot

_KEPT = 200_000
UNKNOWN_FOR = timedelta(hours=1)


class AnswerMemory:
    """Answers with a time at which they are forgotten; bounded, the oldest go first."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept = kept
        self._answers: OrderedDict[Slot, tuple[datetime, PriceResult]] = OrderedDict()

    def get(self, slot: Slot, now: datetime) -> PriceResult | None:
        """The remembered answer, None when there is none or its time is over."""
        entry = self._answers.get(slot)
        if entry is None:
            return None
        until, answer = entry
        if now >= until:
            del self._answers[slot]
            return None
        return answer

    def put(self, slot: Slot, answer: PriceResult, until: datetime) -> None:
        """Remember an answer until an instant."""
        self._answers.pop(slot, None)
        self._answers[slot] = (until, answer)
        while len(self._answers) > self._kept:
            self._answers.popitem(last=False)

    def forget(self) -> None:
        """Forget everything, for example because the user gave new quotes."""
        self._answers.clear()
