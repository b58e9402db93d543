"""Judgments: what a person decided. Append-only, with who, when and why.

They refer to facts by what a re-index and a reorg keep: never by row ids or log indexes.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class JudgmentKind(StrEnum):
    """What is decided. `payload` of the judgment depends on it."""

    LINK = "link"
    """{state: confirmed|rejected, source, destination}"""
    SPAM = "spam"
    """{spam: bool} about an asset"""
    MOVEMENT = "movement"
    """{kind: MovementKind} about a transaction"""
    BASIS = "basis"
    """{cost, acquired_at} of an incoming transfer"""
    LOT_ALLOCATION = "lot_allocation"
    """Rev. Proc. 2024-28 allocation, or the lots of one sale (spec-id)"""
    UNDO = "undo"
    """Takes the judgment in `subject` back"""


@dataclass(frozen=True, slots=True)
class FactRef:
    """A transfer without row ids: `ordinal` counts equal ones within the transaction."""

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
