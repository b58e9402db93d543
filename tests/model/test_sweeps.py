"""Sweeps that are committed together say what they said one after another."""

from dataclasses import replace

from indexer.model.asset import Asset
from indexer.model.facts import BlockRef, Gap, GapCode, RawTransaction, Sweep
from tests.store.examples import ALICE, CHAIN, transfer


def sweep(number: int | None, told: int) -> Sweep:
    fact = transfer(told)
    return Sweep(
        CHAIN,
        "logs",
        number,
        [fact],
        raws=[RawTransaction(CHAIN, fact.tx, fact.block.hash, "logs", b"{}")],
        assets=[Asset(f"{CHAIN}/erc20:0x{told}", "", None)],
        gaps=[Gap(CHAIN, ALICE, GapCode.DECODE_FAILED, "logs", f"{told}", "odd")],
        anchors=[BlockRef(told, f"0x{told}", fact.block.time)],
        target=100 + told,
    )


def test_the_later_one_says_how_far_and_both_say_what() -> None:
    one, other = sweep(5, 1), sweep(9, 2)
    both = one.joined(other)
    assert (both.covered_to, both.target) == (9, 102)
    for name in ("transfers", "raws", "assets", "gaps", "anchors"):
        assert getattr(both, name) == [*getattr(one, name), *getattr(other, name)]
    assert not both.replaces_gaps


def test_one_that_says_nothing_of_how_far_leaves_it() -> None:
    assert sweep(5, 1).joined(sweep(None, 2)).covered_to == 5


def test_gaps_that_replace_all_earlier_ones_replace_those_of_the_first_too() -> None:
    one, other = sweep(5, 1), sweep(9, 2)
    first = replace(one, replaces_gaps=True).joined(other)
    assert (first.replaces_gaps, first.gaps) == (True, [*one.gaps, *other.gaps])
    later = one.joined(replace(other, replaces_gaps=True))
    assert (later.replaces_gaps, later.gaps) == (True, other.gaps)
