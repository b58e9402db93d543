"""Real bridge moves, recorded from mainnet on both sides: collected, linked and explained by the running service."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.bridges.recordings import BRIDGE_OF
from tests.service.process import Service, chains_file, serving
from tests.service.recordings import PRESENT, chains_yaml, expected, recorded_node

pytestmark = pytest.mark.skipif(not PRESENT, reason="the recorded mainnet data is not beside this checkout")


async def test_every_labelled_pair_is_linked_and_explained(tmp_path: Path) -> None:
    pairs = expected()["pairs"]
    assert {pair["protocol"] for pair in pairs} == set(BRIDGE_OF)
    chains: dict[str, set[int]] = {}
    for pair in pairs:
        for side in ("source", "destination"):
            chains.setdefault(pair[side]["wallet"], set()).add(pair[side]["chain"])
    served = sorted({chain for some in chains.values() for chain in some})
    async with recorded_node() as url:
        with chains_file(tmp_path, chains_yaml(url, served)) as path:
            env = {"GLEANER_PRICE_URLS": f'{{"defillama": "{url}/llama"}}'}
            async with serving(tmp_path, path, f"sqlite:///{tmp_path}/ledger.db", env) as service:
                ids = [
                    (await service.register(wallet, [f"eip155:{chain}" for chain in sorted(some)]))["id"]
                    for wallet, some in chains.items()
                ]
                for wallet_id in ids:
                    await service.synced(wallet_id, 300)
                rows = await links_when(service, len(pairs))
                for pair in pairs:
                    row = row_of(pair, rows)
                    check(pair, row)
                    await check_detail(service, pair, row["id"])
            await decide_on_the_command_line(tmp_path, path, rows)


async def decide_on_the_command_line(folder: Path, chains: Path, rows: list[dict[str, Any]]) -> None:
    """The same ledger without a service: look, confirm, look again, undo."""

    async def gleaner(*arguments: str) -> Any:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "indexer", "links", *arguments, "--json",
            env={
                **os.environ,
                "GLEANER_DATABASE_URL": f"sqlite:///{folder}/ledger.db",
                "GLEANER_CHAINS": str(chains),
            },
            stdout=asyncio.subprocess.PIPE,
        )  # fmt: skip
        answer, _ = await process.communicate()
        assert process.returncode == 0, arguments
        return json.loads(answer)

    assert (await gleaner("list"))["data"] == rows
    chosen = next(row for row in rows if row["destination"] and row["open"])
    decided = await gleaner("confirm", chosen["id"], "--as", "taxable", "--why", "as advised")
    (link,) = decided["links"]
    assert (link["id"], link["treatment"], link["open"]) == (chosen["id"], "taxable", False)
    shown = await gleaner("show", chosen["id"])
    assert [one["why"] for one in shown["decisions"]] == ["as advised"]
    still = await gleaner("summary")
    assert still["open"]["links"] == sum(row["open"] for row in rows) - 1
    await gleaner("undo", chosen["id"])
    assert (await gleaner("list"))["data"] == rows


async def links_when(service: Service, wanted: int) -> list[dict[str, Any]]:
    """The links once the book is derived from everything that is synced."""
    for _ in range(600):
        losses = await service.get("/v1/losses")
        rows: list[dict[str, Any]] = (await service.get("/v1/links", limit=1000))["data"]
        if losses["fingerprint"] is not None and sum(bool(r["destination"]) for r in rows) >= wanted:
            return rows
        await asyncio.sleep(0.1)
    raise AssertionError(rows)


def row_of(pair: dict[str, Any], rows: list[dict[str, Any]]) -> dict[str, Any]:
    source = pair["source"]
    found = [
        row
        for row in rows
        if row["source"]
        and (row["source"]["chain"], row["source"]["tx"]) == (f"eip155:{source['chain']}", source["tx"])
    ]
    assert len(found) == 1, (pair["protocol"], found)
    return found[0]


def check(pair: dict[str, Any], row: dict[str, Any]) -> None:
    destination, label = pair["destination"], pair["protocol"]
    assert row["destination"], label
    assert row["destination"]["chain"] == f"eip155:{destination['chain']}", label
    assert row["destination"]["tx"] == destination["tx"], label
    assert row["protocol"] == BRIDGE_OF[label], label
    assert row["source"]["wallet"].lower() == pair["source"]["wallet"], label
    assert row["destination"]["wallet"].lower() == destination["wallet"], label
    left, arrived = row["source"]["amount"], row["destination"]["amount"]
    same = row["source"]["symbol"] == row["destination"]["symbol"] is not None
    if row["fee"] is not None:
        assert int(row["fee"]["raw"]) == int(left["raw"]) - int(arrived["raw"]) >= 0, label
    else:
        assert not (same and left["decimals"] == arrived["decimals"]), (label, row)


async def check_detail(service: Service, pair: dict[str, Any], link_id: str) -> None:
    detail = await service.get(f"/v1/links/{link_id}")
    source, destination = pair["source"], pair["destination"]
    shown = {(one["side"], one["chain"], one["tx"]): one for one in detail["transactions"]}
    assert set(shown) == {
        ("src", f"eip155:{source['chain']}", source["tx"]),
        ("dst", f"eip155:{destination['chain']}", destination["tx"]),
    }
    assert all(one["event"] and one["url"].endswith(f"/tx/{one['tx']}") for one in shown.values())
    assert all(one["block"] and one["transfers"] for one in shown.values()), pair["protocol"]
    assert detail["reasons"]
    both = detail["outcomes"]
    assert both["because"] is None or both["if_disposal"] is None
    for reading in (both["if_disposal"], both["if_not"]):
        if reading is not None and (reading["gain"] is None or reading["basis"] is None):
            assert reading["unknown"], (pair["protocol"], both)
