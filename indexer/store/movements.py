"""Booked movements as rows: a few columns to choose by, and the whole movement as one compact document."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select

from indexer.model.movement import Leg, Movement, MovementKind
from indexer.model.stored import BookedMovement, MovementFilter, SaleOutcome
from indexer.store.tables import book_movement
from indexer.store.transaction import Values


def columns(portfolio: str, place: int, booked: BookedMovement) -> Values:
    """A row of `book_movement`."""
    movement = booked.movement
    return {
        "portfolio_id": portfolio,
        "place": place,
        "id": movement.id,
        "kind": movement.kind.value,
        "needs_review": booked.needs_review,
        "document": _document(booked),
    }


def chosen(portfolio: str, where: MovementFilter) -> Select[Any]:
    """The rows that a filter lets through, but for its wallets."""
    query = select(book_movement).where(book_movement.c.portfolio_id == portfolio)
    if where.kind is not None:
        query = query.where(book_movement.c.kind == where.kind.value)
    if where.needs_review is not None:
        query = query.where(book_movement.c.needs_review.is_(where.needs_review))
    return query


def touches(booked: BookedMovement, where: MovementFilter) -> bool:
    """Whether a movement concerns the filter's wallets."""
    movement, wallets = booked.movement, where.wallets
    return wallets is None or any(
        leg.wallet in wallets or leg.address in wallets
        for legs in (movement.out, movement.into, movement.fee)
        for leg in legs
    )


def read(row: Row[Any]) -> BookedMovement:
    """A row's value."""
    document = row.document
    sold = document["if_sold"]
    return BookedMovement(
        movement=Movement(
            id=row.id,
            time=datetime.fromisoformat(document["time"]),
            order=tuple(document["order"]),
            kind=MovementKind(row.kind),
            out=_legs(document["out"]),
            into=_legs(document["into"]),
            fee=_legs(document["fee"]),
            counterparty=document["counterparty"],
            link=document["link"],
            note=document["note"],
            fee_value=document["fee_value"],
            lots=tuple((lot, quantity) for lot, quantity in document["lots"]),
            acquired_at=_instant(document["acquired_at"]),
            portfolio_value=document["portfolio_value"],
            group=document["group"],
        ),
        needs_review=bool(row.needs_review),
        proposed=None if document["proposed"] is None else MovementKind(document["proposed"]),
        decisions=tuple(document["decisions"]),
        if_sold=None if sold is None else SaleOutcome(*sold),
    )


def _document(booked: BookedMovement) -> dict[str, object]:
    """Legs as lists: there are several to a movement, and their names would be most of the text."""
    movement, sold = booked.movement, booked.if_sold
    return {
        "time": movement.time.isoformat(),
        "order": list(movement.order),
        "out": _lists(movement.out),
        "into": _lists(movement.into),
        "fee": _lists(movement.fee),
        "counterparty": movement.counterparty,
        "link": movement.link,
        "note": movement.note,
        "fee_value": movement.fee_value,
        "lots": [list(lot) for lot in movement.lots],
        "acquired_at": None if movement.acquired_at is None else movement.acquired_at.isoformat(),
        "portfolio_value": movement.portfolio_value,
        "group": movement.group,
        "proposed": None if booked.proposed is None else booked.proposed.value,
        "decisions": list(booked.decisions),
        "if_sold": None if sold is None else [sold.proceeds, sold.cost, sold.gain, sold.basis_known],
    }


def _lists(legs: tuple[Leg, ...]) -> list[list[object]]:
    return [
        [leg.wallet, leg.asset, leg.pool_asset, leg.quantity, leg.value, leg.chain, leg.address]
        for leg in legs
    ]


def _legs(lists: list[list[Any]]) -> tuple[Leg, ...]:
    return tuple(Leg(*values) for values in lists)


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
