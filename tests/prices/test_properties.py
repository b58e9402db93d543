"""What holds whatever is asked, in whatever order, and however the sources fail."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.model.asset import Asset, SpamVerdict
from indexer.model.errors import RetryableError
from indexer.model.prices import (
    Granularity,
    PriceMissing,
    PriceNeed,
    PricePolicy,
    PriceQuote,
    PriceResult,
    PriceStatus,
)
from indexer.prices.cache import MemoryQuoteCache
from indexer.prices.fake import FakeSource
from indexer.prices.service import Prices
from indexer.prices.upstream import RateLimitedError
from tests.prices.world import NOW, TurnedClock

START = datetime(2023, 1, 1, tzinfo=UTC)
NAMES = ("a", "b", "c", "spam")
ASSETS = {
    name: Asset(
        f"eip155:1/erc20:0x{number:040x}", name, 18, group="G" if name in "ab" else None,
        spam=SpamVerdict(spam=name == "spam"),
    )
    for number, name in enumerate(NAMES, start=1)
}  # fmt: skip
KNOWN = {asset.id: asset for asset in ASSETS.values()}

instants = st.integers(0, 60 * 24 * 30).map(
    lambda minutes: START + timedelta(minutes=minutes, seconds=minutes % 60)
)
needs_ = st.builds(PriceNeed, st.sampled_from(sorted(KNOWN)), instants)
points = st.dictionaries(
    st.tuples(st.sampled_from(sorted(KNOWN)), instants), st.integers(1, 10**9).map(Decimal), max_size=30
)
errors = st.sampled_from([RateLimitedError("too often", 9), RetryableError("down")])
granularities = st.sampled_from(list(Granularity))


def market(points: dict[tuple[str, datetime], Decimal], name: str = "one") -> FakeSource:
    source = FakeSource(name)
    for (asset, instant), price in points.items():
        source.set(asset, price, instant)
    return source


def run(prices: Prices, *questions: Sequence[PriceNeed]) -> dict[PriceNeed, PriceResult]:
    async def ask() -> dict[PriceNeed, PriceResult]:
        answers: dict[PriceNeed, PriceResult] = {}
        for needs in questions:
            answers.update(await prices.resolve(needs, KNOWN))
        return answers

    return asyncio.run(ask())


@settings(max_examples=60, deadline=None)
@given(points, st.lists(needs_, max_size=25), granularities)
def test_every_need_is_answered_within_the_bound_or_says_why(
    points: dict[tuple[str, datetime], Decimal], needs: list[PriceNeed], granularity: Granularity
) -> None:
    policy = PricePolicy(granularity=granularity)
    answers = run(Prices([market(points)], MemoryQuoteCache(), TurnedClock(NOW), policy), needs)
    assert set(answers) == set(needs)
    for need, answer in answers.items():
        if isinstance(answer, PriceMissing):
            assert answer.status in {PriceStatus.UNKNOWN, PriceStatus.STALE, PriceStatus.SPAM}
            assert (answer.status is PriceStatus.SPAM) == KNOWN[need.asset].spam.spam
            continue
        assert points[answer.via or need.asset, answer.instant] == answer.price
        assert not KNOWN[need.asset].spam.spam
        assert answer.distance == abs(answer.instant - need.instant)
        reach = {
            Granularity.NEAREST: policy.within,
            Granularity.MINUTE: policy.minute_within + timedelta(minutes=1),
            Granularity.DAILY: policy.within + timedelta(days=1),
        }
        assert answer.distance <= reach[granularity]


@settings(max_examples=60, deadline=None)
@given(points, st.lists(needs_, max_size=20), st.randoms(use_true_random=False), granularities)
def test_the_answer_does_not_depend_on_order_company_or_repetition(
    points: dict[tuple[str, datetime], Decimal],
    needs: list[PriceNeed],
    random: "object",
    granularity: Granularity,
) -> None:
    policy = PricePolicy(granularity=granularity)
    together = run(Prices([market(points)], MemoryQuoteCache(), TurnedClock(NOW), policy), needs)
    shuffled = list(needs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    cache = MemoryQuoteCache()
    one_by_one = Prices([market(points)], cache, TurnedClock(NOW), policy)
    alone = run(one_by_one, *([need] for need in shuffled), needs)
    assert alone == together
    # and a later process, from what was kept
    later = Prices([market(points)], cache, TurnedClock(NOW + timedelta(days=400)), policy)
    assert run(later, needs) == together


@settings(max_examples=60, deadline=None)
@given(points, st.lists(needs_, min_size=1, max_size=15), st.lists(st.none() | errors, max_size=6))
def test_failures_hide_quotes_but_never_change_them(
    points: dict[tuple[str, datetime], Decimal], needs: list[PriceNeed], failures: list[Exception | None]
) -> None:
    calm = run(Prices([market(points)], MemoryQuoteCache(), TurnedClock(NOW)), needs)
    source = market(points)
    source.failures = list(failures)
    troubled = Prices([source], MemoryQuoteCache(), TurnedClock(NOW))
    for _ in range(len(failures) + 1):
        answers = run(troubled, needs)
        for need, answer in answers.items():
            if isinstance(answer, PriceQuote):
                expected = calm[need]
                # a group member may have stood in only where the asset's own quote is unknown or stale
                assert isinstance(expected, PriceQuote)
                assert answer == expected
            else:
                assert answer.status is not None
    source.failures = []
    assert run(troubled, needs) == calm


@settings(max_examples=40, deadline=None)
@given(points, points, st.lists(needs_, max_size=15))
def test_a_conflict_is_told_exactly_when_two_quotes_differ_beyond_the_bound(
    one: dict[tuple[str, datetime], Decimal], two: dict[tuple[str, datetime], Decimal], needs: list[PriceNeed]
) -> None:
    policy = PricePolicy(order=("one", "two"))
    both = Prices([market(one), market(two, "two")], MemoryQuoteCache(), TurnedClock(NOW), policy)
    answers = run(both, needs)
    other = run(Prices([market(two, "two")], MemoryQuoteCache(), TurnedClock(NOW)), needs)
    for need, answer in answers.items():
        if isinstance(answer, PriceQuote) and answer.source == "one" and answer.via is None:
            second = other[need]
            own = isinstance(second, PriceQuote) and second.via is None
            apart = own and abs(second.price - answer.price) > policy.disagreement * answer.price  # type: ignore[union-attr]
            assert (answer.rival is not None) == apart


@settings(max_examples=30, deadline=None)
@given(st.lists(needs_, max_size=30))
def test_each_slot_is_asked_once(needs: list[PriceNeed]) -> None:
    source = FakeSource(script=lambda _need: Decimal(5))
    prices = Prices([source], MemoryQuoteCache(), TurnedClock(NOW))
    run(prices, needs, needs, needs[::-1])
    priceable = {(need.asset, need.instant) for need in needs if not KNOWN[need.asset].spam.spam}
    assert source.asked == len(priceable)
