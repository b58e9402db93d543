"""Recorded mainnet transactions as decoders see them. Absent recordings skip their tests."""

import gzip
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from indexer.model.links import LogEntry, TransactionView

HOME = Path(os.environ.get("GLEANER_RECORDINGS", Path(__file__).parents[3] / "shared" / "recorded"))
needs_recordings = pytest.mark.skipif(
    not HOME.is_dir(), reason="the recorded transactions are not on this machine"
)

BRIDGE_OF = {
    "Across V2 via Socket (ETH, arbitrum->base)": "across",
    "Across V3 via Socket (scroll->arbitrum)": "across",
    "Arbitrum canonical withdrawal (ERC-20 gateway)": "arbitrum",
    "Circle CCTP V1": "cctp",
    "Hop (ETH, L2->L1 bonded)": "hop",
    "OP Stack canonical deposit (ERC-20)": "opstack",
    "OP Stack canonical withdrawal (ETH)": "opstack",
    "Relay via LI.FI": "relay",
    "Scroll canonical messenger deposit": "scroll",
    "Scroll canonical withdrawal (ETH)": "scroll",
}
"""What we call the bridge that each label of a recorded pair names."""


def labelled_pairs() -> list[dict[str, Any]]:
    pairs: list[dict[str, Any]] = json.loads((HOME / "expected_dev.json").read_bytes())["pairs"]
    return pairs


@lru_cache(maxsize=1)
def views() -> dict[tuple[str, str], TransactionView]:
    """Every recorded receipt by (chain, transaction)."""
    return {
        (view.chain, view.tx): view
        for path in sorted(HOME.glob("data/*/evm-*.json.gz"))
        for view in _read(path)
    }


@lru_cache(maxsize=1)
def solana_answers() -> tuple[dict[str, Any], ...]:
    """Every recorded Solana transaction as a node answered it."""
    return tuple(
        answer
        for path in sorted(HOME.glob("data/*/solana.json.gz"))
        for answers in json.loads(gzip.decompress(path.read_bytes()))["transactions"].values()
        for answer in answers.values()
    )


def _read(path: Path) -> Iterator[TransactionView]:
    data = json.loads(gzip.decompress(path.read_bytes()))
    for tx, receipt in data["receipts"].items():
        if isinstance(receipt, dict) and "logs" in receipt:
            sent = data["transactions"].get(tx) or receipt
            header = (data["blocks"].get(str(int(receipt["blockNumber"], 16))) or {}).get("header")
            time = datetime.fromtimestamp(int(header["timestamp"], 16), UTC) if header else None
            yield TransactionView(
                chain=f"eip155:{data['chain']}",
                tx=tx,
                time=time,
                sender=sent["from"].lower(),
                recipient=(sent.get("to") or "").lower() or None,
                value=int(sent.get("value", "0x0"), 16),
                input=bytes.fromhex(sent.get("input", "0x")[2:]),
                logs=tuple(_log(log) for log in receipt["logs"]),
            )


def _log(log: dict[str, Any]) -> LogEntry:
    return LogEntry(
        address=log["address"].lower(),
        topics=tuple(bytes.fromhex(topic[2:]) for topic in log["topics"]),
        data=bytes.fromhex(log["data"][2:]),
        index=int(log["logIndex"], 16),
    )
