"""A real local node to play with: two tiny contracts that make any log and any internal call."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from indexer.chains.open import open_reader
from indexer.model.asset import Asset
from indexer.model.chain import ChainSpec, Family, Finality, FinalityRule, NativeAsset
from indexer.model.facts import BlockRef, FactPage, Gap, Sweep, Transfer
from indexer.model.ports import BalanceCheck, ChainReader
from indexer.model.stored import LOGS, RECEIPTS, Undetailed
from tests.chains.clock import FixedClock

FORWARDER = "6000600060006000602035600035 5af1 604035 6014 57 00 5b 6000 6000 fd".replace(" ", "")
"""Calls word 0 with word 1 as its value; reverts afterwards when word 2 is not zero."""
EMITTER = "604035602035600035606036038060606000376000a300"
"""Emits a log of three topics (words 0 to 2) with the rest of the calldata as data."""


def creation(runtime: str) -> str:
    """Creation code that returns the runtime code."""
    size = len(runtime) // 2
    return f"0x60{size:02x}600c60003960{size:02x}6000f3{runtime}"


def word(value: int | str) -> str:
    return f"{value:064x}" if isinstance(value, int) else value[2:].lower().rjust(64, "0")


@dataclass(slots=True)
class LocalNode:
    """JSON-RPC of one anvil; addresses are lower case."""

    url: str
    accounts: list[str] = field(default_factory=list)

    async def ask(self, method: str, *params: object) -> Any:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        async with aiohttp.ClientSession() as session, session.post(self.url, json=call) as response:
            reply = await response.json()
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error']}")
        return reply["result"]

    async def ready(self) -> "LocalNode":
        self.accounts = [a.lower() for a in await self.ask("eth_accounts")]
        return self

    async def send(self, sender: str, to: str | None, value: int = 0, data: str = "0x") -> str:
        body = {"from": sender, "value": hex(value), "data": data, "gas": hex(500_000)}
        return await self.mined(body | ({"to": to} if to else {}))

    async def mined(self, body: Mapping[str, str]) -> str:
        """Send a transaction and wait for its block."""
        tx = str(await self.ask("eth_sendTransaction", dict(body)))
        for _ in range(500):  # a busy machine mines a moment later
            if await self.ask("eth_getTransactionReceipt", tx):
                break
            await asyncio.sleep(0.01)
        return tx

    async def deploy(self, runtime: str) -> str:
        tx = await self.send(self.accounts[0], None, data=creation(runtime))
        receipt = await self.ask("eth_getTransactionReceipt", tx)
        return str(receipt["contractAddress"]).lower()

    async def emit(self, emitter: str, topics: Iterable[str], data: str = "") -> str:
        calldata = "0x" + "".join(t.removeprefix("0x").rjust(64, "0") for t in topics) + data
        return await self.send(self.accounts[0], emitter, data=calldata)


def spec_of(*urls: str, **changes: Any) -> ChainSpec:
    values: dict[str, Any] = {
        "id": "eip155:31337",
        "name": "Local",
        "family": Family.EVM,
        "endpoints": urls,
        "native": NativeAsset("ETH", 18, 60),
        "finality": Finality(FinalityRule.DEPTH, 5),
        "log_window": 16,
        **changes,
    }
    return ChainSpec(**values)


@dataclass(slots=True)
class Book:
    """The transfers of one address as pages bring them."""

    address: str
    transfers: dict[tuple[str, str, str], Transfer] = field(default_factory=dict)
    assets: dict[str, Asset] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    pages: list[FactPage] = field(default_factory=list)

    def add(self, page: FactPage) -> None:
        self.pages.append(page)
        for transfer in page.transfers:
            known = self.transfers.setdefault(transfer.key, transfer)
            assert known == transfer
        self.assets.update({asset.id: asset for asset in page.assets})
        self.gaps += page.gaps

    @property
    def sums(self) -> Mapping[str, int]:
        total: Counter[str] = Counter()
        for t in self.transfers.values():
            total[t.asset] += t.amount * ((t.recipient == self.address) - (t.sender == self.address))
        return total

    @property
    def kinds(self) -> Counter[str]:
        return Counter(t.kind.value for t in self.transfers.values())


async def pages_of(
    reader: ChainReader,
    address: str,
    source: str,
    cursor: Mapping[str, object] | None,
    head: BlockRef,
    known: Iterable[Transfer] = (),
) -> AsyncIterator[FactPage]:
    """Pages of one source for one address, whether the source sweeps or not, as the flows would commit them.

    `known` are the facts whose transactions the source of details reads whole.
    """
    if source not in reader.swept:
        async for page in reader.pages(address, source, cursor, head):
            yield page
        return
    if source == RECEIPTS:
        txs = {
            transfer.tx: Undetailed(transfer.tx, transfer.block, frozenset({address})) for transfer in known
        }
        sweep = await reader.details(list(txs.values()), frozenset({address}), head.number)
        yield _page(sweep, address, head.number)
        return
    stored, rewind = (cursor or {}).get("next"), (cursor or {}).get("rewind_to")
    first = stored if isinstance(stored, int) else reader.spec.start_block
    if isinstance(rewind, int):
        first = min(first, rewind + 1)
    if first > head.number:
        yield _page(Sweep(reader.spec.id, source, first - 1, ()), address, first - 1)
        return
    async for sweep in reader.sweep(source, frozenset({address}), first, head.number, head):
        assert sweep.covered_to is not None
        yield _page(sweep, address, sweep.covered_to)


def _page(sweep: Sweep, address: str, covered: int) -> FactPage:
    return FactPage(
        sweep.chain,
        address,
        sweep.source,
        tuple(sweep.transfers),
        {"next": covered + 1},
        covered,
        raws=tuple(sweep.raws),
        assets=tuple(sweep.assets),
        gaps=tuple(sweep.gaps),
        anchors=tuple(sweep.anchors),
    )


async def read(reader: ChainReader, address: str, source: str | None = None) -> Book:
    """Everything of an address up to the head; what `logs` tells with the details that belong to it."""
    book = Book(address)
    head = await reader.head()
    names = [source] if source else list(await reader.sources())
    for name in [*names, RECEIPTS] if source == LOGS else names:
        known = list(book.transfers.values())
        async for page in pages_of(reader, address, name, None, head, known):
            book.add(page)
    return book


async def proved(reader: ChainReader, book: Book) -> list[Gap]:
    """Differences between the book and the node's balances at the head."""
    head = await reader.head()
    checks = [BalanceCheck(asset, amount) for asset, amount in book.sums.items()]
    return await reader.verify(book.address, head, checks)


def reader_of(*urls: str, **changes: Any) -> ChainReader:
    return open_reader(spec_of(*urls, **changes), FixedClock())
