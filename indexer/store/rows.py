"""Facts as rows and back: the hot path, plain dictionaries and tuples."""

from typing import Any

import orjson
from sqlalchemy import Row, and_, func, select

from indexer.model.asset import NOT_SPAM, Asset, SpamVerdict
from indexer.model.facts import BlockRef, Gap, GapCode, Transfer, TransferKind
from indexer.store.tables import block, transfer
from indexer.store.transaction import Values

GAS_RANK, NATIVE_RANK, INTERNAL_RANK, LOG_RANK, OTHER_RANK = 0, 1, 2, 1 << 48, 1 << 62
"""Order within a transaction: the fee, the value it carries, internal calls, then logs as they were emitted."""

HAS_RECEIPT = 4 << 40
"""Richness of a raw payload from which on it holds a receipt."""

_ITEMS = 1 << 20

IN_BLOCK = and_(block.c.chain == transfer.c.chain, block.c.number == transfer.c.block_number)
BLOCK_HASH = func.coalesce(block.c.hash, "").label("block_hash")
"""Of a transfer that is joined with `block` by `IN_BLOCK`; empty where no source has said it."""
FACT = select(transfer, BLOCK_HASH).outerjoin(block, IN_BLOCK)
"""What `to_transfer` takes."""


def rank_of(position: str) -> int:
    """An integer that sorts the positions of one transaction; unknown forms come last."""
    head, _, rest = position.partition(":")
    if head == "gas":
        return GAS_RANK
    if head == "native":
        return NATIVE_RANK
    if head == "internal":
        return INTERNAL_RANK
    index, _, item = rest.partition(":")
    if head == "log" and index.isdecimal() and len(index) < 8 and (not item or item.isdecimal()):
        return LOG_RANK + int(index) * _ITEMS + min(int(item or 0), _ITEMS - 1)
    return OTHER_RANK


def transfer_columns(fact: Transfer) -> Values:
    """A row of `transfer`."""
    return {
        "chain": fact.chain,
        "tx": fact.tx,
        "position": fact.position,
        "rank": rank_of(fact.position),
        "block_number": fact.block.number,
        "time": fact.block.time,
        "sender": fact.sender,
        "recipient": fact.recipient,
        "asset": fact.asset,
        "amount": fact.amount,
        "kind": fact.kind.value,
        "execution_fee": fact.execution_fee,
        "l1_fee": fact.l1_fee,
    }


def to_transfer(row: Row[Any]) -> Transfer:
    """A transfer from a row of `FACT`."""
    return Transfer(
        chain=row.chain,
        tx=row.tx,
        position=row.position,
        block=BlockRef(row.block_number, row.block_hash, row.time),
        sender=row.sender,
        recipient=row.recipient,
        asset=row.asset,
        amount=row.amount,
        kind=TransferKind(row.kind),
        execution_fee=row.execution_fee,
        l1_fee=row.l1_fee,
    )


def asset_columns(asset: Asset) -> Values:
    """A row of `asset`."""
    return {
        "id": asset.id,
        "symbol": asset.symbol,
        "decimals": asset.decimals,
        "name": asset.name,
        "identity_group": asset.group,
        "broad_group": asset.broad_group,
        "price_id": asset.price_id,
        "spam": asset.spam.spam,
        "spam_reason": asset.spam.reason,
    }


def to_asset(row: Row[Any]) -> Asset:
    """An asset from a row with the columns of `asset`."""
    spam = bool(row.spam)
    return Asset(
        id=row.id,
        symbol=row.symbol,
        decimals=row.decimals,
        name=row.name,
        group=row.identity_group,
        broad_group=row.broad_group,
        price_id=row.price_id,
        spam=SpamVerdict(spam, row.spam_reason) if spam or row.spam_reason else NOT_SPAM,
    )


def gap_columns(gap: Gap) -> Values:
    """A row of `gap`."""
    return {
        "address": gap.address,
        "chain": gap.chain,
        "source": gap.source,
        "code": gap.code.value,
        "subject": gap.subject,
        "detail": gap.detail,
        "from_block": gap.from_block,
        "to_block": gap.to_block,
    }


def to_gap(row: Row[Any]) -> Gap:
    """A gap from a row of `gap`."""
    return Gap(
        chain=row.chain,
        address=row.address,
        code=GapCode(row.code),
        source=row.source,
        subject=row.subject,
        detail=row.detail,
        from_block=row.from_block,
        to_block=row.to_block,
    )


def inspect_payload(payload: bytes, source: str) -> tuple[int, int | None]:
    """How much a raw payload knows, and the transaction's index in its block.

    Richness is a total order, so that whichever payload comes first the same one stays: more known parts (of
    receipt, transaction and internal calls) beat fewer, a node beats an explorer, the longer text the shorter.
    """
    try:
        parts = orjson.loads(payload)
    except orjson.JSONDecodeError:
        parts = {}
    if not isinstance(parts, dict):
        parts = {}
    weights = {"receipt": 4, "tx": 2, "internals": 1}
    known = sum(weight for part, weight in weights.items() if parts.get(part) is not None)
    explorer = any(word in source for word in ("explorer", "scan", "blockscout"))
    richness = known << 40 | (0 if explorer else 1) << 39 | min(len(payload), (1 << 39) - 1)
    index = _index(parts.get("receipt"))
    return richness, _index(parts.get("tx")) if index is None else index


def _index(part: object) -> int | None:
    text = part.get("transactionIndex") if isinstance(part, dict) else None
    try:
        number = int(text, 0) if isinstance(text, str) else text
    except ValueError:
        return None
    return number if isinstance(number, int) and 0 <= number < 1 << 31 else None
