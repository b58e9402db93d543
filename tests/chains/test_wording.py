"""Refusals of `eth_getLogs` as providers word them, and how the window learns from them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.chains.evm.window import LogWindow
from indexer.chains.evm.wording import Refusal, classify

RANGES = [
    (-32600, "requests with up to a 10 block range. This block range should work: [0x10, 0x19].", 10, (16, 25)),
    (-32602, "range 20000 exceeds limit of 10000", 10_000, None),
    (-32005, "query returned more than 10000 results. Try with this block range [0x1, 0xFF].", None, (1, 255)),
    (-32614, "eth_getLogs is limited to a 10,000 range", 10_000, None),
    (-32000, "eth_getLogs is limited to a 10000 blocks range", 10_000, None),
    (0, "block range exceeds the range allowed for your plan (5000 > 1024)", 1024, None),
    (0, "eth_getLogs is limited to 1024 block range", 1024, None),
    (-32600, "block range is too wide", None, None),
    (0, "maximum [from, to] blocks distance: 2000", 2000, None),
    (0, "block range is too wide (maximum 1024)", 1024, None),
    (0, "Max range: 800", 800, None),
    (0, "Maximum allowed number of requested blocks is 1000", 1000, None),
    (0, "requested too many blocks from 1 to 9999, maximum is set to 2048", 2048, None),
    (0, "Block range limit exceeded.", None, None),
    (0, "please limit the query to at most 1000 blocks", 1000, None),
    (-32701, "exceed maximum block range: 50000", 50_000, None),
    (0, "block range is bigger than maxBlockRange", None, None),
    (0, "query block range exceeds server limit, narrow your filter: 1000", 1000, None),
    (0, "range is too large, max is 10k blocks", 10_000, None),
    (0, "range is too large, max is 1k blocks", 1000, None),
    (0, "query must be smaller than size 1024", 1024, None),
    (0, "block range too large (5000), maximum allowed is 2000 blocks", 2000, None),
    (0, "query exceeds max block range 1000", 1000, None),
    (0, "block range greater than 10000 max", 10_000, None),
    (0, "block range exceeds 1000", 1000, None),
    (0, "exceed max block range: 5000", 5000, None),
    (35, "ranges over 10000 blocks are not supported on freetier", 10_000, None),
    (-32602, "query exceeds max results 20000, retry with the range 100-110", None, (100, 110)),
]  # fmt: skip
DENSE = [
    "query returned more than 10000 results",
    "query exceeds max results",
    "logs matched by query exceeds limit of 10000",
    "backend response too large",
    "response size should not greater than 150000000 bytes",
    "response is too big",
    "more than 20,000 logs",
    "query returns too many logs",
    "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range",
    "query timeout exceeded",
]


@pytest.mark.parametrize(("code", "text", "limit", "offer"), RANGES)
def test_a_refused_range_teaches_its_limit(
    code: int, text: str, limit: int | None, offer: tuple[int, int] | None
) -> None:
    verdict = classify(code, text, "eth_getLogs")
    assert verdict.refusal in {Refusal.RANGE, Refusal.DENSE}
    assert verdict.offer == offer
    if verdict.refusal is Refusal.RANGE:
        assert verdict.limit == limit


@pytest.mark.parametrize("text", DENSE)
def test_too_many_results_is_not_a_limit_of_blocks(text: str) -> None:
    verdict = classify(-32000, text, "eth_getLogs")
    assert (verdict.refusal, verdict.limit) == (Refusal.DENSE, None)


@pytest.mark.parametrize(
    ("code", "text", "method", "refusal"),
    [
        (-32005, "Too Many Requests", "eth_getLogs", Refusal.RATE),
        (429, "", "eth_call", Refusal.RATE),
        (-32000, "Your app has exceeded its compute units per second capacity", "eth_getLogs", Refusal.RATE),
        (-32601, "the method trace_block does not exist/is not available", "trace_block", Refusal.REFUSED),
        (4444, "pruned history unavailable", "eth_getTransactionReceipt", Refusal.REFUSED),
        (-32000, "missing trie node 00ff (path )", "eth_getBalance", Refusal.REFUSED),
        (-32603, "Internal error: MissingTrieNodeException", "eth_getBalance", Refusal.REFUSED),
        (3, "execution reverted", "eth_call", Refusal.REVERTED),
        (-32000, "header not found", "eth_call", Refusal.LAGGING),
        (-32000, "no backend is currently healthy to serve traffic", "eth_getLogs", Refusal.RETRY),
        (-32603, "internal error", "eth_getBalance", Refusal.RETRY),
        (-32000, "a wording nobody has met", "eth_getLogs", Refusal.DENSE),
    ],
)
def test_what_to_do_about_an_error(code: int, text: str, method: str, refusal: Refusal) -> None:
    assert classify(code, text, method).refusal is refusal


@given(st.integers(1, 10**9), st.integers(1, 10**6))
def test_a_window_finds_any_hidden_limit_and_keeps_to_it(start: int, hidden: int) -> None:
    window = LogWindow(start)
    accepted = []
    for _ in range(200):
        width = window.size
        if width > hidden:
            window.refused(width, None, None)
        else:
            window.succeeded(width, 0)
            accepted.append(width)
    assert accepted
    assert accepted[-1] <= hidden
    assert accepted[-1] * 4 >= hidden  # it comes near the limit instead of creeping


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_a_stated_limit_is_never_passed_again(start: int, limit: int) -> None:
    window = LogWindow(start)
    window.succeeded(start, 0)
    width = window.size
    window.refused(width, limit, None)
    for _ in range(50):
        if limit < width:
            assert window.size <= limit
        window.succeeded(window.size, 0)


def test_an_empty_chain_of_half_a_billion_blocks_takes_few_queries() -> None:
    window, block, queries = LogWindow(10_000), 0, 0
    while block < 500_000_000:
        width = window.size
        window.succeeded(width, 0)
        block, queries = block + width, queries + 1
    assert queries < 12
