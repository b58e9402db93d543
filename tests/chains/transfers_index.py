"""`alchemy_getAssetTransfers` as documented, over what a local node did.

https://www.alchemy.com/docs/data/transfers-api/transfers-endpoints/alchemy-get-asset-transfers (fields, paging,
categories, `fromAddress` and `toAddress` joined by and).
"""

from dataclasses import dataclass, field
from typing import Any

from tests.chains.node import LocalNode

METHOD = "alchemy_getAssetTransfers"


@dataclass(slots=True)
class TransfersIndex:
    """Rows oldest first. `page` bounds `maxCount`, `behind` is the highest block that is indexed."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    internal: bool = True
    page: int = 1_000
    behind: int | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)

    def twist(self, asked: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        """Answer the list; hide traces, which would tell the same."""
        if asked["method"].startswith(("trace_", "debug_")):
            error = {"code": -32600, "message": f"{asked['method']} is not available on the Free tier"}
            return {"jsonrpc": "2.0", "id": reply["id"], "error": error}
        if asked["method"] != METHOD:
            return reply
        (query,) = asked["params"]
        self.asked.append(query)
        if "internal" in query["category"] and not self.internal:
            error = {"code": -32602, "message": "'internal' category is only supported for ETH and MATIC"}
            return {"jsonrpc": "2.0", "id": reply["id"], "error": error}
        return {"jsonrpc": "2.0", "id": reply["id"], "result": self._answer(query)}

    def _answer(self, query: dict[str, Any]) -> dict[str, Any]:
        low, high = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        if self.behind is not None:
            high = min(high, self.behind)
        found = [
            row
            for row in self.rows
            if low <= int(row["blockNum"], 16) <= high
            and row["category"] in query["category"]
            and query.get("fromAddress", row["from"]) == row["from"]
            and query.get("toAddress", row["to"]) == row["to"]
        ]
        start = int(query.get("pageKey", "0"))
        size = min(self.page, int(query.get("maxCount", "0x3e8"), 16))
        answer: dict[str, Any] = {"transfers": found[start : start + size]}
        if start + size < len(found):
            answer["pageKey"] = str(start + size)
        return answer


async def indexed(node: LocalNode, **changes: Any) -> TransfersIndex:
    """An index of everything up to the head: transactions, and calls inside them that moved coins and held."""
    index = TransfersIndex(**changes)
    head = int(await node.ask("eth_blockNumber"), 16)
    for number in range(1, head + 1):
        block = await node.ask("eth_getBlockByNumber", hex(number), True)
        for tx in block["transactions"]:
            receipt = await node.ask("eth_getTransactionReceipt", tx["hash"])
            index.rows.append(
                _row(number, tx["hash"], "external", tx["from"], tx["to"], int(tx["value"], 16))
            )
            if receipt["status"] == "0x1":
                index.rows += [
                    _row(number, tx["hash"], "internal", *parts)
                    for parts in _inner(await node.ask("debug_traceTransaction", tx["hash"], TRACER))
                ]
    return index


TRACER = {"tracer": "callTracer"}


def _inner(frame: dict[str, Any]) -> list[tuple[str, str, int]]:
    found: list[tuple[str, str, int]] = []
    for child in frame.get("calls", ()):
        value = int(child.get("value") or "0x0", 16)
        if child.get("error"):
            continue
        if value and child["type"] in {"CALL", "CREATE", "CREATE2", "SELFDESTRUCT"}:
            found.append((child["from"].lower(), child["to"].lower(), value))
        found += _inner(child)
    return found


def _row(
    number: int, tx: str, category: str, sender: str, recipient: str | None, value: int
) -> dict[str, Any]:
    return {
        "blockNum": hex(number),
        "uniqueId": f"{tx}:{category}",
        "hash": tx,
        "from": sender.lower(),
        "to": None if recipient is None else recipient.lower(),
        "value": value / 10**18,
        "erc721TokenId": None,
        "erc1155Metadata": None,
        "tokenId": None,
        "asset": "ETH",
        "category": category,
        "rawContract": {"value": hex(value), "address": None, "decimal": "0x12"},
    }
