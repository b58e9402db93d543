"""Laws that hold for every country, method and scope, over random portfolios."""

import json
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.model.movement import Leg, Movement, MovementKind
from indexer.model.profile import Method, Scope, TaxProfile, WashSales
from indexer.tax import run as runs
from indexer.tax.answer import Answer
from indexer.tax.book import TaxBook
from indexer.tax.engine import amend, build
from indexer.tax.jurisdiction import Effect
from indexer.tax.lots import LotKernel
from indexer.tax.rules import jurisdiction
from indexer.tax.section104 import Section104Kernel
from indexer.tax.tape import BUY, MOVE, RECEIVE, REMOVE, SELL
from indexer.tax.views import UnitView
from tests.tax.strategies import ASSETS, PROFILES, START, numbered, portfolios, profiles

CHECKPOINTS = settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
LAWS = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def written(book: TaxBook) -> str:
    return json.dumps(Answer(book, {}).document(), sort_keys=True)


@LAWS
@given(portfolios(), profiles)
def test_no_unit_is_made_or_lost(movements: list[Movement], profile: TaxProfile) -> None:
    for run in build(movements, profile).runs:
        unit, result = run.unit, run.result
        events = list(zip(unit.kind, unit.quantity, strict=True))
        came = sum(quantity for kind, quantity in events if kind in (BUY, RECEIVE))
        asked = sum(quantity for kind, quantity in events if kind in (SELL, REMOVE))
        moved_short = sum(short.quantity for short in result.shorts if unit.kind[short.event] == MOVE)
        short = sum(short.quantity for short in result.shorts if unit.kind[short.event] != MOVE)
        gone = sum(result.rows.quantity) + sum(result.removals.quantity)
        left = sum(result.pieces.quantity)
        assert came + moved_short == gone + left
        assert asked == gone + short


@LAWS
@given(portfolios(), profiles)
def test_no_cost_is_made_or_lost(movements: list[Movement], profile: TaxProfile) -> None:
    _conserves_cost(build(movements, profile))


def _conserves_cost(book: TaxBook) -> None:
    """What was paid, and what was denied and joined a basis, is in rows, removals, pieces or pools, to the unit."""
    for run in book.runs:
        unit, result = run.unit, run.result
        paid = sum(value for kind, value in zip(unit.kind, unit.value, strict=True) if kind in (BUY, RECEIVE))
        view = UnitView(book.plan, book.tape, run)
        added = sum(
            amount
            for row, amount in result.rows.disallowed.items()
            if (window := view.segment(result.rows.event[row]).window)
            and window.effect in (Effect.DEFER, Effect.SUPERFICIAL)
        )
        taken = sum(result.rows.cost) + sum(result.removals.cost)
        left = sum(result.pieces.cost) + sum(cost for _, cost in result.pooled.values())
        assert paid + added == taken + left


@LAWS
@given(portfolios(), profiles)
def test_no_proceeds_are_made_or_lost(movements: list[Movement], profile: TaxProfile) -> None:
    for run in build(movements, profile).runs:
        unit, result = run.unit, run.result
        sold = sum(value for kind, value in zip(unit.kind, unit.value, strict=True) if kind == SELL)
        short = sum(short.value for short in result.shorts if unit.kind[short.event] == SELL)
        assert sold == sum(result.rows.proceeds) + short


@LAWS
@given(portfolios(), profiles)
def test_a_gain_is_its_parts(movements: list[Movement], profile: TaxProfile) -> None:
    book = build(movements, profile)
    for disposal in book.disposals:
        assert disposal.gain == disposal.proceeds - disposal.cost + disposal.disallowed
        assert disposal.quantity > 0
    times = [disposal.disposed_at for disposal in book.disposals]
    assert times == sorted(times)


@LAWS
@given(portfolios(), profiles, st.randoms(use_true_random=False))
def test_rows_that_carry_order_may_come_in_any_permutation(
    movements: list[Movement], profile: TaxProfile, chance: random.Random
) -> None:
    shuffled = list(movements)
    chance.shuffle(shuffled)
    assert written(build(shuffled, profile)) == written(build(movements, profile))


@LAWS
@given(portfolios(wallets=("A",)), profiles)
def test_one_wallet_makes_no_difference_to_the_scope(movements: list[Movement], profile: TaxProfile) -> None:
    by_asset = {name: method for name, method in profile.methods_by_pool.items() if name in ASSETS}
    alike = replace(profile, methods_by_pool=by_asset)
    answers = [json.loads(written(build(movements, replace(alike, scope=scope)))) for scope in Scope]
    for answer in answers:
        del answer["fingerprint"]
    assert answers[0] == answers[1]


@pytest.fixture
def close_checkpoints() -> Iterator[None]:
    """Checkpoints even in the small portfolios that random tests are made of."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "NEAREST", 2)
        yield


@CHECKPOINTS
@given(portfolios(40), profiles, st.data())
def test_any_sequence_of_increments_is_a_full_rebuild(
    close_checkpoints: None, movements: list[Movement], profile: TaxProfile, data: st.DataObject
) -> None:
    late = data.draw(st.lists(st.sampled_from(movements), unique_by=lambda one: one.id, max_size=4))
    ids = {one.id for one in late}
    first = [one for one in movements if one.id not in ids]
    book = build(first, profile)
    for one in late:
        book = amend(book, added=[one])
    assert written(book) == written(build(movements, profile))
    removed = data.draw(st.sampled_from(movements))
    book = amend(book, removed=[removed])
    assert written(book) == written(build([one for one in movements if one is not removed], profile))


@CHECKPOINTS
@given(portfolios(40), st.lists(profiles, min_size=2, max_size=3), st.data())
def test_profiles_may_follow_each_other(
    close_checkpoints: None,
    movements: list[Movement],
    given_profiles: list[TaxProfile],
    data: st.DataObject,
) -> None:
    """Another country, method or scope from a day on: nothing is lost, and increments stay full rebuilds."""
    dated = [
        replace(profile, timezone="UTC", since=date(2022, 1, 1) + timedelta(days=150 * number))
        for number, profile in enumerate(given_profiles)
    ]
    late = data.draw(st.sampled_from(movements))
    book = build(movements, dated)
    for run in book.runs:
        came = sum(
            quantity
            for kind, quantity in zip(run.unit.kind, run.unit.quantity, strict=True)
            if kind in (BUY, RECEIVE)
        )
        moved_short = sum(short.quantity for short in run.result.shorts if run.unit.kind[short.event] == MOVE)
        gone = sum(run.result.rows.quantity) + sum(run.result.removals.quantity)
        assert came + moved_short == gone + sum(run.result.pieces.quantity)
    _conserves_cost(book)
    rest = [one for one in movements if one is not late]
    assert written(amend(build(rest, dated), added=[late])) == written(book)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), profiles)
def test_increments_of_a_long_tape_start_from_checkpoints(seed: int, profile: TaxProfile) -> None:
    chance = random.Random(seed)
    movements = _long_tape(chance, 1500)
    late = [*chance.sample(movements[:-3], 2), movements[-3]]
    book = build([one for one in movements if one not in late], profile)
    for one in late:
        book = amend(book, added=[one])
    assert any(run.snapshots for run in book.runs)
    assert written(book) == written(build(movements, profile))


def _long_tape(chance: random.Random, count: int) -> list[Movement]:
    found = []
    for number in range(count):
        kind = chance.choice((MovementKind.BUY, MovementKind.BUY, MovementKind.SELL, MovementKind.INCOME))
        leg = Leg(chance.choice("AB"), "X", "X", chance.randrange(1, 10**18), chance.randrange(10**21))
        bought = kind is not MovementKind.SELL
        found.append(
            Movement(
                id="",
                time=START + timedelta(hours=7 * number),
                order=(0,),
                kind=kind,
                out=() if bought else (leg,),
                into=(leg,) if bought else (),
                portfolio_value=None if bought else 10**24,
            )
        )
    return numbered(found)


PLAIN = [
    profile
    for profile in PROFILES
    if profile.jurisdiction == "-"
    and profile.wash_sales is WashSales.NEVER
    and profile.method in (Method.FIFO, Method.LIFO, Method.HIFO, Method.LOFO)
]


@LAWS
@given(portfolios(), st.sampled_from(PLAIN))
def test_bulk_runs_write_what_single_steps_write(movements: list[Movement], profile: TaxProfile) -> None:
    fast = written(build(movements, profile))
    with pytest.MonkeyPatch.context() as patch:
        # The same events, one by one.
        patch.setattr(
            LotKernel, "_advance_fast", lambda self, begin, end, _: self.advance_slowly(begin, end, set())
        )
        slow = written(build(movements, profile))
    assert fast == slow


BRITISH = [
    profile for profile in PROFILES if profile.jurisdiction == "UK" and profile.method is Method.POOLED
]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from((1, 7, 40, 300)), st.sampled_from(BRITISH))
def test_columns_of_days_match_what_single_days_match(seed: int, hours: int, profile: TaxProfile) -> None:
    """Many sales a day and many days between sales; whole and amended; a zone that sets its clocks back at midnight."""
    chance = random.Random(seed)
    movements = [replace(one, time=START + (one.time - START) / 7 * hours) for one in _long_tape(chance, 250)]
    if chance.random() < 0.2:
        profile = replace(profile, timezone="America/Asuncion")
    late = chance.sample(movements, 2)
    rest = [one for one in movements if one not in late]

    def books() -> list[str]:
        amended = amend(build(rest, profile), added=late)
        return [
            written(amended),
            *(repr(run.result) for run in amended.runs),
            written(build(movements, profile)),
        ]

    fast = books()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Section104Kernel, "_is_plain", lambda self, begin: False)
        slow = books()
    assert fast == slow


@pytest.mark.parametrize("effect", [Effect.DEFER, Effect.SUPERFICIAL])
def test_profiles_reach_every_window(effect: Effect) -> None:
    assert any(
        profile.wash_sales is WashSales.AS_IF
        and any(window.effect is effect for window in jurisdiction(profile.jurisdiction).windows)
        for profile in PROFILES
    )


@pytest.mark.parametrize("kept", [0, 3])
def test_a_removed_purchase_was_claimed_before_the_checkpoint(close_checkpoints: None, kept: int) -> None:
    """A sale met it in advance, a checkpoint lies between the two, and the next event comes long after it."""
    bought = MovementKind.BUY
    acts = [
        (0, bought, 9),
        (1, bought, 9),
        (2, MovementKind.SELL, 5),
        (20, bought, 4),
        (20, bought, kept),
        (400, bought, 1),
    ]
    movements = numbered(
        [
            Movement(
                id="",
                time=START + timedelta(days=days),
                order=(0,),
                kind=kind,
                out=() if kind is bought else (Leg("A", "X", "X", quantity, quantity * 7),),
                into=(Leg("A", "X", "X", quantity, quantity * (days + 1)),) if kind is bought else (),
            )
            for days, kind, quantity in acts
            if quantity
        ]
    )
    rules = TaxProfile(
        jurisdiction="UK", timezone="Europe/London", method=Method.POOLED, scope=Scope.UNIVERSAL
    )
    gone = movements[3]
    book = amend(build(movements, rules), removed=[gone])
    assert written(book) == written(build([one for one in movements if one is not gone], rules))
