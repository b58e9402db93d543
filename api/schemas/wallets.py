"""Wallets and how far each is known."""

from typing import Annotated, Literal, Self

from pydantic import Field

from api.schemas.base import Chain, Cursor, Input, Instant, Limit, Output, Parameters, Text, shown_address
from indexer.flows.views import ChainStatus, GapView, WalletStatus

State = Literal["pending", "syncing", "synced", "error"]


class NewWallet(Input):
    """An address to watch. Registering it again adds chains to it."""

    address: Annotated[
        Text,
        Field(
            min_length=1,
            max_length=128,
            description="In mixed case its checksum (EIP-55) must be right; in one case it has none.",
            examples=["0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"],
        ),
    ]
    chains: Annotated[
        list[Chain],
        Field(min_length=1, max_length=64, description="CAIP-2 ids, at least one.", examples=[["eip155:1"]]),
    ]
    label: Annotated[Text, Field(max_length=100, description="Your name for it.")] = ""


class WalletQuery(Parameters):
    """Which wallets."""

    cursor: Cursor = None
    limit: Limit = 100


class GapOut(Output):
    """A named hole in what is known: equal gaps of one address on one chain, summed up."""

    code: str = Field(examples=["receipt_unavailable"])
    source: str = Field(description="What reported it.")
    detail: str = Field(description="What is missing, why, and what to do.")
    count: int = Field(description="How many equal gaps this stands for.")
    from_block: int | None
    to_block: int | None
    transactions: list[str] = Field(
        description="Hashes of the transactions it is about, where it is about some."
    )
    asset: str | None = Field(description="CAIP-19 id of the asset, where it is about one.")

    @classmethod
    def of(cls, gap: GapView) -> Self:
        """Write a gap."""
        return cls(
            code=gap.code.value,
            source=gap.source,
            detail=gap.detail,
            count=gap.count,
            from_block=gap.from_block,
            to_block=gap.to_block,
            transactions=list(gap.transactions),
            asset=gap.asset,
        )


class ChainOut(Output):
    """How far a wallet is known on one chain."""

    chain: str = Field(examples=["eip155:1"])
    state: State
    as_of_block: int | None = Field(
        description="Everything up to this block is in the ledger; null before the first."
    )
    complete: bool = Field(description="Synced, proven against the balances of the node, and without gaps.")
    progress: float = Field(description="0 to 1 of the blocks of the present run.")
    error: str | None = Field(
        description="Why the last run failed and what to do; it is tried again by itself."
    )
    gaps: list[GapOut]

    @classmethod
    def of(cls, status: ChainStatus) -> Self:
        """Write the state of one chain."""
        return cls(
            chain=status.chain,
            state=status.state.value,
            as_of_block=status.as_of_block,
            complete=status.complete,
            progress=status.progress,
            error=status.error,
            gaps=[GapOut.of(gap) for gap in status.gaps],
        )


class WalletOut(Output):
    """A watched address with the state of each of its chains."""

    id: str
    address: str = Field(description="With its checksum (EIP-55) where it is an EVM address.")
    label: str
    group: str = Field(
        description="The tax wallet it belongs to: the address itself unless addresses were grouped."
    )
    created_at: Instant
    chains: list[ChainOut]

    @classmethod
    def of(cls, status: WalletStatus) -> Self:
        """Write a wallet."""
        wallet = status.wallet
        return cls(
            id=wallet.id,
            address=shown_address(wallet.address),
            label=wallet.label,
            group=shown_address(wallet.group),
            created_at=wallet.created_at,
            chains=[ChainOut.of(chain) for chain in status.chains],
        )
