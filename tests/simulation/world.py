"""A local chain on which anything may happen: random transfers of every kind, reorgs, rollbacks, restarts."""

import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from indexer.demo.anvil import AnvilOptions, run_anvil
from indexer.demo.node import Node
from indexer.model.errors import RefusedError
from tests.simulation.contracts_of import call, code_of

CHAIN = "eip155:31337"
GENESIS = 1_700_000_000
BLOCK_SECONDS = 12
CONTRACTS = ("DemoToken", "FeeToken", "Tickets", "Goods", "Hub", "WETH9")
FINALITY_BLOCKS = 40
"""Blocks above a block that make it final in this chain's description; no reorg goes as deep."""
USUALLY_DEEPEST = 12
DEEPEST = FINALITY_BLOCKS - 2
MNEMONIC = "test test test test test test test test test test test junk"
"""Of the node's own development accounts."""
TIP, MOST_FEE = 10**9, 10**11
ITEMS = (1, 2)
"""Ids of the ERC-1155 goods."""


@dataclass(frozen=True, slots=True)
class Move:
    """A transaction to be sent. `kind` names what it exercises."""

    kind: str
    sender: str
    to: str | None
    data: str = "0x"
    value: int = 0


@dataclass(frozen=True, slots=True)
class Signed:
    """A transaction with its signature, which can be mined again: with the same hash, in another place."""

    sender: str
    nonce: int
    raw: str


@cache
def _key_of(number: int) -> LocalAccount:
    Account.enable_unaudited_hdwallet_features()
    account: LocalAccount = Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{number}")
    return account


@dataclass(slots=True)
class World:
    """One chain while it is played. `wallets` are those that may be watched, `others` everyone else."""

    dice: random.Random
    folder: Path
    stack: AsyncExitStack
    url: str = ""
    wallets: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    contracts: dict[str, str] = field(default_factory=dict)
    sent: dict[str, int] = field(default_factory=dict)
    """Transactions by kind."""
    events: list[str] = field(default_factory=list)
    """What happened to the chain, for the report of a failure."""
    keys: dict[str, LocalAccount] = field(default_factory=dict)
    signed: dict[str, Signed] = field(default_factory=dict)
    """Signed transactions by hash."""
    _node: Node | None = None
    _running: AsyncExitStack | None = None
    _restarts: int = 0
    _base: int = 0
    _highest: int = 0
    """Before blocks were taken away."""

    async def open(self) -> None:
        """Start the node, deploy the contracts and hand out what will be moved about."""
        session = await self.stack.enter_async_context(aiohttp.ClientSession())
        self.stack.push_async_callback(self._stop)
        await self._start(session)
        accounts = [each.lower() for each in await self.ask("eth_accounts")]
        strangers = [f"0x{number:040x}" for number in (0xA11CE0001, 0xB0B0002)]
        # accounts with coins from genesis, and addresses that start with nothing
        self.wallets = (*accounts[7:10], *strangers)
        self.others = tuple(accounts[:5])
        self.keys = {accounts[number]: _key_of(number) for number in (1, 2, 3, 4, 7, 8, 9)}
        await self.ask("anvil_autoImpersonateAccount", True)
        await self._deploy()
        await self._hand_out()

    async def ask(self, method: str, *params: object) -> Any:
        """Ask the node itself, past every proxy."""
        if self._node is None:
            raise AssertionError("the world is not open")
        return await self._node.ask(method, *params)

    async def head(self) -> int:
        """Number of the newest block."""
        return int(await self.ask("eth_blockNumber"), 16)

    async def play(self, blocks: int) -> None:
        """Mine blocks with up to four random transactions each."""
        for _ in range(blocks):
            for move in self._moves(self.dice.randrange(5)):
                await self._send(move)
            await self.ask("evm_mine")

    async def reorg(self, depth: int) -> None:
        """Replace the newest blocks by as many others with other transactions."""
        depth = await self._room(depth)
        if not depth:
            return
        chosen: list[list[Any]] = [
            [_fields(move), self.dice.randrange(depth)] for move in self._moves(self.dice.randrange(6))
        ]
        self.events.append(f"reorg of {depth} at {await self.head()} with {len(chosen)} transactions")
        await self._replace(depth, chosen)

    async def reshuffle(self, depth: int) -> int:
        """Replace the newest blocks by as many others with some of the same transactions in another order.

        A transaction that was signed keeps its hash, and gets another block, place and log indexes. Returns how many did.
        """
        depth = await self._room(depth)
        if not depth:
            return 0
        again = await self._undone(depth)
        senders = [each.sender for each in again]
        self.dice.shuffle(senders)
        queues = {sender: [each for each in again if each.sender == sender] for sender in set(senders)}
        places = sorted(self.dice.randrange(depth) for _ in senders)
        chosen: list[list[Any]] = [
            [queues[sender].pop(0).raw, place] for sender, place in zip(senders, places, strict=True)
        ]
        self.events.append(f"reshuffle of {depth} at {await self.head()}, {len(chosen)} transactions again")
        return len(chosen) if await self._replace(depth, chosen) else 0

    async def _undone(self, depth: int) -> list[Signed]:
        """Signed transactions of the newest blocks that can be mined again, each sender's in order."""
        head = await self.head()
        nonces = {
            sender: int(await self.ask("eth_getTransactionCount", sender, hex(head - depth)), 16)
            for sender in self.keys
        }
        found = []
        for number in range(head - depth + 1, head + 1):
            block = await self.ask("eth_getBlockByNumber", hex(number), False)
            for each in (self.signed.get(hash_) for hash_ in block["transactions"]):
                if each is not None and nonces[each.sender] == each.nonce:
                    nonces[each.sender] += 1
                    found.append(each)
        return found

    async def _replace(self, depth: int, chosen: list[list[Any]]) -> bool:
        try:
            await self.ask("anvil_reorg", depth, chosen)
        except RefusedError as refusal:  # a replacement that cannot be paid for on the other branch
            self.events.append(f"without its transactions: {refusal}")
            await self.ask("anvil_reorg", depth, [])
            return False
        return True

    async def shorten(self, depth: int) -> None:
        """Take the newest blocks away; what is mined next stands in their place."""
        depth = await self._room(depth)
        if depth:
            self._highest = max(self._highest, await self.head())
            self.events.append(f"rollback of {depth} at {await self.head()}")
            await self.ask("anvil_rollback", depth)

    async def outgrow(self) -> None:
        """Mine past the highest block there ever was, as every chain does after a reorg.

        Until it does, a chain that became shorter cannot be told from an endpoint that lags.
        """
        lacking = self._highest + 1 - await self.head()
        if self._highest and lacking > 0:
            await self.pass_time(lacking)

    async def pass_time(self, blocks: int) -> None:
        """Mine empty blocks."""
        self.events.append(f"{blocks} empty blocks at {await self.head()}")
        await self.ask("anvil_mine", hex(blocks))

    async def restart(self) -> None:
        """Stop the node and start it from its saved state, at another port."""
        self.events.append(f"node restart at {await self.head()}")
        if self._node is None:
            raise AssertionError("the world is not open")
        session = self._node.session
        await self._stop()
        await self._start(session)
        await self.ask("anvil_autoImpersonateAccount", True)
        # anvil 1.7.1 loses contracts when blocks from before its start are undone
        self._base = await self.head()

    async def _start(self, session: aiohttp.ClientSession) -> None:
        extra = ["--preserve-historical-states", "--dump-state", str(self._state(self._restarts + 1))]
        if self._restarts:
            extra += ["--load-state", str(self._state(self._restarts))]
        self._restarts += 1
        self._running = AsyncExitStack()
        options = AnvilOptions(genesis_time=GENESIS, automine=False, extra=tuple(extra))
        self.url = await self._running.enter_async_context(run_anvil(options))
        self._node = Node(self.url, session)
        await self.ask("anvil_setBlockTimestampInterval", BLOCK_SECONDS)

    async def _stop(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            await running.aclose()

    def _state(self, number: int) -> Path:
        return self.folder / f"state-{number}.json"

    async def _room(self, depth: int) -> int:
        """How deep a reorg may go: nothing final and nothing at the start of the chain is ever undone."""
        return max(0, min(depth, DEEPEST, await self.head() - self._base))

    def depth(self) -> int:
        """Of a reorg: mostly a few blocks, at times almost to what is final."""
        return self.dice.randrange(1, DEEPEST if self.dice.random() < 0.1 else USUALLY_DEEPEST)

    async def _deploy(self) -> None:
        hashes = {}
        for name in CONTRACTS:
            hashes[name] = await self._send(Move("deploy", self.others[0], None, code_of(name)))
        await self.ask("evm_mine")
        for name, hash_ in hashes.items():
            receipt = await self.ask("eth_getTransactionReceipt", hash_)
            self.contracts[name] = receipt["contractAddress"].lower()

    async def _hand_out(self) -> None:
        bank, at = self.others[0], self.contracts
        for each in (*self.wallets, *self.others):
            for move in (
                Move("mint", bank, at["DemoToken"], call("mint(address,uint256)", each, 10**24)),
                Move("mint", bank, at["FeeToken"], call("mint(address,uint256)", each, 10**15)),
                Move("mint", bank, at["Tickets"], call("issue(address)", each)),
                Move("mint", bank, at["Goods"], call("stock(address,uint256,uint256)", each, ITEMS[0], 500)),
                Move("mint", bank, at["Goods"], call("stock(address,uint256,uint256)", each, ITEMS[1], 700)),
                Move("native", bank, each, value=3 * 10**18),
            ):
                await self._send(move)
        await self.ask("evm_mine")
        self._base = await self.head()

    async def _send(self, move: Move) -> str | None:
        try:
            if move.sender in self.keys and self.dice.random() < 0.9:
                hash_ = await self._sign(move)
            else:
                hash_ = await self.ask("eth_sendTransaction", _fields(move))
        except RefusedError as refusal:
            self.events.append(f"{move.kind} was not taken: {refusal}")
            return None
        self.sent[move.kind] = self.sent.get(move.kind, 0) + 1
        return str(hash_)

    async def _sign(self, move: Move) -> str:
        nonce = int(await self.ask("eth_getTransactionCount", move.sender, "pending"), 16)
        body: dict[str, Any] = {
            "nonce": nonce, "chainId": 31337, "gas": 3_000_000, "value": move.value, "data": move.data,
            "maxPriorityFeePerGas": TIP, "maxFeePerGas": MOST_FEE, "type": 2,
        }  # fmt: skip
        if move.to is not None:
            body["to"] = to_checksum_address(move.to)
        raw = "0x" + bytes(self.keys[move.sender].sign_transaction(body).raw_transaction).hex()
        hash_ = str(await self.ask("eth_sendRawTransaction", raw))
        self.signed[hash_] = Signed(move.sender, nonce, raw)
        return hash_

    def _moves(self, count: int) -> list[Move]:
        return [self.dice.choice(KINDS)(self) for _ in range(count)]

    def anyone(self) -> str:
        """An address, more often than not one that may be watched."""
        return self.dice.choice(self.wallets if self.dice.random() < 0.7 else self.others)

    def amount(self, most: int) -> int:
        """From 0 up; small ones as often as large ones."""
        return self.dice.randrange(self.dice.choice((2, 1_000, most)))


def _fields(move: Move) -> dict[str, str]:
    fields = {"from": move.sender, "value": hex(move.value), "data": move.data, "gas": hex(3_000_000)}
    if move.to is not None:
        fields["to"] = move.to
    return fields


def _native(world: World) -> Move:
    return Move("native", world.anyone(), world.anyone(), value=world.amount(10**16))


def _token(world: World) -> Move:
    data = call("transfer(address,uint256)", world.anyone(), world.amount(10**21))
    return Move("erc20", world.anyone(), world.contracts["DemoToken"], data)


def _toll(world: World) -> Move:
    data = call("transfer(address,uint256)", world.anyone(), world.amount(10**12))
    return Move("fee-on-transfer", world.anyone(), world.contracts["FeeToken"], data)


def _ticket(world: World) -> Move:
    """A new one, or the sender's first one, which may have moved on: then the transaction fails."""
    tickets, sender = world.contracts["Tickets"], world.anyone()
    if world.dice.random() < 0.5:
        return Move("erc721", sender, tickets, call("issue(address)", world.anyone()))
    number = (*world.wallets, *world.others).index(sender) + 1
    data = call("transferFrom(address,address,uint256)", sender, world.anyone(), number)
    return Move("erc721", sender, tickets, data)


def _good(world: World) -> Move:
    data = call(
        "send(address,uint256,uint256)", world.anyone(), world.dice.choice(ITEMS), world.dice.randrange(5)
    )
    return Move("erc1155", world.anyone(), world.contracts["Goods"], data)


def _goods(world: World) -> Move:
    """A batch; the same item may stand in it twice."""
    ids = [world.dice.choice(ITEMS) for _ in range(world.dice.randrange(4))]
    data = call(
        "sendBatch(address,uint256[],uint256[])",
        world.anyone(), ids, [world.dice.randrange(4) for _ in ids],
    )  # fmt: skip
    return Move("erc1155-batch", world.anyone(), world.contracts["Goods"], data)


def _wrap(world: World) -> Move:
    wrapped = world.contracts["WETH9"]
    if world.dice.random() < 0.5:
        return Move("wrap", world.anyone(), wrapped, call("deposit()"), world.amount(10**15))
    return Move("unwrap", world.anyone(), wrapped, call("withdraw(uint256)", world.amount(10**14)))


def _split(world: World) -> Move:
    to = [world.anyone() for _ in range(world.dice.randrange(1, 4))]
    data = call("split(address[])", to)
    return Move("internal", world.anyone(), world.contracts["Hub"], data, world.amount(10**15))


def _waver(world: World) -> Move:
    data = call("waver(address)", world.anyone())
    return Move("internal-undone", world.anyone(), world.contracts["Hub"], data, world.amount(10**15))


def _burst(world: World) -> Move:
    data = call("burst(address)", world.anyone())
    return Move("create-selfdestruct", world.anyone(), world.contracts["Hub"], data, world.amount(10**15))


def _bounce(world: World) -> Move:
    return Move("bounce", world.anyone(), world.contracts["Hub"], call("bounce()"), world.amount(10**15))


def _fails(world: World) -> Move:
    """The whole transaction is undone and its gas is paid."""
    data = call("payAndFail(address)", world.anyone())
    return Move("failed", world.anyone(), world.contracts["Hub"], data, 1 + world.amount(10**15))


def _nothing(world: World) -> Move:
    """Coins to oneself, and calls without effect."""
    sender = world.anyone()
    return Move("self", sender, sender, value=world.amount(10**15))


def _create(world: World) -> Move:
    return Move("create", world.anyone(), None, code_of("Tickets"))


KINDS: tuple[Callable[[World], Move], ...] = (
    _native, _token, _toll, _ticket, _good, _goods, _wrap, _wrap, _split, _waver, _burst, _bounce, _fails,
    _nothing, _create,
)  # fmt: skip
