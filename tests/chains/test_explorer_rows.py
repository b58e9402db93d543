"""One transaction as each explorer lists it: the same facts, whatever is listed twice, swapped or not at all."""

from pathlib import Path
from typing import Any

import pytest

from indexer.chains.evm.decode import DEPOSIT, POLYGON_COIN, TRANSFER, ZERO, ZKSYNC_COIN
from indexer.chains.evm.explorer_source import read_rows
from indexer.chains.evm.settlement import Evidence, Settled, settle
from indexer.chains.registry import load
from indexer.model.chain import ChainSpec
from indexer.model.facts import TransferKind
from tests.chains.test_kinds import BLOCK, FRIEND, ME, TOKEN, TX, Told, bor, change, coin, fees, log, topic

CHAINS = load(Path(__file__).resolve().parents[2] / "chains.yaml", {})
ETHEREUM, POLYGON, ZKSYNC = (CHAINS[f"eip155:{n}"] for n in (1, 137, 324))
ROUTER = "0x" + "9" * 40
Rows = dict[str, list[dict[str, Any]]]

PLACE = {"blockNumber": "7", "timeStamp": "1735689600"}
OWN = {
    **PLACE, "hash": TX, "blockHash": BLOCK.hash, "from": ME, "to": ROUTER, "value": "10", "gasUsed": "21000",
    "gasPrice": "10", "isError": "0", "txreceipt_status": "1", "contractAddress": "",
}  # fmt: skip
INNER = {
    **PLACE,
    "from": ROUTER,
    "to": ME,
    "value": "4",
    "isError": "0",
    "errCode": "",
    "contractAddress": "",
}
STYLES: dict[str, Rows] = {
    "etherscan": {
        "txlist": [OWN],
        "txlistinternal": [{**INNER, "hash": TX, "type": "call", "traceId": "0_1"}],
    },
    "routescan": {
        "txlist": [OWN],
        "txlistinternal": [{**INNER, "hash": TX, "type": "call", "traceId": "19"}],
    },
    "blockscout": {
        "txlist": [{**OWN, "hash": TX.upper().replace("X", "x")}],
        "txlistinternal": [
            {**INNER, "transactionHash": TX, "type": "call", "callType": "call", "index": "19"},
            # the transaction's own call, and a delegatecall with the value that it inherits
            {**INNER, "transactionHash": TX, "type": "call", "callType": "call", "index": "0", "from": ME,
             "to": ROUTER, "value": "10"},
            {**INNER, "transactionHash": TX, "type": "call", "callType": "delegatecall", "index": "20"},
        ],
    },
}  # fmt: skip


def settled(spec: ChainSpec, rows: Rows, told: Told | None = None) -> Settled:
    """What the rows say, with what a node tells beside them."""
    (item,), _, _ = read_rows(rows)
    node = told.evidence() if told else Evidence(TX, BLOCK)
    found = Evidence(
        TX,
        BLOCK,
        node.node_tx,
        node.receipt,
        item.row,
        internals=tuple(item.internals or ()),
        told=tuple(item.moves),
    )
    return settle(spec, ME, found)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("served", [True, False], ids=["with receipt", "without"])
def test_every_style_tells_the_same_facts(style: str, served: bool) -> None:
    told = Told(to=ROUTER, value=10) if served else None
    found = settled(ETHEREUM, STYLES[style], told)
    assert [(t.position.partition(":")[0], t.amount) for t in found.transfers] == [
        ("native", 10), ("internal", 4), ("gas", 210_000),
    ]  # fmt: skip
    known = settled(ETHEREUM, STYLES["etherscan"], told).transfers
    assert [t.key for t in found.transfers] == [t.key for t in known]


def token_row(contract: str, sender: str, recipient: str, amount: int, **more: str) -> dict[str, Any]:
    row = {
        **PLACE,
        "hash": TX,
        "contractAddress": contract,
        "from": sender,
        "to": recipient,
        "value": str(amount),
    }
    return {**row, "logIndex": "0", "tokenSymbol": "X", "tokenDecimal": "18", **more}


@pytest.mark.parametrize("sides", [(ZERO, ME), (ME, ZERO)], ids=["as it was", "swapped"])
def test_a_deposit_that_is_listed_as_a_transfer_counts_once(sides: tuple[str, str]) -> None:
    weth = ETHEREUM.wrapped_native or ""
    own = {**OWN, "to": weth}
    rows: Rows = {"txlist": [own], "tokentx": [token_row(weth, *sides, 10)]}
    told = Told(to=weth, value=10, logs=(log(weth, [DEPOSIT, topic(ME)], 10),))
    found = settled(ETHEREUM, rows, told)
    assert change(found, f"eip155:1/erc20:{weth}") == 10
    assert [t.kind for t in found.transfers if "erc20" in t.asset] == [TransferKind.WRAP]
    # without the receipt nobody knows the side: it is left out, and the gap about the receipt stands for it
    blind = settled(ETHEREUM, rows)
    assert not [t for t in blind.transfers if "erc20" in t.asset]
    assert blind.gaps


@pytest.mark.parametrize("served", [True, False], ids=["with receipt", "without"])
def test_polygons_coin_that_is_listed_as_a_token_counts_once(served: bool) -> None:
    rows: Rows = {
        "txlist": [{**OWN, "to": POLYGON_COIN}],
        "txlistinternal": [{**INNER, "hash": TX, "from": POLYGON_COIN, "to": FRIEND, "value": "10"}],
        "tokentx": [token_row(POLYGON_COIN, ME, FRIEND, 10)],
    }
    logs = (
        bor(ME, POLYGON_COIN, 10),
        bor(POLYGON_COIN, FRIEND, 10, 1),
        log(POLYGON_COIN, [TRANSFER, topic(ME), topic(FRIEND)], 10, index=2),
    )
    found = settled(POLYGON, rows, Told(to=POLYGON_COIN, value=10, logs=logs) if served else None)
    assert change(found, POLYGON.native_id) == -10 - sum(fees(found))
    assert {t.asset for t in found.transfers} == {POLYGON.native_id}


def test_zksyncs_coin_that_is_listed_as_a_token_counts_once() -> None:
    rows: Rows = {
        "txlist": [{**OWN, "to": FRIEND}],
        "txlistinternal": [{**INNER, "hash": TX, "from": ME, "to": FRIEND, "value": "10"}],
        "tokentx": [token_row(ZKSYNC_COIN, ME, FRIEND, 10)],
    }
    found = settled(ZKSYNC, rows, Told(value=10, logs=(coin(ME, FRIEND, 10),)))
    assert change(found, ZKSYNC.native_id) == -10 - sum(fees(found))
    assert {t.asset for t in found.transfers} == {ZKSYNC.native_id}


def test_a_token_that_is_listed_and_logged_counts_once() -> None:
    rows: Rows = {"txlist": [OWN], "tokentx": [token_row(TOKEN, FRIEND, ME, 5)]}
    told = Told(to=ROUTER, value=10, logs=(log(TOKEN, [TRANSFER, topic(FRIEND), topic(ME)], 5),))
    asset = f"eip155:1/erc20:{TOKEN}"
    assert change(settled(ETHEREUM, rows, told), asset) == 5
    assert change(settled(ETHEREUM, rows), asset) == 5
    assert {t.key for t in settled(ETHEREUM, rows, told).transfers if t.asset == asset} == {
        t.key for t in settled(ETHEREUM, rows).transfers if t.asset == asset
    }
