"""Before the owner's first day: fund the strangers, deploy the contracts, open the pools."""

from datetime import datetime, timedelta

from indexer.demo.artifacts import call_data
from indexer.demo.cast import ETHER
from indexer.demo.prices import LISTINGS, START, Listing, opening_amounts
from indexer.demo.stage import BUILD_GAS, Stage, Tx
from indexer.demo.world import STABLE_DECIMALS

BLOCK = timedelta(seconds=12)
_FOREVER = 2**256 - 1
_STRANGER_ETHER = 1_000_000


async def open_chain(stage: Stage) -> None:
    """Play the blocks up to the open market. Fills the stage's contracts and decimals."""
    for stranger in stage.cast.strangers:
        await stage.node.ask("anvil_setBalance", stranger, hex(_STRANGER_ETHER * ETHER))
    when = START
    for role, name, arguments in _deployments(stage.chain_id):
        when += BLOCK
        given = [stage.contracts.get(each, stage.cast.bank) if each in _LATE else each for each in arguments]
        stage.contracts[role] = await stage.deploy(when, stage.cast.bank, name, *given)
    stage.decimals["USDC"] = STABLE_DECIMALS
    stage.decimals["ETH"] = 18
    for listing in LISTINGS[stage.chain_id]:
        stage.decimals[listing.symbol] = listing.decimals
    await stage.mine(when + BLOCK, *_endowments(stage))
    await stage.mine(when + 2 * BLOCK, *_approvals(stage))
    for number, listing in enumerate(LISTINGS[stage.chain_id]):
        await _open_pool(stage, when + (3 + number) * BLOCK, listing)


_LATE = ("WETH", "factory", "bank")
"""Constructor arguments that are known only when the chain is being played."""


def _deployments(chain_id: int) -> list[tuple[str, str, tuple[object, ...]]]:
    """(role, build, constructor arguments) in the order of deployment."""
    tokens: list[tuple[str, str, tuple[object, ...]]] = [
        (each.symbol, "DemoToken", (each.name, each.symbol, each.decimals))
        for each in LISTINGS[chain_id]
        if each.symbol != "WETH"
    ]
    return [
        ("WETH", "WETH9", ()),
        ("USDC", "DemoToken", ("USD Coin", "USDC", STABLE_DECIMALS)),
        ("factory", "UniswapV2Factory", ("bank",)),
        ("router", "UniswapV2Router02", ("factory", "WETH")),
        ("spoke_pool", "DemoSpokePool", ("WETH",)),
        *tokens,
    ]


def _endowments(stage: Stage) -> list[Tx]:
    """Coins for those who provide liquidity, trade, relay and pay wages."""
    cast = stage.cast
    made: list[Tx] = [
        Tx(who, stage.contracts["WETH"], call_data("deposit()"), value=200_000 * ETHER)
        for who in (cast.bank, cast.market, cast.relayer)
    ]
    holders = (cast.bank, cast.market, cast.relayer, cast.exchange, cast.employer)
    for symbol in ("USDC", *(each.symbol for each in LISTINGS[stage.chain_id] if each.symbol != "WETH")):
        amount = 100_000_000 * 10 ** stage.decimals[symbol]
        made += [
            Tx(cast.bank, stage.contracts[symbol], call_data("mint(address,uint256)", who, amount))
            for who in (holders if symbol == "USDC" else holders[:3])
        ]
    return made


def _approvals(stage: Stage) -> list[Tx]:
    cast = stage.cast
    symbols = ("USDC", *(each.symbol for each in LISTINGS[stage.chain_id]))
    return [
        Tx(
            who,
            stage.contracts[symbol],
            call_data("approve(address,uint256)", stage.contracts[spender], _FOREVER),
        )
        for who, spender in ((cast.bank, "router"), (cast.market, "router"), (cast.relayer, "spoke_pool"))
        for symbol in symbols
    ]


async def _open_pool(stage: Stage, when: datetime, listing: Listing) -> None:
    token, stable = opening_amounts(listing)
    data = call_data(
        "addLiquidity(address,address,uint256,uint256,uint256,uint256,address,uint256)",
        stage.contracts[listing.symbol], stage.contracts["USDC"], token, stable, 0, 0,
        stage.cast.bank, int(when.timestamp()) + 600,
    )  # fmt: skip
    await stage.mine(when, Tx(stage.cast.bank, stage.contracts["router"], data, gas=BUILD_GAS))
    (pair,) = await stage.read(
        stage.contracts["factory"],
        call_data("getPair(address,address)", stage.contracts[listing.symbol], stage.contracts["USDC"]),
        "address",
    )
    stage.contracts[f"pair:{listing.symbol}"] = str(pair).lower()
