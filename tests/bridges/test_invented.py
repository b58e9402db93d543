"""The invented world: every hard case, the stated confidence against the truth, reorgs, and order."""

import pytest

from indexer.bridges.link import Linker, LinkSettings, link
from indexer.model.links import Side
from tests.bridges.synthetic.score import Score, by_owner, halves_of, score, wilson
from tests.bridges.synthetic.world import Builder


@pytest.fixture(scope="module")
def result() -> Score:
    return score(Builder(11, owners=50, moves=12, scale=0.2).build())


def test_automatic_links_are_true_in_every_hard_case(result: Score) -> None:
    for tag, tally in result.by_tag.items():
        assert tally.automatic_precision >= 0.99, tag


def test_exact_ids_find_every_move(result: Score) -> None:
    for tag in (
        "aggregator over a bridge", "contract that forwards", "crossing A to B and B to A", "different token on arrival",
        "forged event", "one deposit, several fills", "one id, two origins", "one transaction pays many",
        "same amount, id present",
    ):  # fmt: skip
        assert result.by_tag[tag].recall == 1, tag


def test_no_refund_is_an_arrival(result: Score) -> None:
    assert sum(tally.refund_as_arrival for tally in result.by_tag.values()) == 0
    assert result.by_tag["refund"].open_kept == result.by_tag["refund"].open_total > 0


def test_halves_without_another_side_stay_open(result: Score) -> None:
    total = sum(tally.open_total for tally in result.by_tag.values())
    kept = sum(tally.open_kept for tally in result.by_tag.values())
    assert kept / total >= 0.98


def test_the_stated_confidence_is_the_share_that_is_true(result: Score) -> None:
    for low, _, count, right, stated in result.bands():
        if count >= 200:
            assert abs(right / count - stated) <= 0.05, low


def test_the_interval_is_wilsons() -> None:
    low, high = wilson(90, 100)
    assert (round(low, 4), round(high, 4)) == (0.8256, 0.9448)


def test_a_reorg_dissolves_its_links_and_the_surviving_chain_restores_them() -> None:
    world = Builder(12, owners=6, moves=10, scale=0.02).build()
    for _, own, happenings in by_owner(world):
        halves = halves_of(happenings, own)
        linker = Linker(LinkSettings(own=own))
        linker.add(reversed(halves))
        whole = linker.result()
        gone = [leg for leg in halves if leg.side is Side.SOURCE][::3]
        linker.remove(leg.id for leg in gone)
        removed = {leg.id for leg in gone}
        after = linker.result()
        assert all(made.source is not None and made.source.id not in removed for made in after.links)
        assert after == link([leg for leg in halves if leg.id not in removed], LinkSettings(own=own))
        linker.add(gone)
        assert linker.result() == whole
