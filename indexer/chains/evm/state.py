"""Balance and nonce of an address at past blocks, where a node keeps the states of the whole chain (an archive).

Questions of addresses that are read at the same time travel in the same JSON-RPC batches.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple

from indexer.chains.evm.endpoint import Call, Failure
from indexer.chains.evm.node import Node
from indexer.model.errors import LyingSourceError, RefusedError, RetryableError

BALANCE, NONCE = "eth_getBalance", "eth_getTransactionCount"
SAMPLES = 12
"""Blocks that are searched for a transaction by which the node's old states are proved."""
PLAIN_TYPES = frozenset({0, 1, 2, 3, 4})
"""Transaction types whose nonce is the sender's own; system transactions count otherwise."""


class State(NamedTuple):
    """An account at the end of a block; the balance in base units."""

    balance: int
    nonce: int


EMPTY = State(0, 0)


class _Waiting(NamedTuple):
    """A question on its way and who waits for the answer."""

    address: str
    number: int
    nonce: bool
    future: asyncio.Future[State]


class States:
    """Reads states of the past and knows whether the endpoints tell them truly."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._archive: bool | None = None
        self._waiting: list[_Waiting] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def archive(self, first: int) -> bool:
        """Whether states from block `first` on are served, and are those of their blocks.

        Some pruned nodes answer old questions with a newer state instead of an error; a transaction proves them: its
        sender's nonce rises in its own block.
        """
        if self._archive is None:
            self._archive = await self._probe(max(first, 0))
        return self._archive

    async def _probe(self, first: int) -> bool:
        head = (await self.node.head()).number
        span = max(1, head - first)
        oldest = sorted({first, *(first + span * part // 64 for part in (1, 2, 4, 8, 16, 32))})
        asked = [
            Call("eth_getBalance", ["0x" + "0" * 40, hex(number)]) for number in oldest if number <= head
        ]
        try:
            replies = await self.node.pool.ask(asked)
        except RetryableError as fault:
            if "trienode" in str(fault).lower():  # how Nethermind says that it has pruned a state
                return False
            raise
        if not all(isinstance(reply, str) for reply in replies):
            return False
        witness = await self._witness(first, head)
        if witness is None:
            return True
        sender, number, nonce = witness
        calls = [Call("eth_getTransactionCount", [sender, hex(n)]) for n in (number - 1, number)]
        before, after = await self.node.pool.ask(calls)
        if not isinstance(before, str) or not isinstance(after, str):
            return False
        return int(before, 16) <= nonce < int(after, 16)

    async def _witness(self, first: int, head: int) -> tuple[str, int, int] | None:
        """Sender, block and nonce of an old transaction; None when the samples hold none."""
        span = max(1, head - first)
        numbers = sorted(
            {first + 1 + span * part // SAMPLES for part in range(SAMPLES)} | {*range(1, min(head, 8))}
        )
        numbers = [number for number in numbers if 0 < number <= head and number > first]
        replies = await self.node.pool.ask(
            [Call("eth_getBlockByNumber", [hex(number), True]) for number in numbers]
        )
        for number, reply in zip(numbers, replies, strict=True):
            if not isinstance(reply, dict):
                continue
            for tx in reply.get("transactions") or ():
                if int(tx.get("type") or "0x0", 16) in PLAIN_TYPES:
                    return str(tx["from"]), number, int(tx["nonce"], 16)
        return None

    async def at(self, address: str, numbers: Sequence[int], *, nonces: bool = True) -> list[State]:
        """States at the end of blocks, in the order asked for; a block below 0 stands for nothing at all. Without
        `nonces` only balances are asked for and every nonce is 0.

        Raises:
            RefusedError: no endpoint serves one of these states.
            RetryableError: no endpoint answers now.
        """
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[State]] = []
        for number in numbers:
            future: asyncio.Future[State] = loop.create_future()
            futures.append(future)
            if number < 0:
                future.set_result(EMPTY)
                continue
            if not self._waiting:
                loop.call_soon(self._start)  # whoever else asks in this turn of the loop comes along
            self._waiting.append(_Waiting(address, number, nonces, future))
        done = await asyncio.gather(*futures, return_exceptions=True)
        for result in done:
            if isinstance(result, BaseException):
                raise result
        return [result for result in done if isinstance(result, State)]

    def _start(self) -> None:
        waiting, self._waiting = self._waiting, []
        task = asyncio.get_running_loop().create_task(self._send(waiting), name="states")
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _send(self, waiting: Sequence[_Waiting]) -> None:
        calls: dict[tuple[str, str, int], Call] = {}
        for item in waiting:
            for method in (BALANCE, NONCE) if item.nonce else (BALANCE,):
                calls[method, item.address, item.number] = Call(method, [item.address, hex(item.number)])
        try:
            answers = dict(zip(calls, await self.node.pool.ask(list(calls.values())), strict=True))
            told = [
                _state(
                    answers[BALANCE, item.address, item.number],
                    answers[NONCE, item.address, item.number] if item.nonce else "0x0",
                )
                for item in waiting
            ]
        except Exception as error:  # noqa: BLE001 - whoever waits gets it, whatever it is
            _fail(waiting, error)
            return
        for item, state in zip(waiting, told, strict=True):
            if item.future.done():
                continue  # whoever asked is gone
            if state is None:
                name = self.node.spec.name
                item.future.set_exception(
                    RefusedError(f"{name}: no endpoint serves the state of block {item.number}")
                )
            else:
                item.future.set_result(state)


def _fail(waiting: Sequence[_Waiting], error: Exception) -> None:
    for item in waiting:
        if not item.future.done():
            item.future.set_exception(error)


def _state(balance: Any, nonce: Any) -> State | None:
    if isinstance(balance, Failure) or isinstance(nonce, Failure) or balance is None or nonce is None:
        return None
    try:
        return State(int(balance, 16), int(nonce, 16))
    except (TypeError, ValueError):
        raise LyingSourceError("a node answered a balance or nonce that is no number") from None
