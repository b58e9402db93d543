"""The story shows everything it promises, adds up on its own, and is the same in every run."""

import asyncio
from collections import Counter, defaultdict
from itertools import pairwise

import aiohttp
import pytest

from indexer.demo.artifacts import results, topic
from indexer.demo.cast import lookalike
from indexer.demo.node import Node
from indexer.demo.prices import CENT, LISTINGS, PRICES, trade_to
from indexer.demo.script import SPAM_SYMBOL, cues
from indexer.demo.stage import Stage
from indexer.demo.story import demo_world
from indexer.model.chain import FinalityRule
from indexer.model.errors import RefusedError, RetryableError
from tests.demo.demo_snapshot import Snapshot, take_snapshot

TRANSFER = topic("Transfer(address,address,uint256)")
DEPOSIT = topic("Deposit(address,uint256)")
WITHDRAWAL = topic("Withdrawal(address,uint256)")
# the published first topics of the present Across events, on every chain where it runs
FUNDS_DEPOSITED = "0x32ed1a409ef04c7b0227189c3a103dc5ac10e775a15b785dcc510201f7c25ad3"
FILLED_RELAY = "0x44b559f101f8fbcc8a0ea43fa91a05a729a5ea6e14a7c75aa750374690137208"
REFUNDED = "0xf4ad92585b1bc117fbdd644990adf0827bc4c95baeae8a23322af807b6d0020e"


@pytest.fixture(scope="module")
def played() -> Snapshot:
    return asyncio.run(take_snapshot())


def test_two_runs_are_the_same_to_the_last_hash(played: Snapshot) -> None:
    again = asyncio.run(take_snapshot())
    assert again.world.narrative == played.world.narrative
    assert again.balances == played.balances
    assert again.head_hashes == played.head_hashes


def test_every_feature_is_shown(played: Snapshot) -> None:
    shown = Counter(scene.kind for scene in played.world.narrative)
    assert set(shown) == {
        "receive", "approve", "swap", "self", "poison", "failed", "wrap", "unwrap", "bridge_out", "bridge_in",
        "spam", "send", "refund",
    }  # fmt: skip
    assert shown["bridge_out"] == 7
    assert (shown["bridge_in"], shown["refund"]) == (6, 1)
    assert all(scene.text for scene in played.world.narrative)
    assert 150 <= sum(chain.transactions for chain in played.world.chains) <= 300


def test_progress_ends_at_the_total_of_each_chain(played: Snapshot) -> None:
    last = {chain: (done, total) for chain, done, total in played.progress}
    assert last == {f"eip155:{each}": (len(cues(each)), len(cues(each))) for each in LISTINGS}


def test_blocks_have_increasing_times_and_the_story_is_final(played: Snapshot) -> None:
    for chain in played.world.chains:
        blocks = played.blocks[chain.caip2]
        times = [int(block["timestamp"], 16) for block in blocks]
        assert all(before < after for before, after in pairwise(times))
        assert times[-1] == int(played.world.ends.timestamp())
        last = max(
            int(played.receipts[key]["blockNumber"], 16) for key in played.receipts if key[0] == chain.caip2
        )
        assert played.finalized[chain.caip2] >= last
        assert sum(len(block["transactions"]) for block in blocks) == chain.transactions


def test_wallets_start_empty_and_what_moved_adds_up_to_what_they_hold(played: Snapshot) -> None:
    """Summed from blocks, logs and call traces by other means than the product's own."""
    assert set(played.genesis.values()) == {0}
    held: dict[tuple[str, str, str], int] = defaultdict(int)
    for chain in played.world.chains:
        symbols = {token.address: token.symbol for token in chain.tokens}
        for (caip2, hash_), receipt in played.receipts.items():
            if caip2 != chain.caip2:
                continue
            for log in receipt["logs"]:
                symbol = symbols.get(log["address"])
                for wallet, delta in _token_moves(log):
                    held[caip2, wallet, str(symbol)] += delta
            for wallet, delta in _native_moves(played.traces[caip2, hash_], receipt):
                held[caip2, wallet, "ETH"] += delta
    for key, balance in played.balances.items():
        assert held[key] == balance, key


def _token_moves(log: dict[str, object]) -> list[tuple[str, int]]:
    topics = log["topics"]
    assert isinstance(topics, list)
    amount = int(str(log["data"]), 16) if log["data"] != "0x" else 0
    parties = ["0x" + each[-40:] for each in topics[1:]]
    if topics[0] == TRANSFER:
        return [(parties[0], -amount), (parties[1], amount)]
    if topics[0] == DEPOSIT:
        return [(parties[0], amount)]
    if topics[0] == WITHDRAWAL:
        return [(parties[0], -amount)]
    return []


def _native_moves(traces: list[dict[str, dict[str, str]]], receipt: dict[str, str]) -> list[tuple[str, int]]:
    moves = [(receipt["from"], -int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16))]
    if receipt["status"] == "0x1":
        for trace in traces:
            action = trace["action"]
            value = int(action.get("value", "0x0"), 16)
            if value and action.get("callType") == "call":
                moves += [(action["from"], -value), (action["to"], value)]
    return moves


def test_failed_transactions_cost_gas_alone(played: Snapshot) -> None:
    for key in played.scenes("failed"):
        receipt = played.receipts[key]
        assert receipt["status"] == "0x0"
        assert receipt["logs"] == []
        assert int(receipt["effectiveGasPrice"], 16) > 10**7


def test_gas_prices_differ_from_block_to_block(played: Snapshot) -> None:
    for chain in played.world.chains:
        fees = {int(block["baseFeePerGas"], 16) for block in played.blocks[chain.caip2][1:]}
        assert len(fees) == chain.blocks


def test_bridge_events_are_the_published_ones_and_pair_up(played: Snapshot) -> None:
    deposits: dict[tuple[int, int], tuple[int, int]] = {}
    fills: dict[tuple[int, int], tuple[int, int]] = {}
    for key in played.scenes("bridge_out"):
        (log,) = (each for each in played.receipts[key]["logs"] if each["topics"][0] == FUNDS_DEPOSITED)
        amounts = int(log["data"][2 + 64 * 2 :][:64], 16), int(log["data"][2 + 64 * 3 :][:64], 16)
        deposits[int(key[0].partition(":")[2]), int(log["topics"][2], 16)] = amounts
    for key in played.scenes("bridge_in"):
        (log,) = (each for each in played.receipts[key]["logs"] if each["topics"][0] == FILLED_RELAY)
        amounts = int(log["data"][2 + 64 * 2 :][:64], 16), int(log["data"][2 + 64 * 3 :][:64], 16)
        fills[int(log["topics"][1], 16), int(log["topics"][2], 16)] = amounts
    unfilled = deposits.keys() - fills.keys()
    assert {key: deposits[key] for key in fills} == fills
    assert all(paid < sent for sent, paid in deposits.values())
    (key,) = played.scenes("refund")
    (log,) = (each for each in played.receipts[key]["logs"] if each["topics"][0] == REFUNDED)
    types = ["uint256", "uint256[]", "address", "address[]", "bool", "address"]
    refunded = results(types, bytes.fromhex(log["data"][2:]))
    (expired,) = (deposits[each] for each in unfilled)
    assert refunded[1] == (2_000 * 10**6, expired[0])
    assert str(refunded[3]).count(played.world.wallets[0]) == 1


def test_native_coin_arrives_by_internal_calls(played: Snapshot) -> None:
    main = played.world.wallets[0]
    inner = [
        trace
        for key in (*played.scenes("bridge_in"), *played.scenes("swap"))
        for trace in played.traces[key]
        if trace["traceAddress"] and trace["action"].get("to") == main and int(trace["action"]["value"], 16)
    ]
    assert len(inner) >= 4


def test_spam_reaches_both_wallets_and_no_pool_prices_it(played: Snapshot) -> None:
    harbour = played.world.chains[0]
    assert harbour.token(SPAM_SYMBOL).spam
    assert not harbour.token(SPAM_SYMBOL).priced
    for wallet in played.world.wallets:
        assert played.balances[harbour.caip2, wallet, SPAM_SYMBOL] == 8888 * 10**18


def test_poisoning_looks_like_the_owners_other_wallet(played: Snapshot) -> None:
    main, vault = played.world.wallets
    forged = lookalike(vault)
    assert (forged[:6], forged[-4:]) == (vault[:6], vault[-4:])
    assert forged != vault
    (key,) = played.scenes("poison")
    receipt = played.receipts[key]
    assert receipt["from"] not in played.world.wallets
    (log,) = receipt["logs"]
    assert ["0x" + each[-40:] for each in log["topics"][1:]] == [main, forged]
    assert int(log["data"], 16) == 0


def test_pools_quote_the_table_at_the_head_and_in_between(played: Snapshot) -> None:
    for chain_id, listings in LISTINGS.items():
        chain = next(each for each in played.world.chains if each.caip2 == f"eip155:{chain_id}")
        for listing in listings:
            prices = [
                stable * 10**listing.decimals / token / CENT
                for (caip2, symbol, _), (token, stable) in played.reserves.items()
                if (caip2, symbol) == (chain.caip2, listing.symbol)
            ]
            table = PRICES[listing.symbol]
            assert prices[0] == pytest.approx(table[0], rel=1e-6)
            assert prices[-1] == pytest.approx(table[-1], rel=0.01)
            assert max(prices) == pytest.approx(max(table), rel=0.02)
            assert min(prices) == pytest.approx(min(table), rel=0.02)


def test_history_can_be_read_at_every_block(played: Snapshot) -> None:
    for chain in played.world.chains:
        blocks = {
            number for caip2, symbol, number in played.reserves if (caip2, symbol) == (chain.caip2, "WETH")
        }
        assert blocks == set(range(min(blocks), chain.blocks + 1))


def test_the_chain_spec_is_what_the_service_needs(played: Snapshot) -> None:
    for chain in played.world.chains:
        spec = chain.spec()
        assert spec.id == chain.caip2
        assert spec.endpoints == (chain.rpc_url,)
        assert spec.finality.rule is FinalityRule.TAG
        assert spec.wrapped_native == chain.weth == chain.weth.lower()
        assert spec.dex is not None
        assert spec.dex.quote_token == chain.stable
        assert spec.native_id == f"{chain.caip2}/slip44:60"


async def test_an_error_while_playing_is_raised_as_itself_and_ends_the_chains(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    urls = []

    async def refused(stage: Stage) -> None:
        urls.append(stage.node.url)
        raise RefusedError("the pool is closed")

    monkeypatch.setattr("indexer.demo.story.open_chain", refused)
    with pytest.raises(RefusedError, match="the pool is closed"):
        async with demo_world():
            pass
    async with aiohttp.ClientSession() as session:
        for url in urls:
            with pytest.raises(RetryableError):
                await Node(url, session).ask("eth_chainId")


@pytest.mark.parametrize(("price_cents", "sells"), [(50, True), (200, False)])
def test_a_market_trade_moves_the_pool_to_its_price(price_cents: int, sells: bool) -> None:
    token, stable = 1_000 * 10**18, 1_000 * 100 * CENT
    did_sell, amount = trade_to(price_cents, 18, token, stable)
    assert did_sell is sells
    if sells:
        after = (token + amount, token * stable // (token + amount))
    else:
        after = (token * stable // (stable + amount), stable + amount)
    assert after[1] * 10**18 / after[0] / CENT == pytest.approx(price_cents, rel=1e-6)
