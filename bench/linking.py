"""How well and how fast halves of cross-chain moves are paired: `python bench/linking.py [--json] [--quick]`.

Three runs over labelled real pairs (with ids; ids blanked; ids and recipients blanked), a tiling of the same halves
to 25,000, 50,000 and 100,000 for speed, also of one change among them, a wallet that moves one amount for years, and an
invented world of hard cases for calibration. The real pairs are not part of the project: `--pairs DIR` or
GLEANER_PAIRS names the folder with `legs.csv.gz` and `truth.csv.gz`.
"""

import argparse
import csv
import gc
import gzip
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from indexer.bridges.link import Linker, link
from indexer.bridges.table import name_of, read_legs
from indexer.model.links import BridgeLeg, LinkState, Side
from tests.bridges.synthetic.score import Score, score, wilson
from tests.bridges.synthetic.world import Builder

PAIRS = Path(os.environ.get("GLEANER_PAIRS", Path(__file__).parents[2] / "shared" / "bridges" / "pairs"))
Pair = tuple[str, str]
CHANGES = 200
"""Single changes that are averaged."""


def real_runs(folder: Path) -> list[dict[str, Any]]:
    """Precision and recall on the labelled pairs with less and less evidence."""
    legs, truth = read_legs(_lines(folder / "legs.csv.gz")), _truth(folder / "truth.csv.gz")
    timed = [replace(leg, join_key=None) for leg in legs if leg.side is Side.SOURCE or leg.time is not None]
    bare = [replace(leg, recipient=None, other_chain=None) for leg in timed]
    known = {name_of(leg) for leg in legs if leg.time is not None}
    timed_truth = {pair for pair in truth if known.issuperset(pair)}
    return [
        _measure("with ids", legs, truth),
        _measure("ids blanked", timed, timed_truth),
        _measure("ids and recipients blanked", bare, timed_truth),
    ]


def _measure(name: str, legs: Sequence[BridgeLeg], truth: set[Pair]) -> dict[str, Any]:
    started = time.perf_counter()
    found = link(legs)
    seconds = time.perf_counter() - started
    made = {
        (name_of(one.source), name_of(one.destination))
        for one in found.links
        if one.source and one.destination
    }
    automatic = {
        (name_of(one.source), name_of(one.destination))
        for one in found.links
        if one.source and one.destination and one.state is LinkState.CONFIRMED
    }
    right = len(made & truth)
    precision, recall = right / max(1, len(made)), right / max(1, len(truth))
    alone = {name_of(leg) for leg in legs} - {leg for pair in truth for leg in pair}
    linked = {leg for pair in made for leg in pair}
    return {
        "run": name,
        "legs": len(legs),
        "pairs": len(truth),
        "precision": round(precision, 5),
        "recall": round(recall, 5),
        "f1": round(2 * precision * recall / (precision + recall), 5) if right else 0.0,
        "automatic": len(automatic),
        "automatic_precision": round(len(automatic & truth) / max(1, len(automatic)), 5),
        "unmatched_kept": round(1 - len(alone & linked) / max(1, len(alone)), 5),
        "seconds": round(seconds, 3),
        "legs_per_second": round(len(legs) / seconds),
    }


def speed(folder: Path, sizes: Sequence[int]) -> list[dict[str, Any]]:
    """The same halves again and again with other wallets and ids, until there are enough."""
    legs = read_legs(_lines(folder / "legs.csv.gz"))
    rows = []
    for blank in (False, True):
        for size in sizes:
            tiled = [
                _shifted(leg, at // len(legs), blank=blank)
                for at, leg in zip(range(size), _cycle(legs), strict=False)
            ]
            gc.collect()
            started, busy = time.perf_counter(), time.process_time()
            found = link(tiled)
            seconds, busy = time.perf_counter() - started, time.process_time() - busy
            rows.append({
                "legs": size, "ids": not blank, "links": len(found.links), "seconds": round(seconds, 3),
                "processor_seconds": round(busy, 3), "legs_per_second": round(size / seconds),
                "change_milliseconds": _change(tiled),
            })  # fmt: skip
    return rows


def _change(legs: Sequence[BridgeLeg]) -> float:
    """Processor time of one half more, when all the others are linked."""
    linker = Linker()
    linker.add(legs[:-CHANGES])
    linker.changes()
    started = time.process_time()
    for leg in legs[-CHANGES:]:
        linker.add([leg])
        linker.changes()
    return round((time.process_time() - started) / CHANGES * 1_000, 3)


def alike(sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Moves of one amount over a bridge without ids, one a day: nothing but their time tells them apart."""
    rows = []
    for size in sizes:
        legs = [_daily(day, side) for day in range(size) for side in Side]
        started = time.process_time()
        found = link(legs)
        rows.append({
            "moves": size, "links": len(found.links),
            "processor_seconds": round(time.process_time() - started, 3),
        })  # fmt: skip
    return rows


def _daily(day: int, side: Side) -> BridgeLeg:
    source = side is Side.SOURCE
    chain, other = ("eip155:1", "eip155:10") if source else ("eip155:10", "eip155:1")
    return BridgeLeg(
        id=f"{side.value}{day:06}", side=side, protocol="opstack", chain=chain, tx=f"0x{side.value}{day:06}",
        time=datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=day, minutes=0 if source else 3),
        asset=f"{chain}/slip44:60", amount=10**18, wallet="0x" + "a1" * 20, recipient="0x" + "a1" * 20 if source else None,
        other_chain=other if source else None, group="ETH", decimals=18,
    )  # fmt: skip


def _cycle(legs: Sequence[BridgeLeg]) -> Any:
    while True:
        yield from legs


def _shifted(leg: BridgeLeg, tile: int, *, blank: bool) -> BridgeLeg:
    def moved(address: str | None) -> str | None:
        return None if address is None else f"0x{(int(address, 16) + tile) % 2**160:040x}"

    return replace(
        leg,
        id=f"{leg.id}~{tile}",
        wallet=moved(leg.wallet) or "",
        recipient=moved(leg.recipient),
        join_key=None if blank or leg.join_key is None else f"{leg.join_key}~{tile}",
    )


def invented(seeds: Sequence[int], scale: float, owners: int) -> Score:
    """All seeds' worlds in one score."""
    total = Score()
    for seed in seeds:
        one = score(Builder(seed, owners=owners, moves=20, scale=scale).build())
        total.stated += one.stated
        total.legs += one.legs
        for tag, tally in one.by_tag.items():
            total.by_tag[tag].merge(tally)
    return total


def as_document(total: Score) -> dict[str, Any]:
    """Per hard case and per confidence band, with 95 % intervals."""
    cases = {
        tag: {
            "moves": tally.true,
            "precision": round(tally.precision, 4),
            "precision_interval": [round(x, 4) for x in wilson(tally.right, tally.right + tally.wrong)],
            "recall": round(tally.recall, 4),
            "automatic": tally.automatic_right + tally.automatic_wrong,
            "automatic_precision": round(tally.automatic_precision, 4),
            "refunds_as_arrivals": tally.refund_as_arrival,
            "open": tally.open_total,
            "open_kept": tally.open_kept,
        }
        for tag, tally in sorted(total.by_tag.items())
    }
    bands: list[dict[str, Any]] = [
        {
            "from": low,
            "to": high,
            "links": count,
            "true": round(right / count, 4),
            "stated": round(stated, 4),
            "interval": [round(x, 4) for x in wilson(right, count)],
        }
        for low, high, count, right, stated in total.bands()
    ]
    weighted = sum(abs(band["true"] - band["stated"]) * band["links"] for band in bands)
    error = weighted / max(1, sum(band["links"] for band in bands))
    return {"cases": cases, "bands": bands, "calibration_error": round(error, 4), "legs": total.legs}


def _lines(path: Path) -> list[str]:
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def _truth(path: Path) -> set[Pair]:
    return {(row["src_leg"], row["dst_leg"]) for row in csv.DictReader(_lines(path))}


def _print(document: dict[str, Any]) -> None:
    for row in document.get("real", []):
        print(
            f"{row['run']:28} P {row['precision']:.4f}  R {row['recall']:.4f}  F1 {row['f1']:.4f}  "
            f"automatic {row['automatic']} at {row['automatic_precision']:.4f}  "
            f"unmatched kept {row['unmatched_kept']:.4f}  {row['legs_per_second']:,} legs/s"
        )
    for row in document.get("speed", []):
        print(
            f"{row['legs']:>8,} legs, ids {'present' if row['ids'] else 'blanked'}: {row['seconds']:.2f} s "
            f"({row['processor_seconds']:.2f} s of processor), {row['legs_per_second']:,} legs/s, {row['links']:,} links; "
            f"one more {row['change_milliseconds']:.3f} ms"
        )
    for row in document["alike"]:
        print(
            f"{row['moves']:>8,} equal moves of one wallet, no ids: {row['processor_seconds']:.2f} s of processor"
        )
    invented_ = document["invented"]
    for tag, row in invented_["cases"].items():
        low, high = row["precision_interval"]
        print(
            f"{tag:30} {row['moves']:5} moves  P {row['precision']:.4f} [{low:.4f}, {high:.4f}]  R {row['recall']:.4f}  "
            f"automatic {row['automatic']} at {row['automatic_precision']:.4f}  open kept {row['open_kept']}/{row['open']}"
        )
    for band in invented_["bands"]:
        low, high = band["interval"]
        print(
            f"confidence {band['from']:.2f} to {band['to']:.2f}: {band['links']:6} links, stated {band['stated']:.4f}, "
            f"true {band['true']:.4f} [{low:.4f}, {high:.4f}]"
        )
    print(f"expected calibration error {invented_['calibration_error']:.4f}")


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--quick", action="store_true", help="smaller tilings and worlds")
    parser.add_argument("--pairs", type=Path, default=PAIRS, help="folder of the labelled real pairs")
    options = parser.parse_args()
    gc.disable()  # everything stays alive until the end
    document: dict[str, Any] = {}
    if (options.pairs / "legs.csv.gz").exists():
        document["real"] = real_runs(options.pairs)
        document["speed"] = speed(
            options.pairs, (25_000, 50_000) if options.quick else (25_000, 50_000, 100_000)
        )
    else:
        print(f"no labelled pairs in {options.pairs}: their runs are left out", file=sys.stderr)
    document["alike"] = alike((1_000, 2_000) if options.quick else (2_000, 4_000, 8_000))
    seeds, scale, owners = ((1,), 0.2, 50) if options.quick else ((1, 2), 1.0, 120)
    document["invented"] = as_document(invented(seeds, scale, owners))
    if options.json:
        print(json.dumps(document, indent=2))
    else:
        _print(document)


if __name__ == "__main__":
    main()
