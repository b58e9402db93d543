"""One link with its evidence and both readings, and the dashboard's figures."""

from typing import Literal, Self

from pydantic import Field

from api.schemas.base import Fresh, Instant, Money, Output, fresh, money
from api.schemas.link_decisions import DecisionOut
from api.schemas.links import LegOut, LinkOut, OutcomesOut
from api.schemas.transfers import TransferOut
from indexer.flows.link_detail import Candidate, Evidence, LinkDetail
from indexer.flows.link_summary import LinkSummary, OpenMoves
from indexer.flows.views import LinkView


class EvidenceOut(Output):
    """One transaction of the move, as it stands in the ledger."""

    side: Literal["src", "dst"]
    chain: str
    tx: str
    block: int | None
    timestamp: Instant | None
    event: str = Field(description="The decoded event and its contract.")
    join_key: str | None = Field(description="The id that both sides carry, where the protocol has one.")
    url: str | None = Field(
        description="The transaction's page at an explorer; null where none is configured."
    )
    transfers: list[TransferOut]
    more_transfers: bool = Field(description="There are more than are listed.")

    @classmethod
    def of(cls, found: Evidence) -> Self:
        """Write one transaction."""
        return cls(
            side=found.leg.side.value,
            chain=found.leg.chain,
            tx=found.leg.tx,
            block=found.block,
            timestamp=found.time,
            event=found.leg.event,
            join_key=found.leg.join_key,
            url=found.url,
            transfers=[TransferOut.of(row) for row in found.transfers],
            more_transfers=found.more,
        )


class CandidateOut(Output):
    """A half that would fit as well."""

    id: str
    half: LegOut | None = Field(description="Null when no link holds it any more.")
    url: str | None
    link: str | None = Field(description="The link that holds it now; name it to pair by hand.")

    @classmethod
    def of(cls, found: Candidate, view: LinkView) -> Self:
        """Write a candidate."""
        half = None if found.leg is None else LegOut.of(found.leg, view.assets)
        return cls(id=found.id, half=half, url=found.url, link=found.link)


class ReasonOut(Output):
    """What the move is."""

    code: str
    sentence: str
    treatment: Literal["not_taxable", "review", "taxable"] = Field(
        description="The default in the portfolio's jurisdiction. No advice."
    )


class LinkDetailOut(Output):
    """One link with its evidence, its rivals, both readings, and what was decided."""

    link: LinkOut
    transactions: list[EvidenceOut]
    candidates: list[CandidateOut]
    reasons: list[ReasonOut]
    outcomes: OutcomesOut
    decisions: list[DecisionOut] = Field(description="Every word about these halves, oldest first.")

    @classmethod
    def of(cls, detail: LinkDetail) -> Self:
        """Write a link's detail."""
        return cls(
            link=LinkOut.of(detail.view),
            transactions=[EvidenceOut.of(found) for found in detail.evidence],
            candidates=[CandidateOut.of(found, detail.view) for found in detail.candidates],
            reasons=[
                ReasonOut(code=one.code.value, sentence=one.sentence, treatment=one.treatment.value)
                for one in detail.reasons
            ],
            outcomes=OutcomesOut.of(detail.outcomes),
            decisions=[DecisionOut.of(one) for one in detail.decisions],
        )


class OpenMovesOut(Output):
    """What waits for you."""

    links: int
    value_at_stake: Money = Field(
        description="What the moves were worth when they left; without the unpriced ones."
    )
    unpriced: int = Field(description="Open moves whose worth nobody knows.")

    @classmethod
    def of(cls, moves: OpenMoves, currency: str) -> Self:
        """Write the figures."""
        return cls(links=moves.links, value_at_stake=money(moves.value, currency), unpriced=moves.unpriced)


class LinkSummaryOut(Fresh):
    """The dashboard's figures about cross-chain moves."""

    states: dict[str, int] = Field(description="All links by state.")
    open: OpenMovesOut
    by_protocol: dict[str, OpenMovesOut] = Field(description="The open ones.")
    by_reason: dict[str, int] = Field(description="The open ones; a link may have several reasons.")

    @classmethod
    def of(cls, summary: LinkSummary) -> Self:
        """Write the summary."""
        return cls(
            states=dict(summary.states),
            open=OpenMovesOut.of(summary.open, summary.currency),
            by_protocol={
                name: OpenMovesOut.of(moves, summary.currency) for name, moves in summary.by_protocol.items()
            },
            by_reason=dict(summary.by_reason),
            **fresh(summary.freshness),
        )
