"""Performing the acts of the story on a stage: each becomes one or two real transactions."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from indexer.demo.acts import Airdrop, Bridge, Cue, Fill, Pay, Poison, Refund, Reprice, Swap, Wrap
from indexer.demo.artifacts import call_data, results, topic
from indexer.demo.prices import LISTINGS, PRICES, trade_to
from indexer.demo.stage import Mined, Stage, Tx
from indexer.demo.world import Scene

_DEPLOYED_BEFORE = timedelta(minutes=1)
_FOREVER = 2**256 - 1
_PATIENCE = 1_200
_FILL_WINDOW = 21_600
_SLIPPAGE_PER_MILLE = 10
_NOBODY = "0x" + "00" * 20

_DEPOSITED = (
    "FundsDeposited(bytes32,bytes32,uint256,uint256,uint256,uint256,uint32,uint32,uint32,"
    "bytes32,bytes32,bytes32,bytes)"
)
_DEPOSITED_DATA = [
    "bytes32", "bytes32", "uint256", "uint256", "uint32", "uint32", "uint32", "bytes32", "bytes32", "bytes",
]  # fmt: skip
_DEPOSIT = (
    "deposit(bytes32,bytes32,bytes32,bytes32,uint256,uint256,uint256,bytes32,uint32,uint32,uint32,bytes)"
)
_FILL_RELAY = (
    "fillRelay((bytes32,bytes32,bytes32,bytes32,bytes32,uint256,uint256,uint256,uint256,uint32,uint32,bytes),"
    "uint256,bytes32)"
)


@dataclass(frozen=True, slots=True)
class Wires:
    """What one chain has to know of another: contract addresses, and deposits as their events report them."""

    stages: dict[int, Stage]
    deposits: dict[tuple[int, int], asyncio.Future[tuple[object, ...]]] = field(
        default_factory=lambda: defaultdict(lambda: asyncio.get_running_loop().create_future())
    )


async def perform(stage: Stage, wires: Wires, cue: Cue) -> list[Scene]:
    """Play one cue; return the scenes that concern the owner."""
    scenes: list[Scene] = []
    match cue.act:
        case Pay() as act:
            scenes = [await _scene(stage, cue, _pay(stage, act), _pay_kind(stage, act))]
        case Wrap() as act:
            scenes = [await _scene(stage, cue, _wrap(stage, act), "unwrap" if act.unwrap else "wrap")]
        case Swap() as act:
            scenes = await _swap(stage, cue, act)
        case Bridge() as act:
            scenes = await _bridge(stage, wires, cue, act)
        case Fill() as act:
            scenes = await _fill(stage, wires, cue, act)
        case Refund() as act:
            scenes = [await _scene(stage, cue, await _refund(stage, wires, act), "refund")]
        case Airdrop() as act:
            scenes = await _airdrop(stage, cue, act)
        case Poison() as act:
            scenes = [await _scene(stage, cue, _poison(stage, act), "poison")]
        case Reprice() as act:
            await stage.mine(cue.when, *await _reprice(stage, cue.when, act))
    return scenes


def units(amount: str, decimals: int) -> int:
    """Base units of a decimal string; `ValueError` when it is finer than the token."""
    scaled = Decimal(amount).scaleb(decimals)
    if scaled != int(scaled):
        raise ValueError(f"{amount} has more than {decimals} decimals")
    return int(scaled)


def _told(stage: Stage, cue: Cue, mined: Mined, kind: str, text: str = "") -> Scene:
    when = datetime.fromtimestamp(stage.clock, UTC)
    return Scene(when, f"eip155:{stage.chain_id}", mined.hash, kind, text or cue.text)


async def _scene(stage: Stage, cue: Cue, tx: Tx, kind: str) -> Scene:
    (mined,) = await stage.mine(cue.when, tx)
    return _told(stage, cue, mined, kind)


async def _spend(stage: Stage, cue: Cue, symbol: str, spender: str, tx: Tx) -> tuple[list[Scene], Mined]:
    """Mine a transaction that lets a contract take a token, behind the approval it needs the first time.

    Both share a block, as a wallet's batch does: a time alone does not order them.
    """
    key = (tx.sender, symbol, spender)
    if symbol == "ETH" or key in stage.approved:
        (mined,) = await stage.mine(cue.when, tx)
        return [], mined
    stage.approved.add(key)
    data = call_data("approve(address,uint256)", stage.contracts[spender], _FOREVER)
    allowed, mined = await stage.mine(cue.when, Tx(tx.sender, stage.contracts[symbol], data), tx)
    words = f"Allows the {spender.replace('_', ' ')} to move {symbol}"
    return [_told(stage, cue, allowed, "approve", words)], mined


def _pay_kind(stage: Stage, act: Pay) -> str:
    wallets = stage.cast.wallets
    own = (stage.cast.address(act.sender) in wallets, stage.cast.address(act.recipient) in wallets)
    return {(True, True): "self", (True, False): "send", (False, True): "receive"}[own]


def _pay(stage: Stage, act: Pay) -> Tx:
    sender, recipient = stage.cast.address(act.sender), stage.cast.address(act.recipient)
    amount = units(act.amount, stage.decimals[act.symbol])
    if act.symbol == "ETH":
        return Tx(sender, recipient, value=amount)
    return Tx(sender, stage.contracts[act.symbol], call_data("transfer(address,uint256)", recipient, amount))


def _wrap(stage: Stage, act: Wrap) -> Tx:
    wallet, amount = stage.cast.address(act.wallet), units(act.amount, 18)
    if act.unwrap:
        return Tx(wallet, stage.contracts["WETH"], call_data("withdraw(uint256)", amount))
    return Tx(wallet, stage.contracts["WETH"], call_data("deposit()"), value=amount)


async def _swap(stage: Stage, cue: Cue, act: Swap) -> list[Scene]:
    wallet = stage.cast.address(act.wallet)
    amount = units(act.amount, stage.decimals[act.path[0]])
    path = [stage.contracts["WETH" if symbol == "ETH" else symbol] for symbol in act.path]
    router = stage.contracts["router"]
    (quoted,) = await stage.read(
        router, call_data("getAmountsOut(uint256,address[])", amount, path), "uint256[]"
    )
    least = quoted[-1] * (1000 - _SLIPPAGE_PER_MILLE) // 1000
    if act.fails:
        least = quoted[-1] * 2
    until = int(cue.when.timestamp()) + _PATIENCE
    if act.path[0] == "ETH":
        data = call_data(
            "swapExactETHForTokens(uint256,address[],address,uint256)", least, path, wallet, until
        )
        tx = Tx(wallet, router, data, value=amount, reverts=act.fails)
    else:
        name = "swapExactTokensForETH" if act.path[-1] == "ETH" else "swapExactTokensForTokens"
        signature = f"{name}(uint256,uint256,address[],address,uint256)"
        tx = Tx(wallet, router, call_data(signature, amount, least, path, wallet, until), reverts=act.fails)
    scenes, mined = await _spend(stage, cue, act.path[0], "router", tx)
    return [*scenes, _told(stage, cue, mined, "failed" if act.fails else "swap")]


def _word(address: str) -> bytes:
    """An address as the bridge's bytes32."""
    return bytes.fromhex(address.removeprefix("0x")).rjust(32, b"\0")


def _address(word: object) -> str:
    """The address in the bridge's bytes32."""
    if not isinstance(word, bytes):
        raise TypeError(word)
    return "0x" + word[-20:].hex()


async def _bridge(stage: Stage, wires: Wires, cue: Cue, act: Bridge) -> list[Scene]:
    wallet = stage.cast.address(act.wallet)
    symbol = "WETH" if act.symbol == "ETH" else act.symbol
    decimals = stage.decimals[symbol]
    (far,) = (other for other in wires.stages.values() if other is not stage)
    amount, now = units(act.amount, decimals), int(cue.when.timestamp())
    data = call_data(
        _DEPOSIT,
        _word(wallet),
        _word(stage.cast.address(act.recipient or act.wallet)),
        _word(stage.contracts[symbol]),
        _word(far.contracts[symbol]),
        amount,
        units(act.arrives, decimals),
        far.chain_id,
        _word(_NOBODY),
        now,
        now + _FILL_WINDOW,
        0,
        b"",
    )
    value = amount if act.symbol == "ETH" else 0
    tx = Tx(wallet, stage.contracts["spoke_pool"], data, value=value)
    scenes, mined = await _spend(stage, cue, act.symbol, "spoke_pool", tx)
    (log,) = (each for each in mined.logs if each["topics"][0] == topic(_DEPOSITED))
    number = int(log["topics"][2], 16)
    fields = results(_DEPOSITED_DATA, bytes.fromhex(log["data"][2:]))
    wires.deposits[stage.chain_id, number].set_result((bytes.fromhex(log["topics"][3][2:]), *fields))
    return [*scenes, _told(stage, cue, mined, "bridge_out")]


async def _fill(stage: Stage, wires: Wires, cue: Cue, act: Fill) -> list[Scene]:
    """Read the deposit's event as a relayer would, and pay it out."""
    depositor, *fields = await wires.deposits[act.origin, act.number]
    input_token, output_token, input_amount, output_amount, _, deadline, exclusivity, *rest = fields
    recipient, relayer_only, message = rest
    relay = (
        depositor, recipient, relayer_only, input_token, output_token, input_amount, output_amount,
        act.origin, act.number, deadline, exclusivity, message,
    )  # fmt: skip
    data = call_data(_FILL_RELAY, relay, act.origin, _word(stage.cast.relayer))
    tx = Tx(stage.cast.relayer, stage.contracts["spoke_pool"], data)
    return [await _scene(stage, cue, tx, "bridge_in")]


async def _refund(stage: Stage, wires: Wires, act: Refund) -> Tx:
    """One token to two addresses, as the bridge's batches name them: by address and amount alone."""
    depositor, input_token, _, amount, *_ = await wires.deposits[stage.chain_id, act.number]
    token = _address(input_token)
    due = units(
        act.relayer_due, next(n for s, n in stage.decimals.items() if stage.contracts.get(s) == token)
    )
    to = [stage.cast.relayer, _address(depositor)]
    data = call_data("executeRefunds(address,address[],uint256[])", token, to, [due, amount])
    return Tx(stage.cast.bank, stage.contracts["spoke_pool"], data)


async def _airdrop(stage: Stage, cue: Cue, act: Airdrop) -> list[Scene]:
    spammer = stage.cast.spammer
    token = await stage.deploy(cue.when - _DEPLOYED_BEFORE, spammer, "DemoToken", act.name, act.symbol, 18)
    stage.contracts[act.symbol] = token
    stage.decimals[act.symbol] = 18
    data = call_data("airdrop(address[],uint256)", stage.cast.wallets, units(act.amount, 18))
    return [await _scene(stage, cue, Tx(spammer, token, data), "spam")]


def _poison(stage: Stage, act: Poison) -> Tx:
    data = call_data(
        "transferFrom(address,address,uint256)", stage.cast.main, stage.cast.address("lookalike"), 0
    )
    return Tx(stage.cast.poisoner, stage.contracts[act.symbol], data)


async def _reprice(stage: Stage, when: datetime, act: Reprice) -> list[Tx]:
    """One trade for every pool, all in one block."""
    return [
        await _market_trade(stage, when, listing.symbol, PRICES[listing.symbol][act.index])
        for listing in LISTINGS[stage.chain_id]
    ]


async def _market_trade(stage: Stage, when: datetime, symbol: str, price_cents: int) -> Tx:
    token, stable = stage.contracts[symbol], stage.contracts["USDC"]
    first, second, _ = await stage.read(
        stage.contracts[f"pair:{symbol}"], call_data("getReserves()"), "uint112", "uint112", "uint32"
    )
    held, quoted = (first, second) if int(token, 16) < int(stable, 16) else (second, first)
    sells, amount = trade_to(price_cents, stage.decimals[symbol], held, quoted)
    path = [token, stable] if sells else [stable, token]
    data = call_data(
        "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)",
        amount, 0, path, stage.cast.market, int(when.timestamp()) + _PATIENCE,
    )  # fmt: skip
    return Tx(stage.cast.market, stage.contracts["router"], data)
