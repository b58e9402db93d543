"""The roots and the hash of a block, computed anew from what a node answered about it (pure).

A header's hash covers its fields, its roots cover transactions and receipts: where they agree, nothing was left out
and nothing invented. None means that this block cannot be computed here (a kind of transaction or a header of the
chain's own); it says nothing about the node.

Header, transactions root, receipts root: Ethereum yellow paper, 4.4. Trie and hex prefix: appendices C and D.
Typed transactions and receipts: EIP-2718, EIP-2930, EIP-1559, EIP-4844, EIP-7702; OP-stack deposits:
https://specs.optimism.io/protocol/deposits.html
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eth_hash.auto import keccak

Json = Mapping[str, Any]

EMPTY_ROOT = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"

_HEADER = (
    "parentHash", "sha3Uncles", "miner", "stateRoot", "transactionsRoot", "receiptsRoot", "logsBloom",
    "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "extraData", "mixHash", "nonce",
)  # fmt: skip
_HEADER_LATER = (
    "baseFeePerGas", "withdrawalsRoot", "blobGasUsed", "excessBlobGas", "parentBeaconBlockRoot", "requestsHash",
)  # fmt: skip
"""In the order of the forks that added them; a block has the first few of them."""
_NUMBERS = {
    "difficulty", "number", "gasLimit", "gasUsed", "timestamp", "baseFeePerGas", "blobGasUsed", "excessBlobGas",
}  # fmt: skip


def block_hash(block: Json) -> str | None:
    """Hash of the header of an `eth_getBlockByNumber` answer."""
    try:
        fields = [_field(block, name) for name in _HEADER]
        for name in _HEADER_LATER:
            if block.get(name) is None:
                break
            fields.append(_field(block, name))
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return "0x" + keccak(_list(fields)).hex()


def transactions_root(transactions: Sequence[Json]) -> str | None:
    """Root over the transactions of a block, in full and in order."""
    return _root(transactions, _transaction)


def receipts_root(receipts: Sequence[Json]) -> str | None:
    """Root over the receipts of a block, in order."""
    return _root(receipts, _receipt)


def _field(block: Json, name: str) -> bytes:
    return _number(block[name]) if name in _NUMBERS else _data(block[name])


def _number(text: str) -> bytes:
    value = int(text, 16)
    return _string(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _data(text: str | None) -> bytes:
    return _string(bytes.fromhex(text[2:]) if text else b"")


def _string(content: bytes) -> bytes:
    size = len(content)
    if size == 1 and content[0] < 0x80:
        return content
    return _head(0x80, size) + content


def _list(items: Sequence[bytes]) -> bytes:
    content = b"".join(items)
    return _head(0xC0, len(content)) + content


def _head(offset: int, size: int) -> bytes:
    if size < 56:
        return bytes((offset + size,))
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((offset + 55 + len(length),)) + length


def _accesses(tx: Json) -> bytes:
    return _list(
        [
            _list([_data(entry["address"]), _list([_data(key) for key in entry["storageKeys"]])])
            for entry in tx.get("accessList") or ()
        ]
    )


def _authorizations(tx: Json) -> bytes:
    return _list(
        [
            _list(
                [
                    *(_number(each["chainId"]), _data(each["address"]), _number(each["nonce"])),
                    *(_number(each[name]) for name in ("yParity", "r", "s")),
                ]
            )
            for each in tx["authorizationList"]
        ]
    )


def _signature(tx: Json) -> list[bytes]:
    parity = tx.get("yParity")
    return [_number(tx["v"] if parity is None else parity), _number(tx["r"]), _number(tx["s"])]


def _legacy(tx: Json) -> list[bytes]:
    head = [_number(tx[name]) for name in ("nonce", "gasPrice", "gas")]
    return [*head, *_call(tx), *(_number(tx[name]) for name in ("v", "r", "s"))]


def _call(tx: Json) -> list[bytes]:
    return [_data(tx.get("to")), _number(tx["value"]), _data(tx["input"])]


def _with_access(tx: Json) -> list[bytes]:
    head = [_number(tx[name]) for name in ("chainId", "nonce", "gasPrice", "gas")]
    return [*head, *_call(tx), _accesses(tx), *_signature(tx)]


def _market(tx: Json) -> list[bytes]:
    names = ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas")
    return [*(_number(tx[name]) for name in names), *_call(tx), _accesses(tx)]


def _priced(tx: Json) -> list[bytes]:
    return [*_market(tx), *_signature(tx)]


def _blob(tx: Json) -> list[bytes]:
    hashes = _list([_data(each) for each in tx["blobVersionedHashes"]])
    return [*_market(tx), _number(tx["maxFeePerBlobGas"]), hashes, *_signature(tx)]


def _delegating(tx: Json) -> list[bytes]:
    return [*_market(tx), _authorizations(tx), *_signature(tx)]


def _deposit(tx: Json) -> list[bytes]:
    system = b"\x01" if tx.get("isSystemTx") else _string(b"")
    who = [_data(tx["sourceHash"]), _data(tx["from"]), _data(tx.get("to")), _number(tx.get("mint") or "0x0")]
    return [*who, _number(tx["value"]), _number(tx["gas"]), system, _data(tx["input"])]


_KINDS: dict[int, Callable[[Json], list[bytes]]] = {
    0: _legacy,
    1: _with_access,
    2: _priced,
    3: _blob,
    4: _delegating,
    0x7E: _deposit,
}


def _kind(item: Json) -> int:
    return int(item.get("type") or "0x0", 16)


def _transaction(tx: Json) -> bytes:
    kind = _kind(tx)
    body = _list(_KINDS[kind](tx))
    return bytes((kind,)) + body if kind else body


def _receipt(receipt: Json) -> bytes:
    kind = _kind(receipt)
    status = receipt.get("status")
    fields = [
        _data(receipt["root"]) if status is None else _number(status),
        _number(receipt["cumulativeGasUsed"]),
        _data(receipt["logsBloom"]),
        _list([_log(log) for log in receipt["logs"]]),
    ]
    if kind == 0x7E:
        fields += [
            _number(receipt[name])
            for name in ("depositNonce", "depositReceiptVersion")
            if receipt.get(name) is not None
        ]
    body = _list(fields)
    return bytes((kind,)) + body if kind else body


def _log(log: Json) -> bytes:
    # an address is 20 bytes, a topic 32: their prefixes are constants
    topics = b"".join(b"\xa0" + bytes.fromhex(topic[2:]) for topic in log["topics"])
    content = (
        b"\x94" + bytes.fromhex(log["address"][2:]) + _head(0xC0, len(topics)) + topics + _data(log["data"])
    )
    return _head(0xC0, len(content)) + content


def _root(items: Sequence[Json], encode: Callable[[Json], bytes]) -> str | None:
    if not items:
        return EMPTY_ROOT
    try:
        leaves = [(_nibbles(index), encode(item)) for index, item in enumerate(items)]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return None
    leaves.sort()
    return "0x" + keccak(_node(leaves, 0)).hex()


def _nibbles(index: int) -> bytes:
    key = _string(index.to_bytes((index.bit_length() + 7) // 8, "big"))
    return bytes(half for byte in key for half in (byte >> 4, byte & 15))


def _path(nibbles: bytes, *, leaf: bool) -> bytes:
    """Hex prefix: flags and an odd first nibble share a byte."""
    flag = 2 * leaf
    odd = [(flag + 1) << 4 | nibbles[0], *nibbles[1:]] if len(nibbles) % 2 else [flag << 4, *nibbles]
    rest = odd[1:]
    return bytes([odd[0], *(rest[at] << 4 | rest[at + 1] for at in range(0, len(rest), 2))])


def _node(leaves: Sequence[tuple[bytes, bytes]], depth: int) -> bytes:
    """The node below which some leaves with a common path of `depth` nibbles hang."""
    if len(leaves) == 1:
        key, value = leaves[0]
        return _list([_string(_path(key[depth:], leaf=True)), _string(value)])
    first, last = leaves[0][0], leaves[-1][0]  # sorted: what these two share, all share
    shared = depth
    while first[shared] == last[shared]:
        shared += 1
    if shared > depth:
        return _list([_string(_path(first[depth:shared], leaf=False)), _reference(_node(leaves, shared))])
    slots = [_string(b"")] * 17
    start = 0
    while start < len(leaves):
        nibble = leaves[start][0][depth]
        end = start
        while end < len(leaves) and leaves[end][0][depth] == nibble:
            end += 1
        slots[nibble] = _reference(_node(leaves[start:end], depth + 1))
        start = end
    return _list(slots)


def _reference(node: bytes) -> bytes:
    return node if len(node) < 32 else _string(keccak(node))
