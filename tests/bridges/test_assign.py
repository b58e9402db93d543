"""Pairing without ids, held against looking at every two halves; and what it costs where many are alike."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.bridges.assign import MOST_RIVALS
from indexer.bridges.link import Linker, LinkSettings, link
from indexer.bridges.pairs import (
    SKEW_SECONDS,
    Amount,
    Half,
    amounts_agree,
    chains_agree,
    half,
    recipient_agrees,
    tokens_agree,
)
from indexer.bridges.protocols import by_name
from indexer.model.links import BridgeLeg, Side
from tests.bridges.legs import ALICE, ARBITRUM, BASE, BOB, USDC, into, out

OWN = LinkSettings(own=frozenset({ALICE, BOB}))
DAY = 86_400
Pairs = dict[tuple[str, str], tuple[frozenset[str], frozenset[str]]]


def when(item: Half) -> tuple[float, str]:
    return (float("inf") if item.seconds is None else item.seconds, item.leg.id)


def meet(source: Half, arrival: Half) -> tuple[int, ...] | None:
    """How well two halves fit, lower is better; None when they cannot be one move. Written from docs/bridges.md."""
    left, came = source.leg, arrival.leg
    plain = left.protocol == came.protocol == "transfer"
    named = left.recipient or left.wallet
    pooled = left.recipient is None and named in OWN.own and came.wallet in OWN.own
    if not (chains_agree(left, came) and recipient_agrees(left, came) and (came.wallet == named or pooled)):
        return None
    if left.protocol != came.protocol and "transfer" not in {left.protocol, came.protocol}:
        return None
    if left.protocol == came.protocol and left.join_key and came.join_key:
        return None
    took = None if source.seconds is None or arrival.seconds is None else arrival.seconds - source.seconds
    tokens = tokens_agree(left, came)
    window = by_name()["across"].window(came.chain)
    amount = amounts_agree(source, arrival, window, OWN.wide_ppm)
    if (
        tokens is False
        or amount in {Amount.WRONG, Amount.UNKNOWN}
        or (took is not None and took < -SKEW_SECONDS)
    ):
        return None
    if plain:
        most = {Amount.EXACT: 7 * DAY, Amount.USUAL_FEE: DAY}.get(amount)
        if most is None or took is None or took > most or tokens is None:
            return None
    fee = max(0, source.amount - arrival.amount) * 1_000_000 // source.amount
    decoded = left.recipient is not None and left.other_chain is not None
    same = left.protocol == came.protocol and not plain
    return (not decoded, amount, tokens is not True, not same, fee // 500)


def by_looking_at_all(legs: list[BridgeLeg]) -> Pairs:
    """Best first, then the earliest with the earliest; with all rivals of each side."""
    halves = [half(leg) for leg in legs]
    fits = {
        (source.leg.id, arrival.leg.id): (rank, when(source), when(arrival))
        for source in halves
        for arrival in halves
        if source.leg.side is Side.SOURCE and arrival.leg.side is Side.DESTINATION
        if (rank := meet(source, arrival)) is not None
    }
    used: set[str] = set()
    found: Pairs = {}
    for pair in sorted(fits, key=fits.__getitem__):
        if used.isdisjoint(pair):
            used.update(pair)
            bar = fits[pair][0][:3]
            good = [other for other, (rank, _, _) in fits.items() if rank[:3] <= bar and other != pair]
            found[pair] = (
                frozenset(other[1] for other in good if other[0] == pair[0]),
                frozenset(other[0] for other in good if other[1] == pair[1]),
            )
    return found


times = st.one_of(st.none(), st.integers(0, 60), st.integers(0, 20_000))
drawn = st.lists(
    st.tuples(
        st.booleans(),
        times,
        st.sampled_from([10**6, 10**6, 10**6, 995_000, 990_000, 960_000]),
        st.sampled_from(["across", "across", "transfer"]),
        st.sampled_from([ALICE, BOB]),
        st.sampled_from([None, "open"]),
        st.sampled_from([ARBITRUM, ARBITRUM, BASE]),
    ),
    max_size=16,
)


@settings(max_examples=300, deadline=None)
@given(drawn)
def test_pairs_and_rivals_are_those_of_looking_at_every_two(
    rows: list[tuple[bool, int | None, int, str, str, str | None, str]],
) -> None:
    legs = []
    for at, (is_source, minutes, amount, protocol, wallet, bare, chain) in enumerate(rows):
        plain = protocol == "transfer"
        if is_source:
            nobody: dict[str, Any] = {"recipient": None, "other_chain": None} if plain or bare else {}
            legs.append(out(f"l{at:02}", minutes, amount, protocol=protocol, wallet=wallet, **nobody))
        else:
            values = {"chain": chain, "asset": USDC[chain], "wallet": wallet, "protocol": protocol}
            legs.append(into(f"l{at:02}", minutes, amount, **values))
    found = link(legs, OWN)
    wanted = by_looking_at_all(legs)
    assert {
        (made.source.id, made.destination.id) for made in found.links if made.source and made.destination
    } == (wanted.keys())
    for made in found.links:
        assert made.source
        assert made.destination
        rivals = wanted[made.source.id, made.destination.id]
        assert frozenset(made.candidates) == rivals[0] | rivals[1]


def test_a_thousand_equal_moves_are_paired_in_order_and_name_a_few_rivals() -> None:
    """Looking at every two of them would be a million looks for each change."""
    legs = [out(f"o{at:04}", at * 60, 1000) for at in range(1000)]
    legs += [into(f"i{at:04}", at * 60 + 5, 1000) for at in range(1000)]
    linker = Linker()
    linker.add(legs)
    found = linker.result()
    assert [made.source and made.source.id[1:] for made in found.links] == [
        made.destination and made.destination.id[1:] for made in found.links
    ]
    assert max(len(made.candidates) for made in found.links) == 2 * MOST_RIVALS
    assert "40 or more other halves" in found.links[500].evidence[-1]
    linker.remove(["o0000"])
    linker.add([out("o0000", 0, 1000)])
    assert linker.result() == found


def test_equal_halves_without_another_side_do_not_look_at_each_other() -> None:
    linker = Linker()
    linker.add([out(f"o{at}", at, 1000) for at in range(500)])
    linker.add([into(f"c{at}", at, 1000, protocol="cctp", join_key=f"cctp:{at}") for at in range(500)])
    assert len(linker.changes().made) == 1000
    linker.add([out("new", 501, 1000)])
    assert [flag.source and flag.source.id for flag in linker.changes().made] == ["new"]
