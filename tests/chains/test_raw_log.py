"""Answers with logs are read as any JSON is, but their logs come typed; what is none is refused where logs are read."""

from typing import Any

import orjson
import pytest

from indexer.chains.evm.decode import TRANSFER, Log, parse_logs, parse_receipt_logs
from indexer.chains.evm.raw_log import RawLog, loads_logs
from indexer.model.errors import LyingSourceError

ADDRESS, HASH = "0x" + "Ab" * 20, "0x" + "cD" * 32
LOG: dict[str, Any] = {
    "address": ADDRESS,
    "topics": [TRANSFER, HASH, HASH],
    "data": "0xFF",
    "blockNumber": "0x10",
    "blockHash": HASH,
    "blockTimestamp": "0x65579a80",
    "transactionHash": HASH,
    "transactionIndex": "0x0",
    "logIndex": "0xa",
    "removed": False,
}


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in LOG.items() if name not in names}


def test_a_log_is_read_in_lower_case_with_its_numbers() -> None:
    topics = (TRANSFER, HASH.lower(), HASH.lower())
    expected = Log(ADDRESS.lower(), topics, "0xff", 16, HASH.lower(), HASH.lower(), 10, 0x65579A80)
    answer = loads_logs(orjson.dumps({"jsonrpc": "2.0", "id": 0, "result": [LOG]}))
    assert parse_logs(answer["result"]) == parse_receipt_logs([LOG]) == [expected]


@pytest.mark.parametrize("missing", ["blockTimestamp", "removed"])
def test_what_not_every_node_tells_may_be_missing(missing: str) -> None:
    [log] = loads_logs(orjson.dumps({"id": 0, "result": [without(missing)]}))["result"]
    assert isinstance(log, RawLog)


def test_a_batch_keeps_its_order_and_whatever_else_it_holds() -> None:
    header = {"number": "0x10", "hash": HASH}
    batch: list[dict[str, Any]] = [
        {"id": 1, "result": [LOG]},
        {"id": 0, "result": []},
        {"id": 2, "result": header},
        {"id": 3, "result": None},
        {"id": "4", "error": {"code": -32005, "message": "more than 10000 logs", "data": {"to": "0x1"}}},
        {"id": 5},
    ]
    first, *rest = loads_logs(orjson.dumps(batch))
    assert first["result"][0].log_index == "0xa"
    assert [each.get("result", "none") for each in rest] == [[], header, None, "none", "none"]
    assert [each["error"] for each in rest] == [None, None, None, batch[4]["error"], None]
    assert [each["id"] for each in rest] == [0, 2, 3, "4", 5]


@pytest.mark.parametrize(
    "odd",
    [
        without("address"),
        {**LOG, "blockNumber": None},
        {**LOG, "topics": ["0x1"]},
        {**LOG, "topics": "0x"},
        {**LOG, "logIndex": "ten"},
        {**LOG, "address": "0x1"},
        "0xdeadbeef",
    ],
)
def test_what_is_no_log_is_a_lie_wherever_it_came(odd: object) -> None:
    [found] = loads_logs(orjson.dumps([{"id": 0, "result": [odd]}]))
    with pytest.raises(LyingSourceError):
        parse_logs(found["result"]) if isinstance(found["result"][0], RawLog) else parse_receipt_logs(
            found["result"]
        )


@pytest.mark.parametrize("body", [b"", b"<html>", b'{"id":0,"result":[', b'\xff\xfe{"id":0}'])
def test_what_is_no_json_is_told_as_ever(body: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        loads_logs(body)
