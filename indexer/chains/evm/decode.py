"""Logs, receipts and traces to plain tuples. Hot path: integers, strings and tuples, no objects per log (pure).

ERC-20: https://eips.ethereum.org/EIPS/eip-20, ERC-721: EIP-721, ERC-1155: EIP-1155; WETH9 emits Deposit and
Withdrawal instead of Transfer when it wraps and unwraps.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from indexer.chains.evm.raw_log import RawLog, to_raw_logs
from indexer.model.errors import LyingSourceError
from indexer.model.facts import TransferKind

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
TRANSFER_SINGLE = "0xc3d58168c5ae7397731d063d5bbf3d657854427343f4c083240f7aacaa2d0f62"
TRANSFER_BATCH = "0x4a39dc06d4c0dbc64b70af90fd698a233a518aa5d07e595d983b8c0526c8f7fb"
DEPOSIT = "0xe1fffcc4923d04b559f4d29a8bfc6cda04eb5b0d3c460751c2402c5c5cc9109c"
WITHDRAWAL = "0x7fcf532c15f0a6db0bd6d0e038bea71d30d808c7d98cb3bf7268a95bf5081b65"
ZERO = "0x" + "0" * 40
LOG_TRANSFER = "0xe6497e3ee548a3372136af2fcb0696db31fc6cf20260707645068bd3fe97f3c4"
"""LogTransfer(address,address,address,uint256,uint256,uint256,uint256,uint256): Bor writes one for every move of the
coin, calls between contracts and state syncs included. Its LogFeeTransfer tells the fee, which the receipt tells too."""
LOG_FEE_TRANSFER = "0x4dfe1bbbcf077ddc3e01291eea2d5c70c2b422b415d95645b9adcfd678cb1d63"
POLYGON_COIN = "0x0000000000000000000000000000000000001010"
"""Its ERC-20 Transfer repeats moves that LogTransfer tells already."""
COIN_MINT = "0x0f6798a560793a54c3bcfe86a93cde1e73087d944c0ea20544137d4121396885"
"""Mint(address,uint256): zkSync's coin contract writes it, without a Transfer, for coins that come from L1."""
ZKSYNC_COIN = "0x000000000000000000000000000000000000800a"
BOOTLOADER = "0x0000000000000000000000000000000000008001"
"""zkSync Era collects and refunds fees through this address; the receipt tells the same fee."""
CRYPTOKITTIES = "0x06012c8cf97bead5deae237070f9587f8e7a266d"
"""The one well-known ERC-721 from before indexed topics."""


new_tuple = tuple.__new__
"""What a named tuple's own constructor calls, without the call between."""


class Log(NamedTuple):
    """A log as a node gives it, hexadecimal numbers read, text in lower case."""

    address: str
    topics: tuple[str, ...]
    data: str
    block: int
    block_hash: str
    tx: str
    log_index: int
    time: int | None


class Move(NamedTuple):
    """One token movement inside a transaction; `item` is the id of a non-fungible or ERC-1155 token."""

    position: str
    kind: TransferKind
    contract: str
    item: int | None
    sender: str
    recipient: str
    amount: int


class Value(NamedTuple):
    """One movement of the native coin."""

    sender: str
    recipient: str
    amount: int


@dataclass(frozen=True, slots=True)
class LogRules:
    """What the chain's block says about contracts that need another reading."""

    wrapped_native: str | None = None
    native_mirror: str | None = None


class Reading(NamedTuple):
    """All that the logs of one transaction say."""

    moves: list[Move]
    mirrored: list[Value]
    """Native movements that a contract mirrors as Transfer logs."""
    problems: list[tuple[int, str]]
    """(log index, what is wrong) of logs that look like transfers and do not decode."""


def parse_receipt_logs(raws: Iterable[Mapping[str, Any]]) -> list[Log]:
    """`parse_logs` of a receipt's log objects.

    Raises:
        LyingSourceError: a field is missing or malformed.
    """
    return parse_logs(to_raw_logs(raws))


def parse_logs(raws: Iterable[RawLog]) -> list[Log]:
    """Validate logs at the door. Logs of one block, when they follow each other, share its hash.

    Raises:
        LyingSourceError: a field is malformed.
    """
    texts, indexes = _Texts(), _Numbers()
    text_of, index_of = texts.__getitem__, indexes.__getitem__
    logs: list[Log] = []
    last_tag = last_hash = last_stamp = None
    number, block_hash, time = 0, "", None
    try:
        for raw in raws:
            tag, hashed, stamp = raw.block_number, raw.block_hash, raw.block_timestamp
            if tag != last_tag or hashed != last_hash or stamp != last_stamp:
                last_tag, last_hash, last_stamp = tag, hashed, stamp
                number, block_hash = int(tag, 16), text_of(hashed)
                time = int(stamp, 16) if isinstance(stamp, str) else None
            address, tx, index = text_of(raw.address), raw.transaction_hash.lower(), index_of(raw.log_index)
            topics = tuple(map(text_of, raw.topics))
            log = (address, topics, raw.data.lower(), number, block_hash, tx, index, time)
            logs.append(new_tuple(Log, log))
    except ValueError as error:
        raise LyingSourceError(f"a malformed log was answered ({error})") from None
    return logs


class _Texts(dict[str, str]):
    """Hexadecimal text in lower case: of all logs of an answer most tell the same few."""

    def __missing__(self, text: str) -> str:
        self[text] = lower = text.lower()
        return lower


class _Numbers(dict[str, int]):
    def __missing__(self, text: str) -> int:
        self[text] = number = int(text, 16)
        return number


def read_logs(logs: Iterable[Log], rules: LogRules) -> Reading:
    """Decode the logs of one transaction, in the order of their indexes."""
    reading = Reading([], [], [])
    wraps: list[Move] = []
    for log in logs:
        topics = log.topics
        if not topics:
            continue
        kind = topics[0]
        try:
            if log.address == rules.native_mirror:
                reading.mirrored.extend(_mirrored(log))
            elif kind == TRANSFER:
                reading.moves.append(_transfer(log))
            elif kind in {TRANSFER_SINGLE, TRANSFER_BATCH}:
                reading.moves.extend(_multi(log))
            elif log.address == rules.wrapped_native and kind in {DEPOSIT, WITHDRAWAL} and len(topics) == 2:
                wraps.append(_wrap(log))
        except ValueError as error:
            reading.problems.append((log.log_index, str(error)))
    reading.moves.extend(_untold(wraps, reading.moves))
    return reading


def _untold(wraps: Sequence[Move], moves: Sequence[Move]) -> list[Move]:
    """Wraps that no Transfer tells: some wrapped coins emit the mint or burn as a Transfer as well."""
    if not wraps:
        return []
    told = Counter((m.contract, m.sender, m.recipient, m.amount) for m in moves)
    rest = []
    for wrap in wraps:
        mark = (wrap.contract, wrap.sender, wrap.recipient, wrap.amount)
        if told[mark]:
            told[mark] -= 1
        else:
            rest.append(wrap)
    return rest


def _mirrored(log: Log) -> list[Value]:
    """The move of the coin that a log of its own contract tells; none where another log or the receipt tells it.

    https://github.com/maticnetwork/bor/blob/master/core/bor_fee_log.go,
    https://github.com/matter-labs/era-contracts/blob/main/system-contracts/contracts/L2BaseToken.sol
    """
    topics, kind = log.topics, log.topics[0]
    if log.address == POLYGON_COIN:
        if kind != LOG_TRANSFER:
            return []
        if len(topics) != 4:
            raise ValueError(f"a LogTransfer log with {len(topics)} topics")
        value = Value(_address(topics[2]), _address(topics[3]), _word(log.data, 0))
    elif kind == TRANSFER:
        if len(topics) != 3:
            raise ValueError(f"a Transfer log of the coin with {len(topics)} topics")
        value = Value(_address(topics[1]), _address(topics[2]), _word(log.data, 0))
    elif kind == COIN_MINT and log.address == ZKSYNC_COIN and len(topics) == 2:
        value = Value(ZERO, _address(topics[1]), _word(log.data, 0))
    else:
        return []
    return [] if BOOTLOADER in {value.sender, value.recipient} else [value]


def _transfer(log: Log) -> Move:
    topics, position = log.topics, f"log:{log.log_index}"
    kind, item = TransferKind.ERC20, None
    if len(topics) in {3, 4}:
        sender, recipient = _address(topics[1]), _address(topics[2])
        if len(topics) == 3:
            value = _word(log.data, 0)
        else:
            kind, item, value = TransferKind.ERC721, int(topics[3], 16), 1
    elif len(topics) == 1 and len(log.data) >= 2 + 192:
        sender, recipient = _address(log.data[:66]), _address("0x" + log.data[66:130])
        value = _word(log.data, 64)
        if log.address == CRYPTOKITTIES:
            kind, item, value = TransferKind.ERC721, value, 1
    else:
        raise ValueError(f"a Transfer log with {len(topics)} topics and {len(log.data) // 2 - 1} bytes")
    return Move(position, kind, log.address, item, sender, recipient, value)


def _multi(log: Log) -> list[Move]:
    if len(log.topics) != 4:
        raise ValueError(f"an ERC-1155 transfer log with {len(log.topics)} topics")
    sender, recipient = _address(log.topics[2]), _address(log.topics[3])
    position = f"log:{log.log_index}"
    if log.topics[0] == TRANSFER_SINGLE:
        item, amount = _word(log.data, 0), _word(log.data, 32)
        return [Move(position, TransferKind.ERC1155, log.address, item, sender, recipient, amount)]
    items, amounts = _array(log.data, _word(log.data, 0)), _array(log.data, _word(log.data, 32))
    if len(items) != len(amounts):
        raise ValueError(f"an ERC-1155 batch of {len(items)} items and {len(amounts)} amounts")
    return [
        Move(f"{position}:{number}", TransferKind.ERC1155, log.address, item, sender, recipient, amount)
        for number, (item, amount) in enumerate(zip(items, amounts, strict=True))
    ]


def _wrap(log: Log) -> Move:
    owner, amount = _address(log.topics[1]), _word(log.data, 0)
    sides = (ZERO, owner) if log.topics[0] == DEPOSIT else (owner, ZERO)
    return Move(f"log:{log.log_index}", TransferKind.WRAP, log.address, None, *sides, amount)


def _address(topic: str) -> str:
    return "0x" + topic[26:66]


def _word(data: str, offset: int) -> int:
    start = 2 + 2 * offset
    word = data[start : start + 64]
    if len(word) != 64:
        raise ValueError(f"a transfer log of {len(data) // 2 - 1} bytes where {offset + 32} are needed")
    return int(word, 16)


def _array(data: str, offset: int) -> list[int]:
    if offset > len(data) // 2:
        raise ValueError("an array that starts behind the end of its log")
    length = _word(data, offset)
    if length > len(data) // 64:
        raise ValueError("an array that is longer than its log")
    return [_word(data, offset + 32 + 32 * n) for n in range(length)]


def internal_positions(values: Sequence[Value]) -> list[tuple[str, Value]]:
    """Name internal movements by what every source agrees on: who, whom, how much, and which of equal ones.

    Zero amounts are left out: they move nothing.
    """
    seen: Counter[Value] = Counter()
    named = []
    for value in values:
        if value.amount == 0:
            continue
        text = f"{value.sender}>{value.recipient}:{value.amount}"
        digest = hashlib.sha256(text.encode()).hexdigest()[:12]
        named.append((f"internal:{digest}:{seen[value]}", value))
        seen[value] += 1
    return named


def merge_values(*sources: Sequence[Value]) -> list[Value]:
    """Join what several sources say of one transaction: each movement as often as the source that has it most."""
    best: Counter[Value] = Counter()
    for source in sources:
        best |= Counter(source)
    return [value for value, count in best.items() for _ in range(count)]


def without(values: Sequence[Value], once: Value | None) -> list[Value]:
    """Leave one movement out once: the top-level call, which is a fact of its own."""
    rest = list(values)
    if once is not None and once in rest:
        rest.remove(once)
    return rest
