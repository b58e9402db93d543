"""What the owner says of cross-chain moves, and what that did."""

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from api.schemas.base import Input, Instant, Output, Text
from api.schemas.links import LinkOut, ProtocolName
from indexer.flows.decide import Decided
from indexer.model.judgment import Judgment, JudgmentKind, LinkDecision
from indexer.model.links import Treatment

Treated = Annotated[
    Literal["not_taxable", "taxable"] | None,
    Field(description="How a confirmed move is taxed; left out, the default of the jurisdiction stays."),
]
Why = Annotated[Text, Field(max_length=1_000, description="For your own records.")]
Half = Annotated[
    str,
    Field(
        pattern=r"^[-.:/_0-9a-zA-Z]{1,256}$",
        description="A link's id (its own half is taken) or a transfer's id.",
        examples=["eip155:1/0x5c50.../log:17"],
    ),
]


class NewDecision(Input):
    """What you say about one link."""

    decision: Literal["confirm", "reject", "split"]
    treatment: Treated = None
    why: Why = ""


class NewDecisions(Input):
    """What you say about every open link of a protocol, or about two halves that belong together."""

    decision: Literal["confirm", "reject", "pair"]
    protocol: ProtocolName | None = None
    source: Half | None = None
    destination: Half | None = None
    treatment: Treated = None
    why: Why = ""

    @model_validator(mode="after")
    def _names_its_halves(self) -> Self:
        paired = self.source is not None and self.destination is not None and self.protocol is None
        bulk = self.protocol is not None and self.source is None and self.destination is None
        if not (paired if self.decision == "pair" else bulk):
            raise ValueError(
                "`pair` takes `source` and `destination`; `confirm` and `reject` take `protocol`"
            )
        return self


class Undoing(Input):
    """Why a decision is taken back."""

    why: Why = ""


class DecidedOut(Output):
    """What was written down, and the links that now hold the halves it is about."""

    decisions: list[str] = Field(description="Ids of what was appended, for `undo`.")
    batch: str | None = Field(description="Names all decisions of one protocol at once, for `undo`.")
    links: list[LinkOut]

    @classmethod
    def of(cls, decided: Decided) -> Self:
        """Write what a decision did."""
        return cls(
            decisions=list(decided.decisions),
            batch=decided.batch,
            links=[LinkOut.of(view) for view in decided.links],
        )


class DecisionOut(Output):
    """One word of the owner, as it was written down."""

    id: str
    decision: Literal["confirm", "reject", "pair", "split", "undo"]
    treatment: Literal["not_taxable", "taxable"] | None
    undoes: str | None = Field(description="The decision that this one takes back.")
    batch: str | None
    transactions: list[str] = Field(
        description="Hashes of the transactions it is about, the departure first."
    )
    who: str
    when: Instant
    why: str

    @classmethod
    def of(cls, judgment: Judgment) -> Self:
        """Write a judgment about links."""
        undo = judgment.kind is JudgmentKind.UNDO
        payload = judgment.payload
        halves = [payload.get("source"), payload.get("destination"), *_list(payload.get("further"))]
        return cls.model_validate(
            {
                "id": judgment.id,
                "decision": "undo" if undo else LinkDecision(str(payload["decision"])).value,
                "treatment": None if undo or payload.get("treatment") is None else _treatment(payload),
                "undoes": judgment.subject if undo else None,
                "batch": payload.get("batch"),
                "transactions": [half["tx"] for half in halves if isinstance(half, Mapping)],
                "who": judgment.who,
                "when": judgment.when,
                "why": judgment.why,
            }
        )


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _treatment(payload: Mapping[str, object]) -> str:
    return Treatment(str(payload["treatment"])).value
