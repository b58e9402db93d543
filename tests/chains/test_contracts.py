"""Real contracts on a real node: after everything that people do with them, every book is the node's balance."""

import pytest

from indexer.chains.evm.decode import ZERO
from indexer.demo.artifacts import call_data
from indexer.model.facts import TransferKind
from tests.chains.contracts import FOREVER, OPENZEPPELIN, V2, V3, Town, books_of
from tests.chains.node import LocalNode, reader_of
from tests.fixtures.anvil import StartAnvil

ETHER = 10**18
NOBODY = "0x" + "0" * 40
V3_CORE = "@uniswap/v3-core/artifacts/contracts"


@pytest.fixture
async def town(anvil: StartAnvil) -> Town:
    return Town(await LocalNode(await anvil()).ready())


async def test_openzeppelin_tokens(town: Town) -> None:
    boss, ann, bob = town.node.accounts[:3]
    coin = await town.deploy(f"{OPENZEPPELIN}/ERC20PresetMinterPauser", ["string", "string"], "Coin", "CO")
    art = await town.deploy(
        f"{OPENZEPPELIN}/ERC721PresetMinterPauserAutoId", ["string", "string", "string"], "Art", "ART", ""
    )
    multi = await town.deploy(f"{OPENZEPPELIN}/ERC1155PresetMinterPauser", ["string"], "")
    await town.call(boss, coin, "mint(address,uint256)", ann, 1_000)
    await town.call(ann, coin, "transfer(address,uint256)", bob, 300)
    await town.call(ann, coin, "transfer(address,uint256)", ann, 50)
    await town.call(ann, coin, "approve(address,uint256)", bob, 200)
    await town.call(bob, coin, "transferFrom(address,address,uint256)", ann, boss, 120)
    await town.call(bob, coin, "burn(uint256)", 7)
    await town.call(bob, coin, "burnFrom(address,uint256)", ann, 80)
    for _ in range(3):
        await town.call(boss, art, "mint(address)", ann)
    await town.call(ann, art, "transferFrom(address,address,uint256)", ann, bob, 1)
    await town.call(ann, art, "safeTransferFrom(address,address,uint256)", ann, bob, 2)
    await town.call(bob, art, "burn(uint256)", 2)
    await town.call(boss, multi, "mint(address,uint256,uint256,bytes)", ann, 5, 40, b"")
    await town.call(
        boss, multi, "mintBatch(address,uint256[],uint256[],bytes)", ann, [6, 7, 6], [10, 20, 1], b""
    )
    await town.call(
        ann, multi, "safeTransferFrom(address,address,uint256,uint256,bytes)", ann, bob, 5, 15, b""
    )
    await town.call(
        ann,
        multi,
        "safeBatchTransferFrom(address,address,uint256[],uint256[],bytes)",
        *(ann, bob, [6, 7], [4, 20], b""),
    )
    await town.call(bob, multi, "burnBatch(address,uint256[],uint256[])", bob, [5, 7], [1, 2])
    reader = reader_of(town.node.url)
    try:
        books = await books_of(town, reader)
    finally:
        await reader.close()
    chain = reader.spec.id
    assert books[bob].sums[f"{chain}/erc20:{coin}"] == 293
    assert books[ann].sums[f"{chain}/erc721:{art}/0"] == 1
    assert {a: n for a, n in books[bob].sums.items() if "erc1155" in a} == {
        f"{chain}/erc1155:{multi}/5": 14, f"{chain}/erc1155:{multi}/6": 4, f"{chain}/erc1155:{multi}/7": 18,
    }  # fmt: skip
    asset = books[ann].assets[f"{chain}/erc20:{coin}"]
    assert (asset.symbol, asset.decimals) == ("CO", 18)
    batch = [
        t.position
        for t in books[ann].transfers.values()
        if t.position.count(":") == 2 and t.amount in {10, 20, 1}
    ]
    assert len({p.rpartition(":")[2] for p in batch}) == 3


async def test_wrapped_coin_and_an_exchange_with_a_token_that_takes_a_fee(town: Town) -> None:
    boss, ann, bob = town.node.accounts[:3]
    weth = await town.deploy(f"{V2}/WETH9")
    factory = await town.deploy("@uniswap/v2-core/build/UniswapV2Factory", ["address"], boss)
    router = await town.deploy(f"{V2}/UniswapV2Router02", ["address", "address"], factory, weth)
    coin = await town.deploy(f"{OPENZEPPELIN}/ERC20PresetMinterPauser", ["string", "string"], "Coin", "CO")
    greedy = await town.deploy(f"{V2}/DeflatingERC20", ["uint256"], 10**6 * ETHER)
    await town.call(ann, weth, "deposit()", value=4 * ETHER)
    await town.call(ann, weth, "withdraw(uint256)", ETHER // 2)
    await town.call(ann, weth, "transfer(address,uint256)", bob, ETHER)
    await town.call(bob, weth, "withdraw(uint256)", ETHER)
    await town.call(boss, coin, "mint(address,uint256)", ann, 1_000 * ETHER)
    await town.call(boss, greedy, "transfer(address,uint256)", ann, 1_000 * ETHER)
    for token in (coin, greedy):
        await town.call(ann, token, "approve(address,uint256)", router, 2**255)
        await town.call(
            ann,
            router,
            "addLiquidityETH(address,uint256,uint256,uint256,address,uint256)",
            *(token, 500 * ETHER, 0, 0, ann, FOREVER),
            value=5 * ETHER,
        )
    pairs = [
        await town.view(factory, "getPair(address,address)", token, weth, returns=["address"])
        for token in (coin, greedy)
    ]
    town.join(*pairs)
    await town.call(
        bob,
        router,
        "swapExactETHForTokens(uint256,address[],address,uint256)",
        *(0, [weth, coin], bob, FOREVER),
        value=ETHER,
    )
    await town.call(
        bob,
        router,
        "swapETHForExactTokens(uint256,address[],address,uint256)",
        *(ETHER, [weth, coin], bob, FOREVER),
        value=ETHER,  # most of it comes back from the router
    )
    await town.call(bob, coin, "approve(address,uint256)", router, 2**255)
    await town.call(
        bob,
        router,
        "swapExactTokensForETH(uint256,uint256,address[],address,uint256)",
        *(30 * ETHER, 0, [coin, weth], ann, FOREVER),
    )
    await town.call(
        ann,
        router,
        "swapExactTokensForETHSupportingFeeOnTransferTokens(uint256,uint256,address[],address,uint256)",
        *(10 * ETHER, 0, [greedy, weth], ann, FOREVER),
    )
    await town.call(ann, pairs[1], "approve(address,uint256)", router, 2**255)
    await town.call(
        ann,
        router,
        "removeLiquidityETHSupportingFeeOnTransferTokens(address,uint256,uint256,uint256,address,uint256)",
        *(greedy, ETHER, 0, 0, ann, FOREVER),
    )
    reader = reader_of(town.node.url, wrapped_native=weth)
    try:
        books = await books_of(town, reader)
    finally:
        await reader.close()
    fees = [t for t in books[ann].transfers.values() if t.asset.endswith(greedy) and t.recipient == ZERO]
    assert fees
    assert books[ann].kinds["wrap"] == 2
    assert books[weth].sums[reader.spec.native_id] > 0
    assert {t.kind for t in books[router].transfers.values()} >= {TransferKind.INTERNAL, TransferKind.ERC20}


async def test_concentrated_liquidity_with_its_position_as_an_item(town: Town) -> None:
    boss, ann, bob = town.node.accounts[:3]
    weth = await town.deploy(f"{V2}/WETH9")
    factory = await town.deploy(f"{V3_CORE}/UniswapV3Factory.sol/UniswapV3Factory")
    manager = await town.deploy(
        f"{V3}/NonfungiblePositionManager.sol/NonfungiblePositionManager",
        ["address", "address", "address"],
        *(factory, weth, NOBODY),
    )
    router = await town.deploy(f"{V3}/SwapRouter.sol/SwapRouter", ["address", "address"], factory, weth)
    coin = await town.deploy(f"{OPENZEPPELIN}/ERC20PresetMinterPauser", ["string", "string"], "Coin", "CO")
    await town.call(boss, coin, "mint(address,uint256)", ann, 1_000 * ETHER)
    first, second = sorted([coin, weth])
    pool = await town.view(
        *(manager, "createAndInitializePoolIfNecessary(address,address,uint24,uint160)"),
        *(first, second, 3000, 2**96),
        returns=["address"],
    )
    await town.call(
        *(boss, manager, "createAndInitializePoolIfNecessary(address,address,uint24,uint160)"),
        *(first, second, 3000, 2**96),
    )
    town.join(pool)
    await town.call(ann, coin, "approve(address,uint256)", manager, 2**255)
    mint = call_data(
        "mint((address,address,uint24,int24,int24,uint256,uint256,uint256,uint256,address,uint256))",
        (first, second, 3000, -600, 600, 5 * ETHER, 5 * ETHER, 0, 0, ann, FOREVER),
    )
    refund = call_data("refundETH()")
    await town.call(ann, manager, "multicall(bytes[])", [mint, refund], value=8 * ETHER)
    swap = "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))"
    await town.call(bob, router, swap, (weth, coin, 3000, bob, FOREVER, ETHER // 10, 0, 0), value=ETHER // 10)
    await town.call(bob, coin, "approve(address,uint256)", router, 2**255)
    back = call_data(swap, (coin, weth, 3000, NOBODY, FOREVER, ETHER // 20, 0, 0))
    unwrap = call_data("unwrapWETH9(uint256,address)", 0, bob)
    await town.call(bob, router, "multicall(bytes[])", [back, unwrap])
    take = call_data("collect((uint256,address,uint128,uint128))", (1, ann, 2**127, 2**127))
    less = call_data(
        "decreaseLiquidity((uint256,uint128,uint256,uint256,uint256))", (1, ETHER, 0, 0, FOREVER)
    )
    await town.call(ann, manager, "multicall(bytes[])", [less, take])
    reader = reader_of(town.node.url, wrapped_native=weth)
    try:
        books = await books_of(town, reader)
    finally:
        await reader.close()
    assert books[ann].sums[f"{reader.spec.id}/erc721:{manager}/1"] == 1
    assert books[bob].kinds["internal"] == 1
    assert books[bob].kinds["wrap"] == 0  # the router wraps and unwraps for its guests
    assert books[router].kinds["wrap"] == 2
