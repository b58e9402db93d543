"""Judgments: what a person decided. Append-only, with who, when and why.

They refer to facts by what a re-index and a reorg keep: never by row ids or log indexes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class JudgmentKind(StrEnum):
    """What is decided. `payload` of the judgment depends on it."""

    LINK = "link"
    """{decision: LinkDecision, treatment, source, destination, further, batch}; halves are `FactRef` documents"""
    SPAM = "spam"
    """{spam: bool} about an asset (CAIP-19) or an account (CAIP-10)"""
    MOVEMENT = "movement"
    """{kind: MovementKind} about a transaction"""
    BASIS = "basis"
    """{cost, acquired_at} of an incoming transfer"""
    LOT_ALLOCATION = "lot_allocation"
    """Rev. Proc. 2024-28 allocation, or the lots of one sale (spec-id)"""
    UNDO = "undo"
    """Takes the judgment in `subject` back"""


class LinkDecision(StrEnum):
    """What the owner says of a cross-chain move."""

    CONFIRM = "confirm"
    """It is one move of mine, and this is how it is taxed."""
    REJECT = "reject"
    """It is none: its halves are ordinary sends and receipts."""
    PAIR = "pair"
    """These two belong together, whatever the evidence says."""
    SPLIT = "split"
    """These do not belong together; each half waits for its own other side."""


@dataclass(frozen=True, slots=True)
class FactRef:
    """A fact without row ids: `ordinal` counts equal ones within the transaction.

    `kind` is a `TransferKind`, or `src` or `dst` for the half of a bridge move as its event tells it; of a half,
    the own address alone is named, as sender or recipient.
    """

    chain: str
    tx: str
    kind: str
    sender: str
    recipient: str
    asset: str
    amount: int
    ordinal: int = 0


@dataclass(frozen=True, slots=True)
class Judgment:
    """One decision. The latest about a subject that is not undone holds."""

    id: str
    portfolio: str
    kind: JudgmentKind
    subject: str
    payload: dict[str, object]
    who: str
    when: datetime
    why: str = ""


def standing(judgments: Iterable[Judgment]) -> tuple[Judgment, ...]:
    """Judgments that hold, oldest first: not undone, and no undoings. An undoing that is undone counts for nothing.

    `judgments` come in the order they were made; several about one subject may stand, and the last of a kind holds.
    """
    ordered = tuple(judgments)
    undone: set[str] = set()
    for judgment in reversed(ordered):
        if judgment.kind is JudgmentKind.UNDO and judgment.id not in undone:
            undone.add(judgment.subject)
    return tuple(
        judgment
        for judgment in ordered
        if judgment.id not in undone and judgment.kind is not JudgmentKind.UNDO
    )
