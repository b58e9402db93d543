"""A remembered book decides how much is booked again, never what comes out."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from indexer.flows.kept_books import REMEMBERED, KeptBooks, Terms, changes
from indexer.model.movement import Leg, Movement, MovementKind
from indexer.model.profile import Method, Scope, TaxProfile
from indexer.tax import run as runs
from indexer.tax.answer import Answer
from indexer.tax.book import TaxBook
from indexer.tax.engine import build
from tests.tax.strategies import START, portfolios, profiles

PLAIN = Terms((TaxProfile(scope=Scope.UNIVERSAL),), {})


def written(book: TaxBook) -> str:
    return json.dumps(Answer(book, {}).document(), sort_keys=True)


def bought(number: int, quantity: int = 10, value: int | None = 100) -> Movement:
    leg = Leg("w", "X", "X", quantity, value)
    return Movement(
        f"m{number:03}", START.replace(day=1 + number % 28), (number,), MovementKind.BUY, into=(leg,)
    )


def bridged(link: str, number: int, arrives: int) -> list[Movement]:
    """The two halves of a link: the second one eats the difference."""
    out, into = Leg("w", "X", "X", 5, None, "a"), Leg("w", "X", "X", arrives, None, "b")
    at = START.replace(day=20)
    return [
        Movement(f"{link}-out", at, (number, 0), MovementKind.BRIDGE_OUT, out=(out,), link=link),
        Movement(
            f"{link}-in", at.replace(hour=1), (number, 1), MovementKind.BRIDGE_IN, into=(into,), link=link
        ),
    ]


@pytest.fixture(scope="module", autouse=True)
def close_checkpoints() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runs, "NEAREST", 2)
        yield


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(portfolios(40), profiles, st.data())
def test_any_sequence_of_snapshots_gives_the_books_of_full_rebuilds(
    movements: list[Movement], profile: TaxProfile, data: st.DataObject
) -> None:
    books, terms = KeptBooks(), Terms((profile,), {})
    present = [*movements, *bridged("l", 90, 5)]
    for _ in range(4):
        left = data.draw(st.lists(st.sampled_from(present), unique_by=lambda one: one.id, max_size=3))
        changed = data.draw(st.sampled_from(present))
        now = [one for one in present if one not in left]
        now = [
            replace(
                one, note="moved", into=tuple(replace(leg, quantity=leg.quantity + 1) for leg in one.into)
            )
            if one.id == changed.id
            else one
            for one in now
        ]
        assert written(books.book("p", now, terms)) == written(build(now, profile))


def test_a_change_amends_and_no_change_is_the_same_book() -> None:
    books, movements = KeptBooks(), [bought(number) for number in range(40)]
    first = books.book("p", movements, PLAIN)
    assert books.book("p", list(movements), PLAIN) is first
    assert books.amended == 0
    more = [*movements, bought(40)]
    assert written(books.book("p", more, PLAIN)) == written(build(more, PLAIN.profiles))
    assert books.amended == 1
    assert written(first) == written(build(movements, PLAIN.profiles)), "the book before stays as it was"


@pytest.mark.parametrize(
    "terms",
    [
        Terms((TaxProfile(scope=Scope.UNIVERSAL, method=Method.HIFO),), {}),
        Terms(PLAIN.profiles, {"X": "family"}),
    ],
)
def test_other_terms_book_anew(terms: Terms) -> None:
    books, movements = KeptBooks(), [bought(number) for number in range(40)]
    books.book("p", movements, PLAIN)
    got = books.book("p", [*movements, bought(40)], terms)
    assert books.amended == 0
    assert (
        got.fingerprint
        == build([*movements, bought(40)], terms.profiles, families=terms.families).fingerprint
    )


def test_many_changes_book_anew() -> None:
    books = KeptBooks()
    books.book("p", [bought(number) for number in range(40)], PLAIN)
    books.book("p", [bought(number, value=200) for number in range(40)], PLAIN)
    assert books.amended == 0


def test_both_halves_of_a_link_go_together() -> None:
    rest = [bought(number) for number in range(30)]
    before, after = [*rest, *bridged("l", 50, 5)], [*rest, *bridged("l", 50, 4)]
    removed, added = changes(before, after)
    assert [one.id for one in removed] == [one.id for one in added] == ["l-out", "l-in"]
    books = KeptBooks()
    for movements in (before, after, rest, before):
        assert written(books.book("p", movements, PLAIN)) == written(build(movements, PLAIN.profiles))
    assert books.amended == 3


def test_the_one_unused_for_longest_is_forgotten() -> None:
    books, movements = KeptBooks(), [bought(number) for number in range(20)]
    for number in range(REMEMBERED + 1):
        books.book(f"p{number}", movements, PLAIN)
    books.book("p0", [*movements, bought(20)], PLAIN)
    assert books.amended == 0
    books.book(f"p{REMEMBERED}", [*movements, bought(20)], PLAIN)
    assert books.amended == 1
