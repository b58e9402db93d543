"""Messages between a chain and the one above it: the OP stack's and Scroll's messengers carry and hash them alike.

A bridge contract sends its move as a message, and both chains can compute the message's hash, which joins the halves.
Coin that is sent through the messenger alone is a move of its own.
Source: ethereum-optimism contracts (Hashing.hashCrossDomainMessage), scroll-tech contracts (ScrollMessengerBase).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from indexer.bridges.abi import selector
from indexer.bridges.protocol import Scope
from indexer.model.links import BridgeLeg, LogEntry, Side

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


@dataclass(frozen=True, slots=True)
class BridgeMove:
    """A move that a bridge contract tells by an event of its own, on either side."""

    log: LogEntry
    asset: str
    amount: int
    sender: str
    recipient: str
    other_chain: str | None
    other_asset: str | None = None


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the messenger's logs of one transaction say."""

    sent: Sequence[tuple[LogEntry, Message]]
    relayed: Sequence[tuple[LogEntry, bytes]]
    """Logs with the hashes of the messages that were delivered."""
    call: Message | None
    """The message that the transaction's own call delivers."""
    hashed: Callable[[Message], bytes]
    other_chain: Callable[[LogEntry], str | None]
    """Where the messenger that wrote a log sends to and receives from."""
    prefix: str = ""
    """Of the join keys."""

    def key(self, digest: bytes) -> str:
        """The join key of a message."""
        return f"{self.prefix}{digest.hex()}"


def messenger_legs(
    scope: Scope, traffic: Traffic, left: Sequence[BridgeMove], came: Sequence[BridgeMove]
) -> Iterator[BridgeLeg]:
    """Moves that bridge contracts sent and received, each with its message; then coin that went without them."""
    used: set[int] = set()
    for move in left:
        sent = _message_of(move.log, traffic)
        if sent is not None:
            used.add(sent[0].index)
        yield scope.leg(
            Side.SOURCE,
            move.log,
            asset=move.asset,
            amount=move.amount,
            wallet=move.sender,
            recipient=move.recipient,
            other_chain=move.other_chain,
            other_asset=move.other_asset,
            expected_amount=move.amount,
            join_key=None if sent is None else traffic.key(traffic.hashed(sent[1])),
            event="a deposit or withdrawal",
        )
    for move in came:
        after = [digest for log, digest in traffic.relayed if log.index > move.log.index]
        yield scope.leg(
            Side.DESTINATION,
            move.log,
            asset=move.asset,
            amount=move.amount,
            wallet=move.recipient,
            other_chain=move.other_chain,
            join_key=traffic.key(after[0]) if after else None,
            event="a deposit or withdrawal finalized",
        )
    yield from _bare(scope, traffic, used, received=bool(came))


def _message_of(log: LogEntry, traffic: Traffic) -> tuple[LogEntry, Message] | None:
    """The message of the same bridge call: some contracts send it before their event, some after."""
    mine = [one for one in traffic.sent if one[1].sender == log.address]
    return min(mine, key=lambda one: abs(one[0].index - log.index), default=None)


def _bare(scope: Scope, traffic: Traffic, used: set[int], *, received: bool) -> Iterator[BridgeLeg]:
    """Coin that was sent through the messenger without a bridge contract."""
    for log, message in traffic.sent:
        if log.index not in used and message.value:
            yield scope.leg(
                Side.SOURCE,
                log,
                asset=scope.native(),
                amount=message.value,
                wallet=message.sender,
                recipient=message.target,
                other_chain=traffic.other_chain(log),
                expected_amount=message.value,
                join_key=traffic.key(traffic.hashed(message)),
                event="SentMessage",
            )
    call = traffic.call
    for log, digest in () if received else traffic.relayed:
        if call is not None and call.value and traffic.hashed(call) == digest:
            yield scope.leg(
                Side.DESTINATION,
                log,
                asset=scope.native(),
                amount=call.value,
                wallet=call.target,
                other_chain=traffic.other_chain(log),
                join_key=traffic.key(digest),
                event="RelayedMessage",
            )
