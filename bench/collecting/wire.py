"""The limit: every log of the token over the wire, parsed, and nothing kept."""

import asyncio
import sys
import time
from collections.abc import Iterator
from typing import Any

import aiohttp
import orjson

from collecting.measure import Measure, peak_mb

TRANSFER = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
SPAN_BLOCKS = 500
AT_ONCE = 4


def _queries(head: int, token: str, watched: list[str] | None) -> Iterator[dict[str, Any]]:
    topics = [["0x" + each[2:].rjust(64, "0") for each in watched]] if watched else []
    for low in range(0, head + 1, SPAN_BLOCKS):
        window = {"fromBlock": hex(low), "toBlock": hex(min(head, low + SPAN_BLOCKS - 1)), "address": token}
        if not topics:
            yield {**window, "topics": [TRANSFER]}
        else:
            yield {**window, "topics": [TRANSFER, *topics]}
            yield {**window, "topics": [TRANSFER, None, *topics]}


def _decode(logs: list[dict[str, Any]]) -> list[tuple[int, int, str, str, str, int]]:
    return [
        (
            int(log["blockNumber"], 16),
            int(log["logIndex"], 16),
            log["transactionHash"],
            log["topics"][1][26:],
            log["topics"][2][26:],
            int(log["data"], 16),
        )
        for log in logs
    ]


async def download(url: str, head: int, token: str, watched: list[str] | None) -> Measure:
    """Ask for all windows, `AT_ONCE` requests on their way at a time."""
    queries = _queries(head, token, watched)
    seen: set[tuple[int, int]] = set()
    async with aiohttp.ClientSession(headers={"content-type": "application/json"}) as session:

        async def work() -> None:
            for query in queries:
                body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_getLogs", "params": [query]})
                async with session.post(url, data=body) as response:
                    rows = _decode(orjson.loads(await response.read())["result"])
                seen.update((row[0], row[1]) for row in rows)

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        seconds = time.perf_counter() - started
    return Measure(seconds=seconds, rows=len(seen), peak_mb=peak_mb())


if __name__ == "__main__":
    asked = orjson.loads(sys.argv[1])
    found = asyncio.run(download(asked["url"], asked["head"], asked["token"], asked["watched"]))
    print(found.to_json())
