"""Questions to contracts, through the chain reader's `call`, and the few ABI words they need.

Selectors are the first four bytes of the Keccak hash of the signature (Solidity ABI specification).
"""

from indexer.model.errors import LyingSourceError
from indexer.model.ports import ChainReader

_WORD = 32


def address_word(address: str) -> bytes:
    """An address as an ABI word."""
    return bytes.fromhex(address.removeprefix("0x")).rjust(_WORD, b"\0")


def uint_word(value: int) -> bytes:
    """A uint256 as an ABI word."""
    return value.to_bytes(_WORD, "big")


def words(answer: bytes) -> list[int]:
    """An answer as unsigned words. Raises `LyingSourceError` when it is cut off."""
    if len(answer) % _WORD:
        raise LyingSourceError(f"a contract call came back with {len(answer)} bytes, not whole words.")
    return [int.from_bytes(answer[at : at + _WORD], "big") for at in range(0, len(answer), _WORD)]


def signed(word: int, bits: int = 256) -> int:
    """An unsigned word read as a two's complement integer of `bits` bits."""
    low = word & ((1 << bits) - 1)
    return low - (1 << bits) if low >> (bits - 1) else low


def as_address(word: int) -> str | None:
    """The lower-case address in a word, None for the zero address."""
    return f"0x{word & ((1 << 160) - 1):040x}" if word else None


async def ask(
    reader: ChainReader, to: str, selector: str, *arguments: bytes, block: int | None = None
) -> list[int]:
    """Call a view function; returns the words of its answer, none when there is no such contract."""
    return words(await reader.call(to, bytes.fromhex(selector) + b"".join(arguments), block))


DECIMALS = "313ce567"
"""decimals()"""
TOTAL_SUPPLY = "18160ddd"
"""totalSupply()"""
GET_PAIR = "e6a43905"
"""getPair(address,address)"""
GET_RESERVES = "0902f1ac"
"""getReserves()"""
TOKEN0 = "0dfe1681"
"""token0()"""
TOKEN1 = "d21220a7"
"""token1()"""
GET_POOL = "1698ee82"
"""getPool(address,address,uint24)"""
SLOT0 = "3850c7bd"
"""slot0()"""
LIQUIDITY = "1a686502"
"""liquidity()"""
BALANCE_OF = "70a08231"
"""balanceOf(address)"""
LATEST_ROUND_DATA = "feaf968c"
"""latestRoundData()"""
ASSET = "38d52e0f"
"""asset()"""
CONVERT_TO_ASSETS = "07a2d13a"
"""convertToAssets(uint256)"""
