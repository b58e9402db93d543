"""Real mainnet transactions: every labelled pair decodes and links by its own bridge."""

from collections import Counter

import pytest

from indexer.bridges.link import LinkSettings, link
from indexer.bridges.protocols import decode, examine
from indexer.model.links import CrossChainLink, LinkState, Side, Tier
from tests.bridges.recordings import BRIDGE_OF, labelled_pairs, needs_recordings, views

pytestmark = needs_recordings


@pytest.fixture(scope="module")
def links() -> dict[tuple[str, str], CrossChainLink]:
    """Links of all halves of all recorded transactions, by their source transaction."""
    legs = [leg for view in views().values() for leg in decode(view)]
    wallets = {pair["source"]["wallet"] for pair in labelled_pairs()}
    found = link(legs, LinkSettings(own=frozenset(wallets))).links
    return {(made.source.chain, made.source.tx): made for made in found if made.source is not None}


@pytest.mark.parametrize("label", sorted(BRIDGE_OF))
def test_a_labelled_pair_is_linked_by_its_bridge(
    label: str, links: dict[tuple[str, str], CrossChainLink]
) -> None:
    (pair,) = [one for one in labelled_pairs() if one["protocol"] == label]
    source, destination = pair["source"], pair["destination"]
    made = links[f"eip155:{source['chain']}", source["tx"]]
    assert made.source is not None
    assert made.destination is not None
    assert (made.destination.chain, made.destination.tx) == (
        f"eip155:{destination['chain']}",
        destination["tx"],
    )
    assert made.protocol == BRIDGE_OF[label]
    assert made.tier in {Tier.EXACT_ID, Tier.DERIVED_ID}
    assert made.source.wallet == source["wallet"]
    assert made.destination.wallet == destination["wallet"]
    if made.fee is not None:
        assert made.fee == made.source.amount - made.destination.amount
    if label.startswith("Relay"):
        assert made.fee is None, "a token left and coin arrived: no difference to take"
    else:
        assert made.state is LinkState.CONFIRMED


def test_every_label_is_checked() -> None:
    assert {pair["protocol"] for pair in labelled_pairs()} == set(BRIDGE_OF)


def test_a_move_through_a_wrapper_is_counted_once() -> None:
    for view in views().values():
        sides = Counter(leg.side for leg in decode(view) if leg.via)
        assert sides[Side.SOURCE] <= 1
        assert all(leg.protocol not in {"lifi", "socket"} for leg in decode(view) if leg.via)


def test_what_looks_like_a_bridge_and_is_none_is_named() -> None:
    """Classic Arbitrum's outbox has the same events; its numbers are counted differently."""
    forged = [forgery for view in views().values() for forgery in examine(view).forgeries]
    assert {forgery.address for forgery in forged} == {
        "0x011b6e24ffb0b5f5fcc564cf4183c5bbbc96d515",
        "0x760723cd2e632826c38fef8cd438a4cc7e7e1a40",
    }
    assert all("not Arbitrum bridge's" in forgery.reason for forgery in forged)


def test_decoders_read_many_real_transactions() -> None:
    seen = Counter(leg.protocol for view in views().values() for leg in decode(view))
    assert {
        "across",
        "arbitrum",
        "cctp",
        "gnosis",
        "hop",
        "layerzero",
        "opstack",
        "polygon",
        "scroll",
    } <= set(seen)
