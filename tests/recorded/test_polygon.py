"""Polygon writes a log for every move of its coin: in recorded receipts they say what transaction and explorer say."""

import gzip
import json
from collections import Counter
from typing import Any

import pytest

from indexer.chains.evm.decode import POLYGON_COIN, Log, LogRules, Value, parse_receipt_logs, read_logs
from indexer.chains.evm.explorer_rows import internal_value
from indexer.chains.open import open_reader
from tests.chains.node import read
from tests.recorded.compare import WallClock, chains, recorded_node, recordings

FOLDER = recordings()
pytestmark = pytest.mark.skipif(FOLDER is None, reason="the recordings are not beside the repository")
RULES = LogRules(native_mirror=POLYGON_COIN)


def test_the_coins_logs_are_the_value_and_the_internal_calls() -> None:
    assert FOLDER is not None
    data: dict[str, Any] = json.loads(gzip.decompress((FOLDER / "data/rest/evm-137.json.gz").read_bytes()))
    synced: list[Counter[Value]] = []
    compared = 0
    for tx, receipt in data["receipts"].items():
        logs: list[Log] = parse_receipt_logs(receipt["logs"])
        mirrored = Counter(v for v in read_logs(logs, RULES).mirrored if v.amount)
        sent, told = data["transactions"][tx], data["internals"].get(tx, {"status": None})
        if int(sent["from"], 16) == 0:
            synced.append(mirrored)
            continue
        if told["status"] != "1" and told.get("message") != "No transactions found":
            continue
        called = Counter(v for v in map(internal_value, told["rows"]) if v)
        if value := int(sent["value"], 16):
            to = sent["to"] or receipt["contractAddress"]
            called[Value(sent["from"].lower(), to.lower(), value)] += 1
        assert mirrored == called, tx
        compared += 1
    assert compared >= 50
    # two transactions of the system; one brought coins from Ethereum: no value, no internal rows, one log
    assert [v.sender for found in synced for v in found.elements()] == [POLYGON_COIN]


async def test_logs_alone_tell_coins_fees_and_state_syncs() -> None:
    assert FOLDER is not None
    data: dict[str, Any] = json.loads(gzip.decompress((FOLDER / "data/rest/evm-137.json.gz").read_bytes()))
    told: dict[str, list[tuple[str, int]]] = {}
    for tx, receipt in data["receipts"].items():
        for value in read_logs(parse_receipt_logs(receipt["logs"]), RULES).mirrored:
            told.setdefault(value.recipient, []).append((tx, value.amount))
    synced = next(who for who, came in told.items() if came[0][0].startswith("0x962b5ec370"))
    payer = next(tx for tx in data["transactions"].values() if tx["hash"].startswith("0x285cae1c14"))["from"]
    with recorded_node(FOLDER, "rest") as url:
        reader = open_reader(chains(url)["eip155:137"], WallClock())
        try:
            bridged, paying = await read(reader, synced, "logs"), await read(reader, payer.lower(), "logs")
        finally:
            await reader.close()
    coins = {
        (t.tx, t.sender, t.amount) for t in bridged.transfers.values() if t.asset == reader.spec.native_id
    }
    assert (told[synced][0][0], POLYGON_COIN, told[synced][0][1]) in coins
    kinds = {t.kind.value for t in paying.transfers.values() if t.tx.startswith("0x285cae1c14")}
    assert {"native", "gas"} <= kinds
