"""Plain transfers become facts right from the wire: the same ones as by way of logs, in blocks that were verified."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.chains.evm.decode import DEPOSIT, LOG_TRANSFER, TRANSFER, TRANSFER_SINGLE, parse_logs, read_logs
from indexer.chains.evm.filters import Query
from indexer.chains.evm.node import block_ref
from indexer.chains.evm.plain import Answer, AnswerReader
from indexer.chains.evm.raw_log import RawLog
from indexer.chains.evm.settlement import rules_of, token_transfer
from indexer.model.errors import LyingSourceError
from indexer.model.facts import Transfer
from tests.chains.node import read, reader_of, spec_of
from tests.chains.proxy import of_logs, proxy
from tests.chains.world import World

WRAPPED, TOKEN = "0x" + "ee" * 20, "0x" + "aB" * 20
SPEC = replace(spec_of("http://127.0.0.1:1"), wrapped_native=WRAPPED)
OURS, OTHERS = ("0x" + "0" * 24 + "1a" * 20, "0x" + "0" * 24 + "2b" * 20), "0x" + "0" * 24 + "3c" * 20
KINDS = frozenset({TRANSFER, DEPOSIT, TRANSFER_SINGLE, LOG_TRANSFER})
OPEN = Query([], KINDS, None, frozenset(OURS))


def _in_capitals(text: str) -> str:
    return "0x" + text[2:].upper()


either_case: st.SearchStrategy[Callable[[str], str]] = st.sampled_from([str.lower, _in_capitals])


def _plain(topics: tuple[str, ...], data: str, index: str) -> RawLog:
    return RawLog(
        address=TOKEN,
        topics=topics,
        data=data,
        block_number="0x5",
        block_hash="0x" + "5" * 64,
        transaction_hash="0x" + "7" * 64,
        log_index=index,
    )


@st.composite
def raw_logs(draw: st.DrawFn) -> RawLog:
    """A log of one of five contracts' worth of oddities: wrapped coins, items, words in capitals, no words at all."""
    kind = draw(st.sampled_from([TRANSFER, TRANSFER, TRANSFER, DEPOSIT, TRANSFER_SINGLE]))
    party = st.sampled_from([*OURS, OTHERS])
    topics = [kind, *draw(st.lists(party, min_size=1, max_size=3))]
    number = draw(st.integers(0, 3))
    return RawLog(
        address=draw(either_case)(draw(st.sampled_from([TOKEN, WRAPPED]))),
        topics=tuple(draw(either_case)(topic) for topic in topics),
        data="0x" + draw(st.sampled_from(["", "0" * 62 + "ff", "0" * 63 + "1" * 65, "0" * 64])),
        block_number=hex(number),
        block_hash="0x" + f"{number:064x}",
        transaction_hash="0x" + "Cd" * 31 + f"{draw(st.integers(0, 3)):02x}",
        log_index=hex(draw(st.integers(0, 1000))),
        block_timestamp=None if number == 2 else hex(1_700_000_000 + number),
    )


def by_way_of_logs(raws: list[RawLog], query: Query) -> set[Transfer]:
    return {
        token_transfer(SPEC, log.tx, block_ref(log.block, log.block_hash, log.time or 0), move)
        for log in query.kept(parse_logs(raws))
        for move in read_logs([log], rules_of(SPEC)).moves
    }


def told(answer: Answer) -> set[Transfer]:
    rest = {
        token_transfer(SPEC, log.tx, block_ref(log.block, log.block_hash, log.time or 0), move)
        for log in answer.logs
        for move in read_logs([log], rules_of(SPEC)).moves
    }
    return rest | set(answer.transfers)


@given(st.lists(raw_logs(), max_size=12))
def test_the_short_way_tells_what_the_long_way_tells(raws: list[RawLog]) -> None:
    answer = AnswerReader(SPEC).read(raws, OPEN)
    assert told(answer) == by_way_of_logs(raws, OPEN)
    kept = [log for log in parse_logs(raws) if not OPEN.watched.isdisjoint(log.topics[1:])]
    assert {(ref.number, ref.hash) for ref in answer.blocks} == {(log.block, log.block_hash) for log in kept}
    assert answer.timeless == {log.block for log in kept if log.time is None}
    assert len(answer.transfers) + len(answer.logs) == len(kept)


@given(st.lists(raw_logs(), min_size=1, max_size=6), st.sampled_from([1, 2, 3]))
def test_a_log_that_was_not_asked_for_is_a_lie_either_way(raws: list[RawLog], place: int) -> None:
    query = Query([], KINDS, place, frozenset(OURS))
    try:
        expected = by_way_of_logs(raws, query)
    except LyingSourceError:
        with pytest.raises(LyingSourceError):
            AnswerReader(SPEC).read(raws, query)
    else:
        assert told(AnswerReader(SPEC).read(raws, query)) == expected


def test_most_transfers_go_the_short_way() -> None:
    topics = (TRANSFER, OTHERS, OURS[0])
    answer = AnswerReader(SPEC).read([_plain(topics, "0x" + "0" * 63 + "9", "0xc")], OPEN)
    assert (len(answer.transfers), answer.logs, answer.timeless) == (1, [], {5})
    [fact] = answer.transfers
    assert (fact.position, fact.amount, fact.recipient) == ("log:12", 9, "0x" + "1a" * 20)
    assert fact.asset == f"{SPEC.id}/erc20:{TOKEN.lower()}"


@pytest.mark.parametrize("data", ["0x" + "0" * 63 + "z", "0x" + " " * 64])
def test_an_amount_that_is_no_number_is_a_lie(data: str) -> None:
    with pytest.raises(LyingSourceError, match="malformed"):
        AnswerReader(SPEC).read([_plain((TRANSFER, OTHERS, OURS[0]), data, "0x0")], OPEN)


def restamped(stamp: Any) -> Any:
    def change(_: Any, reply: dict[str, Any]) -> dict[str, Any]:
        logs = [log for log in reply["result"] if isinstance(log, dict)]
        for log in logs:
            told_by_log = stamp(int(log["blockTimestamp"], 16))
            log.update(blockTimestamp=told_by_log) if told_by_log else log.pop("blockTimestamp")
        return reply

    return of_logs(change)


@pytest.mark.parametrize(
    "stamp",
    [
        pytest.param(lambda _: None, id="none"),
        pytest.param(lambda seconds: seconds, id="a number instead of text"),
        pytest.param(lambda _: hex(1), id="all the same, and long ago"),
        pytest.param(lambda _: hex(1 << 33), id="in the future"),
        pytest.param(lambda _: hex(1 << 70), id="behind all calendars"),
        pytest.param(lambda seconds: hex(2 * 1_700_000_000 - seconds), id="falling"),
    ],
)
async def test_times_that_cannot_be_are_looked_up(world: World, stamp: Any) -> None:
    async with proxy(world.node.url) as middle:
        middle.twist = restamped(stamp)
        reader = reader_of(middle.url)
        try:
            assert (await read(reader, world.me, "logs")).transfers == world.truth.transfers
        finally:
            await reader.close()
    assert middle.asked["eth_getBlockByNumber"] > 10


async def test_two_hashes_of_one_block_are_no_history(world: World) -> None:
    """Logs of one block of which each names another: read again until they agree."""
    answers = 0

    def fork(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        nonlocal answers
        if reply["result"]:
            answers += 1
            if answers == 1:
                first = reply["result"][0]
                other = {**first, "blockHash": "0x" + "9" * 64, "logIndex": "0x7"}
                reply = {**reply, "result": [first, other, *reply["result"][1:]]}
        return reply

    async with proxy(world.node.url) as middle:
        middle.twist = of_logs(fork)
        reader = reader_of(middle.url)
        try:
            with pytest.raises(Exception, match="reorganised"):
                await read(reader, world.me, "logs")
            assert (await read(reader, world.me, "logs")).transfers == world.truth.transfers
        finally:
            await reader.close()
