"""What accounts hold at a block: coins and tokens, many in one call where Multicall3 is deployed.

Blocks are named by hash where endpoints take it (EIP-1898), so that a reorg between two questions cannot mix two
branches; else by number.
"""

from collections.abc import Sequence
from typing import NamedTuple

from indexer.chains.evm import multicall
from indexer.chains.evm.endpoint import Call, Failure
from indexer.chains.evm.node import Node
from indexer.chains.evm.wording import Refusal
from indexer.model.asset import Asset, AssetKind
from indexer.model.errors import RetryableError

BALANCE_OF = bytes.fromhex("70a08231")
OWNER_OF = bytes.fromhex("6352211e")
BALANCE_OF_ITEM = bytes.fromhex("00fdd58e")
TOGETHER = 250
"""Calls in one call of Multicall3."""
WORTH = 3
"""From so many questions on, one call for all of them is asked for."""

Tag = str | dict[str, object]


class Held(NamedTuple):
    """An answer: a number of base units, or why there is none."""

    amount: int | None
    words: str = ""


class At(NamedTuple):
    """A block by number and, where it is known, by hash."""

    number: int
    hash: str = ""


class Holdings:
    """Asks balances."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._by_hash: bool | None = None
        self._deployed: int | None = None
        """The lowest block at which Multicall3 was found."""
        self._absent = -1
        """The highest block at which it was not."""

    async def of(self, address: str, assets: Sequence[str], block: At) -> list[Held]:
        """Balances of one address in the order of its assets.

        Raises:
            RetryableError: no endpoint answers now, or the block is not on the surviving chain.
        """
        calls = [_question(asset, address) for asset in assets]
        told = await self.call(calls, block, address)
        return [_held(asset, address, reply) for asset, reply in zip(assets, told, strict=True)]

    async def call(
        self, calls: Sequence[tuple[str, bytes] | None], block: At, address: str = ""
    ) -> list[bytes | int | Failure | None]:
        """Contract calls at a block; a call of None asks for the coins of `address`. A failed call is None."""
        if len(calls) >= WORTH and await self._has_multicall(block):
            told = await self._aggregated(calls, block, address)
            if told is not None:
                return told
        return await self._single(calls, block, address)

    async def over(self, contract: str, data: bytes, numbers: Sequence[int]) -> list[int | None]:
        """One contract's answer at many blocks, as a number; None where it has none or the state is not served."""
        params = [[{"to": contract, "data": "0x" + data.hex()}, hex(number)] for number in numbers]
        replies = await self.node.pool.ask([Call("eth_call", each) for each in params])
        return [_number(_bytes(reply)) for reply in replies]

    async def at_blocks(self, address: str, asset: str, numbers: Sequence[int]) -> list[int | None]:
        """One balance at many blocks; None where the state is not served."""
        question = _question(asset, address)
        if question is not None:
            told = await self.over(*question, numbers)
            return [_amount(asset, address, found) for found in told]
        replies = await self.node.pool.ask([Call("eth_getBalance", [address, hex(n)]) for n in numbers])
        return [int(reply, 16) if isinstance(reply, str) else None for reply in replies]

    async def _has_multicall(self, block: At) -> bool:
        if self._deployed is not None and block.number >= self._deployed:
            return True
        if block.number <= self._absent:
            return False
        code = (await self.node.pool.ask([Call("eth_getCode", [multicall.ADDRESS, hex(block.number)])]))[0]
        if isinstance(code, str) and len(code) > 2:
            self._deployed = block.number
            return True
        self._absent = max(self._absent, block.number)
        return False

    async def _aggregated(
        self, calls: Sequence[tuple[str, bytes] | None], block: At, address: str
    ) -> list[bytes | int | Failure | None] | None:
        """All answers through Multicall3; None when it does not work out (too much gas, an answer too long)."""
        plain = [multicall.eth_balance(address) if call is None else call for call in calls]
        found: list[bytes | int | Failure | None] = []
        for start in range(0, len(plain), TOGETHER):
            part = plain[start : start + TOGETHER]
            data = "0x" + multicall.aggregate(part).hex()
            reply = (await self._ask([("eth_call", {"to": multicall.ADDRESS, "data": data})], block))[0]
            told = multicall.results(reply, len(part)) if isinstance(reply := _bytes(reply), bytes) else None
            if told is None:
                return None
            found += told
        return found

    async def _single(
        self, calls: Sequence[tuple[str, bytes] | None], block: At, address: str
    ) -> list[bytes | int | Failure | None]:
        asked: list[tuple[str, object]] = [
            ("eth_getBalance", address)
            if call is None
            else ("eth_call", {"to": call[0], "data": "0x" + call[1].hex()})
            for call in calls
        ]
        replies = await self._ask(asked, block)
        return [
            int(reply, 16) if call is None and isinstance(reply, str) else _bytes(reply)
            for call, reply in zip(calls, replies, strict=True)
        ]

    async def _ask(self, asked: Sequence[tuple[str, object]], block: At) -> list[object]:
        """The same block for all of them: by hash, or by number where no endpoint takes a hash."""
        if block.hash and self._by_hash is not False:
            tag: Tag = {"blockHash": block.hash, "requireCanonical": True}
            replies = await self.node.pool.ask([Call(method, [first, tag]) for method, first in asked])
            refused = [r for r in replies if isinstance(r, Failure) and r.refusal is Refusal.REFUSED]
            if not refused:
                self._by_hash = True
                return replies
            header = (await self.node.headers([block.number])).get(block.number)
            if header is None or header.hash != block.hash:
                raise RetryableError(f"{self.node.spec.name} was reorganised at block {block.number}")
            if self._by_hash:
                return replies  # it is the state that is refused, not the name
            told = await self._by_number(asked, block)
            if not any(isinstance(r, Failure) and r.refusal is Refusal.REFUSED for r in told):
                self._by_hash = False
            return told
        return await self._by_number(asked, block)

    async def _by_number(self, asked: Sequence[tuple[str, object]], block: At) -> list[object]:
        return await self.node.pool.ask([Call(method, [first, hex(block.number)]) for method, first in asked])


def _question(asset: str, address: str) -> tuple[str, bytes] | None:
    """The call that tells a balance; None for the coin."""
    known = Asset(asset, "", None)
    contract, holder = known.contract, bytes.fromhex(address[2:].rjust(64, "0"))
    if known.kind is AssetKind.NATIVE or contract is None:
        return None
    if known.kind is AssetKind.ERC721:
        return contract, OWNER_OF + _item(asset)
    if known.kind is AssetKind.ERC1155:
        return contract, BALANCE_OF_ITEM + holder + _item(asset)
    return contract, BALANCE_OF + holder


def _item(asset: str) -> bytes:
    return int(asset.rpartition("/")[2]).to_bytes(32, "big")


def _bytes(reply: object) -> bytes | Failure | None:
    if isinstance(reply, Failure):
        return reply
    try:
        return bytes.fromhex(str(reply)[2:])
    except ValueError:
        return None


def _number(reply: bytes | int | Failure | None) -> int | None:
    if isinstance(reply, int):
        return reply
    if not isinstance(reply, bytes) or len(reply) < 32:
        return None  # an empty answer: no contract lives there at that block
    return int.from_bytes(reply[:32], "big")


def _amount(asset: str, address: str, number: int | None) -> int | None:
    if number is not None and Asset(asset, "", None).kind is AssetKind.ERC721:
        return int(number == int(address, 16))
    return number


def _held(asset: str, address: str, reply: bytes | int | Failure | None) -> Held:
    amount = _amount(asset, address, _number(reply))
    if amount is not None:
        return Held(amount)
    return Held(None, reply.message if isinstance(reply, Failure) else "no number was answered")
