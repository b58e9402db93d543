"""A portfolio's cross-chain links. They are derived, so each is written whole."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, and_, bindparam, delete, or_, select

from indexer.model.links import (
    BridgeLeg,
    CrossChainLink,
    LinkFilter,
    LinkState,
    ReasonCode,
    Tier,
    Treatment,
)
from indexer.model.stored import Page
from indexer.store import cursors, documents
from indexer.store.tables import cross_chain_link as table
from indexer.store.transaction import Transaction, Values
from indexer.store.types import EPOCH

BATCH = 500
"""Rows looked at in one go when a filter reaches into the halves."""


class SqlLinks:
    """Implements `indexer.model.ledger.Links`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def replace(self, portfolio: str, links: Sequence[CrossChainLink]) -> None:
        """Make these the portfolio's links; equal ids keep their row."""
        await self._transaction.hold(portfolio)
        rows = {link.id: _columns(portfolio, link) for link in links}
        stored = await self._transaction.rows(select(table.c.id).where(table.c.portfolio_id == portfolio))
        gone = [{"gone": row.id} for row in stored if row.id not in rows]
        if gone:
            await self._transaction.run(
                delete(table).where(table.c.portfolio_id == portfolio, table.c.id == bindparam("gone")), gone
            )
        if rows:
            new = self._transaction.insert(table)
            update = {column.name: new.excluded[column.name] for column in table.c if not column.primary_key}
            await self._transaction.run(
                new.on_conflict_do_update(index_elements=["portfolio_id", "id"], set_=update),
                list(rows.values()),
            )

    async def list(
        self, portfolio: str, where: LinkFilter | None, cursor: str | None, limit: int
    ) -> Page[CrossChainLink]:
        """Links, newest departure first; one whose departure is unknown counts from its arrival.

        State and protocol are columns; what lies within the halves is looked at row by row, `BATCH` at a time.
        """
        where = where or LinkFilter()
        found: list[tuple[Any, CrossChainLink]] = []
        after: Sequence[Any] | None = None
        if cursor is not None:
            after = cursors.read("links", cursor, (datetime, str))
        while True:
            rows = await self._transaction.rows(_chosen(portfolio, where, after, max(limit + 1, BATCH)))
            for row in rows:
                link = _link(row)
                if link.fits(where):
                    found.append((row, link))
                if len(found) > limit:
                    last = found[limit - 1][0]
                    following = cursors.write("links", (last.departed_at, last.id))
                    return Page(tuple(link for _, link in found[:limit]), following)
            if len(rows) < max(limit + 1, BATCH):
                return Page(tuple(link for _, link in found), None)
            after = (rows[-1].departed_at, rows[-1].id)

    async def get(self, portfolio: str, link_id: str) -> CrossChainLink | None:
        """One link of this portfolio."""
        row = await self._transaction.row(
            select(table).where(table.c.portfolio_id == portfolio, table.c.id == link_id)
        )
        return None if row is None else _link(row)

    async def all(self, portfolio: str) -> tuple[CrossChainLink, ...]:
        """Every link of the portfolio, newest departure first."""
        rows = await self._transaction.rows(
            select(table)
            .where(table.c.portfolio_id == portfolio)
            .order_by(table.c.departed_at.desc(), table.c.id)
        )
        return tuple(_link(row) for row in rows)


def _chosen(
    portfolio: str, where: LinkFilter, after: Sequence[Any] | None, limit: int
) -> Select[tuple[Any, ...]]:
    query = select(table).where(table.c.portfolio_id == portfolio)
    if where.state is not None:
        query = query.where(table.c.state == where.state.value)
    if where.protocol is not None:
        query = query.where(table.c.protocol == where.protocol)
    if after is not None:
        departed_at, link_id = after
        query = query.where(
            or_(
                table.c.departed_at < departed_at,
                and_(table.c.departed_at == departed_at, table.c.id > link_id),
            )
        )
    return query.order_by(table.c.departed_at.desc(), table.c.id).limit(limit)


def _columns(portfolio: str, link: CrossChainLink) -> Values:
    times = [
        half.time for half in (link.source, link.destination) if half is not None and half.time is not None
    ]
    return {
        "portfolio_id": portfolio,
        "id": link.id,
        "departed_at": times[0] if times else EPOCH,  # sorts last; the halves keep that it is unknown
        "state": link.state.value,
        "protocol": link.protocol,
        "tier": link.tier.value,
        "confidence": link.confidence,
        "treatment": link.treatment.value,
        "fee": link.fee,
        "source": documents.dump(link.source),
        "destination": documents.dump(link.destination),
        "reasons": documents.dump(link.reasons),
        "evidence": documents.dump(link.evidence),
        "further": documents.dump(link.further),
        "candidates": documents.dump(link.candidates),
        "default_treatment": None if link.default_treatment is None else link.default_treatment.value,
        "decision": link.decision,
    }


def _link(row: Row[Any]) -> CrossChainLink:
    return CrossChainLink(
        id=row.id,
        source=None if row.source is None else documents.load(BridgeLeg, row.source),
        destination=None if row.destination is None else documents.load(BridgeLeg, row.destination),
        protocol=row.protocol,
        tier=Tier(row.tier),
        confidence=row.confidence,
        state=LinkState(row.state),
        reasons=tuple(ReasonCode(reason) for reason in row.reasons),
        treatment=Treatment(row.treatment),
        evidence=tuple(row.evidence),
        fee=row.fee,
        further=tuple(documents.load(BridgeLeg, leg) for leg in row.further),
        candidates=tuple(row.candidates),
        default_treatment=None if row.default_treatment is None else Treatment(row.default_treatment),
        decision=row.decision,
    )
