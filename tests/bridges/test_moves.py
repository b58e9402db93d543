"""A portfolio's moves, told transaction by transaction, are those of everything at once."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.bridges.candidates import own_legs, plain_halves
from indexer.bridges.decisions import Ruling, half_of_transfer, linked, refs_of_halves, refs_of_transfers
from indexer.bridges.link import LinkSettings
from indexer.bridges.moves import Key, Moves
from indexer.model.asset import Asset
from indexer.model.facts import BlockRef, Transfer, TransferKind
from indexer.model.judgment import FactRef, LinkDecision
from indexer.model.links import BridgeLeg, LinkState, Side
from tests.bridges.legs import ALICE, ARBITRUM, BOB, ETHEREUM, USDC, after, into, out

MAKER = "0x" + "77" * 20
ASSETS = {asset: Asset(asset, "USDC", 6, group="USDC") for asset in USDC.values()}
OWN = LinkSettings(own=frozenset({ALICE, BOB}))
Told = tuple[tuple[BridgeLeg, ...], tuple[Transfer, ...]]
World = Mapping[Key, Told]


def moved(chain: str, tx: str, sender: str, recipient: str, amount: int, minutes: float) -> Transfer:
    block = BlockRef(int(minutes), "0xb", after(minutes))
    return Transfer(chain, tx, "log:0", block, sender, recipient, USDC[chain], amount, TransferKind.ERC20)


def departs(tx: str, minutes: float, amount: int, key: str | None, to: str = ALICE) -> Told:
    leg = replace(out(tx, minutes, amount, join_key=key, recipient=to), tx=tx)
    return (leg,), (moved(ETHEREUM, tx, ALICE, MAKER, amount, minutes),)


def arrives(tx: str, minutes: float, amount: int, key: str | None, to: str = ALICE) -> Told:
    leg = replace(into(tx, minutes, amount, join_key=key, wallet=to), tx=tx)
    return (leg,), (moved(ARBITRUM, tx, MAKER, to, amount, minutes),)


def receives(tx: str, minutes: float, amount: int, to: str = ALICE) -> Told:
    return (), (moved(ARBITRUM, tx, MAKER, to, amount, minutes),)


def sends(tx: str, minutes: float, amount: int) -> Told:
    return (), (moved(ETHEREUM, tx, ALICE, MAKER, amount, minutes),)


def at_once(world: World) -> dict[FactRef, BridgeLeg]:
    """The halves by their definition: what events tell, and receipts where a departure says that it arrives."""
    found: dict[FactRef, BridgeLeg] = {}
    rest: list[Transfer] = []
    for legs, transfers in world.values():
        mine = own_legs(legs, OWN.own, transfers, ASSETS)
        found.update(refs_of_halves(mine))
        rest += () if mine else transfers
    named = {(leg.other_chain, leg.recipient) for leg in found.values() if leg.side is Side.SOURCE}
    receipts = [leg for leg in plain_halves(rest, ASSETS, OWN.own) if leg.side is Side.DESTINATION]
    found.update(refs_of_halves(leg for leg in receipts if (leg.chain, leg.wallet) in named))
    return found


def by_hand(world: World, decided: Sequence[Ruling]) -> dict[FactRef, BridgeLeg]:
    transfers = refs_of_transfers(one for _, some in world.values() for one in some)
    found = {}
    for ruling in decided:
        for ref, side in ((ruling.source, Side.SOURCE), (ruling.destination, Side.DESTINATION)):
            if ref in transfers:
                found[ref] = half_of_transfer(ref, transfers[ref], side)
    return found


def tell(moves: Moves, key: Key, told: Told) -> None:
    moves.tell(key, *told, ASSETS)


kinds = st.sampled_from(["departs", "departs", "arrives", "receives", "sends"])
amounts = st.sampled_from([1000, 1000, 998, 2000])
keys = st.sampled_from([None, None, "across:1:1", "across:1:2"])
rows = st.tuples(kinds, st.integers(0, 40), amounts, keys, st.sampled_from([ALICE, BOB]))


def world_of(drawn: Sequence[tuple[str, int, int, str | None, str]]) -> dict[Key, Told]:
    made: dict[Key, Told] = {}
    for at, (kind, minutes, amount, key, to) in enumerate(drawn):
        tx = f"0x{at:02}"
        if kind == "departs":
            made[ETHEREUM, tx] = departs(tx, minutes, amount, key, to)
        elif kind == "sends":
            made[ETHEREUM, tx] = sends(tx, minutes, amount)
        elif kind == "arrives":
            made[ARBITRUM, tx] = arrives(tx, minutes, amount, key, to)
        else:
            made[ARBITRUM, tx] = receives(tx, minutes, amount, to)
    return made


def said_of(world: World, random: Random) -> list[Ruling]:
    """Some words about halves and transfers that are there."""
    halves = at_once(world)
    transfers = refs_of_transfers(one for _, some in world.values() for one in some)
    names = sorted([*halves, *transfers], key=repr)
    left = [ref for ref in names if ref.kind == "src" or (ref.kind == "erc20" and ref.sender == ALICE)]
    came = [ref for ref in names if ref.kind == "dst" or (ref.kind == "erc20" and ref.sender == MAKER)]
    said = []
    for number in range(random.randrange(4)):
        decision = random.choice(list(LinkDecision))
        source = random.choice(left) if left else None
        arrival = random.choice(came) if came else None
        if source is None or arrival is None:
            continue
        alone = decision in {LinkDecision.CONFIRM, LinkDecision.REJECT} and random.random() < 0.5
        if alone and source.kind == "src":
            said.append(Ruling(f"j{number}", decision, None, source, None))
        else:
            said.append(Ruling(f"j{number}", decision, None, source, arrival))
    return said


@settings(max_examples=200, deadline=None)
@given(st.lists(rows, max_size=12), st.randoms(use_true_random=False))
def test_telling_in_any_order_equals_linking_everything_at_once(
    drawn: list[tuple[str, int, int, str | None, str]], random: Random
) -> None:
    world, moves = world_of(drawn), Moves(OWN)
    order = list(world)
    random.shuffle(order)
    for key in order:
        tell(moves, key, world[key])
        if random.random() < 0.3:
            moves.flags(said_of(world, random))
        if random.random() < 0.3:
            moves.forget(key)
            moves.flags()
            tell(moves, key, world[key])
    assert moves.flags() == linked(at_once(world), [], OWN)
    said = said_of(world, random)
    hand = by_hand(world, said)
    assert moves.flags(said, hand) == linked({**at_once(world), **hand}, said, OWN)
    left = {key: told for key, told in world.items() if key not in order[::2]}
    for key in order[::2]:
        moves.forget(key)
    hand = by_hand(left, said)
    assert moves.flags(said, hand) == linked({**at_once(left), **hand}, said, OWN)
    assert moves.flags() == linked(at_once(left), [], OWN)


def test_a_receipt_that_a_departure_names_is_its_arrival() -> None:
    moves = Moves(OWN)
    tell(moves, (ARBITRUM, "0x2"), receives("0x2", 9, 1000))
    tell(moves, (ARBITRUM, "0x3"), receives("0x3", 9, 1000, BOB))
    assert moves.flags() == (), "a receipt by itself says nothing"
    tell(moves, (ETHEREUM, "0x1"), departs("0x1", 0, 1000, None))
    (made,) = moves.flags()
    assert [leg.tx for leg in made.halves] == ["0x1", "0x2"]
    assert made.state is LinkState.PROPOSED
    moves.forget((ARBITRUM, "0x2"))
    (alone,) = moves.flags()
    assert [leg.tx for leg in alone.halves] == ["0x1"]
    moves.forget((ETHEREUM, "0x1"))
    assert moves.flags() == ()


def test_a_transfer_that_the_owner_paired_is_no_second_arrival() -> None:
    """The same receipt, named as a transfer and awaited by another departure, arrives once."""
    world = {
        (ETHEREUM, "0x0"): sends("0x0", 0, 1000),
        (ETHEREUM, "0x1"): departs("0x1", 1, 1000, None),
        (ARBITRUM, "0x2"): receives("0x2", 9, 1000),
    }
    moves = Moves(OWN)
    for key, told in world.items():
        tell(moves, key, told)
    transfers = refs_of_transfers(one for _, some in world.values() for one in some)
    (left,) = [ref for ref in transfers if ref.tx == "0x0"]
    (came,) = [ref for ref in transfers if ref.tx == "0x2"]
    said = [Ruling("j", LinkDecision.PAIR, None, left, came)]
    flags = moves.flags(said, by_hand(world, said))
    assert sorted([leg.tx for leg in made.halves] for made in flags) == [["0x0", "0x2"], ["0x1"]]


def test_a_change_touches_what_it_could_pair_with() -> None:
    """A thousand moves lie there; one more departure and its arrival change one flag each."""
    moves = Moves(OWN)
    for number in range(1000):
        for told in (departs, arrives):
            tx = f"0x{told.__name__}{number}"
            chain = ETHEREUM if told is departs else ARBITRUM
            tell(moves, (chain, tx), told(tx, number, 10_000 + number, f"across:1:{number}"))
    assert len(moves.flags()) == 1000
    linker = moves._linker
    tell(moves, (ETHEREUM, "0xnew"), departs("0xnew", 2000, 5000, "across:1:new"))
    changes = linker.changes()
    assert [flag.source and flag.source.tx for flag in changes.made] == ["0xnew"]
    assert not changes.gone
    tell(moves, (ARBITRUM, "0xcame"), arrives("0xcame", 2001, 5000, "across:1:new"))
    again = linker.changes()
    assert again.gone == {flag.id for flag in changes.made}
    assert [[leg.tx for leg in flag.halves] for flag in again.made] == [["0xnew", "0xcame"]]
