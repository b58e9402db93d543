"""The owner's word about movements and assets. Every word is a judgment that is appended; nothing is edited.

Each is checked against the present book before it is kept, so that no judgment can keep a book from being derived.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from indexer.flows.judged import is_about_movement, seen
from indexer.flows.movements import no_movement
from indexer.flows.services import Services
from indexer.flows.spam import account_of
from indexer.model.errors import ConflictError, InputError, NotFoundError
from indexer.model.judgment import Judgment, JudgmentKind, standing
from indexer.model.ledger import UnitOfWork
from indexer.model.money import plain
from indexer.model.movement import Movement, MovementKind
from indexer.model.profile import Method
from indexer.model.stored import TransferFilter
from indexer.tax.changeover import SUBJECT as CHANGE_OVER
from indexer.tax.changeover import read_allocation
from indexer.tax.days import to_us
from indexer.tax.jurisdiction import Kernel
from indexer.tax.netting import POOL_DECIMALS, pool_scale
from indexer.tax.plan import Plan

LEAVING = (
    MovementKind.SELL,
    MovementKind.GIFT_OUT,
    MovementKind.LOST,
    MovementKind.SELF,
    MovementKind.STAKE,
    MovementKind.LEND,
    MovementKind.REPAY,
)
ARRIVING = (
    MovementKind.INCOME,
    MovementKind.GIFT_IN,
    MovementKind.BUY,
    MovementKind.BORROW,
    MovementKind.STAKE,
    MovementKind.LEND,
    MovementKind.SPAM,
)
EXCHANGED = (
    MovementKind.SWAP,
    MovementKind.WRAP,
    MovementKind.LP_ADD,
    MovementKind.LP_REMOVE,
    MovementKind.NFT,
)
DECIDABLE = tuple(dict.fromkeys((*LEAVING, *ARRIVING, *EXCHANGED)))
"""Kinds that a movement may be said to be, by whether something left, came, or both."""

_SALES = frozenset({MovementKind.SELL, MovementKind.REPAY, *EXCHANGED} - {MovementKind.WRAP})
MAX_COST = Decimal(10) ** 30


@dataclass(frozen=True, slots=True)
class Said:
    """Who says something, and why."""

    who: str = "owner"
    why: str = ""


@dataclass(frozen=True, slots=True)
class Basis:
    """What units cost, in whole units of the profile's currency, and when they were first acquired."""

    cost: Decimal
    acquired_at: datetime | None = None
    """None: when they came."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A judgment and what became of it."""

    judgment: Judgment
    stands: bool
    """Not undone."""
    undone_by: str | None
    waiting: bool
    """It is about a movement that is not in the present book as its maker saw it; it holds again if that comes back."""


async def reclassify(
    services: Services, portfolio: str, movement_id: str, kind: MovementKind, said: Said
) -> Decision:
    """Say what a movement was.

    Raises:
        NotFoundError: the present book has no such movement.
        InputError: the movement cannot be that; the text says what it can be.
        ConflictError: a basis was given for it, which says that it was bought elsewhere or given.
    """
    async with services.ledger.write() as work:
        movement = await _movement(work, portfolio, movement_id)
        _check_kind(movement, kind)
        if kind is MovementKind.GIFT_IN:
            await _check_gift(work, portfolio, movement)
        await _free_of(work, portfolio, movement_id, JudgmentKind.BASIS)
        payload: dict[str, object] = {"kind": kind.value, "seen": seen(movement)}
        return await _keep(services, work, said, _new(portfolio, JudgmentKind.MOVEMENT, movement_id, payload))


async def give_basis(
    services: Services,
    portfolio: str,
    movement_id: str,
    basis: Basis,
    said: Said,
) -> Decision:
    """Say what units that came from elsewhere cost, in the profile's currency, and when they were acquired.

    Raises:
        NotFoundError: the present book has no such movement.
        InputError: the movement is no receipt of one asset, the cost is no amount, or the date is after the arrival.
        ConflictError: the movement was said to be something else.
    """
    async with services.ledger.write() as work:
        movement = await _movement(work, portfolio, movement_id)
        cost, acquired_at = basis.cost, basis.acquired_at
        if movement.out or len(movement.into) != 1:
            raise InputError("a basis is given for a movement in which one asset came and nothing left")
        if not cost.is_finite() or not 0 <= cost < MAX_COST:
            raise InputError("cost must be an amount of money, zero or more")
        if acquired_at is not None and acquired_at.tzinfo is None:
            raise InputError("acquired_at must say its zone: append Z or an offset such as +02:00")
        if acquired_at is not None and acquired_at > movement.time:
            raise InputError(f"acquired_at is after the arrival at {movement.time.isoformat()}")
        await _free_of(work, portfolio, movement_id, JudgmentKind.MOVEMENT)
        payload: dict[str, object] = {
            "cost": plain(cost),
            "acquired_at": None if acquired_at is None else acquired_at.isoformat(),
            "seen": seen(movement),
        }
        return await _keep(services, work, said, _new(portfolio, JudgmentKind.BASIS, movement_id, payload))


async def choose_lots(
    services: Services,
    portfolio: str,
    movement_id: str,
    lots: Sequence[tuple[str, Decimal]],
    said: Said,
) -> Decision:
    """Name the lots of one sale (specific identification): lot ids with whole tokens, in that order.

    What is not named is taken by the profile's method.

    Raises:
        NotFoundError: the present book has no such movement.
        InputError: it is no sale, the country pools its units, or a lot does not fit; the text says which.
    """
    async with services.ledger.write() as work:
        movement = await _movement(work, portfolio, movement_id)
        if not movement.out or movement.kind not in _SALES:
            raise InputError("lots are named for a sale or an exchange: first say that this movement was one")
        await _check_lots_kept(work, portfolio, movement)
        checked = await _check_lots(work, portfolio, movement, lots)
        payload: dict[str, object] = {
            "lots": [{"lot": lot, "quantity": plain(quantity)} for lot, quantity in checked],
            "seen": seen(movement),
        }
        return await _keep(
            services, work, said, _new(portfolio, JudgmentKind.LOT_ALLOCATION, movement_id, payload)
        )


async def allocate(
    services: Services, portfolio: str, allocation: Mapping[str, object], said: Said
) -> Decision:
    """Allocate the unused basis of one pool to wallets at the change of scope (US: Rev. Proc. 2024-28).

    `allocation` is `{units: [{lot, wallet, qty}]}` (specific units) or `{wallets: [...], order}` (a rule of order).

    Raises:
        InputError: it cannot be read, or names a wallet or a lot that is not there.
    """
    read = read_allocation(allocation, "allocation")
    if bool(read.units) == bool(read.wallets):
        raise InputError("an allocation names either units of lots, or wallets in the order they are filled")
    async with services.ledger.write() as work:
        groups = {wallet.group for wallet in await work.wallets.all(portfolio)}
        for wallet in (*read.wallets, *(units.wallet for units in read.units)):
            if wallet not in groups:
                raise InputError(
                    f"there is no tax wallet {wallet}: they are {', '.join(sorted(groups)) or 'none'}"
                )
        lots = {units.lot for units in read.units}
        missing = sorted(lots - set(await work.books.movements_of(portfolio, lots)))
        if missing:
            raise InputError(f"the book has no lot {missing[0]}: GET /v1/lots lists the open ones")
        new = _new(portfolio, JudgmentKind.LOT_ALLOCATION, CHANGE_OVER, dict(allocation))
        return await _keep(services, work, said, new)


async def mark_spam(services: Services, portfolio: str, asset_id: str, *, spam: bool, said: Said) -> Decision:
    """Overrule the automatic verdict whether an asset is spam, for this portfolio.

    Raises:
        NotFoundError: the asset appears in none of the portfolio's transfers.
        ConflictError: it counts as that already.
    """
    async with services.ledger.write() as work:
        asset = (await work.facts.portfolio_assets(portfolio)).get(asset_id)
        if asset is None:
            raise NotFoundError(f"no transfer of yours moves {asset_id}: GET /v1/assets lists what does")
        if asset.spam.spam is spam:
            raise ConflictError(f"{asset_id} {'is' if spam else 'is not'} taken for spam as it is")
        return await _keep(services, work, said, _new(portfolio, JudgmentKind.SPAM, asset_id, {"spam": spam}))


async def mark_account(
    services: Services, portfolio: str, account: str, *, spam: bool, said: Said
) -> Decision:
    """Say of an account (CAIP-10) that its transfers are spam, or that it is known and imitates nobody.

    Raises:
        NotFoundError: no transfer of the portfolio names it.
        InputError: it is no account of a chain that this instance serves.
        ConflictError: that was the last word about it already.
    """
    named = account_of(account)
    if named is None:
        raise InputError(f"{account} is no account: write the chain and the address, such as eip155:1:0x...")
    chain, address = named[0], services.readers[named[0]].normalize_address(named[1])
    subject = f"{chain}:{address}"
    async with services.ledger.write() as work:
        where = TransferFilter(addresses=(address,), chain=chain)
        if not (await work.facts.transfers(portfolio, where, None, 1)).items:
            raise NotFoundError(f"no transfer of yours names {subject}: GET /v1/transfers lists them")
        before = [one for one in standing(await work.judgments.all(portfolio)) if one.subject == subject]
        if before and before[-1].payload.get("spam") is spam:
            raise ConflictError(f"{subject} {'is' if spam else 'is not'} taken for spam as it is")
        return await _keep(services, work, said, _new(portfolio, JudgmentKind.SPAM, subject, {"spam": spam}))


async def undo(services: Services, portfolio: str, judgment_id: str, said: Said) -> Decision:
    """Take a judgment back; what it replaced holds again.

    Raises:
        NotFoundError: there is no such judgment in this portfolio.
        ConflictError: it is undone already, or is an undoing itself.
    """
    async with services.ledger.write() as work:
        judgments = await work.judgments.all(portfolio)
        found = next((one for one in judgments if one.id == judgment_id), None)
        if found is None:
            raise NotFoundError(f"there is no decision {judgment_id}: GET /v1/decisions lists them")
        if found.kind is JudgmentKind.UNDO:
            raise ConflictError("an undoing is not undone: say again what you meant")
        if found not in standing(judgments):
            raise ConflictError(f"{judgment_id} is undone already")
        return await _keep(services, work, said, _new(portfolio, JudgmentKind.UNDO, judgment_id, {}))


async def decisions(services: Services, portfolio: str) -> tuple[Decision, ...]:
    """Everything that was ever said in this portfolio, undone words and the undoing too, oldest first."""
    async with services.ledger.read() as work:
        judgments = await work.judgments.all(portfolio)
        subjects = {one.subject for one in judgments if is_about_movement(one)}
        booked = await work.books.movements_of(portfolio, subjects)
    live = {one.id for one in standing(judgments)}
    undone = {one.subject: one.id for one in judgments if one.kind is JudgmentKind.UNDO}
    present = {movement_id: seen(found.movement) for movement_id, found in booked.items()}
    return tuple(
        Decision(
            judgment=one,
            stands=one.id in live,
            undone_by=None if one.id in live else undone.get(one.id),
            waiting=one.id in live and is_about_movement(one) and _waits(one, present),
        )
        for one in judgments
    )


def _waits(judgment: Judgment, present: Mapping[str, object]) -> bool:
    shown = present.get(judgment.subject)
    return shown is None or judgment.payload.get("seen") not in (None, shown)


async def _keep(services: Services, work: UnitOfWork, said: Said, new: Judgment) -> Decision:
    """Append. Times never fall within a portfolio, so that every order of judgments is the same one."""
    before = await work.judgments.all(new.portfolio)
    now = services.clock.now()
    when = max(now, before[-1].when + timedelta(microseconds=1)) if before else now
    kept = replace(new, when=when, who=said.who, why=said.why)
    await work.judgments.add(kept)
    return Decision(kept, stands=True, undone_by=None, waiting=False)


def _new(portfolio: str, kind: JudgmentKind, subject: str, payload: dict[str, object]) -> Judgment:
    """A judgment that nobody has said yet."""
    return Judgment(
        f"jdg_{uuid.uuid4().hex}", portfolio, kind, subject, payload, "", datetime.min.replace(tzinfo=UTC), ""
    )


async def _movement(work: UnitOfWork, portfolio: str, movement_id: str) -> Movement:
    """A movement that the owner may speak about."""
    booked = (await work.books.movements_of(portfolio, [movement_id])).get(movement_id)
    if booked is None:
        raise no_movement(movement_id)
    movement = booked.movement
    if movement.link is not None:
        raise InputError(f"this is half of a move between chains: decide the link {movement.link} instead")
    if booked.proposed is None and movement.kind is MovementKind.SPAM:
        raise InputError("what moved is taken for spam: say of the asset that it is none")
    return movement


def _check_kind(movement: Movement, kind: MovementKind) -> None:
    choices: tuple[MovementKind, ...]
    if movement.out and movement.into:
        own = movement.kind is MovementKind.SELF
        choices, what = (() if own else EXCHANGED), "between your own wallets" if own else "an exchange"
    elif movement.out:
        choices, what = LEAVING, "units that left"
    elif movement.into:
        choices, what = ARRIVING, "units that came"
    else:
        choices, what = (), "nothing but a fee"
    if kind not in choices:
        can = f"it can be {', '.join(choice.value for choice in choices)}" if choices else "it is what it is"
        raise InputError(f"this movement is {what} and cannot be {kind.value}: {can}")


async def _check_gift(work: UnitOfWork, portfolio: str, movement: Movement) -> None:
    """Where a gift keeps the giver's cost, the market value of the day would be the wrong one."""
    plan = Plan(await work.tenants.profile(portfolio))
    rules = plan.rules_at(to_us(movement.time))
    if not rules.gift_is_disposal:
        raise InputError(
            f"in {rules.name} a gift keeps the giver's cost and date: give both as a basis "
            "(POST /v1/movements/{id}/basis)"
        )


async def _free_of(work: UnitOfWork, portfolio: str, subject: str, kind: JudgmentKind) -> None:
    """A kind and a basis about one movement would contradict each other."""
    for judgment in standing(await work.judgments.all(portfolio)):
        if judgment.kind is kind and judgment.subject == subject:
            raise ConflictError(f"decision {judgment.id} says otherwise about it: undo that one first")


async def _check_lots_kept(work: UnitOfWork, portfolio: str, movement: Movement) -> None:
    plan = Plan(await work.tenants.profile(portfolio))
    us = to_us(movement.time)
    profile, rules = plan.profile_at(us), plan.rules_at(us)
    method = profile.methods_by_year.get(plan.tax_year(us), profile.method)
    if method is Method.AVERAGE or (method is Method.POOLED and rules.pooled is not Kernel.LOTS):
        raise InputError(f"{rules.name} pools its units at that time: there are no lots to name")


async def _check_lots(
    work: UnitOfWork, portfolio: str, movement: Movement, lots: Sequence[tuple[str, Decimal]]
) -> list[tuple[str, Decimal]]:
    leg = movement.out[0]
    asset = (await work.facts.assets([leg.asset])).get(leg.asset)
    if pool_scale(asset) != POOL_DECIMALS:
        raise InputError(f"lots of {leg.asset} cannot be named: its decimals are unknown or beyond 18")
    made_by = await work.books.movements_of(portfolio, [lot for lot, _ in lots])
    if not lots or len({lot for lot, _ in lots}) != len(lots):
        raise InputError("name each lot once, and at least one")
    total = 0
    for lot, quantity in lots:
        maker = made_by.get(lot)
        came = maker is not None and any(into.pool_asset == leg.pool_asset for into in maker.movement.into)
        if maker is None or not came or maker.movement.time > movement.time:
            raise InputError(f"{lot} made no lot of this asset before the sale: GET /v1/lots lists open ones")
        units = quantity.scaleb(POOL_DECIMALS) if quantity.is_finite() else Decimal(0)
        if units <= 0 or units != units.to_integral_value() or units > leg.quantity:
            raise InputError(
                f"the quantity of {lot} must be above zero, of at most 18 decimals, and no more than was sold"
            )
        total += int(units)
    if total > leg.quantity:
        raise InputError("the lots named are more than what was sold")
    return list(lots)
