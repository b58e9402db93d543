"""The end of every run: ledger = fresh index of the surviving chain = what the node says."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from indexer.flows.wallets import list_wallets
from indexer.model.facts import Transfer
from indexer.wiring import App
from tests.simulation.contracts_of import call
from tests.simulation.service import PORTFOLIO
from tests.simulation.world import CHAIN, ITEMS, World

NATIVE = f"{CHAIN}/slip44:60"


class LedgerDiffersError(AssertionError):
    """The ledger is not what the chain says."""


async def facts_of(app: App) -> list[Transfer]:
    """Everything the portfolio's ledger holds, in an order of its own."""
    async with app.services.ledger.read() as work:
        found = [transfer async for transfer in work.facts.stream(PORTFOLIO)]
    return sorted(found, key=lambda each: each.key)


def compare(ledger: Sequence[Transfer], fresh: Sequence[Transfer]) -> None:
    """Both must hold the same facts, field by field."""
    ours, theirs = {each.key: each for each in ledger}, {each.key: each for each in fresh}
    if len(ours) != len(ledger) or len(theirs) != len(fresh):
        raise LedgerDiffersError("a fact is in a ledger twice")
    stale = [ours[key] for key in sorted(ours.keys() - theirs.keys())]
    missing = [theirs[key] for key in sorted(theirs.keys() - ours.keys())]
    other = [
        (ours[key], theirs[key]) for key in sorted(ours.keys() & theirs.keys()) if ours[key] != theirs[key]
    ]
    if stale or missing or other:
        raise LedgerDiffersError(
            f"against a fresh index the ledger has {len(stale)} facts too many, {len(missing)} too few and "
            f"{len(other)} that differ; first: {[*stale[:2], *missing[:2], *other[:2]]}"
        )


async def prove(world: World, wallets: Iterable[str], facts: Sequence[Transfer]) -> None:
    """Sum the ledger and ask the node for every balance there is, known to the ledger or not."""
    wrong = []
    for wallet in wallets:
        sums: dict[str, int] = defaultdict(int)
        for fact in facts:
            if fact.recipient == wallet:
                sums[fact.asset] += fact.amount
            if fact.sender == wallet:
                sums[fact.asset] -= fact.amount
        real = await balances(world, wallet)
        wrong += [
            f"{wallet} holds {real.get(asset, 0)} of {asset}, the ledger sums to {sums.get(asset, 0)}"
            for asset in sorted(real.keys() | sums.keys())
            if sums.get(asset, 0) != real.get(asset, 0)
        ]
    if wrong:
        raise LedgerDiffersError("; ".join(wrong))


async def balances(world: World, wallet: str) -> dict[str, int]:
    """What the node says the wallet holds, by CAIP-19 id, without a word from the collector."""
    found = {NATIVE: int(await world.ask("eth_getBalance", wallet, "latest"), 16)}
    for name in ("DemoToken", "FeeToken", "WETH9"):
        at = world.contracts[name]
        found[f"{CHAIN}/erc20:{at}"] = await _number(world, at, call("balanceOf(address)", wallet))
    goods, tickets = world.contracts["Goods"], world.contracts["Tickets"]
    for item in ITEMS:
        data = call("balanceOf(address,uint256)", wallet, item)
        found[f"{CHAIN}/erc1155:{goods}/{item}"] = await _number(world, goods, data)
    for number in range(1, 1 + await _number(world, tickets, call("issued()"))):
        owner = await _number(world, tickets, call("ownerOf(uint256)", number))
        found[f"{CHAIN}/erc721:{tickets}/{number}"] = int(owner == int(wallet, 16))
    return found


async def _number(world: World, to: str, data: str) -> int:
    answer: Any = await world.ask("eth_call", {"to": to, "data": data}, "latest")
    return int(answer, 16)


async def complete(world: World, app: App) -> list[str]:
    """What the service itself says is not yet known; empty when it claims to be complete up to the head."""
    head = await world.head()
    page = await list_wallets(app.services, PORTFOLIO, None, 100)
    return [
        f"{status.wallet.address}: {chain.state.value} as of {chain.as_of_block} of {head}, "
        f"error {chain.error!r}, gaps {[(gap.code.value, gap.detail) for gap in chain.gaps]}"
        for status in page.items
        for chain in status.chains
        if not chain.complete or chain.as_of_block != head
    ]


async def branch(world: World, app: App) -> None:
    """Every block that the ledger remembers is on the surviving chain."""
    async with app.services.ledger.read() as work:
        remembered = await work.facts.remembered_blocks(CHAIN, 100_000)
    for block in remembered:
        found = await world.ask("eth_getBlockByNumber", hex(block.number), False)
        if found is None or found["hash"] != block.hash:
            raise LedgerDiffersError(
                f"the ledger remembers block {block.number} as {block.hash}, which is gone"
            )
