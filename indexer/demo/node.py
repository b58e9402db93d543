"""JSON-RPC to a local node, as bare as the demo needs: two hundred blocks should take seconds."""

from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from indexer.model.errors import RefusedError, RetryableError


@dataclass(frozen=True, slots=True)
class Node:
    """One node behind one HTTP session that somebody else closes."""

    url: str
    session: aiohttp.ClientSession

    async def ask(self, method: str, *params: object) -> Any:
        """Return a call's result. Raises `RefusedError` with the node's words, `RetryableError` when it is gone."""
        body = orjson.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
        try:
            async with self.session.post(
                self.url, data=body, headers={"content-type": "application/json"}
            ) as response:
                answer = orjson.loads(await response.read())
        except (aiohttp.ClientError, orjson.JSONDecodeError, TimeoutError) as reason:
            raise RetryableError(f"The local node at {self.url} does not answer: {reason}") from reason
        if "error" in answer:
            raise RefusedError(f"The local node refused {method}: {answer['error'].get('message')}")
        return answer.get("result")

    async def view(self, to: str, data: bytes) -> bytes:
        """`eth_call` at the newest block."""
        result = await self.ask("eth_call", {"to": to, "data": "0x" + data.hex()}, "latest")
        return bytes.fromhex(result[2:])
