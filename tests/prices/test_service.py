"""The service's promises, with the shipped fake source."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from indexer.model.asset import SpamVerdict
from indexer.model.errors import RefusedError, RetryableError
from indexer.model.prices import PriceMissing, PriceNeed, PricePolicy, PriceQuote, PriceStatus
from indexer.prices.cache import MemoryQuoteCache
from indexer.prices.fake import FakeSource
from indexer.prices.service import Prices
from indexer.prices.upstream import RateLimitedError
from tests.prices.world import ASSETS, ETH, NOW, PAST, USDC, VAULT, WETH, TurnedClock

NEED = PriceNeed(ETH.id, PAST)


def quote(result: object) -> PriceQuote:
    assert isinstance(result, PriceQuote), result
    return result


def gap(result: object) -> PriceMissing:
    assert isinstance(result, PriceMissing), result
    return result


async def test_first_source_in_order_answers_and_is_recorded(
    clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    first, second = FakeSource("first"), FakeSource("second")
    first.set(ETH.id, 3500, PAST - timedelta(minutes=4))
    second.set(ETH.id, 3501)
    answer = quote((await Prices([first, second], cache, clock).resolve([NEED], ASSETS))[NEED])
    assert (answer.price, answer.source, answer.currency) == (Decimal(3500), "first", "USD")
    assert answer.instant == PAST - timedelta(minutes=4)
    assert answer.distance == timedelta(minutes=4)
    assert answer.rival is None


async def test_order_of_the_policy_rules(clock: TurnedClock, cache: MemoryQuoteCache) -> None:
    first, second = FakeSource("first"), FakeSource("second")
    first.set(ETH.id, 3500)
    second.set(ETH.id, 3501)
    policy = PricePolicy(order=("manual", "second", "first"))
    assert (
        quote((await Prices([first, second], cache, clock, policy).resolve([NEED], ASSETS))[NEED]).price
        == 3501
    )


async def test_the_past_is_asked_once_for_ever(clock: TurnedClock, cache: MemoryQuoteCache) -> None:
    source = FakeSource()
    source.set(ETH.id, 3500, PAST + timedelta(hours=1))
    before = await Prices([source], cache, clock).resolve([NEED], ASSETS)
    clock.pass_(timedelta(days=900))
    again = await Prices([source], cache, clock).resolve([NEED], ASSETS)
    assert before == again
    assert source.asked == 1


async def test_an_answer_does_not_depend_on_what_else_was_asked_before(
    clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    source = FakeSource()
    source.set(ETH.id, 3000, PAST)
    source.set(ETH.id, 3300, PAST + timedelta(hours=2))
    prices = Prices([source], cache, clock)
    near = PriceNeed(ETH.id, PAST + timedelta(minutes=90))
    await prices.resolve([NEED], ASSETS)
    assert quote((await prices.resolve([near], ASSETS))[near]).price == 3300


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (RateLimitedError("too often", 30), PriceStatus.RATE_LIMITED),
        (RetryableError("asked for rest", 30), PriceStatus.RATE_LIMITED),
        (RetryableError("cut off"), PriceStatus.UNAVAILABLE),
        (RefusedError("pruned"), PriceStatus.UNKNOWN),
        (KeyError("a defect"), PriceStatus.UNAVAILABLE),
    ],
)
async def test_failures_keep_their_name_and_are_not_remembered(
    clock: TurnedClock, cache: MemoryQuoteCache, error: Exception, status: PriceStatus
) -> None:
    source = FakeSource()
    source.set(ETH.id, 3500)
    source.failures = [error]
    prices = Prices([source], cache, clock)
    assert gap((await prices.resolve([NEED], ASSETS))[NEED]).status is status
    if status is not PriceStatus.UNKNOWN:
        assert quote((await prices.resolve([NEED], ASSETS))[NEED]).price == 3500


async def test_a_dead_source_does_not_stop_the_next(clock: TurnedClock, cache: MemoryQuoteCache) -> None:
    dead, alive = FakeSource("dead"), FakeSource("alive")
    dead.failures = [RetryableError("down")]
    alive.set(ETH.id, 3500)
    assert quote((await Prices([dead, alive], cache, clock).resolve([NEED], ASSETS))[NEED]).source == "alive"


async def test_what_nobody_knows_is_unknown_and_not_asked_again_at_once(
    clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    source = FakeSource()
    need = PriceNeed(VAULT.id, PAST)
    prices = Prices([source], cache, clock)
    assert gap((await prices.resolve([need], ASSETS))[need]).status is PriceStatus.UNKNOWN
    await prices.resolve([need], ASSETS)
    assert source.asked == 1
    clock.pass_(timedelta(hours=2))
    await prices.resolve([need], ASSETS)
    assert source.asked == 2


async def test_a_quote_too_far_away_is_stale_and_shown(clock: TurnedClock, cache: MemoryQuoteCache) -> None:
    source = FakeSource()
    source.set(ETH.id, 3500, PAST - timedelta(days=2))
    answer = gap((await Prices([source], cache, clock).resolve([NEED], ASSETS))[NEED])
    assert answer.status is PriceStatus.STALE
    assert answer.nearest is not None
    assert answer.nearest.price == 3500


async def test_a_lagging_source_is_stale_for_a_live_need(clock: TurnedClock, cache: MemoryQuoteCache) -> None:
    source = FakeSource()
    source.set(ETH.id, 3500)
    source.lag = timedelta(hours=2)
    need = PriceNeed(ETH.id, NOW)
    assert (
        gap((await Prices([source], cache, clock).resolve([need], ASSETS))[need]).status is PriceStatus.STALE
    )


@pytest.mark.parametrize("price", ["0", "-1", "NaN", "Infinity", "1e16"])
async def test_absurd_values_are_thrown_away(clock: TurnedClock, cache: MemoryQuoteCache, price: str) -> None:
    bad, good = FakeSource("bad"), FakeSource("good")
    bad.set(ETH.id, price)
    good.set(ETH.id, 3500)
    prices = Prices([bad, good], cache, clock)
    assert quote((await prices.resolve([NEED], ASSETS))[NEED]).source == "good"
    assert prices.health()[0].absurd == 1
    alone = Prices([bad], MemoryQuoteCache(), clock)
    assert gap((await alone.resolve([NEED], ASSETS))[NEED]).status is PriceStatus.UNKNOWN


async def test_a_quote_from_the_future_is_thrown_away(clock: TurnedClock, cache: MemoryQuoteCache) -> None:
    source = FakeSource()
    source.set(ETH.id, 3500)
    source.lag = -timedelta(minutes=30)
    need = PriceNeed(ETH.id, NOW)
    assert (
        gap((await Prices([source], cache, clock).resolve([need], ASSETS))[need]).status
        is PriceStatus.UNKNOWN
    )


async def test_spam_and_unknown_decimals_are_never_asked(clock: TurnedClock, cache: MemoryQuoteCache) -> None:
    source = FakeSource()
    spam = replace(USDC, spam=SpamVerdict(spam=True, reason="copies a name"))
    odd = replace(VAULT, decimals=None)
    needs = [PriceNeed(spam.id, PAST), PriceNeed(odd.id, PAST), PriceNeed("eip155:1/erc20:0x00", PAST)]
    answers = await Prices([source], cache, clock).resolve(needs, {spam.id: spam, odd.id: odd})
    assert [gap(answers[need]).status for need in needs] == [
        PriceStatus.SPAM, PriceStatus.UNKNOWN, PriceStatus.UNKNOWN,
    ]  # fmt: skip
    assert gap(answers[needs[0]]).detail == "copies a name"
    assert source.calls == []


async def test_disagreement_is_a_named_conflict_with_both_values(
    clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    first, second = FakeSource("first"), FakeSource("second")
    first.set(ETH.id, 3500)
    second.set(ETH.id, 3000)
    prices = Prices([first, second], cache, clock)
    answer = quote((await prices.resolve([NEED], ASSETS))[NEED])
    assert answer.price == 3500
    assert answer.rival is not None
    assert (answer.rival.source, answer.rival.price) == ("second", Decimal(3000))
    (conflict,) = prices.conflicts
    assert conflict.code == "price-disagreement"
    assert [source.conflicts for source in prices.health()] == [1, 1]
    # seen again from the cache alone
    later = Prices([first, second], cache, clock)
    assert quote((await later.resolve([NEED], ASSETS))[NEED]) == answer
    assert later.conflicts == prices.conflicts
    assert first.asked == 1


async def test_a_source_that_needs_a_question_for_each_quote_confirms_only_the_present(
    clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    first, slow = FakeSource("first"), FakeSource("slow")
    slow.confirms_history = False
    first.set(ETH.id, 3500)
    slow.set(ETH.id, 3000)
    slow.set(VAULT.id, 1)
    unknown_to_first = PriceNeed(VAULT.id, PAST)
    prices = Prices([first, slow], cache, clock)
    answers = await prices.resolve([NEED, unknown_to_first, PriceNeed(ETH.id, NOW)], ASSETS)
    assert quote(answers[NEED]).rival is None
    assert quote(answers[PriceNeed(ETH.id, NOW)]).rival is not None
    assert quote(answers[unknown_to_first]).source == "slow"
    assert slow.asked == 2


async def test_sources_that_agree_make_no_conflict(clock: TurnedClock, cache: MemoryQuoteCache) -> None:
    first, second = FakeSource("first"), FakeSource("second")
    first.set(ETH.id, 3500)
    second.set(ETH.id, 3600)
    prices = Prices([first, second], cache, clock)
    assert quote((await prices.resolve([NEED], ASSETS))[NEED]).rival is None
    assert prices.conflicts == ()


async def test_a_weak_quote_waits_for_a_better_one(clock: TurnedClock, cache: MemoryQuoteCache) -> None:
    weak, strong = FakeSource("weak"), FakeSource("strong")
    weak.set(ETH.id, 1)
    weak.confidence = 0.2
    strong.set(ETH.id, 3500)
    assert (
        quote((await Prices([weak, strong], cache, clock).resolve([NEED], ASSETS))[NEED]).source == "strong"
    )
    alone = await Prices([weak], MemoryQuoteCache(), clock).resolve([NEED], ASSETS)
    assert quote(alone[NEED]).confidence == 0.2


async def test_a_weak_quote_is_not_kept_while_a_better_source_is_out_of_reach(
    clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    weak, strong = FakeSource("weak"), FakeSource("strong")
    weak.set(ETH.id, 1)
    weak.confidence = 0.2
    strong.set(ETH.id, 3500)
    strong.failures = [RetryableError("down")]
    prices = Prices([weak, strong], cache, clock)
    assert quote((await prices.resolve([NEED], ASSETS))[NEED]).source == "weak"
    assert quote((await prices.resolve([NEED], ASSETS))[NEED]).source == "strong"


async def test_a_group_member_stands_in_and_says_so(clock: TurnedClock, cache: MemoryQuoteCache) -> None:
    source = FakeSource()
    source.set(ETH.id, 3500)
    need = PriceNeed(WETH.id, PAST)
    prices = Prices([source], cache, clock)
    answer = quote((await prices.resolve([need], ASSETS))[need])
    assert (answer.asset, answer.price, answer.via) == (WETH.id, Decimal(3500), ETH.id)
    again = quote((await Prices([FakeSource()], cache, clock).resolve([need], ASSETS))[need])
    assert again == answer


async def test_a_quote_in_another_asset_is_chained_to_dollars(
    clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    def script(need: PriceNeed) -> PriceQuote | Decimal | None:
        if need.asset == VAULT.id:
            return PriceQuote(VAULT.id, USDC.id, need.instant, Decimal("1.05"), "fake")
        return Decimal("0.998") if need.asset == USDC.id else None

    need = PriceNeed(VAULT.id, PAST)
    answer = quote(
        (await Prices([FakeSource(script=script)], cache, clock).resolve([need], {VAULT.id: VAULT}))[need]
    )
    assert (answer.price, answer.currency, answer.via) == (Decimal("1.04790"), "USD", USDC.id)


async def test_what_follows_from_a_weak_leg_is_not_kept_while_a_better_one_is_out_of_reach(
    clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    def pool(need: PriceNeed) -> PriceQuote | None:
        if need.asset == VAULT.id:
            return PriceQuote(VAULT.id, USDC.id, need.instant, Decimal(10), "pool")
        if need.asset == USDC.id:  # only declared to be a dollar
            return PriceQuote(USDC.id, "USD", need.instant, Decimal(1), "pool", confidence=0.4)
        return None

    market = FakeSource("market", script=lambda need: Decimal("0.9") if need.asset == USDC.id else None)
    market.failures = [RetryableError("down")]
    prices = Prices([FakeSource("pool", script=pool), market], cache, clock)
    need = PriceNeed(VAULT.id, PAST)
    assert quote((await prices.resolve([need], ASSETS))[need]).price == 10
    assert quote((await prices.resolve([need], ASSETS))[need]).price == 9


async def test_what_follows_from_the_users_own_quote_is_not_kept(
    clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    source = FakeSource(
        script=lambda need: (
            PriceQuote(VAULT.id, USDC.id, need.instant, Decimal(10), "fake")
            if need.asset == VAULT.id
            else None
        )
    )
    prices = Prices([source], cache, clock)
    need = PriceNeed(VAULT.id, PAST)
    for price in (Decimal(2), Decimal(3)):
        await cache.save([PriceQuote(USDC.id, "USD", PAST, price, "manual")])
        assert quote((await prices.resolve([need], ASSETS))[need]).price == 10 * price


async def test_assets_priced_in_each_other_end_as_unknown(
    clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    other = {VAULT.id: USDC.id, USDC.id: VAULT.id}
    source = FakeSource(
        script=lambda need: PriceQuote(need.asset, other[need.asset], need.instant, Decimal(1), "fake")
    )
    need = PriceNeed(VAULT.id, PAST)
    assert (
        gap((await Prices([source], cache, clock).resolve([need], ASSETS))[need]).status
        is PriceStatus.UNKNOWN
    )


async def test_live_answers_serve_for_seconds_only(clock: TurnedClock, cache: MemoryQuoteCache) -> None:
    source = FakeSource()
    source.set(ETH.id, 3500)
    prices = Prices([source], cache, clock)
    need = PriceNeed(ETH.id, NOW)
    await prices.resolve([need], ASSETS)
    await prices.resolve([PriceNeed(ETH.id, NOW - timedelta(minutes=1))], ASSETS)
    assert source.asked == 1
    clock.pass_(timedelta(seconds=31))
    source.set(ETH.id, 3600)
    assert (
        quote(
            (await prices.resolve([PriceNeed(ETH.id, clock.now())], ASSETS))[PriceNeed(ETH.id, clock.now())]
        ).price
        == 3600
    )
    assert len(cache) == 0


async def test_users_quote_wins_and_is_nearest_within_the_bound(
    clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    source = FakeSource()
    source.set(ETH.id, 3500)
    prices = Prices([source], cache, clock)
    assert quote((await prices.resolve([NEED], ASSETS))[NEED]).price == 3500
    own = PriceQuote(ETH.id, "USD", PAST + timedelta(hours=1), Decimal(3333), "manual")
    await cache.save([own])
    answer = quote((await prices.resolve([NEED], ASSETS))[NEED])
    assert (answer.price, answer.source, answer.distance) == (Decimal(3333), "manual", timedelta(hours=1))
    assert answer.rival is not None
    assert answer.rival.source == "fake"


async def test_users_quote_of_zero_is_believed(clock: TurnedClock, cache: MemoryQuoteCache) -> None:
    await cache.save([PriceQuote(ETH.id, "USD", PAST, Decimal(0), "manual")])
    assert quote((await Prices([], cache, clock).resolve([NEED], ASSETS))[NEED]).price == 0


async def test_simultaneous_questions_share_one_request(clock: TurnedClock, cache: MemoryQuoteCache) -> None:
    source = FakeSource()
    source.set(ETH.id, 3500)
    source.gate = asyncio.Event()
    prices = Prices([source], cache, clock)
    tasks = [asyncio.create_task(prices.resolve([NEED], ASSETS)) for _ in range(5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    source.gate.set()
    answers = await asyncio.gather(*tasks)
    assert all(answer == answers[0] for answer in answers)
    assert source.asked == 1


async def test_a_waiter_takes_over_when_the_asker_is_cancelled(
    clock: TurnedClock, cache: MemoryQuoteCache
) -> None:
    source = FakeSource()
    source.set(ETH.id, 3500)
    source.gate = asyncio.Event()
    prices = Prices([source], cache, clock)
    asker = asyncio.create_task(prices.resolve([NEED], ASSETS))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(prices.resolve([NEED], ASSETS))
    await asyncio.sleep(0)
    asker.cancel()
    await asyncio.sleep(0)
    source.gate.set()
    assert quote((await waiting)[NEED]).price == 3500
    assert asker.cancelled()
