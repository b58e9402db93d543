"""Facts: what a chain says. Immutable, integer base units, removed only by a reorg of their block."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from indexer.model.asset import Asset

REBASE = "rebase:"
"""How the name begins that stands in the transaction's place where a token changed balances without a transfer."""


class TransferKind(StrEnum):
    """How value moved."""

    NATIVE = "native"
    INTERNAL = "internal"
    ERC20 = "erc20"
    ERC721 = "erc721"
    ERC1155 = "erc1155"
    WRAP = "wrap"
    """Deposit or withdrawal event of a wrapped native token that emits no Transfer log."""
    GAS = "gas"


@dataclass(frozen=True, slots=True)
class BlockRef:
    """A block by number and hash; the time is a UTC instant from its header."""

    number: int
    hash: str
    time: datetime


class Transfer(NamedTuple):
    """One movement of one asset between two addresses in one transaction.

    Identity is `(chain, tx, position)`. `position` is `log:<block log index>` (with `:<n>` behind it for the
    n-th item of an ERC-1155 batch), `native`, `gas`, or `internal:<digest of (from, to, value)>:<ordinal among
    equal ones>`: explorers and nodes number the same internal call differently, so only what they agree on names it.
    Addresses and hashes are lower case. `amount` is in base units and never negative. A `gas` transfer goes
    from the payer to the zero address, `amount` being `execution_fee` plus `l1_fee`; an `l1_fee` of None
    means that the source did not know it (the amount is then the execution fee alone, and a gap says so).

    A tuple, because there are hundreds of thousands at once: a frozen dataclass takes five times as long to make.
    """

    chain: str
    tx: str
    position: str
    block: BlockRef
    sender: str
    recipient: str
    asset: str
    """CAIP-19 id"""
    amount: int
    kind: TransferKind
    execution_fee: int | None = None
    l1_fee: int | None = None

    @property
    def key(self) -> tuple[str, str, str]:
        """The fact's identity."""
        return (self.chain, self.tx, self.position)


@dataclass(frozen=True, slots=True)
class RawTransaction:
    """What was fetched for a transaction that touches a watched address, so that decoders re-run offline.

    `payload` is JSON bytes (uncompressed here; the store compresses it) with the keys `tx`, `receipt`,
    `internals` as far as they are known. A payload from a node replaces one from an explorer.
    """

    chain: str
    tx: str
    block_hash: str
    source: str
    payload: bytes


class GapCode(StrEnum):
    """Why a ledger is not proven complete. The value is stable: users and tests refer to it."""

    BALANCE_MISMATCH = "balance_mismatch"
    """The node reports another balance than the ledger sums to."""
    BALANCE_UNVERIFIED = "balance_unverified"
    """The node refuses balances, so that the sum cannot be checked."""
    RECEIPT_UNAVAILABLE = "receipt_unavailable"
    """The receipt is refused or missing: token transfers and exact fees of the transaction are unknown."""
    L1_FEE_UNKNOWN = "l1_fee_unknown"
    INTERNALS_UNKNOWN = "internals_unknown"
    """No source lists the internal calls of a range or transaction."""
    SOURCE_UNAVAILABLE = "source_unavailable"
    """A source that was asked for history refuses or cannot be reached."""
    SOURCE_LAGS = "source_lags"
    """A source does not yet cover the blocks up to the head."""
    SOURCE_CONFLICT = "source_conflict"
    """Two sources disagree about one fact."""
    DECODE_FAILED = "decode_failed"
    """A log that looks like a transfer does not decode."""
    DECIMALS_UNKNOWN = "decimals_unknown"


@dataclass(frozen=True, slots=True)
class Gap:
    """A named hole in what is known about one address on one chain.

    `subject` tells equal codes apart (an asset, a transaction, a source); a gap is replaced by one of the same
    (code, subject) and removed when the source that reported it no longer does.
    """

    chain: str
    address: str
    code: GapCode
    source: str
    subject: str
    detail: str
    """One sentence for the user: what is missing, why, what to do."""
    from_block: int | None = None
    to_block: int | None = None


@dataclass(frozen=True, slots=True)
class FactPage:
    """One page of facts of one source; it is committed together with its cursor.

    `cursor` is the source's own resumable state as a JSON object, opaque to everyone else. `covered_to` is the
    highest block up to which this source now vouches to be complete for the address. `gaps` are the gaps found
    in this page; `replaces_gaps` says that they replace all earlier gaps of this source and address.
    """

    chain: str
    address: str
    source: str
    transfers: tuple[Transfer, ...]
    cursor: dict[str, object]
    covered_to: int
    raws: tuple[RawTransaction, ...] = ()
    assets: tuple[Asset, ...] = ()
    gaps: tuple[Gap, ...] = ()
    replaces_gaps: bool = False
    anchors: tuple[BlockRef, ...] = field(default=())
    """Blocks whose hash is remembered besides those of the transfers, to notice a reorg later."""
    target: int = 0
    """The block this run wants to reach: progress is `covered_to / target`."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """Facts of many addresses from one stretch of blocks; they are committed together with all their cursors.

    The source vouches that above where it was before and up to `covered_to` nothing is missing for any of the
    addresses it was asked for; each one's cursor becomes `{"next": covered_to + 1}`. Every gap names its own
    address. `replaces_gaps` says that the gaps replace all earlier ones of this source and these addresses.
    """

    chain: str
    source: str
    covered_to: int | None
    """None: this sweep says nothing of how far the source is; the cursors stay."""
    transfers: Sequence[Transfer]
    raws: Sequence[RawTransaction] = ()
    assets: Sequence[Asset] = ()
    gaps: Sequence[Gap] = ()
    replaces_gaps: bool = False
    retold: Sequence[str] = ()
    """Transactions that were read whole: a token fact of theirs that is not in `transfers` was a lie and is taken
    back with a SOURCE_CONFLICT gap, and earlier gaps of this source about them are void."""
    settled_for: frozenset[str] | None = None
    """Whom `retold` transactions were settled for: facts that touch nobody of them are not judged. None: the
    addresses of the commit, the follower's members for `EVERYONE`."""
    anchors: Sequence[BlockRef] = ()
    """Blocks whose hash is remembered besides those of the transfers, to notice a reorg later."""
    target: int = 0
    """The block this run wants to reach: progress is `covered_to / target`."""

    def joined(self, later: "Sweep") -> "Sweep":
        """This sweep and the one that follows it as one. Only of the same source, and none that is `retold`."""
        gaps = later.gaps if later.replaces_gaps else [*self.gaps, *later.gaps]
        return replace(
            self,
            covered_to=self.covered_to if later.covered_to is None else later.covered_to,
            transfers=[*self.transfers, *later.transfers],
            raws=[*self.raws, *later.raws],
            assets=[*self.assets, *later.assets],
            gaps=gaps,
            replaces_gaps=self.replaces_gaps or later.replaces_gaps,
            anchors=[*self.anchors, *later.anchors],
            target=later.target,
        )
