"""`gleaner prices` as a user runs it: a process of its own, a database of its own."""

import asyncio
import os
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import orjson

from indexer.model.prices import DisputedPrice, PriceNeed
from indexer.model.stored import BookSnapshot
from indexer.store.open import open_ledger
from tests.prices.upstreams import bad_gateway, upstreams
from tests.prices.world import ETH, PAST


async def gleaner(folder: Path, *words: str, **environment: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "indexer", *words,
        cwd=folder,
        env={
            **os.environ,
            "GLEANER_DATABASE_URL": f"sqlite:///{folder / 'ledger.db'}",
            "COLUMNS": "160",
            **environment,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


async def keep_book(folder: Path, disputed: DisputedPrice) -> None:
    """A book that another process has built."""
    ledger = await open_ledger(f"sqlite:///{folder / 'ledger.db'}")
    async with ledger.write() as work:
        await work.tenants.ensure_portfolio("default", PAST)
        await work.books.save(
            BookSnapshot("default", "f" * 64, "USD", PAST, {}, (), (), (), (), disputed=(disputed,))
        )
    await ledger.close()


async def test_import_takes_a_good_file_and_refuses_a_bad_one_whole(tmp_path: Path) -> None:
    good = tmp_path / "good.csv"
    good.write_text(f"asset,time,price\n{ETH.id},2024-03-05T15:00:00Z,3519.20\n")
    code, out, err = await gleaner(tmp_path, "prices", "import", "good.csv", "--json")
    assert code == 0, err
    assert orjson.loads(out)["rows"] == 1
    bad = tmp_path / "bad.csv"
    bad.write_text(f"asset,time,price\n{ETH.id},2024-03-05T15:00:00Z,1\n{ETH.id},2024-03-06,much\n")
    code, out, err = await gleaner(tmp_path, "prices", "import", "bad.csv")
    assert code == 2
    assert "line 3" in err
    assert out == ""
    ledger = await open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    need = PriceNeed(ETH.id, datetime(2024, 3, 5, 15, tzinfo=UTC))
    kept = await ledger.quotes.load([need], timedelta(0))
    await ledger.close()
    assert [str(quote.price) for quote in kept[need]] == ["3519.20"]


async def test_import_fetches_the_rate_of_a_day_that_is_newer_than_the_shipped_ones(tmp_path: Path) -> None:
    async with upstreams() as server:
        server.now = datetime.now(UTC)
        day = (server.now - timedelta(days=1)).date()
        (tmp_path / "own.csv").write_text(f"asset,time,price,currency\n{ETH.id},{day}T15:00:00Z,8,GBP\n")
        environment = {"GLEANER_PRICE_URLS": orjson.dumps(server.base_urls()).decode()}
        code, out, err = await gleaner(tmp_path, "prices", "import", "own.csv", "--json", **environment)
    assert code == 0, err
    assert orjson.loads(out)["unconverted"] == 0
    ledger = await open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    need = PriceNeed(ETH.id, datetime(day.year, day.month, day.day, 15, tzinfo=UTC))
    (kept,) = (await ledger.quotes.load([need], timedelta(0)))[need]
    await ledger.close()
    assert (kept.price, kept.via) == (Decimal("12.5"), "ecb:GBP")


async def test_doctor_tells_health_coverage_and_disagreement(tmp_path: Path) -> None:
    async with upstreams() as server:
        server.now, server.premium = datetime.now(UTC), 1.25
        environment = {
            "GLEANER_PRICE_ORDER": '["manual", "coinbase", "defillama"]',
            "GLEANER_PRICE_URLS": orjson.dumps(server.base_urls()).decode(),
        }
        code, out, err = await gleaner(tmp_path, "prices", "doctor", "--json", **environment)
        assert code == 0, err
        told = orjson.loads(out)
        sources = {source["name"]: source for source in told["sources"]}
        assert set(sources) == {"coinbase", "defillama"}
        assert sources["defillama"]["answered"] > 0
        assert sources["defillama"]["last_error"] is None
        assert {"kraken", "uniswap_v2"} <= {unused["name"] for unused in told["unused"]}
        long_ago = (server.now - timedelta(days=20)).isoformat()  # then both quote the same full hours
        conflict = next(conflict for conflict in told["conflicts"] if conflict["instant"] < long_ago)
        assert (conflict["code"], conflict["spread"]) == ("price-disagreement", "0.2")
        assert (conflict["chosen"]["source"], conflict["rival"]["source"]) == ("coinbase", "defillama")
        assert told["book_conflicts"] == []
        await keep_book(tmp_path, DisputedPrice(ETH.id, "USD", PAST, "one", Decimal(90), "two", Decimal(99)))
        server.fault = bad_gateway
        code, out, err = await gleaner(tmp_path, "prices", "doctor", **environment)
        assert code == 1
        assert "HTTP 502" in out
        found = (
            f"price-disagreement (in your book) {ETH.id} at {PAST.isoformat()}: one says 90, two says 99 USD"
        )
        assert found in out
        assert "no price source answered" in err
