"""Append-only decisions of a portfolio's owner."""

from typing import Any

from sqlalchemy import Row, func, select

from indexer.model.judgment import Judgment, JudgmentKind
from indexer.store.staleness import raise_version
from indexer.store.tables import judgment
from indexer.store.transaction import Transaction


class SqlJudgments:
    """Implements `indexer.model.ledger.Judgments`."""

    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    async def add(self, decided: Judgment) -> None:
        """Append one; the portfolio's book becomes stale."""
        await self._transaction.hold(decided.portfolio)
        last = await self._transaction.row(
            select(func.max(judgment.c.place).label("place")).where(
                judgment.c.portfolio_id == decided.portfolio
            )
        )
        await self._transaction.run(
            judgment.insert().values(
                portfolio_id=decided.portfolio,
                id=decided.id,
                place=0 if last is None or last.place is None else last.place + 1,
                kind=decided.kind.value,
                subject=decided.subject,
                payload=decided.payload,
                who=decided.who,
                decided_at=decided.when,
                why=decided.why,
            )
        )
        await raise_version(self._transaction, [decided.portfolio])

    async def all(self, portfolio: str) -> tuple[Judgment, ...]:
        """All of them in the order they were made."""
        return await all_judgments(self._transaction, portfolio)


async def all_judgments(transaction: Transaction, portfolio: str) -> tuple[Judgment, ...]:
    """All judgments of a portfolio in the order they were made."""
    rows = await transaction.rows(
        select(judgment).where(judgment.c.portfolio_id == portfolio).order_by(judgment.c.place)
    )
    return tuple(_judgment(row) for row in rows)


def _judgment(row: Row[Any]) -> Judgment:
    return Judgment(
        id=row.id,
        portfolio=row.portfolio_id,
        kind=JudgmentKind(row.kind),
        subject=row.subject,
        payload=row.payload,
        who=row.who,
        when=row.decided_at,
        why=row.why,
    )
