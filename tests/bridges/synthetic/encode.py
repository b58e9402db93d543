"""Write event logs the way contracts do: topics from signatures, data by the ABI."""

from collections.abc import Sequence
from typing import Any

import rlp  # type: ignore[import-untyped]  # ships no types; the product has its own encoder
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from indexer.model.links import LogEntry


def word(value: str | int | bytes) -> bytes:
    """One 32 byte word; text is an address."""
    if isinstance(value, bytes):
        return value.rjust(32, b"\0")
    if isinstance(value, str):
        return bytes.fromhex(value[2:]).rjust(32, b"\0")
    return value.to_bytes(32, "big")


def log(
    address: str,
    signature: str,
    indexed: Sequence[str | int | bytes],
    types: Sequence[str],
    values: Sequence[Any],
) -> LogEntry:
    """A log of the event with this canonical signature; indices are given when the transaction is complete."""
    topics = (keccak(text=signature), *(word(value) for value in indexed))
    return LogEntry(address.lower(), topics, encode(list(types), list(values)), 0)


def transfer(token: str, sender: str, recipient: str, amount: int) -> LogEntry:
    return log(token, "Transfer(address,address,uint256)", [sender, recipient], ["uint256"], [amount])


def arbitrum_deposit_hash(number: int, sender: str, recipient: str, amount: int) -> str:
    """Hash of the transaction that pays out an ether deposit on Arbitrum (type 0x64)."""
    fields = [42161, word(number), bytes.fromhex(sender[2:]), bytes.fromhex(recipient[2:]), amount]
    return "0x" + keccak(b"\x64" + rlp.encode(fields)).hex()
