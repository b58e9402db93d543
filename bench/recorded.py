"""Collect recorded mainnet wallets and compare them with the truth. Run by hand:

    python bench/recorded.py [--wallet 0x..] [--fault-rate 0.2] [--max-range 100000] [--free-tier] [--json] [--quick]

The recordings live beside the repository or where GLEANER_RECORDINGS points.
"""

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from tests.recorded.compare import (
    History,
    chains,
    collect,
    compare,
    recorded_node,
    recordings,
    spam_missed,
)

QUICK_CHAINS = ("eip155:56", "eip155:999", "eip155:137", "eip155:1")


async def run(
    url: str, truth: Mapping[str, Any], wallets: Sequence[str], only: Sequence[str]
) -> dict[str, Any]:
    """Collect wallets on all chains at once; returns the report."""
    specs = chains(url)
    jobs = {
        (wallet, f"eip155:{chain}"): expected
        for wallet in wallets
        for chain, expected in truth["wallets"][wallet].items()
        if not only or f"eip155:{chain}" in only
    }
    gate = asyncio.Semaphore(8)

    async def one(wallet: str, chain: str) -> History:
        async with gate:
            return await collect(specs[chain], wallet)

    histories = await asyncio.gather(*(one(wallet, chain) for wallet, chain in jobs))
    by_name = {f"{w} {c}": h for (w, c), h in zip(jobs, histories, strict=True)}
    rows = []
    for ((wallet, chain), expected), history in zip(jobs.items(), histories, strict=True):
        rows.append(
            {
                "wallet": wallet,
                "chain": chain,
                "transfers": len(history.transfers),
                "expected": len(expected["transfers"]),
                "wrong": compare(history, expected),
                "gaps": dict(Counter(gap.code.value for gap in history.gaps)),
                "pages": history.pages,
                "seconds": round(history.seconds, 2),
            }
        )
    return {"rows": rows, "spam_missed": spam_missed(by_name, truth["spam"])}


def main() -> int:
    """Run the comparison and print it; the exit status is 1 when anything differs."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wallet", action="append", help="only this wallet (repeatable)")
    parser.add_argument("--fault-rate", type=float, default=0.0)
    parser.add_argument("--max-range", type=int, default=0)
    parser.add_argument("--free-tier", action="store_true")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--quick", action="store_true", help="four chains of the first wallets only")
    arguments = parser.parse_args()
    folder = recordings()
    if folder is None:
        print("the recordings are not here: set GLEANER_RECORDINGS to their folder", file=sys.stderr)
        return 2
    truth = json.loads((folder / "expected_dev.json").read_text())
    wallets = [w.lower() for w in arguments.wallet or truth["wallets"]]
    options = ["--fault-timeout", "3"]
    if arguments.fault_rate:
        options += ["--fault-rate", str(arguments.fault_rate)]
    if arguments.max_range:
        options += ["--max-range", str(arguments.max_range)]
    if arguments.free_tier:
        options.append("--free-tier")
    started = time.monotonic()
    with recorded_node(folder, options=options) as url:
        report = asyncio.run(run(url, truth, wallets, QUICK_CHAINS if arguments.quick else ()))
    report["seconds"] = round(time.monotonic() - started, 1)
    wrong = sum(len(row["wrong"]) for row in report["rows"]) + len(report["spam_missed"])
    if arguments.json:
        print(json.dumps(report, indent=1))
    else:
        for row in report["rows"]:
            print(
                f"{row['wallet'][:10]} {row['chain']:14} {row['transfers']:4} transfers, {row['expected']:4} "
                f"expected, {len(row['wrong'])} wrong, {row['pages']} pages, {row['seconds']} s, gaps {row['gaps']}"
            )
            for text in row["wrong"][:10]:
                print("    " + text)
        print(f"{wrong} differences, spam missed: {report['spam_missed']}, {report['seconds']} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
