"""Laws of decisions about links, without a database: halves, rulings, what comes out."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.bridges.decisions import Ruling, linked, payload_of, read_ruling, refs_of_halves
from indexer.bridges.link import LinkSettings
from indexer.model.errors import InputError
from indexer.model.judgment import FactRef, Judgment, JudgmentKind, LinkDecision, standing
from indexer.model.links import BridgeLeg, CrossChainLink, LinkState, ReasonCode, Side, Tier, Treatment

OWN = "0x" + "aa" * 20
NOW = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = LinkSettings(own=frozenset({OWN}))
MOVES = 4


def half(number: int, side: Side) -> BridgeLeg:
    source = side is Side.SOURCE
    chain, tx = ("eip155:1" if source else "eip155:10"), f"0x{'s' if source else 'd'}{number}"
    return BridgeLeg(
        id=f"{chain}/{tx}/across:{side.value}:0",
        side=side,
        protocol="across",
        chain=chain,
        tx=tx,
        time=NOW + timedelta(days=number, minutes=0 if source else 3),
        asset=f"{chain}/erc20:0xc0",
        amount=1_000_000 + number * 1_000 - (0 if source else 50),
        wallet=OWN,
        join_key=f"across:{number}",
        recipient=OWN if source else None,
        other_chain="eip155:10" if source else "eip155:1",
        group="USDC",
        decimals=6,
    )


HALVES = refs_of_halves([half(number, side) for number in range(MOVES) for side in Side])
SOURCES = [ref for ref in sorted(HALVES, key=lambda ref: ref.tx) if ref.kind == "src"]
ARRIVALS = [ref for ref in sorted(HALVES, key=lambda ref: ref.tx) if ref.kind == "dst"]
PLAIN = linked(HALVES, [], SETTINGS)


def ruling(name: str, decision: LinkDecision, source: int | None, arrival: int | None) -> Ruling:
    return Ruling(
        name,
        decision,
        Treatment.TAXABLE if decision is LinkDecision.CONFIRM else None,
        None if source is None else SOURCES[source],
        None if arrival is None else ARRIVALS[arrival],
    )


def by_source(links: tuple[CrossChainLink, ...]) -> dict[str, CrossChainLink]:
    return {link.source.tx: link for link in links if link.source}


places = st.integers(0, MOVES - 1)
words = st.builds(
    lambda decision, source, arrival: (
        decision,
        source,
        0 if arrival is None and decision in {LinkDecision.PAIR, LinkDecision.SPLIT} else arrival,
    ),
    st.sampled_from(LinkDecision),
    places,
    st.one_of(st.none(), places),
)


@settings(deadline=None)
@given(st.lists(words, max_size=8), st.sets(st.sampled_from(sorted(HALVES, key=lambda ref: ref.tx))))
def test_every_half_is_in_exactly_one_link_whatever_is_said(
    said: list[tuple[LinkDecision, int, int | None]], gone: set[FactRef]
) -> None:
    rulings = [ruling(f"j{n}", *word) for n, word in enumerate(said)]
    here = {ref: leg for ref, leg in HALVES.items() if ref not in gone}
    links = linked(here, rulings, SETTINGS)
    held = sorted(leg.id for link in links for leg in link.halves)
    assert held == sorted(leg.id for leg in here.values())
    assert len({link.id for link in links}) == len(links)
    assert links == linked(dict(reversed(here.items())), rulings, SETTINGS)


@settings(deadline=None)
@given(st.lists(words, min_size=1, max_size=8))
def test_saying_and_undoing_gives_back_what_was(said: list[tuple[LinkDecision, int, int | None]]) -> None:
    judgments = [
        Judgment(f"j{n}", "p", JudgmentKind.LINK, "", payload_of(ruling(f"j{n}", *word)), "me", NOW)
        for n, word in enumerate(said)
    ]
    assert [read_ruling(one) for one in judgments] == [ruling(f"j{n}", *word) for n, word in enumerate(said)]
    undone = [Judgment(f"u{n}", "p", JudgmentKind.UNDO, f"j{n}", {}, "me", NOW) for n in range(len(said))]
    left = [read_ruling(one) for one in standing([*judgments, *undone])]
    assert linked(HALVES, left, SETTINGS) == PLAIN
    last = len(said) - 1
    some = linked(HALVES, [read_ruling(one) for one in standing([*judgments, undone[last]])], SETTINGS)
    assert some == linked(HALVES, [read_ruling(one) for one in judgments[:last]], SETTINGS)


def test_by_evidence_every_half_finds_its_own() -> None:
    assert {(link.source and link.source.tx, link.destination and link.destination.tx) for link in PLAIN} == {
        (f"0xs{number}", f"0xd{number}") for number in range(MOVES)
    }


def test_halves_that_a_pair_frees_are_open_again() -> None:
    links = by_source(linked(HALVES, [ruling("j", LinkDecision.PAIR, 0, 1)], SETTINGS))
    made = links["0xs0"]
    assert (made.tier, made.state, made.decision) == (Tier.MANUAL, LinkState.CONFIRMED, "j")
    assert made.destination
    assert made.destination.tx == "0xd1"
    assert ReasonCode.UNMATCHED_SOURCE in links["0xs1"].reasons


def test_a_later_word_replaces_an_earlier_one_as_a_whole() -> None:
    said = [ruling("a", LinkDecision.PAIR, 0, 1), ruling("b", LinkDecision.CONFIRM, 1, 1)]
    links = by_source(linked(HALVES, said, SETTINGS))
    assert links["0xs1"].decision == "b"
    assert links["0xs1"].treatment is Treatment.TAXABLE
    assert links["0xs0"] == by_source(PLAIN)["0xs0"]


@pytest.mark.parametrize("side", list(Side))
def test_a_decision_sleeps_while_a_half_is_gone(side: Side) -> None:
    said = [ruling("j", LinkDecision.CONFIRM, 0, 0)]
    gone = SOURCES[0] if side is Side.SOURCE else ARRIVALS[0]
    torn = linked({ref: leg for ref, leg in HALVES.items() if ref != gone}, said, SETTINGS)
    assert all(link.decision is None for link in torn)
    (rest,) = [link for link in torn if len(link.halves) == 1]
    assert rest.state is LinkState.PROPOSED
    assert by_source(linked(HALVES, said, SETTINGS))["0xs0"].decision == "j"


def test_a_word_about_an_open_half_waits_for_the_other_side() -> None:
    alone = {ref: leg for ref, leg in HALVES.items() if ref != ARRIVALS[0]}
    confirmed, rejected = (
        ruling("c", LinkDecision.CONFIRM, 0, None),
        ruling("r", LinkDecision.REJECT, 0, None),
    )
    made = by_source(linked(alone, [confirmed], SETTINGS))["0xs0"]
    assert (made.state, made.treatment) == (LinkState.CONFIRMED, Treatment.TAXABLE)
    assert linked(HALVES, [confirmed], SETTINGS) == PLAIN
    kept = by_source(linked(HALVES, [rejected], SETTINGS))["0xs0"]
    assert (kept.state, kept.destination, kept.decision) == (LinkState.REJECTED, None, "r")


def test_equal_halves_of_one_transaction_keep_their_places() -> None:
    twin = replace(half(0, Side.SOURCE), id="eip155:1/0xs0/across:src:1", join_key="across:99")
    refs = refs_of_halves([twin, half(0, Side.SOURCE)])
    assert [(ref.ordinal, leg.id[-1]) for ref, leg in refs.items()] == [(0, "0"), (1, "1")]
    assert all(leg.ref == ref for ref, leg in refs.items())


def test_a_judgment_that_cannot_be_read_is_named() -> None:
    for payload in (
        {},
        {"decision": "maybe", "further": []},
        {"decision": "confirm", "source": 1, "further": []},
    ):
        with pytest.raises(InputError, match="j9"):
            read_ruling(Judgment("j9", "p", JudgmentKind.LINK, "", dict(payload), "me", NOW))
