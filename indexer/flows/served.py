"""What an answer out of the kept book may say of itself: how far it reaches, and why it is not final."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace

from indexer.flows.status import portfolio_freshness
from indexer.flows.views import Freshness
from indexer.model.errors import ConflictError
from indexer.model.ledger import UnitOfWork
from indexer.model.lots import BookGap
from indexer.model.stored import BookSnapshot

NO_BOOK = "no book has been derived yet: wallets are still being collected"
STALE = "facts, decisions or the profile have changed since: the book is being derived anew"


@dataclass(frozen=True, slots=True)
class Served:
    """The book's head (None before the first one) in one snapshot with the state of its chains."""

    head: BookSnapshot | None
    currency: str
    freshness: Freshness

    def with_gaps(self, gaps: Iterable[BookGap]) -> Freshness:
        """The freshness of an answer that these gaps touch."""
        counts = Counter((gap.code.value, gap.detail) for gap in gaps)
        because = (
            *self.freshness.incomplete_because,
            *(f"{code} ({count} movements): {detail}" for (code, detail), count in sorted(counts.items())),
        )
        return replace(self.freshness, complete=not because, incomplete_because=because)


async def served(work: UnitOfWork, portfolio: str, head: BookSnapshot | None = None) -> Served:
    """Look at the portfolio's book and how current it is. `head` saves reading it again."""
    head = head or await work.books.head(portfolio)
    freshness = await portfolio_freshness(work, portfolio)
    because = list(freshness.incomplete_because)
    if head is None:
        because.append(NO_BOOK)
    elif head.facts_version != await work.books.version(portfolio):
        because.append(STALE)
    profiles = await work.tenants.profile(portfolio)
    return Served(
        head=head,
        currency=head.currency if head else profiles[-1].currency,
        freshness=replace(
            freshness,
            as_of_block=head.as_of_block if head else freshness.as_of_block,
            complete=not because,
            incomplete_because=tuple(because),
        ),
    )


def changing() -> ConflictError:
    """The book that is kept is not the one that the present profile makes."""
    return ConflictError(f"{STALE}; ask again in a moment")
