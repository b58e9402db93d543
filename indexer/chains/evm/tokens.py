"""Names and decimals of tokens, asked once per contract; odd and broken tokens come out as unknown, not as zero."""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Self

from indexer.chains import identity
from indexer.chains.evm.crowds import crowds
from indexer.chains.evm.endpoint import Failure
from indexer.chains.evm.node import Node
from indexer.chains.spam import NO_LISTS, Lists, judge_token
from indexer.model.asset import Asset, AssetKind, stand_in, token_id
from indexer.model.chain import ChainSpec
from indexer.model.facts import Gap, GapCode

NAME, SYMBOL, DECIMALS = "0x06fdde03", "0x95d89b41", "0x313ce567"
MAX_TEXT = 64
"""Characters of a name that are kept; at most this many words of 32 bytes of an answer are looked at."""
REREAD_SECONDS = 86_400.0
"""A contract behind a proxy may rename itself or correct its decimals: tokens that move are asked again after a day."""
MAX_DECIMALS = 77
"""10**77 is the last power of ten in a uint256."""


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """What a contract says of itself; None where it does not answer sensibly."""

    symbol: str | None
    name: str | None
    decimals: int | None


NOTHING_SAID = TokenFacts(None, None, None)


class Tokens:
    """Metadata of one chain's tokens, kept in the process for a day."""

    def __init__(self, node: Node, lists: Lists = NO_LISTS) -> None:
        self.node = node
        self.spec = node.spec
        self.lists = lists
        self._known: dict[str, TokenFacts] = {}
        self._asked: dict[str, float] = {}
        self._crowds: dict[str, int] = {}
        self._hints: dict[str, TokenFacts] = {}

    def saw(self, receipt: Mapping[str, Any] | None, watched: Collection[str]) -> None:
        """Note which tokens a stranger's transaction hands to a crowd, before their assets are asked for."""
        if receipt is None or str(receipt.get("from")).lower() in watched:
            return
        for contract, recipients in crowds(receipt["logs"]).items():
            self._crowds[contract] = max(recipients, self._crowds.get(contract, 0))

    async def assets(
        self, wanted: Iterable[str], told: dict[str, TokenFacts] | None = None
    ) -> tuple[Asset, ...]:
        """Assets by CAIP-19 id. `told` is what an explorer says, used where the contract itself says nothing."""
        self._hints.update(told or {})
        ids = list(dict.fromkeys(wanted))
        blank = {asset: Asset(asset, "", None) for asset in ids}
        contracts = {asset.contract for asset in blank.values() if asset.contract}
        oldest = asyncio.get_running_loop().time() - REREAD_SECONDS
        await self._learn(contract for contract in contracts if self._asked.get(contract, oldest) <= oldest)
        return tuple(self._asset(asset) for asset in blank.values())

    async def _learn(self, contracts: Iterable[str]) -> None:
        todo = sorted(contracts)
        if not todo:
            return
        replies = await self.node.calls(
            [(contract, field) for contract in todo for field in (NAME, SYMBOL, DECIMALS)]
        )
        for number, contract in enumerate(todo):
            name, symbol, decimals = replies[3 * number : 3 * number + 3]
            before = self._known.get(contract, NOTHING_SAID)
            said = TokenFacts(
                None if isinstance(symbol, Failure) else read_text(symbol),
                None if isinstance(name, Failure) else read_text(name),
                None if isinstance(decimals, Failure) else read_decimals(decimals),
            )
            self._known[contract] = TokenFacts(
                said.symbol or before.symbol,
                said.name or before.name,
                before.decimals if said.decimals is None else said.decimals,
            )
            self._asked[contract] = asyncio.get_running_loop().time()

    def _asset(self, blank: Asset) -> Asset:
        contract = blank.contract
        if contract is None:
            return native_asset(self.spec)
        facts, hint = self._known[contract], self._hints.get(contract)
        known = identity.of_token(self.spec.id, contract)
        symbol = facts.symbol or (hint.symbol if hint else None) or (known.symbol if known else None)
        name = facts.name or (hint.name if hint else None) or ""
        decimals = facts.decimals
        if decimals is None:
            decimals = known.decimals if known else hint.decimals if hint else None
        if blank.kind in {AssetKind.ERC721, AssetKind.ERC1155}:
            decimals = 0
        platform = self.spec.price_platform if blank.kind is AssetKind.ERC20 else None
        return replace(
            blank,
            symbol=symbol or stand_in(contract),
            name=name,
            decimals=decimals,
            group=known.group if known else None,
            broad_group=known.broad_group if known else None,
            price_id=f"{platform}:{contract}" if platform else None,
            spam=judge_token(
                self.spec,
                contract,
                symbol or "",
                name,
                lists=self.lists,
                airdrop_recipients=self._crowds.get(contract, 0),
            ),
        )


class Asking:
    """Asks for tokens while more of them are found: whoever needs their names at once waits behind all that was asked before.

    One question at a time; an error comes out of the next call.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self._asking: asyncio.Task[tuple[Asset, ...]] | None = None

    async def about(self, wanted: Iterable[str]) -> None:
        """Ask for these if nothing is being asked now. Does not wait."""
        if self._asking is not None and self._asking.done():
            await self._settled()
        if self._asking is None:
            self._asking = asyncio.create_task(self._tokens.assets(set(wanted)))

    async def assets(self, wanted: Iterable[str]) -> tuple[Asset, ...]:
        """See `Tokens.assets`."""
        await self._settled()
        return await self._tokens.assets(dict.fromkeys(wanted))

    async def _settled(self) -> None:
        if self._asking is not None:
            asking, self._asking = self._asking, None
            await asking

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)


def native_asset(spec: ChainSpec) -> Asset:
    """The chain's coin."""
    known = identity.of_native(spec)
    return Asset(
        id=spec.native_id,
        symbol=spec.native.symbol,
        decimals=spec.native.decimals,
        name=spec.native.symbol,
        group=known.group,
        broad_group=known.broad_group,
        price_id=spec.native.price_id,
    )


def decimals_gaps(assets: Iterable[Asset], spec: ChainSpec, address: str, source: str) -> list[Gap]:
    """One gap for every fungible token whose decimals nobody tells."""
    return [
        Gap(
            spec.id,
            address,
            GapCode.DECIMALS_UNKNOWN,
            source,
            asset.id,
            f"The contract of {asset.symbol} does not tell its decimals: it is counted in base units and not priced.",
        )
        for asset in assets
        if asset.decimals is None and asset.kind is AssetKind.ERC20
    ]


def erc20_id(spec: ChainSpec, contract: str) -> str:
    """CAIP-19 id of a fungible token."""
    return token_id(spec.id, AssetKind.ERC20, contract)


def read_decimals(data: bytes) -> int | None:
    """A sensible number of decimals, None for an empty or impossible answer."""
    if len(data) < 32:
        return None
    value = int.from_bytes(data[:32], "big")
    return value if value <= MAX_DECIMALS else None


def read_text(data: bytes) -> str | None:
    """A string or bytes32 answer as printable text; None when empty.

    Old tokens (MKR, SAI) answer bytes32 where ERC-20 says string.
    """
    raw = data
    if len(data) >= 64 and int.from_bytes(data[:32], "big") == 32:
        length = int.from_bytes(data[32:64], "big")
        if length <= len(data) - 64:
            raw = data[64 : 64 + length]
    elif len(data) == 32:
        raw = data.rstrip(b"\0")
    return clean(raw[: 32 * MAX_TEXT].decode("utf-8", "replace"))


def clean(text: str) -> str | None:
    """A name without invisible, directional and control characters, cut to `MAX_TEXT`; None when nothing is left."""
    return "".join(c for c in text if c.isprintable()).strip()[:MAX_TEXT].strip() or None
