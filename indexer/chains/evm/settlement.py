"""What one transaction moved: native value, fee, tokens and internal calls, as transfers of one address (pure)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from indexer.chains.evm.decode import (
    BOOTLOADER,
    TRANSFER,
    ZERO,
    ZKSYNC_COIN,
    Log,
    LogRules,
    Move,
    Value,
    internal_positions,
    merge_values,
    parse_receipt_logs,
    read_logs,
    without,
)
from indexer.model.asset import AssetKind, token_id
from indexer.model.chain import ChainSpec, Quirk
from indexer.model.facts import BlockRef, Gap, GapCode, Transfer, TransferKind

UNPAID_TYPES = frozenset({0x7E, 0x7F, 0x64, 0x68, 0x69, 0x6A, 0xFF})
"""Transaction types whose sender pays no fee from its balance: OP-stack and Scroll deposits (0x7e), Polygon's state
syncs (0x7f), Arbitrum's deposits, retryables and internal ones (0x64, 0x68-0x6a), zkSync's priority transactions
(0xff). Arbitrum's 0x65 and 0x66 came through the bridge, too, but buy their gas like any other.
https://docs.arbitrum.io/how-arbitrum-works/geth-at-the-core#transaction-types,
https://specs.optimism.io/protocol/deposits.html, https://docs.zksync.io/zksync-protocol/rollup/l1_l2_communication"""
ARBITRUM_DEPOSIT, ARBITRUM_RETRY = 0x64, 0x68

_KINDS = {
    TransferKind.ERC20: AssetKind.ERC20,
    TransferKind.WRAP: AssetKind.ERC20,
    TransferKind.ERC721: AssetKind.ERC721,
    TransferKind.ERC1155: AssetKind.ERC1155,
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that was found about one transaction. `row` is an explorer's `txlist` row.

    `internals` are native movements inside the transaction, None when nobody was asked.
    """

    tx: str
    block: BlockRef
    node_tx: Mapping[str, Any] | None = None
    receipt: Mapping[str, Any] | None = None
    row: Mapping[str, Any] | None = None
    logs: tuple[Log, ...] = ()
    internals: tuple[Value, ...] | None = None
    internals_pending: bool = False
    told: tuple[Move, ...] = ()
    """Token movements that an explorer tells; they count where no receipt is served."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Transfers of one transaction that touch the address, and what could not be known."""

    transfers: list[Transfer]
    gaps: list[tuple[GapCode, str, str]]
    """(code, subject, detail)"""


@dataclass(frozen=True, slots=True)
class Head:
    """The top-level facts of a transaction from the best source of each."""

    sender: str
    recipient: str | None
    value: int | None
    type: int
    succeeded: bool | None
    mint: int
    """Coins that the transaction makes for its sender before it runs."""


def rules_of(spec: ChainSpec) -> LogRules:
    """The log rules of a chain."""
    mirror = spec.native_token_contract if Quirk.NATIVE_TRANSFER_LOGS in spec.quirks else None
    return _rules(spec.wrapped_native, mirror)


_rules = lru_cache(maxsize=256)(LogRules)


def settle(spec: ChainSpec, address: str, found: Evidence) -> Settled:
    """Return every transfer of `address` in the transaction, each with its own identity."""
    return settle_one(spec, address, found, head_of(found), _logs_about(address, found))


def settle_one(
    spec: ChainSpec, address: str, found: Evidence, head: Head | None, logs: Sequence[Log]
) -> Settled:
    """`settle` for one of many addresses: `head` is the transaction's, `logs` are those that name this one."""
    out = Settled([], [])
    reading = read_logs(logs, rules_of(spec))
    for index, problem in reading.problems:
        if _concerns(logs, index, address):
            out.gaps.append(
                (GapCode.DECODE_FAILED, f"{found.tx}:{index}", f"A token log was not understood: {problem}.")
            )
    for move in [*reading.moves, *_told(spec, found, reading.moves)]:
        if address in (move.sender, move.recipient):
            out.transfers.append(token_transfer(spec, found.tx, found.block, move))
    if head is not None:
        _native(spec, address, found, head=head, mirrored=reading.mirrored, out=out)
        if _payer(spec, found, head) == address:
            _gas(spec, found, address, out)
    elif reading.mirrored:
        _internals(spec, address, found, reading.mirrored, out)
    if found.receipt is None:
        _note_missing_receipt(found, address, head, out)
    if found.internals_pending:
        out.gaps.append(
            (
                GapCode.INTERNALS_UNKNOWN,
                found.tx,
                "The explorer has not processed this transaction's internal calls yet; the next sync asks again.",
            )
        )
    return out


def _logs_about(address: str, found: Evidence) -> list[Log]:
    """The logs that name the address: a receipt of a busy contract holds hundreds of others."""
    if found.receipt is None:
        return list(found.logs)
    needle = address[2:]
    return parse_receipt_logs(
        raw
        for raw in found.receipt["logs"]
        if any(needle in topic.lower() for topic in raw["topics"][1:])
        or (len(raw["topics"]) in {1, 2} and needle in raw["data"].lower())
    )


def _told(spec: ChainSpec, found: Evidence, moves: Sequence[Move]) -> list[Move]:
    """What an explorer tells of a transaction without a receipt. Its rows of the wrapped coin are left out: some list
    a deposit as a transfer with its sides swapped.
    """
    if found.receipt is not None:
        return []
    known = {move.position for move in moves}
    odd = {spec.wrapped_native, spec.native_token_contract}
    return [move for move in found.told if move.position not in known and move.contract not in odd]


def _concerns(logs: Sequence[Log], index: int, address: str) -> bool:
    needle = address[2:]
    return any(log.log_index == index and needle in log.data + "".join(log.topics) for log in logs)


def _note_missing_receipt(found: Evidence, address: str, head: Head | None, out: Settled) -> None:
    role = "its fee is the explorer's figure" if head and head.sender == address else "its fee is not ours"
    text = (
        f"No endpoint serves the receipt: token transfers in it may be missing, {role}. "
        "Add an archive endpoint to the chains file."
    )
    out.gaps.append((GapCode.RECEIPT_UNAVAILABLE, found.tx, text))


def head_of(found: Evidence) -> Head | None:
    """Who sent what to whom, the same for every address; None where nobody tells of the transaction itself."""
    tx, receipt, row = found.node_tx, found.receipt, found.row
    if tx is None and receipt is None and row is None:
        return None
    succeeded: bool | None = None
    if receipt is not None and receipt.get("status") is not None:
        succeeded = int(receipt["status"], 16) == 1
    elif row is not None:
        succeeded = row.get("isError") != "1" and row.get("txreceipt_status") != "0"
    if tx is not None:
        recipient = tx.get("to") or (receipt or {}).get("contractAddress") or _created(row)
        kind = int(tx.get("type") or "0x0", 16)
        value = int(tx.get("value") or "0x0", 16)
        mint = _mint(tx, kind, 0 if succeeded is False else value)
        return Head(tx["from"].lower(), _lower(recipient), value, kind, succeeded, mint)
    if row is not None:
        recipient = row.get("to") or _created(row) or (receipt or {}).get("contractAddress")
        kind = int((receipt or {}).get("type") or "0x0", 16)
        return Head(row["from"].lower(), _lower(recipient), int(row["value"]), kind, succeeded, 0)
    receipt = receipt or {}
    recipient = receipt.get("to") or receipt.get("contractAddress")
    kind = int(receipt.get("type") or "0x0", 16)
    return Head(receipt["from"].lower(), _lower(recipient), None, kind, succeeded, 0)


def _mint(tx: Mapping[str, Any], kind: int, spent: int) -> int:
    """OP-stack deposits say what they mint, and keep it when they fail. Arbitrum mints the value that a deposit spends,
    and hands that of a retryable out of escrow, where it goes back to when the retryable fails.
    """
    if kind in {ARBITRUM_DEPOSIT, ARBITRUM_RETRY}:
        return spent
    return int(tx.get("mint") or "0x0", 16)


def _created(row: Mapping[str, Any] | None) -> str | None:
    return (row.get("contractAddress") or None) if row else None


def _lower(text: str | None) -> str | None:
    return text.lower() if text else None


def token_transfer(spec: ChainSpec, tx: str, block: BlockRef, move: Move) -> Transfer:
    """A token movement as a fact."""
    position, kind, contract, item, sender, recipient, amount = move
    asset = (
        _asset_of(spec.id, kind, contract)
        if item is None
        else token_id(spec.id, _KINDS[kind], contract, item)
    )
    return Transfer(spec.id, tx, position, block, sender, recipient, asset, amount, kind)


@lru_cache(maxsize=1 << 12)
def _asset_of(chain: str, kind: TransferKind, contract: str) -> str:
    return token_id(chain, _KINDS[kind], contract)


def _native(
    spec: ChainSpec, address: str, found: Evidence, *, head: Head, mirrored: Sequence[Value], out: Settled
) -> None:
    top: Value | None = None
    if head.value is None:
        if address in (head.sender, head.recipient):
            out.gaps.append(
                (
                    GapCode.RECEIPT_UNAVAILABLE,
                    f"{found.tx}:value",
                    "No endpoint serves the transaction itself: the native amount it carries is unknown.",
                )
            )
    elif head.value > 0 and head.succeeded is not False and head.recipient:
        top = Value(head.sender, head.recipient, head.value)
        if address in (top.sender, top.recipient):
            out.transfers.append(_coin(spec, found, "native", TransferKind.NATIVE, top))
    # a failed transaction's calls moved nothing; the logs it still has were written outside of what failed
    called = () if head.succeeded is False else found.internals or ()
    if not (called or mirrored or head.mint):
        return
    minted = [Value(ZERO, head.sender, head.mint)] if head.mint else []
    inner = merge_values(called, without(mirrored, top), minted)
    _internals(spec, address, found, inner, out)


def _internals(spec: ChainSpec, address: str, found: Evidence, values: Sequence[Value], out: Settled) -> None:
    for position, value in internal_positions(values):
        if address in (value.sender, value.recipient):
            out.transfers.append(_coin(spec, found, position, TransferKind.INTERNAL, value))


def _coin(spec: ChainSpec, found: Evidence, position: str, kind: TransferKind, value: Value) -> Transfer:
    sender, recipient, amount = value
    return Transfer(spec.id, found.tx, position, found.block, sender, recipient, spec.native_id, amount, kind)


def _payer(spec: ChainSpec, found: Evidence, head: Head) -> str | None:
    """Who pays the fee: the sender, on zkSync whoever paid the bootloader first (a paymaster), None for nobody."""
    if head.type in UNPAID_TYPES:
        return None
    if spec.native_token_contract == ZKSYNC_COIN and found.receipt is not None:
        for raw in found.receipt["logs"]:
            topics = [topic.lower() for topic in raw["topics"]]
            paid = raw["address"].lower() == ZKSYNC_COIN and len(topics) == 3 and topics[0] == TRANSFER
            if paid and topics[2].endswith(BOOTLOADER[2:]):
                return f"0x{topics[1][26:]}"
    return head.sender


def _gas(spec: ChainSpec, found: Evidence, payer: str, out: Settled) -> None:
    execution = _execution_fee(found)
    if execution is None:
        out.gaps.append(
            (
                GapCode.RECEIPT_UNAVAILABLE,
                f"{found.tx}:fee",
                "Nobody tells the gas price of this transaction: its fee is unknown and not counted.",
            )
        )
        return
    l1_fee = _l1_fee(spec, found)
    if execution == 0 and l1_fee is None and Quirk.SYSTEM_TRANSACTIONS in spec.quirks:
        return  # at no gas price: a deposit that a source lists without its type has no L1 fee either
    if l1_fee is None:
        out.gaps.append(
            (
                GapCode.L1_FEE_UNKNOWN,
                found.tx,
                "The L1 data fee of this transaction is not served: the fee counted is the execution fee alone.",
            )
        )
    if execution + (l1_fee or 0) == 0:
        return  # a transaction at no price moves nothing
    out.transfers.append(
        Transfer(
            chain=spec.id,
            tx=found.tx,
            position="gas",
            block=found.block,
            sender=payer,
            recipient=ZERO,
            asset=spec.native_id,
            amount=execution + (l1_fee or 0),
            kind=TransferKind.GAS,
            execution_fee=execution,
            l1_fee=l1_fee,
        )
    )


def _execution_fee(found: Evidence) -> int | None:
    """Gas used at its price, with blob gas (EIP-4844) and the OP-stack operator fee, in base units."""
    receipt, tx, row = found.receipt, found.node_tx or {}, found.row
    if receipt is None:
        if row is None or not row.get("gasUsed") or not row.get("gasPrice"):
            return None
        return int(row["gasUsed"]) * int(row["gasPrice"])
    price = receipt.get("effectiveGasPrice") or tx.get("gasPrice")
    if price is None and row and row.get("gasPrice"):
        price = hex(int(row["gasPrice"]))
    if price is None:
        return None
    used = int(receipt["gasUsed"], 16)
    fee = used * int(price, 16)
    if receipt.get("blobGasPrice") and int(receipt.get("type") or "0x0", 16) == 3:
        fee += int(receipt.get("blobGasUsed") or "0x0", 16) * int(receipt["blobGasPrice"], 16)
    return fee + _operator_fee(receipt, used)


def _operator_fee(receipt: Mapping[str, Any], used: int) -> int:
    """OP stack since Isthmus: gas x scalar / 10**6 + constant; since Jovian gas x scalar x 100 + constant.

    https://specs.optimism.io/protocol/isthmus/exec-engine.html#operator-fee and .../jovian/exec-engine.html
    """
    scalar = int(receipt.get("operatorFeeScalar") or "0x0", 16)
    constant = int(receipt.get("operatorFeeConstant") or "0x0", 16)
    if not scalar and not constant:
        return 0
    jovian = receipt.get("daFootprintGasScalar") is not None
    return (used * scalar * 100 if jovian else used * scalar // 10**6) + constant


def _l1_fee(spec: ChainSpec, found: Evidence) -> int | None:
    fee = (found.receipt or {}).get("l1Fee")
    if isinstance(fee, str):
        return int(fee, 16)
    return None if Quirk.L1_DATA_FEE in spec.quirks else 0


def as_gaps(
    spec: ChainSpec, address: str, source: str, block: int, found: Sequence[tuple[GapCode, str, str]]
) -> list[Gap]:
    """Dress gaps of one transaction with where and who."""
    return [
        Gap(spec.id, address, code, source, subject, detail, from_block=block, to_block=block)
        for code, subject, detail in found
    ]
