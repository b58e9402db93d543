"""Collect recorded mainnet wallets and compare them with what is known to be true of them.

The recordings live in a folder beside the repository (or where GLEANER_RECORDINGS points): a server that answers
like nodes and explorers do, and a file of expected transfers. Run by hand:

    python bench/recorded.py [--wallet 0x..] [--fault-rate 0.2] [--max-range 100000] [--free-tier] [--json] [--quick]
"""

import argparse
import asyncio
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from indexer.chains.open import open_reader
from indexer.chains.registry import load
from indexer.model.asset import Asset
from indexer.model.chain import ChainSpec
from indexer.model.errors import RefusedError, RetryableError
from indexer.model.facts import Gap, GapCode, Transfer, TransferKind
from indexer.model.ports import BalanceCheck

ROOT = Path(__file__).resolve().parent.parent
CHAINS_FILE = ROOT / "tests" / "recorded" / "chains.yaml"
QUICK_CHAINS = ("eip155:56", "eip155:999", "eip155:137", "eip155:1")
OVM_ETH = "0xdeaddeaddeaddeaddeaddeaddeaddeaddead0000"


def recordings() -> Path | None:
    """The folder with the recordings, None where it is not there."""
    told = os.environ.get("GLEANER_RECORDINGS")
    path = Path(told) if told else ROOT.parent / "shared" / "recorded"
    return path if (path / "recorded_node.py").exists() else None


class WallClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Now, in UTC."""
        return datetime.now(UTC)


@contextmanager
def recorded_node(folder: Path, data: str = "dev", options: Sequence[str] = ()) -> Iterator[str]:
    """Run the server of the recordings on a free port; yields its base URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "recorded_node.py", "--data", f"data/{data}", "--port", str(port), *options]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(200):
            try:
                with urllib.request.urlopen(f"{url}/_stats", timeout=1) as answer:
                    answer.read()
                break
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError("the recorded node did not start") from None
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def chains(url: str) -> dict[str, ChainSpec]:
    """The test's chains file with the server's URL in it."""
    return load(CHAINS_FILE, {"RECORDED": url})


@dataclass(slots=True)
class History:
    """One wallet on one chain as collected: the ledger of the test."""

    transfers: dict[tuple[str, str, str], Transfer] = field(default_factory=dict)
    assets: dict[str, Asset] = field(default_factory=dict)
    gaps: list[Gap] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    pages: int = 0
    seconds: float = 0.0

    def add(self, transfer: Transfer) -> None:
        """Keep a fact once; a known L1 fee replaces an unknown one, any other difference is a conflict."""
        known = self.transfers.get(transfer.key)
        if known is None or (known.l1_fee is None and transfer.l1_fee is not None):
            self.transfers[transfer.key] = transfer
        elif (known.amount, known.asset, known.block.hash) != (
            transfer.amount,
            transfer.asset,
            transfer.block.hash,
        ) and not (transfer.l1_fee is None and known.l1_fee is not None):
            self.conflicts.append(f"{transfer.key}: {known.amount} and {transfer.amount}")


async def collect(spec: ChainSpec, address: str) -> History:
    """Read one address from zero to the head through every source, as the collecting flow does."""
    history = History()
    started = time.monotonic()
    reader = open_reader(spec, WallClock())
    try:
        wallet = reader.normalize_address(address)
        head = await _patiently(reader.head)
        for source in await reader.sources():
            cursor: dict[str, object] | None = None
            for _ in range(50):
                try:
                    async for page in reader.pages(wallet, source, cursor, head):
                        history.pages += 1
                        cursor = page.cursor
                        for transfer in page.transfers:
                            history.add(transfer)
                        history.assets.update({asset.id: asset for asset in page.assets})
                        history.gaps.extend(page.gaps)
                    break
                except RefusedError as refusal:
                    history.refusals.append(str(refusal))
                    break
                except RetryableError as fault:
                    await asyncio.sleep(min(2.0, fault.retry_after or 0.2))
            else:
                raise RuntimeError(f"{spec.id} {source} does not come to an end")
        sums: Counter[str] = Counter({spec.native_id: 0})
        for transfer in history.transfers.values():
            sums[transfer.asset] += transfer.amount * (transfer.recipient == wallet)
            sums[transfer.asset] -= transfer.amount * (transfer.sender == wallet)
        checks = [BalanceCheck(asset, amount) for asset, amount in sorted(sums.items())]
        history.gaps += await reader.verify(wallet, head, checks)
    finally:
        await reader.close()
    history.seconds = time.monotonic() - started
    return history


async def _patiently(ask: Any) -> Any:
    for _ in range(20):
        try:
            return await ask()
        except RetryableError:
            await asyncio.sleep(0.2)
    return await ask()


Row = tuple[str, str, str, str, str, int]
"""(tx, kind, token, from, to, amount), the form in which both sides are compared."""


def our_rows(history: History) -> dict[Row, list[Transfer]]:
    """Collected transfers as rows. Wraps count as fungible moves, mirrored coins as the coin."""
    rows: dict[Row, list[Transfer]] = {}
    for transfer in history.transfers.values():
        asset = Asset(transfer.asset, "", None)
        kind = "erc20" if transfer.kind is TransferKind.WRAP else transfer.kind.value
        token = asset.contract or "native"
        if transfer.kind in {TransferKind.ERC721, TransferKind.ERC1155}:
            token += ":" + transfer.asset.rpartition("/")[2]
        row = (transfer.tx, kind, token, transfer.sender, transfer.recipient, transfer.amount)
        rows.setdefault(row, []).append(transfer)
    return rows


def their_rows(expected: Mapping[str, Any]) -> Counter[Row]:
    """Expected transfers as rows."""
    rows: Counter[Row] = Counter()
    for item in expected["transfers"]:
        kind, token = item["kind"], item["token"]
        if item.get("native_mirror"):
            kind, token = "internal", "native"
        if "token_id" in item and kind in {"erc721", "erc1155"}:
            token += f":{item['token_id']}"
        rows[item["tx"], kind, token, item["from"], item["to"], int(item["amount"])] += 1
    return rows


def compare(history: History, expected: Mapping[str, Any]) -> list[str]:
    """Every difference between what was collected and the truth, as sentences; empty is right."""
    ours, theirs = our_rows(history), their_rows(expected)
    coverage = expected["coverage"]
    tokens_unknown = set(coverage["token_transfers_unknown_in"])
    internals_unknown = set(coverage["internal_calls_unknown_in"])
    l1_unknown = set(coverage["l1_fee_unknown_in"])
    wrong = [f"conflict {text}" for text in history.conflicts]
    for row, count in theirs.items():
        found = len(ours.get(row, ()))
        if found != count and not (row[1] == "gas" and row[0] in l1_unknown and found == 1):
            wrong.append(f"expected {count} of {row}, collected {found}")
    for row, found_rows in ours.items():
        if row in theirs:
            continue
        unknown = internals_unknown if row[1] == "internal" else tokens_unknown
        if row[1] in {"native", "gas"} or row[0] not in unknown:
            wrong.append(f"not expected: {row} ({found_rows[0].position})")
    named = {gap.subject for gap in history.gaps if gap.code is GapCode.L1_FEE_UNKNOWN}
    wrong += [f"L1 fee of {tx} is unknown and no gap says so" for tx in l1_unknown - named]
    return wrong


def spam_missed(histories: Mapping[str, History], spam: Sequence[Mapping[str, Any]]) -> list[str]:
    """Spam tokens that were seen and not found out."""
    missed = []
    for item in spam:
        asset_id = f"eip155:{item['chain']}/erc20:{item['token']}"
        seen = [h.assets[asset_id] for h in histories.values() if asset_id in h.assets]
        missed += [f"{asset_id} ({item['why']})" for asset in seen if not asset.spam.spam]
    return missed


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
