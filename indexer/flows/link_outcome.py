"""What a flagged move costs if it is a disposal, and if it is not: the engine itself answers, for both readings.

For each move the book is built up to its departure; then the move is booked once as a sale and a purchase at market
value, once as a move that keeps cost and dates. What is shown is therefore what the book will say after the decision,
but for rules that look at what happens later (the UK's thirty days, a wash window).

Several moves share one walk through the portfolio's movements: each adds what happened since the one before. Where a
wrap or a bridge to another asset lies in between, the engine books the past anew, so that a move costs at most about as
much as the book up to it.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from indexer.flows.book import Inputs, families, read_inputs
from indexer.flows.judged import Facts, judge
from indexer.flows.link import by_transaction
from indexer.flows.pools import POOL_DECIMALS
from indexer.flows.services import Services
from indexer.model.links import CrossChainLink, LinkState, Treatment
from indexer.model.lots import Disposal
from indexer.model.money import split_cost
from indexer.model.movement import Leg, Movement, MovementKind
from indexer.tax.book import TaxBook
from indexer.tax.days import from_us
from indexer.tax.engine import amend, build
from indexer.tax.netting import pool_scale
from indexer.tax.posting import place_of
from indexer.tax.tape import Place
from indexer.tax.valuation import needs, value

Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Part:
    """Units with their cost and the instant they count as acquired. Quantities at the books' scale, money 10**-18."""

    lot: str
    quantity: int
    cost: int
    acquired_at: datetime | None


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a move. What is unknown is None, and `unknown` says why."""

    proceeds: int | None
    cost: int | None
    """Of what counts as disposed of."""
    gain: int | None
    basis: int | None
    """Cost of what is held afterwards."""
    parts: tuple[Part, ...]
    """What is held afterwards."""
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LinkOutcomes:
    """Both readings of one link, in the portfolio's currency."""

    currency: str
    left: tuple[Part, ...]
    """The lots that left, in the order the portfolio's method takes them."""
    if_disposal: Reading | None
    if_not: Reading | None
    assumed: bool = False
    """A lot that left has the cost that the profile's policy for unknown bases assumes."""
    because: str | None = None
    """Why there are no readings."""
    decimals: int = POOL_DECIMALS
    """Of the parts' quantities: the books' scale, more for the rare token that is finer."""


@dataclass(frozen=True, slots=True)
class _Question:
    """A link with the movements of its transactions under both readings."""

    link: CrossChainLink
    keys: frozenset[Key]
    sold: tuple[Movement, ...]
    carried: tuple[Movement, ...]

    @property
    def begins(self) -> tuple[datetime, tuple[int, ...], str]:
        """Everything before this is the past of the move."""
        return min(_order(movement) for movement in self.carried if movement.link == self.link.id)


async def outcomes_of(
    services: Services, portfolio: str, links: Sequence[CrossChainLink]
) -> dict[str, LinkOutcomes]:
    """Both readings by link id."""
    if not links:
        return {}
    async with services.ledger.read() as work:
        inputs = await read_inputs(work, portfolio)
    assets, currency = inputs.facts.assets, inputs.profiles[-1].currency
    past, questions, answers = await asyncio.to_thread(_questions, inputs, links)
    wanted = [*past, *(movement for one in questions for movement in (*one.sold, *one.carried))]
    quotes = await services.prices.resolve(needs(wanted, assets, currency), assets)

    def compute() -> dict[str, LinkOutcomes]:
        valued = value(past, assets, quotes)
        asked = [
            replace(
                one,
                sold=tuple(value(one.sold, assets, quotes)),
                carried=tuple(value(one.carried, assets, quotes)),
            )
            for one in questions
        ]
        return {**answers, **_walk(valued, asked, inputs)}

    return await asyncio.to_thread(compute)


def _questions(
    inputs: Inputs, links: Sequence[CrossChainLink]
) -> tuple[Sequence[Movement], list[_Question], dict[str, LinkOutcomes]]:
    """The portfolio's movements, the questions about these links, and answers to those that need no book."""
    facts, currency = inputs.facts, inputs.profiles[-1].currency
    transfers = by_transaction(facts.transfers)
    touching: dict[Key, list[CrossChainLink]] = defaultdict(list)
    for link in facts.links:
        for leg in link.halves:
            touching[leg.chain, leg.tx].append(link)
    questions, answers = [], {}
    for link in links:
        keys = frozenset((leg.chain, leg.tx) for leg in link.halves)
        others = {other.id: other for key in keys for other in touching[key] if other.id != link.id}
        asked = replace(link, state=LinkState.CONFIRMED, treatment=Treatment.NOT_TAXABLE)
        content = [transfer for key in sorted(keys) for transfer in transfers.get(key, ())]
        part = Facts(content, facts.own, facts.assets, (asked, *others.values()))
        carried = judge(part, inputs.judgments).movements
        if any(movement.link == link.id for movement in carried):
            sold = tuple(_as_sale(movement, link.id) for movement in carried)
            questions.append(_Question(link, keys, sold, carried))
        else:
            answers[link.id] = LinkOutcomes(
                currency,
                (),
                None,
                None,
                because="the transfers of your wallets do not show what the bridge's event says",
            )
    return judge(facts, inputs.judgments).movements, questions, answers


def _as_sale(movement: Movement, link_id: str) -> Movement:
    """The same movement as a disposal, or as an acquisition, at market value."""
    if movement.link != link_id:
        return movement
    if movement.kind is MovementKind.BRIDGE_OUT:
        return replace(movement, kind=MovementKind.SELL)
    return replace(movement, kind=MovementKind.BUY) if movement.kind is MovementKind.BRIDGE_IN else movement


def _walk(
    movements: Sequence[Movement], questions: Sequence[_Question], inputs: Inputs
) -> dict[str, LinkOutcomes]:
    """Go through the movements once, in order; stop at each question and ask a copy of the book so far."""
    ordered = sorted(questions, key=lambda one: one.begins)
    whole = _with_partners(movements)
    profiles, groups = inputs.profiles, families(inputs.facts.assets)
    found: dict[str, LinkOutcomes] = {}
    book, done = build((), profiles, families=groups), 0
    at: dict[Key, set[int]] = defaultdict(set)
    for place, group in enumerate(whole):
        for movement in group:
            at[_key(movement)].add(place)
    for question in ordered:
        stop = done
        while stop < len(whole) and _order(whole[stop][0]) < question.begins:
            stop += 1
        book = amend(book, added=[movement for group in whole[done:stop] for movement in group])
        done = stop
        places = sorted(place for key in question.keys for place in at[key] if place < stop)
        own = [movement for place in dict.fromkeys(places) for movement in whole[place]]
        # a batch transaction may hold the half of another bridge: its other side is booked anew with it
        again = tuple(movement for movement in own if _key(movement) not in question.keys)
        before = amend(book, removed=own) if own else book
        both = _answer(question, before, again, inputs.profiles[-1].currency)
        asset = inputs.facts.assets.get(question.link.halves[0].asset)
        found[question.link.id] = replace(both, decimals=pool_scale(asset) or POOL_DECIMALS)
    return found


def _with_partners(movements: Sequence[Movement]) -> list[list[Movement]]:
    """Movements in order, the arrival of a bridge together with its departure: the engine books both as one."""
    arrivals: dict[str, list[Movement]] = defaultdict(list)
    departures = {
        movement.link for movement in movements if movement.link and movement.kind is MovementKind.BRIDGE_OUT
    }
    for movement in movements:
        if movement.link in departures and movement.kind is MovementKind.BRIDGE_IN:
            arrivals[movement.link].append(movement)
    together = {movement.id for group in arrivals.values() for movement in group}
    return [
        [movement, *(arrivals.pop(movement.link, ()) if movement.kind is MovementKind.BRIDGE_OUT else ())]
        if movement.link
        else [movement]
        for movement in movements
        if movement.id not in together
    ]


def _answer(question: _Question, before: TaxBook, again: tuple[Movement, ...], currency: str) -> LinkOutcomes:
    sold = amend(before, added=(*question.sold, *again))
    carried = amend(before, added=(*question.carried, *again))
    mine = [movement for movement in question.carried if movement.link == question.link.id]
    arrivals = tuple(movement for movement in mine if movement.kind is MovementKind.BRIDGE_IN)
    departure = next((movement for movement in mine if movement.kind is MovementKind.BRIDGE_OUT), None)
    if departure is None:
        return LinkOutcomes(currency, (), *_arrival_alone(sold, arrivals))
    move = _Move(departure, arrivals)
    rows, complete = _rows(sold, move, departure.out[0].quantity)
    left = tuple(Part(row.matched, row.quantity, row.cost, row.acquired_at) for row in rows)
    return LinkOutcomes(
        currency,
        left if complete else (),
        _disposal(sold, move, rows, complete=complete),
        _carried(before, carried, move, left if complete else ()),
        assumed=_assumed(before, move, left),
    )


@dataclass(frozen=True, slots=True)
class _Move:
    """The movements of a link's halves."""

    departure: Movement
    arrivals: tuple[Movement, ...]

    @property
    def kept(self) -> int:
        """Units that left and did not arrive, as the engine counts them: one to one, whatever the tokens are called."""
        arrived = [into.quantity for movement in self.arrivals for into in movement.into]
        return max(0, self.departure.out[0].quantity - sum(arrived)) if arrived else 0


def _disposal(sold: TaxBook, move: _Move, rows: Sequence[Disposal], *, complete: bool) -> Reading:
    """Sold at market value; what arrived was bought at market value, and its holding period starts anew."""
    departure = move.departure
    bought = _bought(sold, move.arrivals)
    fee = departure.fee_value + sum(leg.value or 0 for leg in departure.fee)
    worth = departure.out[0].value
    return Reading(
        proceeds=sum(row.proceeds for row in rows) if complete else None if worth is None else worth - fee,
        cost=sum(row.cost for row in rows) if complete else None,
        gain=sum(row.gain for row in rows) if complete else None,
        basis=bought.basis,
        parts=bought.parts,
        unknown=_distinct(() if complete else _reasons(sold, departure.id), bought.unknown),
    )


def _carried(before: TaxBook, after: TaxBook, move: _Move, left: tuple[Part, ...]) -> Reading:
    """Cost and dates go along; of units that the bridge kept, the profile says what they are."""
    rows, complete = _rows(after, move, move.kept)
    sells = complete or bool(_gaps(after, move.departure.id))
    parts, known = _gained(before, after, move.arrivals)
    parts = _before_gas(after, move, rows, parts)
    if not parts:  # still under way, or it came back to where it was
        parts, known = left, bool(left)
    unsold = sells and not complete
    return Reading(
        proceeds=None if unsold else sum(row.proceeds for row in rows),
        cost=None if unsold else sum(row.cost for row in rows),
        gain=None if unsold else sum(row.gain for row in rows),
        basis=sum(part.cost for part in parts) if known else None,
        parts=parts if known else (),
        unknown=_distinct(_reasons(after, move.departure.id) if unsold or not known else ()),
    )


def _assumed(before: TaxBook, move: _Move, left: Sequence[Part]) -> bool:
    lots = {part.lot for part in left}
    held = _held(before, _places(move.departure.out))
    return any(not one.known for one in held.values() if one.lot in lots)


def _bought(sold: TaxBook, arrivals: Sequence[Movement]) -> Reading:
    """What arrived, as bought at market value."""
    ids = {movement.id for movement in arrivals}
    held = _held(sold, _places(leg for movement in arrivals for leg in movement.into))
    lots = [one for one in held.values() if one.lot in ids]
    known = all(one.known for one in lots) and bool(lots or not arrivals)
    reasons = () if known else [reason for name in sorted(ids) for reason in _reasons(sold, name)]
    parts = tuple(Part(one.lot, one.quantity, one.cost, one.acquired_at) for one in lots)
    return Reading(
        proceeds=0,
        cost=0,
        gain=0,
        basis=sum(one.cost for one in lots) if known else None,
        parts=parts if known else (),
        unknown=_distinct(reasons),
    )


def _arrival_alone(sold: TaxBook, arrivals: Sequence[Movement]) -> tuple[Reading, Reading]:
    """Nothing of yours left: either it was acquired at market value, or its cost is for you to say."""
    nobody_knows = "no departure of yours is known: only you can say what it cost"
    return _bought(sold, arrivals), Reading(0, 0, 0, None, (), (nobody_knows,))


def _rows(book: TaxBook, move: _Move, quantity: int) -> tuple[list[Disposal], bool]:
    """The disposals of a departure's own leg, without those of its gas, and whether they are all of it."""
    found: list[Disposal] = []
    missing, asset = quantity, move.departure.out[0].pool_asset
    rows, first = book.disposals, len(book.disposals) if quantity else 0
    while first and rows[first - 1].disposed_at >= move.departure.time:
        first -= 1  # the departure is the newest there is, but for what came with it
    for row in rows[first:] if quantity else ():
        if missing and row.id == move.departure.id and row.asset == asset and row.quantity <= missing:
            found.append(row)
            missing -= row.quantity
    return found, not missing


def _gained(before: TaxBook, after: TaxBook, arrivals: Sequence[Movement]) -> tuple[tuple[Part, ...], bool]:
    """What lies at the places of arrival now and did not before."""
    places = _places(leg for movement in arrivals for leg in movement.into)
    held = _held(before, places)
    parts, known = [], True
    for name, now in _held(after, places).items():
        earlier = held.get(name)
        quantity = now.quantity - (earlier.quantity if earlier else 0)
        if quantity > 0:
            known = known and now.stated
            cost = now.cost - (earlier.cost if earlier else 0)
            parts.append(Part(now.lot, quantity, cost, now.acquired_at))
    return tuple(parts), known


def _before_gas(
    book: TaxBook, move: _Move, fees: Sequence[Disposal], parts: tuple[Part, ...]
) -> tuple[Part, ...]:
    """What arrived, whole: gas of the crossing is in neither reading, and may have been met by the same lots."""
    missing = sum(into.quantity for one in move.arrivals for into in one.into) - sum(
        p.quantity for p in parts
    )
    ids = {move.departure.id, *(one.id for one in move.arrivals)}
    assets = {into.pool_asset for one in move.arrivals for into in one.into}
    whole = {part.lot: part for part in parts}
    for row in reversed(book.disposals if missing > 0 else ()):
        if row.disposed_at < move.departure.time or not missing:
            break
        part = whole.get(row.matched)
        if part is None or row.id not in ids or row.asset not in assets or any(row is fee for fee in fees):
            continue
        back = min(missing, row.quantity)
        cost = split_cost(row.cost, back, row.quantity)
        whole[row.matched] = replace(part, quantity=part.quantity + back, cost=part.cost + cost)
        missing -= back
    return tuple(whole.values()) if len(whole) == len(parts) else parts


@dataclass(frozen=True, slots=True)
class _Held:
    """Open units of one lot at one place."""

    lot: str
    quantity: int
    cost: int
    acquired_at: datetime
    stated: bool
    """There is a figure for the cost, if only an assumed one."""
    known: bool
    """The cost is no assumption."""


def _places(legs: Iterable[Leg]) -> set[Place]:
    return {place_of(leg) for leg in legs}


def _held(book: TaxBook, places: set[Place]) -> dict[tuple[str, Place], _Held]:
    """Open units at these places. Only they are built: a book may hold a hundred thousand lots elsewhere."""
    found: dict[tuple[str, Place], _Held] = {}
    for view in book.views:
        pieces = view.result.pieces
        numbers = {number for number, place in enumerate(view.tape.places) if place in places}
        for piece, at in enumerate(pieces.place) if numbers else ():
            if at not in numbers or not pieces.quantity[piece]:
                continue
            source = pieces.source[piece]
            name = (view.id_of(source), view.tape.places[at])
            earlier = found.get(name)
            stated = view.known(piece)
            known = stated and not view.note(source).origin.startswith("gap:")
            found[name] = _Held(
                lot=name[0],
                quantity=pieces.quantity[piece] + (earlier.quantity if earlier else 0),
                cost=pieces.cost[piece] + (earlier.cost if earlier else 0),
                acquired_at=from_us(view.acquired_us(piece)),
                stated=stated and (earlier is None or earlier.stated),
                known=known and (earlier is None or earlier.known),
            )
    return found


def _gaps(book: TaxBook, movement_id: str) -> list[str]:
    return [f"{gap.code.value}: {gap.detail}" for gap in book.gaps if gap.movement == movement_id]


def _reasons(book: TaxBook, movement_id: str) -> list[str]:
    together = "your rules take it together with other sales of that day: see the book after deciding"
    return _gaps(book, movement_id) or [together]


def _distinct(*reasons: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(reason for some in reasons for reason in some))


def _key(movement: Movement) -> Key:
    name = movement.id.partition("#")[0]
    chain, _, tx = name.rpartition(":")
    return chain, tx


def _order(movement: Movement) -> tuple[datetime, tuple[int, ...], str]:
    return (movement.time, movement.order, movement.id)
