"""Collect recorded mainnet wallets and compare them with what is known to be true of them.

The recordings live in a folder beside the repository, or where GLEANER_RECORDINGS points: a server that answers
like nodes and explorers do, and a file of expected transfers.
"""

import asyncio
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
from tests.chains.node import pages_of

ROOT = Path(__file__).resolve().parents[2]
CHAINS_FILE = Path(__file__).with_name("chains.yaml")


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
    for _ in range(5):
        process, url = _started(folder, data, options)
        if process is not None:
            break
    else:
        raise RuntimeError("the recorded node did not start")
    try:
        yield url
    finally:
        process.terminate()
        process.wait()


def _started(folder: Path, data: str, options: Sequence[str]) -> tuple[subprocess.Popen[bytes] | None, str]:
    """The running server, None when another process took the port in the meantime."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "recorded_node.py", "--data", f"data/{data}", "--port", str(port), *options]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    for _ in range(600):
        try:
            with urllib.request.urlopen(f"{url}/_stats", timeout=1) as answer:
                answer.read()
        except OSError:
            if process.poll() is not None:
                return None, ""
            time.sleep(0.1)
        else:
            return process, url
    process.terminate()
    process.wait()
    return None, ""


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
                    known = list(history.transfers.values())
                    async for page in pages_of(reader, wallet, source, cursor, head, known):
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
    wrong += [f"L1 fee of {tx} is known and a gap says that it is not" for tx in named - l1_unknown]
    return wrong


def spam_missed(histories: Mapping[str, History], spam: Sequence[Mapping[str, Any]]) -> list[str]:
    """Spam tokens that were seen and not found out."""
    missed = []
    for item in spam:
        asset_id = f"eip155:{item['chain']}/erc20:{item['token']}"
        seen = [h.assets[asset_id] for h in histories.values() if asset_id in h.assets]
        missed += [f"{asset_id} ({item['why']})" for asset in seen if not asset.spam.spam]
    return missed
