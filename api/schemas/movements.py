"""Movements, and the owner's word about them and about assets."""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import Field, Strict

from api.schemas.base import (
    Cursor,
    Fresh,
    Input,
    Instant,
    Limit,
    Money,
    Output,
    Parameters,
    Text,
    fresh,
    money,
    money_or_null,
    shown_address,
)
from indexer.flows.judge import DECIDABLE, Decision
from indexer.flows.movements import MovementDetail, MovementView, Outcome
from indexer.flows.pools import whole
from indexer.model.asset import Asset
from indexer.model.lots import BookGap
from indexer.model.money import fiat_to_decimal, plain
from indexer.model.movement import Leg, MovementKind
from indexer.model.stored import SaleOutcome

Number = Annotated[str, Field(pattern=r"^[0-9]{1,40}(\.[0-9]{1,40})?$", examples=["1234.56"])]
"""An exact decimal number as text."""

Why = Annotated[Text, Field(max_length=1_000, description="For you and whoever reads your books later.")]


class MovementQuery(Parameters):
    """Which movements."""

    kind: Annotated[MovementKind | None, Field(description="Leave out for every kind.")] = None
    wallet: Annotated[
        str | None,
        Field(pattern=r"^[^\x00-\x1f\x7f]{1,128}$", description="Id, address, or name of a tax wallet."),
    ] = None
    needs_review: Annotated[
        bool | None, Field(description="true: those that only you can say more about.")
    ] = None
    cursor: Cursor = None
    limit: Limit = 100


class MovementLegOut(Output):
    """One asset that left or came."""

    asset: str = Field(description="CAIP-19 id.")
    symbol: str | None
    pool: str = Field(description="The identity group that its lots are pooled in, or the asset itself.")
    wallet: str = Field(description="Tax wallet.")
    address: str | None
    quantity: str = Field(description="Whole tokens.")
    value: Money | None = Field(description="Worth at that time; null when unknown or not needed.")

    @classmethod
    def of(cls, leg: Leg, assets: Mapping[str, Asset], currency: str) -> Self:
        """Write a leg."""
        asset = assets.get(leg.asset)
        return cls(
            asset=leg.asset,
            symbol=None if asset is None else asset.symbol,
            pool=leg.pool_asset,
            wallet=shown_address(leg.wallet),
            address=None if leg.address is None else shown_address(leg.address),
            quantity=plain(whole(leg.quantity, asset)),
            value=None if leg.value is None else money(fiat_to_decimal(leg.value), currency),
        )


class SaleOut(Output):
    """What a send would bring if it was a sale at market value."""

    proceeds: Money
    cost: Money
    gain: Money
    basis_known: bool = Field(description="False when the cost is an assumption.")

    @classmethod
    def of(cls, outcome: SaleOutcome, currency: str) -> Self:
        """Write the outcome."""
        return cls(
            proceeds=money(fiat_to_decimal(outcome.proceeds), currency),
            cost=money(fiat_to_decimal(outcome.cost), currency),
            gain=money(fiat_to_decimal(outcome.gain), currency),
            basis_known=outcome.basis_known,
        )


class MovementGapOut(Output):
    """Why the movement is not final."""

    code: str = Field(examples=["unreviewed_send"])
    asset: str
    detail: str

    @classmethod
    def of(cls, gap: BookGap) -> Self:
        """Write a gap."""
        return cls(code=gap.code.value, asset=gap.asset, detail=gap.detail)


class MovementOut(Output):
    """One transaction, or a part of it, as the books took it."""

    id: str = Field(description="`<chain>:<tx>`, with `#n` behind it where a transaction did several things.")
    chain: str
    tx: str
    timestamp: Instant
    kind: str = Field(examples=["send"])
    proposed: str | None = Field(description="What it was taken for before your word; null without one.")
    needs_review: bool = Field(description="Only you can say what it was, or what it cost.")
    decisions: list[str] = Field(description="Ids of your decisions that shaped it.")
    counterparty: str | None
    link: str | None = Field(description="The move between chains of which this is a half.")
    out: list[MovementLegOut]
    into: list[MovementLegOut]
    fee: list[MovementLegOut]
    acquired_at: Instant | None = Field(description="Original acquisition, where you gave one.")
    gaps: list[MovementGapOut]
    if_sold: SaleOut | None = Field(
        description="Of an unreviewed send, under methods that take lots: what a sale at market value would realize."
    )
    if_not_sold: Money | None = Field(
        description="Of an unreviewed send: what a transfer to yourself, or a gift where gifts are no disposal, realizes."
    )

    @classmethod
    def of(cls, view: MovementView) -> Self:
        """Write a movement."""
        return cls(**cls.members(view))

    @staticmethod
    def members(view: MovementView) -> dict[str, Any]:
        """The fields of a movement."""
        booked, movement, currency = view.booked, view.booked.movement, view.currency
        chain, _, tx = movement.id.partition("#")[0].rpartition(":")

        def legs(given: tuple[Leg, ...]) -> list[MovementLegOut]:
            return [MovementLegOut.of(leg, view.assets, currency) for leg in given]

        return {
            "id": movement.id,
            "chain": chain,
            "tx": tx,
            "timestamp": movement.time,
            "kind": movement.kind.value,
            "proposed": None if booked.proposed is None else booked.proposed.value,
            "needs_review": booked.needs_review,
            "decisions": list(booked.decisions),
            "counterparty": None if movement.counterparty is None else shown_address(movement.counterparty),
            "link": movement.link,
            "out": legs(movement.out),
            "into": legs(movement.into),
            "fee": legs(movement.fee),
            "acquired_at": movement.acquired_at,
            "gaps": [MovementGapOut.of(gap) for gap in view.gaps],
            "if_sold": None if booked.if_sold is None else SaleOut.of(booked.if_sold, currency),
            "if_not_sold": money_or_null(
                Decimal(0) if movement.kind is MovementKind.SEND else None, currency
            ),
        }


class OutcomeOut(Output):
    """What your word would change in the realized totals, compared with the books as they are."""

    kind: str = Field(description="What you would say: `sell`, `gift_out`, `self`.")
    short: Money
    long: Money
    disallowed: Money = Field(description="Losses that a wash-sale rule would put off.")
    gaps: int = Field(description="Gaps that would be added; below zero: closed.")

    @classmethod
    def of(cls, outcome: Outcome, currency: str) -> Self:
        """Write an outcome."""
        return cls(
            kind=outcome.kind.value,
            short=money(fiat_to_decimal(outcome.short), currency),
            long=money(fiat_to_decimal(outcome.long), currency),
            disallowed=money(fiat_to_decimal(outcome.disallowed), currency),
            gaps=outcome.missing,
        )


class MovementDetailOut(MovementOut, Fresh):
    """A movement with the outcomes of every decision about it, each computed by booking it so."""

    outcomes: list[OutcomeOut] = Field(description="Of an unreviewed send; otherwise empty.")

    @classmethod
    def detailed(cls, detail: MovementDetail) -> Self:
        """Write a movement and its outcomes."""
        return cls(
            **cls.members(detail.view),
            outcomes=[OutcomeOut.of(one, detail.view.currency) for one in detail.outcomes],
            **fresh(detail.freshness),
        )


class NewKind(Input):
    """What a movement was."""

    kind: Annotated[Literal[*[kind.value for kind in DECIDABLE]], Field(examples=["sell"])]  # type: ignore[valid-type]  # built from the flow's list
    why: Why = ""


class NewBasis(Input):
    """What units that came from elsewhere cost."""

    cost: Annotated[Number, Field(description="For all of them, in the currency of your profile.")]
    acquired_at: Annotated[
        datetime | None,
        Strict(False),
        Field(
            description="RFC 3339 with a zone; left out: when they came.", examples=["2021-05-04T10:00:00Z"]
        ),
    ] = None
    why: Why = ""


class NamedLot(Input):
    """Units of one lot."""

    lot: Annotated[Text, Field(min_length=1, max_length=200, description="Its id, from `GET /v1/lots`.")]
    quantity: Annotated[Number, Field(description="Whole tokens.")]


class NewLots(Input):
    """The lots of one sale, in the order they are taken."""

    lots: Annotated[list[NamedLot], Field(min_length=1, max_length=1_000)]
    why: Why = ""


class AllocatedUnitsIn(Input):
    """Units of a lot that are said to be in a tax wallet."""

    lot: Annotated[Text, Field(min_length=1, max_length=200)]
    wallet: Annotated[Text, Field(min_length=1, max_length=200, description="Name of a tax wallet.")]
    qty: Annotated[Number, Field(description="Whole tokens.")]


class NewAllocation(Input):
    """How unused basis is allocated when one pool becomes one a wallet: specific units, or a rule of order."""

    units: Annotated[list[AllocatedUnitsIn] | None, Field(min_length=1, max_length=2_000)] = None
    wallets: Annotated[
        list[Annotated[Text, Field(min_length=1, max_length=200)]] | None,
        Field(min_length=1, max_length=1_000, description="Tax wallets in the order they are filled."),
    ] = None
    order: Annotated[
        Literal["fifo", "lifo", "hifo", "lofo"] | None,
        Field(description="Which lots go first, with `wallets`; fifo when left out."),
    ] = None
    why: Why = ""


class NewSpam(Input):
    """Whether an asset is spam."""

    spam: bool
    why: Why = ""


class NewUndo(Input):
    """Why a decision is taken back."""

    why: Why = ""


class JudgmentOut(Output):
    """One decision as it was said."""

    id: str
    kind: Literal["link", "spam", "movement", "basis", "lot_allocation", "undo"]
    subject: str = Field(description="A movement, an asset, a link's transactions, or the decision undone.")
    said: dict[str, Any] = Field(description="What was decided, by `kind`.")
    who: str
    when: Instant
    why: str
    stands: bool = Field(description="False: undone.")
    undone_by: str | None
    waiting: bool = Field(
        description="Its movement is not there as it was; the decision holds again if that comes back."
    )

    @classmethod
    def of(cls, decision: Decision) -> Self:
        """Write a decision."""
        judgment = decision.judgment
        return cls(
            id=judgment.id,
            kind=judgment.kind.value,
            subject=judgment.subject,
            said={name: value for name, value in judgment.payload.items() if name != "seen"},
            who=judgment.who,
            when=judgment.when,
            why=judgment.why,
            stands=decision.stands,
            undone_by=decision.undone_by,
            waiting=decision.waiting,
        )


class AssetOut(Output):
    """An asset that your transfers move."""

    id: str = Field(description="CAIP-19 id.")
    symbol: str
    name: str
    decimals: int | None
    group: str | None = Field(description="The same property on every chain: its lots are pooled.")
    broad_group: str | None = Field(description="With wrapped and staked forms, for wash windows.")
    spam: bool
    spam_reason: str | None

    @classmethod
    def of(cls, asset: Asset) -> Self:
        """Write an asset."""
        return cls(
            id=asset.id,
            symbol=asset.symbol,
            name=asset.name,
            decimals=asset.decimals,
            group=asset.group,
            broad_group=asset.broad_group,
            spam=asset.spam.spam,
            spam_reason=asset.spam.reason or None,
        )
