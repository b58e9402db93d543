"""The tax engine's speed, memory and growth, beside rp2, BittyTax and a bare loop, on one tape in one run.

usage: python bench/tax.py [--quick] [--json]       peers: bench/.venv with rp2==1.7.2 and bittytax==0.6.0 (`make bench`)

The tape: 55 % purchases over ten years, quantities with 8 decimals, prices with 2; a sale never exceeds what is held.
The engine is timed from integer columns in memory to a book whose lots, disposals and pools can be read. The bare
loops keep the same rows (sale, lot, quantity, proceeds, cost) with the same integer arithmetic and nothing else:
no time, no zone, no term, no wallet, no gap, no checkpoint. All times are processor time, the peers' too.
"""

import argparse
import gc
import heapq
import json
import math
import pathlib
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from indexer.model.movement import Leg, Movement, MovementKind
from indexer.model.profile import Method, Scope, TaxProfile
from indexer.tax.book import TaxBook
from indexer.tax.days import from_us
from indexer.tax.engine import amend, book_tape, build
from indexer.tax.plan import Plan
from indexer.tax.tape import BUY, SELL, Columns, from_columns

HERE = pathlib.Path(__file__).parent
PEERS = HERE / ".venv" / "bin" / "python"
START_US = 1_420_070_400_000_000
DAY_US = 86_400_000_000
SPAN_US = 3652 * DAY_US


@dataclass(frozen=True)
class Shape:
    transactions: int
    assets: int


def tape(shape: Shape, seed: int = 7) -> Columns:
    chance = random.Random(seed)
    held = [0] * shape.assets
    times, assets, kinds, quantities, values = [], [], [], [], []
    for number in range(shape.transactions):
        asset = chance.randrange(shape.assets)
        quantity = chance.randrange(1, 10**10) * 10**10
        kind = BUY if chance.random() < 0.55 or not held[asset] else SELL
        if kind == SELL:
            quantity = min(quantity, held[asset])
        held[asset] += quantity if kind == BUY else -quantity
        price_cents = chance.randrange(1_000, 300_000)
        times.append((START_US + SPAN_US * number // shape.transactions) // 10**6 * 10**6)
        assets.append(asset)
        kinds.append(kind)
        quantities.append(quantity)
        values.append(quantity * price_cents // 100)
    return Columns([f"A{number}" for number in range(shape.assets)], times, assets, kinds, quantities, values)


def bare_fifo(columns: Columns) -> list[tuple[int, int, int, int, int]]:
    lots: list[deque[list[int]]] = [deque() for _ in columns.assets]
    rows = []
    stream = zip(columns.asset, columns.kind, columns.quantity, columns.value, strict=True)
    for number, (asset, kind, units, money) in enumerate(stream):
        quantity, value = units, money
        queue = lots[asset]
        if kind == BUY:
            queue.append([quantity, value, number])
            continue
        while quantity:
            lot = queue[0]
            if lot[0] <= quantity:
                part = value * lot[0] // quantity
                rows.append((number, lot[2], lot[0], part, lot[1]))
                value -= part
                quantity -= lot[0]
                queue.popleft()
            else:
                cost = lot[1] * quantity // lot[0]
                lot[0] -= quantity
                lot[1] -= cost
                rows.append((number, lot[2], quantity, value, cost))
                quantity = 0
    return rows


def bare_hifo(columns: Columns) -> list[tuple[int, int, int, int, int]]:
    lots: list[list[tuple[int, int, list[int]]]] = [[] for _ in columns.assets]
    rows = []
    stream = zip(columns.asset, columns.kind, columns.quantity, columns.value, strict=True)
    for number, (asset, kind, units, money) in enumerate(stream):
        quantity, value = units, money
        heap = lots[asset]
        if kind == BUY:
            heapq.heappush(heap, (-((value << 140) // quantity), number, [quantity, value]))
            continue
        while quantity:
            _, bought, lot = heap[0]
            if lot[0] <= quantity:
                part = value * lot[0] // quantity
                rows.append((number, bought, lot[0], part, lot[1]))
                value -= part
                quantity -= lot[0]
                heapq.heappop(heap)
            else:
                cost = lot[1] * quantity // lot[0]
                lot[0] -= quantity
                lot[1] -= cost
                rows.append((number, bought, quantity, value, cost))
                quantity = 0
    return rows


def plan(jurisdiction: str, method: Method) -> Plan:
    zone = "Europe/London" if jurisdiction == "UK" else "UTC"
    return Plan(
        TaxProfile(
            jurisdiction=jurisdiction,
            timezone=zone,
            method=method,
            scope=Scope.UNIVERSAL,
            since=date(1, 1, 2),
        )
    )


def best(work: Callable[[], Any], repeats: int) -> float:
    """Shortest processor time, so that a busy machine changes little; nothing here waits for anything."""
    found = math.inf
    for _ in range(repeats):
        gc.collect()
        start = time.process_time()
        kept = work()
        found = min(found, time.process_time() - start)
        del kept
    return found


def engine(columns: Columns, rules: Plan) -> TaxBook:
    return book_tape(rules, from_columns(columns))


def peer(what: str, columns: Columns) -> dict[str, Any] | None:
    if not PEERS.exists():
        return None
    rows = list(
        zip(
            columns.time,
            columns.asset,
            (kind == SELL for kind in columns.kind),
            columns.quantity,
            columns.value,
            strict=True,
        )
    )
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "tape.json")
        path.write_text(json.dumps({"assets": list(columns.assets), "rows": rows}))
        run = subprocess.run(
            [str(PEERS), str(HERE / "tax_peers.py"), what, str(path)],
            capture_output=True,
            text=True,
            check=False,
        )
    if run.returncode:
        print(f"  {what} failed: {run.stderr.strip().splitlines()[-1]}")
        return None
    answer: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return answer


ROWS: list[dict[str, Any]] = []


def say(text: str, **figures: Any) -> None:
    """Print a line to stderr, keep it with its figures for stdout at the end."""
    print(text, file=sys.stderr, flush=True)
    ROWS.append({"text": text.strip(), **figures})


def compare(shape: Shape, repeats: int) -> None:
    columns = tape(shape)
    for method, bare in ((Method.FIFO, bare_fifo), (Method.HIFO, bare_hifo)):
        rules = plan("US", method)
        bare_seconds = best(lambda bare=bare: bare(columns), repeats)  # type: ignore[misc]  # bound in the loop
        seconds = best(lambda rules=rules: engine(columns, rules), repeats)  # type: ignore[misc]  # bound in the loop
        count = shape.transactions
        line = (
            f"{method.value} {count:,} x {shape.assets}: {count / seconds:,.0f} tx/s; "
            f"bare loop {count / bare_seconds:,.0f} tx/s, ratio {bare_seconds / seconds:.2f} (target 0.4)"
        )
        other = peer(f"rp2-{method.value}", columns)
        if other:
            theirs = count / other["seconds"]
            line += f"; rp2 1.7.2 {theirs:,.0f} tx/s, ratio {other['seconds'] / seconds:,.0f}x (target 60x)"
        say(
            line,
            method=method.value,
            transactions=count,
            assets=shape.assets,
            seconds=seconds,
            bare_seconds=bare_seconds,
            peer_seconds=other and other["seconds"],
        )
        if other:
            gain = sum(disposal.gain for disposal in engine(columns, rules).disposals)
            say(f"  total gain here {gain / 10**18:.2f}, rp2 {float(other['gain']):.2f}")


def compare_uk(shape: Shape, repeats: int) -> None:
    columns, rules = tape(shape), plan("UK", Method.POOLED)
    seconds = best(lambda: engine(columns, rules), repeats)
    line = f"UK {shape.transactions:,} x {shape.assets}: {shape.transactions / seconds:,.0f} tx/s"
    other = peer("bittytax", columns)
    if other:
        theirs = shape.transactions / other["seconds"]
        line += (
            f"; BittyTax 0.6.0 {theirs:,.0f} tx/s, ratio {other['seconds'] / seconds:,.0f}x (target 1,000x)"
        )
    say(
        line,
        method="UK",
        transactions=shape.transactions,
        assets=shape.assets,
        seconds=seconds,
        peer_seconds=other and other["seconds"],
    )
    if other:
        gain = sum(disposal.gain for disposal in engine(columns, rules).disposals)
        say(
            f"  total gain here {gain / 10**18:.2f}, BittyTax {float(other['gain']):.2f} (it rounds each event)"
        )


def growth(sizes: tuple[int, ...], assets: int) -> None:
    points = []
    for size in sizes:
        columns = tape(Shape(size, assets))
        seconds = best(lambda columns=columns: engine(columns, plan("US", Method.FIFO)), 3)  # type: ignore[misc]  # bound in the loop
        points.append((math.log(size), math.log(seconds)))
        say(
            f"  {size:>9,} x {assets}: {size / seconds:,.0f} tx/s",
            transactions=size,
            assets=assets,
            seconds=seconds,
        )
    slope = statistics.linear_regression(*zip(*points, strict=True)).slope
    say(
        f"growth exponent, {assets} asset(s): {slope:.2f} (target at most 1.2)", assets=assets, exponent=slope
    )


def moving(size: int, seed: int = 5) -> list[Movement]:
    """Purchases, sales and, for the most part, moves of one asset between three wallets."""
    chance, found = random.Random(seed), []
    for number in range(size):
        what, wallet, quantity = chance.random(), chance.choice("ABC"), chance.randrange(1, 10**18)
        kind = MovementKind.BUY if what < 0.4 else MovementKind.SELL if what < 0.5 else MovementKind.SELF
        if kind is not MovementKind.BUY:
            quantity = quantity // 3 + 1
        leg = Leg(wallet, "A", "A", quantity, None if kind is MovementKind.SELF else quantity * 7)
        other = Leg("ABC"[("ABC".index(wallet) + 1) % 3], "A", "A", quantity)
        found.append(
            Movement(
                id=str(number),
                time=from_us(START_US + SPAN_US * number // size),
                order=(number,),
                kind=kind,
                out=() if kind is MovementKind.BUY else (leg,),
                into=(leg,) if kind is MovementKind.BUY else (other,) if kind is MovementKind.SELF else (),
            )
        )
    return found


def moves(sizes: tuple[int, ...]) -> None:
    """Half of all events move lots inside one pool: from movements to a book, so that posting counts too."""
    for country, method in (("US", Method.FIFO), ("US", Method.HIFO), ("UK", Method.POOLED)):
        points = []
        for size in sizes:
            given, rules = moving(size), plan(country, method).profiles
            seconds = best(lambda given=given, rules=rules: build(given, rules), 2)  # type: ignore[misc]  # bound in the loop
            points.append((math.log(size), math.log(seconds)))
        slope = statistics.linear_regression(*zip(*points, strict=True)).slope
        say(
            f"moves in one pool, {country} {method.value}: {sizes[-1]:,} events in {seconds:.2f} s, "
            f"growth exponent {slope:.2f}",
            moves=country,
            method=method.value,
            transactions=sizes[-1],
            seconds=seconds,
            exponent=slope,
        )


def one_more(size: int, assets: int, method: Method, repeats: int) -> None:
    """Insert one transaction into a book; printed as a share of booking everything anew in the same run."""
    columns = tape(Shape(size, assets))
    start = time.process_time()
    book = engine(columns, plan("US", method))
    full = time.process_time() - start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    say(
        f"{method.value} {size:,} x {assets}: {full:.2f} s, peak memory {memory:,.0f} MB (target under 1,000)",
        method=method.value,
        transactions=size,
        assets=assets,
        seconds=full,
        peak_mb=memory,
    )
    chance = random.Random(3)
    gc.collect()
    for what, days in (("last 30 days", 30), ("random position", 3652)):
        taken = []
        for number in range(repeats):
            asset = f"A{chance.randrange(assets)}"
            leg = Leg("", asset, asset, 10**18, 10**20)
            late = Movement(
                f"late-{number}",
                from_us(columns.time[-1] - chance.randrange(days * DAY_US)),
                (size,),
                MovementKind.BUY,
                into=(leg,),
            )
            start = time.process_time()
            amend(book, added=[late])
            taken.append(time.process_time() - start)
        median = statistics.median(taken)
        goal = " (target at most 1/100)" if days == 30 else ""
        say(
            f"  insert, {what}: median {median * 1000:.1f} ms = 1/{full / median:,.0f} of the full rebuild{goal}",
            method=method.value,
            insert=what,
            seconds=median,
            full_seconds=full,
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the sizes")
    parser.add_argument("--part", choices=["memory"], help=argparse.SUPPRESS)
    parser.add_argument("--method", default="fifo", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    options = parser.parse_args()
    scale = 10 if options.quick else 1
    if options.part == "memory":
        one_more(1_000_000 // scale, 20, Method(options.method), 21)
        print(json.dumps(ROWS))
        return
    if not PEERS.exists():
        say(f"no peers: make {PEERS.parent.parent} with rp2==1.7.2 and bittytax==0.6.0 to see the ratios")
    for assets in (1, 20):
        compare(Shape(50_000 // scale, assets), 7)
    compare_uk(Shape(10_000 // scale, 20), 5)
    for assets in (1, 20):
        growth(tuple(size // scale for size in (10_000, 100_000, 1_000_000)), assets)
    moves(tuple(size // scale for size in (10_000, 20_000, 40_000)))
    for method in ("fifo", "hifo"):
        # A process of its own, so that its peak memory is its own.
        quick = ["--quick"] if options.quick else []
        child = [sys.executable, __file__, "--part", "memory", "--method", method, *quick]
        ROWS.extend(json.loads(subprocess.run(child, check=True, stdout=subprocess.PIPE).stdout))
    if options.json:
        print(json.dumps({"rows": ROWS}))


if __name__ == "__main__":
    main()
