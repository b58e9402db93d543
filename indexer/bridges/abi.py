"""Event signatures as people write them, and the logs they describe.

A topic is always computed from the signature, never pasted: published topics are often wrong.
Solidity ABI: https://docs.soliditylang.org/en/latest/abi-spec.html#events
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError
from eth_utils.crypto import keccak

from indexer.model.links import LogEntry


class MalformedLogError(ValueError):
    """A log has the topic of an event and not its shape: another event with the same types, or a forgery."""


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of an event. `type` is canonical (`uint256`, `(address,bytes)[]`)."""

    name: str
    type: str
    indexed: bool

    @property
    def dynamic(self) -> bool:
        """Whether an indexed value of this type is only a hash of itself."""
        return self.type in {"bytes", "string"} or self.type.endswith("]") or self.type.startswith("(")


@dataclass(frozen=True, slots=True)
class Event:
    """An event by its signature; `topic` is the keccak-256 of the canonical form."""

    name: str
    params: tuple[Param, ...]
    topic: bytes

    @property
    def signature(self) -> str:
        """The canonical form that is hashed."""
        return f"{self.name}({','.join(param.type for param in self.params)})"

    def decode(self, log: LogEntry) -> dict[str, Any]:
        """Return the values by name. Addresses are lower case; indexed dynamic values stay hashes.

        Raises:
            MalformedLogError: the log's topics or data do not fit.
        """
        indexed = [param for param in self.params if param.indexed]
        plain = [param for param in self.params if not param.indexed]
        if len(log.topics) != len(indexed) + 1:
            raise MalformedLogError(
                f"{self.name} has {len(indexed)} indexed values, not {len(log.topics) - 1}"
            )
        values: dict[str, Any] = {}
        try:
            for param, topic in zip(indexed, log.topics[1:], strict=True):
                values[param.name] = topic if param.dynamic else abi_decode([param.type], topic)[0]
            decoded = abi_decode([param.type for param in plain], log.data) if plain else ()
        except (DecodingError, OverflowError, UnicodeDecodeError) as error:
            raise MalformedLogError(f"{self.name} does not decode: {error}") from error
        values.update(zip((param.name for param in plain), decoded, strict=True))
        return values


@lru_cache(maxsize=512)
def event(text: str) -> Event:
    """Parse `Name(uint256 indexed id, (address to, bytes data) order)`. Indexed marks and names are required."""
    name, _, rest = text.partition("(")
    params = tuple(_param(part) for part in _split(rest.rstrip()[:-1]))
    canonical = f"{name.strip()}({','.join(param.type for param in params)})"
    return Event(name.strip(), params, keccak(text=canonical))


def selector(signature: str) -> bytes:
    """First four bytes of a call's input, from `name(type,type)`."""
    return keccak(text=signature)[:4]


def address_of(word: bytes) -> str:
    """Lower-case EVM address in the last 20 bytes of a word; a longer account (Solana) comes back as base58."""
    if len(word) == 20:
        return f"0x{word.hex()}"
    if len(word) == 32 and any(word[:12]):
        return base58(word)
    return f"0x{word[-20:].hex()}"


_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(raw: bytes) -> str:
    """Bitcoin's base58, the way Solana writes accounts."""
    number, text = int.from_bytes(raw, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = _BASE58[digit] + text
    return "1" * (len(raw) - len(raw.lstrip(b"\0"))) + text


def unbase58(text: str) -> bytes:
    """The bytes that `base58` wrote.

    Raises:
        ValueError: a letter is none of base58's.
    """
    number = 0
    for letter in text:
        number = number * 58 + _BASE58.index(letter)
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [part.strip() for part in [*parts, text[start:]] if part.strip()]


def _param(text: str) -> Param:
    kind, rest = _type(text)
    words = rest.split()
    indexed = words[:1] == ["indexed"]
    return Param(words[-1] if len(words) > indexed else "", kind, indexed)


def _type(text: str) -> tuple[str, str]:
    """Split the canonical type off the front; names inside tuples fall away."""
    if not text.startswith("("):
        kind, _, rest = text.partition(" ")
        return kind, rest
    depth, end = 0, 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            end = at
            break
    inner = ",".join(_type(part)[0] for part in _split(text[1:end]))
    suffix, _, rest = text[end + 1 :].partition(" ")
    return f"({inner}){suffix}", rest
