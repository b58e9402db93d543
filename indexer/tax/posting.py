"""Posting: movements to events. Here a movement's kind becomes what the law makes of it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from indexer.model.lots import BookGapCode
from indexer.model.money import split_cost
from indexer.model.movement import Leg, Movement, MovementKind
from indexer.model.profile import BasisPolicy, Method
from indexer.tax.days import to_us
from indexer.tax.jurisdiction import Kernel
from indexer.tax.plan import Plan
from indexer.tax.tape import BUY, MOVE, NO_EXTRA, RECEIVE, REMOVE, SELL, Extra, Place


@dataclass(frozen=True, slots=True)
class Event:
    """One event before it goes into columns. `value` None is unknown and must be named by `extra`."""

    time: int
    order: tuple[int, ...]
    movement: str
    kind: int
    place: Place
    quantity: int
    value: int
    extra: Extra = NO_EXTRA
    to: Place | None = None


@dataclass(slots=True)
class Posting:
    """Collects the events of one movement in their order."""

    plan: Plan
    movement: Movement
    events: list[Event] = field(default_factory=list)

    def add(
        self,
        kind: int,
        leg: Leg,
        quantity: int,
        value: int | None,
        extra: Extra = NO_EXTRA,
        *,
        to: Place | None = None,
    ) -> None:
        """Append an event; an unknown value is marked on it."""
        if quantity == 0:
            return
        if value is None and extra.unknown is None:
            extra = replace(extra, unknown=BookGapCode.UNKNOWN_PRICE)
        order = (*self.movement.order, len(self.events))
        us = to_us(self.movement.time)
        self.events.append(
            Event(us, order, self.movement.id, kind, place_of(leg), quantity, value or 0, extra, to)
        )

    def receive(self, leg: Leg, code: BookGapCode = BookGapCode.UNKNOWN_BASIS) -> None:
        """Units of unknown basis, by the profile's policy."""
        policy = self.plan.profile_at(to_us(self.movement.time)).unknown_basis
        origin = f"gap:{policy.value}"
        if policy is BasisPolicy.ZERO:
            self.add(RECEIVE, leg, leg.quantity, 0, Extra(origin=origin, gap=code))
        elif policy is BasisPolicy.FAIR_VALUE and leg.value is not None:
            self.add(RECEIVE, leg, leg.quantity, leg.value, Extra(origin=origin, gap=code))
        else:
            self.add(RECEIVE, leg, leg.quantity, None, Extra(origin=origin, unknown=code))

    def missing_portfolio_value(self, *, swap: bool) -> BookGapCode | None:
        """France: a sale cannot be computed without the worth of the whole portfolio."""
        us = to_us(self.movement.time)
        rules, profile = self.plan.rules_at(us), self.plan.profile_at(us)
        method = profile.methods_by_year.get(self.plan.tax_year(us), profile.method)
        asked = rules.pooled is Kernel.PORTFOLIO and method is Method.POOLED and not swap
        return BookGapCode.MISSING_PORTFOLIO_VALUE if asked and not self.movement.portfolio_value else None

    def fees(self) -> int:
        """Dispose of what was paid in coins; return the fee's worth, coins and money, as far as it is known."""
        total = self.movement.fee_value
        for leg in self.movement.fee:
            self.add(SELL, leg, leg.quantity, leg.value, Extra(reason="fee"))
            total += leg.value or 0
        return total

    def fee_worth(self) -> int:
        """The fee's worth without booking it yet."""
        return self.movement.fee_value + sum(leg.value or 0 for leg in self.movement.fee)


def place_of(leg: Leg) -> Place:
    """Where a leg's units are."""
    return Place(leg.pool_asset, leg.wallet, leg.chain, leg.address)


def shares(legs: Sequence[Leg], total: int | None) -> list[int | None]:
    """Share a total by the legs' own values; one leg takes all of it. Unknown values make unknown shares."""
    if total is None:
        return [None] * len(legs)
    if len(legs) == 1:
        return [total]
    values = [leg.value for leg in legs]
    if any(value is None for value in values) or not sum(value or 0 for value in values):
        return [None] * len(legs)
    left, weight, found = total, sum(value or 0 for value in values), list[int | None]()
    for value in values:
        known = value or 0
        part = 0 if not known else split_cost(left, known, weight)
        found.append(part)
        left -= part
        weight -= known
    return found


def total_value(legs: Sequence[Leg]) -> int | None:
    """Sum of the legs' values, None when there is none or one is unknown."""
    if not legs or any(leg.value is None for leg in legs):
        return None
    return sum(leg.value or 0 for leg in legs)


def _buy(post: Posting) -> None:
    fee = post.fee_worth()
    legs = post.movement.into
    total = total_value(legs)
    for leg, part in zip(legs, shares(legs, None if total is None else total + fee), strict=True):
        swap = post.movement.group is not None
        post.add(BUY, leg, leg.quantity, part, _acquired(post, Extra(origin="buy", swap=swap)))
    post.fees()


def _acquired(post: Posting, extra: Extra) -> Extra:
    if post.movement.acquired_at is None:
        return extra
    us = to_us(post.movement.acquired_at)
    return replace(extra, acquired_us=us)


def _sell(post: Posting) -> None:
    movement, fee = post.movement, post.fee_worth()
    total = total_value(movement.out)
    net = shares(movement.out, None if total is None else total - fee)
    gross = shares(movement.out, total)
    for index, (leg, part) in enumerate(zip(movement.out, net, strict=True)):
        extra = Extra(
            lots=movement.lots if index == 0 else (),
            gross=gross[index],
            portfolio_value=movement.portfolio_value,
            swap=movement.group is not None,
            unknown=post.missing_portfolio_value(swap=movement.group is not None),
        )
        post.add(SELL, leg, leg.quantity, part, extra)
    post.fees()


def _swap(post: Posting) -> None:
    movement = post.movement
    if not movement.out:
        for leg in movement.into:
            post.receive(leg)
        post.fees()
        return
    if not movement.into:
        _send(post)
        return
    received, given = total_value(movement.into), total_value(movement.out)
    total = received if received is not None else given
    # 26 CFR 1.1001-7(b)(2)(ii)(A), 1.1012-1(h)(2): the cost of an exchange belongs to what is given away.
    net = None if total is None else total - post.fee_worth()
    for index, (leg, part) in enumerate(zip(movement.out, shares(movement.out, net), strict=True)):
        lots = movement.lots if index == 0 else ()
        post.add(SELL, leg, leg.quantity, part, Extra(lots=lots, gross=part, swap=True))
    post.fees()
    for leg, part in zip(movement.into, shares(movement.into, total), strict=True):
        post.add(BUY, leg, leg.quantity, part, Extra(origin="swap", swap=True))


def _send(post: Posting, reason: str = "send") -> None:
    for leg in post.movement.out:
        unknown = BookGapCode.UNKNOWN_PRICE if leg.value is None and reason != "send" else None
        extra = Extra(reason=reason, unknown=unknown)
        post.add(REMOVE, leg, leg.quantity, leg.value if leg.value is not None else None, extra)
    post.fees()


def _receive(post: Posting) -> None:
    for leg in post.movement.into:
        post.receive(leg)
    post.fees()


def _income(post: Posting) -> None:
    fee = post.fee_worth()
    for index, leg in enumerate(post.movement.into):
        added = fee if index == 0 and leg.value is not None else 0
        value = None if leg.value is None else leg.value + added
        post.add(RECEIVE, leg, leg.quantity, value, Extra(origin="income", basis_added=added))
    post.fees()


def _gift_in(post: Posting) -> None:
    for leg in post.movement.into:
        if leg.value is None:
            post.receive(leg)
        else:
            post.add(RECEIVE, leg, leg.quantity, leg.value, _acquired(post, Extra(origin="gift")))
    post.fees()


def _gift_out(post: Posting) -> None:
    if post.plan.rules_at(to_us(post.movement.time)).gift_is_disposal:
        _sell(post)
    else:
        _send(post, "gift")


def _lost(post: Posting) -> None:
    _send(post, "lost")


def _move(post: Posting) -> None:
    """Legs that left meet legs that came: the same pool asset first, then what is left in order."""
    movement = post.movement
    arriving = [(leg, leg.quantity) for leg in movement.into]
    leaving = sorted(
        movement.out, key=lambda leg: all(leg.pool_asset != into.pool_asset for into, _ in arriving)
    )
    profile = post.plan.profile_at(to_us(movement.time))
    worth = 0 if profile.transfer_fee_is_disposal else post.fee_worth()
    apart = movement.fee_value if profile.transfer_fee_is_disposal else 0
    for leg in leaving:
        left = leg.quantity
        order = sorted(
            range(len(arriving)),
            key=lambda number: (arriving[number][0].pool_asset != leg.pool_asset, number),
        )
        for number in order:
            target, room = arriving[number]
            take = min(left, room)
            if not take:
                continue
            arriving[number] = (target, room - take)
            left -= take
            # What is left over after the last arrival is the fee that the move itself ate.
            last = not any(room for _, room in arriving)
            eaten = left if last and not profile.transfer_fee_is_disposal else 0
            extra = Extra(arrives=take if eaten else None, basis_added=worth, fee_apart=apart)
            post.add(MOVE, leg, take + eaten, 0, extra, to=place_of(target))
            worth, apart, left = 0, 0, left - eaten
        if left:
            value = None if leg.value is None else split_cost(leg.value, left, leg.quantity)
            if arriving:
                post.add(SELL, leg, left, value, Extra(reason="fee"))
            else:
                post.add(REMOVE, leg, left, value, Extra(reason="bridge", gap=BookGapCode.UNMATCHED_BRIDGE))
    for leg, room in arriving:
        if room:
            rest = replace(leg, quantity=room, value=leg.value and split_cost(leg.value, room, leg.quantity))
            post.receive(rest, BookGapCode.UNMATCHED_BRIDGE if not leaving else BookGapCode.UNKNOWN_BASIS)
    if profile.transfer_fee_is_disposal:
        post.fees()
    else:
        _burn_fees(post)


def _burn_fees(post: Posting) -> None:
    """A fee that becomes basis is no disposal: its units leave, its worth is on the units moved."""
    for leg in post.movement.fee:
        post.add(REMOVE, leg, leg.quantity, leg.value, Extra(reason="fee"))


def _deposit(post: Posting) -> None:
    """Staked or lent without a receipt token: the units stay yours in a place of their own."""
    movement = post.movement
    if movement.out and movement.into:
        _swap(post)
        return
    kind = movement.kind.value
    for leg in movement.out:
        post.add(MOVE, leg, leg.quantity, 0, to=replace(place_of(leg), wallet=f"{leg.wallet}:{kind}"))
    for leg in movement.into:
        away = replace(leg, wallet=f"{leg.wallet}:{kind}")
        post.add(MOVE, away, leg.quantity, 0, to=place_of(leg))
    post.fees()


def _borrow(post: Posting) -> None:
    for leg in post.movement.into:
        post.add(RECEIVE, leg, leg.quantity, leg.value, Extra(origin="loan"))
    post.fees()


def _fee(post: Posting) -> None:
    post.fees()


_POST: Mapping[MovementKind, Callable[[Posting], None]] = {
    MovementKind.BUY: _buy,
    MovementKind.SELL: _sell,
    MovementKind.SWAP: _swap,
    MovementKind.LP_ADD: _swap,
    MovementKind.LP_REMOVE: _swap,
    MovementKind.NFT: _swap,
    MovementKind.SEND: _send,
    MovementKind.RECEIVE: _receive,
    MovementKind.SELF: _move,
    MovementKind.WRAP: _move,
    MovementKind.BRIDGE_OUT: _move,
    MovementKind.BRIDGE_IN: _move,
    MovementKind.INCOME: _income,
    MovementKind.GIFT_IN: _gift_in,
    MovementKind.GIFT_OUT: _gift_out,
    MovementKind.LOST: _lost,
    MovementKind.STAKE: _deposit,
    MovementKind.LEND: _deposit,
    MovementKind.BORROW: _borrow,
    MovementKind.REPAY: _sell,
    MovementKind.FEE: _fee,
}


def post(movements: Iterable[Movement], plan: Plan) -> list[Event]:
    """Events of all movements, in the order given. Spam is not booked; the halves of a bridge become one move."""
    events: list[Event] = []
    for movement in join_bridges(movements):
        if movement.kind is MovementKind.SPAM:
            continue
        posting = Posting(plan, movement)
        _POST[movement.kind](posting)
        events += posting.events
    return events


def join_bridges(movements: Iterable[Movement]) -> list[Movement]:
    """Give the out half of a link the legs of its in half; the in half keeps its fee alone.

    Lots are at the destination from the moment they left: they are never sold in between.
    """
    given = list(movements)
    arrivals: dict[str, list[Movement]] = {}
    departures = set()
    for movement in given:
        if movement.link and movement.kind is MovementKind.BRIDGE_IN:
            arrivals.setdefault(movement.link, []).append(movement)
        elif movement.link and movement.kind is MovementKind.BRIDGE_OUT:
            departures.add(movement.link)
    joined: list[Movement] = []
    for movement in given:
        if movement.link and movement.kind is MovementKind.BRIDGE_OUT and not movement.into:
            into = tuple(leg for arrival in arrivals.get(movement.link, ()) for leg in arrival.into)
            arrivals.pop(movement.link, None)
            joined.append(replace(movement, into=into))
        elif movement.link in departures and movement.kind is MovementKind.BRIDGE_IN:
            joined.append(replace(movement, into=(), kind=MovementKind.FEE))
        else:
            joined.append(movement)
    return joined
