"""Value the open lots at today's prices: what is lost, what is won, what nobody can price."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from indexer.flows.disputes import disputed
from indexer.flows.pools import asset_of_lot, whole
from indexer.flows.services import Services
from indexer.flows.status import portfolio_freshness
from indexer.flows.transfers import find_address
from indexer.flows.views import (
    Freshness,
    LossReport,
    LossRow,
    LotPage,
    RealizedTotals,
    UnpricedHolding,
    ValuedLot,
)
from indexer.harvest.rank import Position, Ranked, rank
from indexer.model.asset import Asset
from indexer.model.errors import InputError
from indexer.model.lots import Lot, Term
from indexer.model.money import fiat_from_decimal, fiat_to_decimal
from indexer.model.prices import DisputedPrice, PriceMissing, PriceNeed, PriceQuote, PriceResult, PriceStatus
from indexer.model.profile import TaxProfile
from indexer.model.stored import BookSnapshot
from indexer.tax.rules import jurisdiction
from indexer.tax.term import long_from, tax_day, term_of

UNASKED = "gap:ask"
"""Origin of lots whose basis the owner has yet to give: their cost is unknown, not zero."""

GROUPINGS: dict[str, Callable[[Position], str]] = {
    "asset": lambda position: position.pool,
    "chain": lambda position: position.chain,
    "wallet": lambda position: position.wallet,
}


@dataclass(frozen=True, slots=True)
class _Holdings:
    """Everything that valuing a portfolio reads, in one snapshot, and the quotes of this moment."""

    book: BookSnapshot | None
    profile: TaxProfile
    assets: Mapping[str, Asset]
    quotes: Mapping[str, PriceResult]
    """by CAIP-19 id of the asset that stands for a lot"""
    disputed: tuple[DisputedPrice, ...]
    """those of the quotes that another source contradicts"""
    freshness: Freshness
    now: datetime
    address: str | None = None
    """of the wallet that was asked for, None for all"""

    @property
    def lots(self) -> tuple[Lot, ...]:
        """Open lots of the book, none before the first book."""
        return self.book.lots if self.book else ()


async def losses(services: Services, portfolio: str, *, group_by: str = "asset") -> LossReport:
    """Unrealized losses over every wallet and chain, the largest first.

    Raises:
        InputError: `group_by` is not asset, chain or wallet.
    """
    if group_by not in GROUPINGS:
        raise InputError(f"group_by is {group_by!r}; use one of {', '.join(GROUPINGS)}")
    held = await _holdings(services, portfolio)
    valued = [_value(lot, held) for lot in held.lots]
    positions = [_position(lot) for lot in valued]
    key_of = GROUPINGS[group_by]
    members: dict[str, list[ValuedLot]] = defaultdict(list)
    for lot, position in zip(valued, positions, strict=True):
        members[key_of(position)].append(lot)
    rows = tuple(_row(group, group_by, members[group.key]) for group in rank(positions, key_of))
    whole_portfolio = Ranked("", tuple(positions))
    priced = sum(position.cost or 0 for position in positions if position.value is not None)
    return LossReport(
        currency=held.profile.currency,
        group_by=group_by,
        rows=rows,
        total_cost=fiat_to_decimal(whole_portfolio.cost),
        total_value=fiat_to_decimal(whole_portfolio.value or 0),
        total_unrealized=fiat_to_decimal(whole_portfolio.unrealized or 0),
        total_loss=fiat_to_decimal(whole_portfolio.loss()),
        total_gain=fiat_to_decimal(whole_portfolio.gain()),
        priced_share_of_cost=Decimal(priced) / whole_portfolio.cost if whole_portfolio.cost else Decimal(1),
        realized=_realized(held),
        unpriced=_unpriced(valued, held),
        book_gaps=held.book.gaps if held.book else (),
        freshness=_freshness(held, valued),
        fingerprint=held.book.fingerprint if held.book else None,
        price_conflicts=held.disputed,
        book_conflicts=tuple(
            sorted(held.book.disputed if held.book else (), key=lambda price: price.spread, reverse=True)
        ),
    )


async def lots(
    services: Services,
    portfolio: str,
    *,
    asset: str | None = None,
    wallet: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> LotPage:
    """Open lots at today's price, in the book's order.

    `asset` is a CAIP-19 id or a group such as `USDC`; `wallet` an id or address.

    Raises:
        NotFoundError: there is no such wallet.
        InputError: the cursor does not belong to the present book.
    """
    held = await _holdings(services, portfolio, wallet)
    address = held.address
    valued = [_value(lot, held) for lot in held.lots]
    chosen = [
        lot
        for lot in valued
        if (asset is None or asset in (lot.lot.asset, lot.asset.id))
        and (address is None or address in (lot.lot.address, lot.lot.wallet))
    ]
    start = _start(cursor, held.book)
    page = chosen[start : start + limit]
    more = start + limit < len(chosen)
    return LotPage(
        currency=held.profile.currency,
        lots=tuple(page),
        next_cursor=f"{held.book.fingerprint[:16]}.{start + limit}" if more and held.book else None,
        freshness=_freshness(held, valued),
    )


def _start(cursor: str | None, book: BookSnapshot | None) -> int:
    if cursor is None:
        return 0
    stamp, _, offset = cursor.partition(".")
    if book is None or stamp != book.fingerprint[:16] or not offset.isdigit():
        raise InputError("the lots have changed since this cursor was given: start again without a cursor")
    return int(offset)


async def _holdings(services: Services, portfolio: str, wallet: str | None = None) -> _Holdings:
    now = services.clock.now()
    async with services.ledger.read() as work:
        address = None if wallet is None else await find_address(work, portfolio, wallet)
        book = await work.books.load(portfolio)
        profile = (await work.tenants.profile(portfolio))[-1]
        freshness = await portfolio_freshness(work, portfolio)
        assets = await work.facts.portfolio_assets(portfolio)
    standing = {asset_of_lot(lot, assets) for lot in (book.lots if book else ())}
    needs = [PriceNeed(asset.id, now, profile.currency) for asset in standing if asset is not None]
    results = await services.prices.resolve(needs, assets)
    return _Holdings(
        book=book,
        profile=profile,
        assets=assets,
        quotes={need.asset: result for need, result in results.items()},
        disputed=disputed(results),
        freshness=freshness,
        now=now,
        address=address,
    )


def _value(lot: Lot, held: _Holdings) -> ValuedLot:
    asset = asset_of_lot(lot, held.assets) or Asset(lot.asset, lot.asset, None)
    result = held.quotes.get(asset.id)
    quote = result if isinstance(result, PriceQuote) and asset.decimals is not None else None
    missing = None
    if quote is None:
        missing = result.status if isinstance(result, PriceMissing) else PriceStatus.UNKNOWN
    quantity = whole(lot.quantity, asset)
    cost = fiat_to_decimal(lot.cost) if lot.basis_known or lot.origin != UNASKED else None
    value = fiat_to_decimal(fiat_from_decimal(quantity * quote.price)) if quote else None
    return ValuedLot(
        lot=lot,
        asset=asset,
        quantity=quantity,
        cost=cost,
        quote=quote,
        missing=missing,
        value=value,
        unrealized=None if value is None or cost is None else value - cost,
        term=term_of(lot.holding_from, tax_day(held.now, held.profile), held.profile),
        long_from=long_from(lot.holding_from, held.profile),
    )


def _position(lot: ValuedLot) -> Position:
    return Position(
        pool=lot.lot.asset,
        chain=lot.lot.chain or lot.asset.chain,
        wallet=lot.lot.wallet,
        quantity=lot.lot.quantity,
        cost=None if lot.cost is None else lot.lot.cost,
        value=None if lot.value is None else fiat_from_decimal(lot.value),
        term=lot.term,
    )


def _row(group: Ranked, group_by: str, members: Sequence[ValuedLot]) -> LossRow:
    one_asset = group_by == "asset"
    quote = members[0].quote if one_asset else None
    labels = {"asset": members[0].asset.symbol, "chain": group.key, "wallet": group.key}
    value, unrealized = group.value, group.unrealized
    return LossRow(
        key=group.key,
        label=labels[group_by],
        quantity=sum((lot.quantity for lot in members), Decimal(0)) if one_asset else None,
        cost=fiat_to_decimal(group.cost),
        value=None if value is None else fiat_to_decimal(value),
        unrealized=None if unrealized is None else fiat_to_decimal(unrealized),
        loss=fiat_to_decimal(group.loss()),
        gain=fiat_to_decimal(group.gain()),
        short_loss=fiat_to_decimal(group.loss(Term.SHORT)),
        long_loss=fiat_to_decimal(group.loss(Term.LONG)),
        price=quote.price if quote else None,
        price_source=quote.source if quote else None,
        lots=len(members),
        unpriced_lots=group.unpriced,
        lots_without_basis=group.without_basis,
        chains=tuple(sorted({position.chain for position in group.positions})),
        wallets=tuple(sorted({position.wallet for position in group.positions})),
    )


def _unpriced(valued: Iterable[ValuedLot], held: _Holdings) -> tuple[UnpricedHolding, ...]:
    rows: dict[str, UnpricedHolding] = {}
    for lot in valued:
        if lot.missing is None:
            continue
        before = rows.get(lot.asset.id)
        result = held.quotes.get(lot.asset.id)
        rows[lot.asset.id] = UnpricedHolding(
            asset=lot.asset,
            quantity=lot.quantity + (before.quantity if before else 0),
            cost=_sum(lot.cost, before.cost if before else None),
            status=lot.missing,
            detail=result.detail if isinstance(result, PriceMissing) else "its decimals are unknown",
        )
    return tuple(sorted(rows.values(), key=lambda row: (-(row.cost or 0), row.asset.id)))


def _sum(one: Decimal | None, other: Decimal | None) -> Decimal | None:
    return other if one is None else one + (other or 0)


def _realized(held: _Holdings) -> RealizedTotals:
    """The running tax year's disposals, by the country's own year in the taxpayer's zone."""
    country = jurisdiction(held.profile.jurisdiction)
    year = country.tax_year(tax_day(held.now, held.profile))
    mine = [
        disposal
        for disposal in (held.book.disposals if held.book else ())
        if country.tax_year(tax_day(disposal.disposed_at, held.profile)) == year
    ]

    def total(term: Term) -> Decimal:
        return fiat_to_decimal(sum(disposal.gain for disposal in mine if disposal.term is term))

    return RealizedTotals(
        year=year,
        short=total(Term.SHORT),
        long=total(Term.LONG),
        disallowed=fiat_to_decimal(sum(disposal.disallowed for disposal in mine)),
    )


def _freshness(held: _Holdings, valued: Sequence[ValuedLot]) -> Freshness:
    because = list(held.freshness.incomplete_because)
    if held.book is None:
        because.append("no book has been derived yet: wallets are still being collected")
    else:
        reasons = Counter((gap.code.value, gap.detail) for gap in held.book.gaps)
        because += [
            f"{code} ({count} movements): {detail}" for (code, detail), count in sorted(reasons.items())
        ]
    because += sorted(
        {f"{lot.asset.id}: price {lot.missing.value}" for lot in valued if lot.missing is not None}
    )
    instants = [lot.quote.instant for lot in valued if lot.quote is not None]
    return Freshness(
        as_of_block=held.book.as_of_block if held.book else held.freshness.as_of_block,
        price_as_of=min(instants, default=None),
        complete=not because,
        incomplete_because=tuple(because),
    )
