"""Pairing by each kind of evidence, and what must never be paired."""

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.bridges.link import Linker, LinkResult, LinkSettings, link
from indexer.model.links import LinkState, ReasonCode, Tier, Treatment
from tests.bridges.legs import ALICE, BASE, BOB, ETHEREUM, USDC, into, out


def pairs(result: LinkResult) -> set[tuple[str, str]]:
    return {
        (made.source.id, made.destination.id)
        for made in result.links
        if made.source is not None and made.destination is not None
    }


def test_an_id_and_its_checks_confirm_a_link_with_its_fee() -> None:
    result = link(
        [
            out("o", 0, 1000, join_key="across:1:7", expected_amount=998),
            into("i", 2, 998, join_key="across:1:7"),
        ]
    )
    (made,) = result.links
    assert (made.tier, made.state, made.fee) == (Tier.EXACT_ID, LinkState.CONFIRMED, 2)
    assert made.reasons == (ReasonCode.LIQUIDITY_SAME_SYMBOL, ReasonCode.FEE_LOST)
    assert made.treatment is Treatment.REVIEW
    assert not result.open_halves


@pytest.mark.parametrize(
    "wrong",
    [
        {"wallet": BOB, "recipient": BOB},
        {"other_chain": BASE},
        {"chain": BASE, "asset": USDC[BASE]},
        {"amount": 5000},
        {"minutes": -60},
    ],
    ids=["recipient", "origin chain", "chain", "amount", "time"],
)
def test_an_id_alone_links_nothing_that_a_check_refuses(wrong: dict[str, Any]) -> None:
    values = {"minutes": 2, "amount": 998, "join_key": "across:1:7", **wrong}
    arrival = into("i", values.pop("minutes"), values.pop("amount"), **values)
    result = link([out("o", 0, 1000, join_key="across:1:7"), arrival])
    assert not result.links
    assert {made.reasons[-1] for made in result.open_halves} == {
        ReasonCode.UNMATCHED_SOURCE,
        ReasonCode.UNMATCHED_DESTINATION,
    }


def test_different_ids_of_one_bridge_are_never_paired_by_amount() -> None:
    result = link([out("o", 0, 1000, join_key="across:1:7"), into("i", 2, 1000, join_key="across:1:8")])
    assert not result.links


def test_partial_fills_are_one_link_and_a_replay_is_none() -> None:
    key = {"join_key": "across:1:7"}
    fills = link([out("o", 0, 1000, **key), into("i", 2, 400, **key), into("j", 3, 590, **key)])
    (made,) = fills.links
    assert [leg.id for leg in made.further] == ["j"]
    assert made.fee == 10
    replay = link([out("o", 0, 1000, **key), into("i", 2, 1000, **key), into("j", 3, 1000, **key)])
    assert pairs(replay) == {("o", "i")}
    assert "replay" in replay.open_halves[0].evidence[1]


def test_one_number_on_two_origins_goes_by_the_amount() -> None:
    key = {"join_key": "across:7"}
    large, small = out("o", 0, 1000, **key), out("p", 1, 500, chain=BASE, **key)
    result = link([large, small, into("i", 2, 499, **key), into("j", 3, 999, **key)])
    assert pairs(result) == {("o", "j"), ("p", "i")}


def test_among_equals_the_earliest_meets_the_earliest_and_none_is_confirmed() -> None:
    result = link([out("o1", 0, 1000), out("o2", 5, 1000), into("i1", 6, 1000), into("i2", 7, 1000)])
    assert pairs(result) == {("o1", "i1"), ("o2", "i2")}
    assert {made.state for made in result.links} == {LinkState.PROPOSED}
    assert {item.leg.id for item in result.ambiguous} == {"o1", "o2", "i1", "i2"}


def test_a_unique_decoded_recipient_is_confirmed_without_an_id() -> None:
    (made,) = link([out("o", 0, 1000), into("i", 2, 1000)]).links
    assert (made.tier, made.state) == (Tier.RECIPIENT, LinkState.CONFIRMED)


def test_plain_transfers_are_only_proposed_and_never_on_one_chain() -> None:
    plain = {"protocol": "transfer", "mechanism": None}
    source = out("o", 0, 1000, recipient=None, other_chain=None, **plain)
    (made,) = link([source, into("i", 2, 998, **plain)]).links
    assert (made.tier, made.state) == (Tier.HEURISTIC, LinkState.PROPOSED)
    assert not link([source, into("i", 2, 998, chain=ETHEREUM, asset=USDC[ETHEREUM], **plain)]).links
    assert not link([source, into("i", 2, 998, group="ETH", **plain)]).links


def test_a_refund_is_never_an_arrival() -> None:
    back = into("r", 600, 1000, chain=ETHEREUM, asset=USDC[ETHEREUM], refund=True, other_chain=ETHEREUM)
    for key in (None, "across:1:7"):
        result = link([out("o", 0, 1000, join_key="across:1:7"), replace(back, join_key=key)])
        assert not result.links
        (made,) = result.refunds
        assert made.reasons == (ReasonCode.REFUND,)
        assert made.treatment is Treatment.NOT_TAXABLE
        assert not result.open_halves


def test_a_third_party_recipient_says_so() -> None:
    result = link([out("o", 0, 1000, recipient=BOB)], LinkSettings(own=frozenset({ALICE})))
    (flag,) = result.open_halves
    assert flag.reasons == (ReasonCode.THIRD_PARTY_RECIPIENT, ReasonCode.UNMATCHED_SOURCE)
    assert flag.treatment is Treatment.TAXABLE


def test_a_late_arrival_is_less_sure_and_still_linked() -> None:
    soon = link([out("o", 0, 1000), into("i", 2, 1000)]).links[0]
    late = link([out("o", 0, 1000), into("i", 60 * 24 * 90, 1000)]).links[0]
    assert late.confidence < soon.confidence


def test_scales_are_compared_when_known() -> None:
    result = link([out("o", 0, 1_000_000, decimals=6), into("i", 2, 10**18, decimals=18)])
    assert pairs(result) == {("o", "i")}
    assert result.links[0].fee is None


Row = tuple[bool, int, int, str | None, bool]
keys = st.sampled_from([None, "across:1:1", "across:1:2", "across:1:3"])
some_legs = st.lists(
    st.tuples(
        st.booleans(), st.integers(0, 40), st.sampled_from([1000, 1000, 998, 500]), keys, st.booleans()
    ),
    max_size=14,
)


@settings(max_examples=150, deadline=None)
@given(some_legs, st.randoms(use_true_random=False))
def test_the_order_and_history_of_adding_change_nothing(rows: list[Row], random: Random) -> None:
    nobody: dict[str, Any] = {"recipient": None, "other_chain": None}
    legs = [
        out(f"l{at}", minutes, amount, join_key=key, **(nobody if bare else {}))
        if is_source
        else into(f"l{at}", minutes, amount, join_key=key)
        for at, (is_source, minutes, amount, key, bare) in enumerate(rows)
    ]
    whole = link(legs)
    linker = Linker()
    shuffled = list(legs)
    random.shuffle(shuffled)
    for one in shuffled:
        linker.add([one])
        if random.random() < 0.4:
            linker.result()
            linker.remove([one.id])
            linker.result()
            linker.add([one])
    assert linker.result() == whole
    linker.remove([one.id for one in legs[::2]])
    assert linker.result() == link(legs[1::2])


plain_rows = st.lists(
    st.tuples(
        st.booleans(),
        st.integers(0, 30_000),
        st.sampled_from([10**6, 10**6, 990_000, 995_000]),
        st.sampled_from(["transfer", "transfer", "across"]),
        st.booleans(),
    ),
    max_size=14,
)


@settings(max_examples=150, deadline=None)
@given(plain_rows, st.randoms(use_true_random=False))
def test_plain_transfers_too_depend_on_nothing_but_what_is_there(
    rows: list[tuple[bool, int, int, str, bool]], random: Random
) -> None:
    """Weeks are only a way to look fewer up: pairs across their borders are found from both ends."""
    legs = [
        (out if is_source else into)(
            f"l{at}",
            minutes,
            amount,
            protocol=protocol,
            wallet=ALICE if first else BOB,
            **({"recipient": None, "other_chain": None} if is_source else {}),
        )
        for at, (is_source, minutes, amount, protocol, first) in enumerate(rows)
    ]
    chosen = LinkSettings(own=frozenset({ALICE, BOB}))
    whole = link(legs, chosen)
    linker = Linker(chosen)
    random.shuffle(legs)
    for one in legs:
        linker.add([one])
        if random.random() < 0.3:
            linker.result()
    assert linker.result() == whole
    linker.remove([one.id for one in legs[::2]])
    assert linker.result() == link(legs[1::2], chosen)
