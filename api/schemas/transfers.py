"""Transfers: the facts of the ledger, one row each."""

from typing import Annotated, Literal, Self

from pydantic import Field

from api.schemas.base import (
    Amount,
    AssetRef,
    Chain,
    Cursor,
    Instant,
    Limit,
    Output,
    Parameters,
    WalletRef,
    amount,
    shown_address,
    text_or_null,
)
from indexer.model.facts import TransferKind
from indexer.model.stored import TransferRow

Kind = Literal["native", "internal", "erc20", "erc721", "erc1155", "wrap", "gas"]


class TransferQuery(Parameters):
    """Which transfers; filters that are left out let everything through."""

    wallet: WalletRef = None
    chain: Chain | None = None
    asset: AssetRef | None = None
    kind: Annotated[TransferKind | None, Field(description="How value moved.")] = None
    tx: Annotated[
        str | None,
        Field(pattern=r"^[0-9a-zA-Z]{1,128}$", description="Hash of a transaction, as its chain writes it."),
    ] = None
    include_spam: Annotated[
        bool, Field(description="Whether transfers that are spam, or of spam assets, are listed.")
    ] = True
    cursor: Cursor = None
    limit: Limit = 100


class TransferOut(Output):
    """One movement of one asset between two addresses in one transaction."""

    id: str = Field(description="`<chain>/<tx>/<position>`: the same after a re-index.")
    chain: str = Field(examples=["eip155:1"])
    tx: str
    block: int
    timestamp: Instant
    position: str = Field(
        description="`log:<block log index>`, `native`, `gas` or `internal:<ordinal>`.", examples=["log:17"]
    )
    kind: Kind
    asset: str = Field(description="CAIP-19 id.")
    symbol: str
    token_id: str | None = Field(description="Of an ERC-721 or ERC-1155 item.")
    sender: str = Field(serialization_alias="from")
    recipient: str = Field(serialization_alias="to")
    amount: Amount
    execution_fee: str | None = Field(description="Of a `gas` row, in base units of the native asset.")
    l1_fee: str | None = Field(
        description="Of a `gas` row on a rollup, in base units; null when nobody knows it."
    )
    spam: bool = Field(description="Its asset is spam, or the transfer by itself is.")
    spam_reason: str | None = Field(description="Why; also why something is not taken for spam.")

    @classmethod
    def of(cls, row: TransferRow) -> Self:
        """Write a transfer."""
        transfer, asset = row.transfer, row.asset
        return cls(
            id=row.id,
            chain=transfer.chain,
            tx=transfer.tx,
            block=transfer.block.number,
            timestamp=transfer.block.time,
            position=transfer.position,
            kind=transfer.kind.value,
            asset=transfer.asset,
            symbol=asset.symbol,
            token_id=_item(transfer.asset),
            sender=shown_address(transfer.sender),
            recipient=shown_address(transfer.recipient),
            amount=amount(transfer.amount, asset.decimals),
            execution_fee=text_or_null(transfer.execution_fee),
            l1_fee=text_or_null(transfer.l1_fee),
            spam=asset.spam.spam or row.poison is not None,
            spam_reason=asset.spam.reason or None
            if asset.spam.spam
            else row.poison or asset.spam.reason or None,
        )


def _item(asset: str) -> str | None:
    """The token id of a CAIP-19 id, which is its third part."""
    parts = asset.split("/")
    return parts[2] if len(parts) == 3 else None
