"""Messages between a chain and the one above it: the OP stack's and Scroll's messengers hash them alike.

Source: ethereum-optimism contracts (Hashing.hashCrossDomainMessage), scroll-tech contracts (ScrollMessengerBase).
"""

from dataclasses import dataclass

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from indexer.bridges.abi import selector

_OP_V0 = selector("relayMessage(address,address,bytes,uint256)")
_OP_V1 = selector("relayMessage(uint256,address,address,uint256,uint256,bytes)")
_SCROLL = selector("relayMessage(address,address,uint256,uint256,bytes)")


@dataclass(frozen=True, slots=True)
class Message:
    """A message as its relaying call spells it out. `value` is in wei."""

    sender: str
    target: str
    value: int
    nonce: int
    data: bytes
    gas: int = 0


def op_hash(message: Message) -> bytes:
    """Version 0 (before Bedrock) or 1, as the top two bytes of the nonce say."""
    if message.nonce >> 240 == 0:
        kinds = ["address", "address", "bytes", "uint256"]
        return keccak(
            _OP_V0 + abi_encode(kinds, [message.target, message.sender, message.data, message.nonce])
        )
    kinds = ["uint256", "address", "address", "uint256", "uint256", "bytes"]
    fields = [message.nonce, message.sender, message.target, message.value, message.gas, message.data]
    return keccak(_OP_V1 + abi_encode(kinds, fields))


def scroll_hash(message: Message) -> bytes:
    """Hash of the call that relays the message."""
    kinds = ["address", "address", "uint256", "uint256", "bytes"]
    fields = [message.sender, message.target, message.value, message.nonce, message.data]
    return keccak(_SCROLL + abi_encode(kinds, fields))


def op_call(call: bytes) -> Message | None:
    """The message of a relaying call of version 1, None for any other call."""
    if call[:4] != _OP_V1:
        return None
    try:
        nonce, sender, target, value, gas, data = abi_decode(
            ["uint256", "address", "address", "uint256", "uint256", "bytes"], call[4:]
        )
    except DecodingError:
        return None
    return Message(sender, target, value, nonce, data, gas)


def scroll_call(call: bytes) -> Message | None:
    """The message of a relaying call, None for any other call."""
    if call[:4] != _SCROLL:
        return None
    try:
        sender, target, value, nonce, data = abi_decode(
            ["address", "address", "uint256", "uint256", "bytes"], call[4:]
        )
    except DecodingError:
        return None
    return Message(sender, target, value, nonce, data)
