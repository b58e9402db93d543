"""An account API that tells what a real node holds, with the habits and faults of real ones."""

import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson
from aiohttp import web

from indexer.model.facts import Transfer, TransferKind
from tests.chains.node import Book, LocalNode

Answer = dict[str, Any]
Twist = Callable[[dict[str, str], Answer], Answer | web.Response]


class FakeExplorer:
    """Rows by list, answered as Etherscan does; `twist` changes answers."""

    def __init__(self, head: int) -> None:
        self.head = head
        self.rows: dict[str, list[dict[str, str]]] = {"txlist": [], "txlistinternal": []}
        self.twist: Twist = lambda _, answer: answer
        self.asked: Counter[str] = Counter()
        self.url = ""

    async def learn(self, node: LocalNode, book: Book) -> "FakeExplorer":
        """Take over the native history that the node's own blocks and traces tell."""
        seen: set[str] = set()
        for transfer in sorted(book.transfers.values(), key=lambda t: t.block.number):
            if not transfer.tx.startswith("0x"):
                continue
            if transfer.kind is TransferKind.INTERNAL:
                self.rows["txlistinternal"].append(internal_row(transfer))
            if transfer.tx not in seen:
                seen.add(transfer.tx)
                self.rows["txlist"].append(await tx_row(node, transfer))
        return self

    async def handle(self, request: web.Request) -> web.Response:
        query = dict(request.query)
        action = query["action"]
        self.asked[action] += 1
        answer: Answer | web.Response = self.answer(query)
        assert isinstance(answer, dict)
        answer = self.twist(query, answer)
        if isinstance(answer, web.Response):
            return answer
        return web.Response(body=orjson.dumps(answer), content_type="application/json")

    def answer(self, query: dict[str, str]) -> Answer:
        if query["action"] in {"eth_blockNumber", "eth_block_number"}:
            return {"jsonrpc": "2.0", "id": 1, "result": hex(self.head)}
        first, last = int(query["startblock"]), min(int(query["endblock"]), self.head)
        page, size = int(query["page"]), int(query["offset"])
        if page * size > 10_000:
            return {"status": "0", "message": "Result window is too large", "result": None}
        rows = [r for r in self.rows.get(query["action"], []) if first <= int(r["blockNumber"]) <= last]
        rows = rows[(page - 1) * size : page * size]
        if not rows:
            return {"status": "0", "message": "No transactions found", "result": []}
        return {"status": "1", "message": "OK", "result": rows}


async def tx_row(node: LocalNode, transfer: Transfer) -> dict[str, str]:
    tx = await node.ask("eth_getTransactionByHash", transfer.tx)
    receipt = await node.ask("eth_getTransactionReceipt", transfer.tx)
    return {
        "blockNumber": str(transfer.block.number),
        "blockHash": transfer.block.hash,
        "timeStamp": str(int(transfer.block.time.timestamp())),
        "hash": transfer.tx,
        "from": tx["from"],
        "to": tx["to"] or "",
        "contractAddress": receipt["contractAddress"] or "",
        "value": str(int(tx["value"], 16)),
        "gasUsed": str(int(receipt["gasUsed"], 16)),
        "gasPrice": str(int(receipt["effectiveGasPrice"], 16)),
        "isError": "0" if receipt["status"] == "0x1" else "1",
    }


def internal_row(transfer: Transfer, **changes: str) -> dict[str, str]:
    return {
        "blockNumber": str(transfer.block.number),
        "timeStamp": str(int(transfer.block.time.timestamp())),
        "hash": transfer.tx,
        "from": transfer.sender,
        "to": transfer.recipient,
        "value": str(transfer.amount),
        "type": "call",
        "isError": "0",
        **changes,
    }


@asynccontextmanager
async def serving(explorer: FakeExplorer) -> AsyncIterator[FakeExplorer]:
    """Run it on a free port."""
    app = web.Application()
    app.router.add_get("/api", explorer.handle)
    runner = web.AppRunner(app)
    await runner.setup()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    explorer.url = f"http://127.0.0.1:{listening.getsockname()[1]}/api"
    await web.SockSite(runner, listening).start()
    try:
        yield explorer
    finally:
        await runner.cleanup()
