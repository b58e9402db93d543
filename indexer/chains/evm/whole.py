"""Whether the parts of a block agree with one another: what one answer leaves out, another one betrays (pure).

Logs bloom: Ethereum yellow paper, section 4.4.3 (three times 11 bits of a keccak-256 for each address and topic).
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from eth_utils.crypto import keccak

from indexer.model.errors import RetryableError

EMPTY_ROOTS = {"", "0x" + "0" * 64, "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"}
"""Transaction roots of a block without transactions: the empty trie, and none at all."""


def hides_transactions(block: Mapping[str, Any]) -> bool:
    """Whether a block lists no transactions under a root that is not the empty one.

    Some chains put other things under that root, so this is a reason to look again and no proof.
    """
    return not block["transactions"] and str(block.get("transactionsRoot") or "").lower() not in EMPTY_ROOTS


@lru_cache(maxsize=1 << 16)
def bloom_bits(text: str) -> int:
    """The bits that an address or a topic (hex) sets in a bloom."""
    digest = keccak(hexstr=text.lower())
    return sum({1 << (int.from_bytes(digest[at : at + 2]) & 2047) for at in (0, 2, 4)})


def check_logs(receipt: Mapping[str, Any]) -> None:
    """Whether a receipt tells logs as logs are told. That they are all of them is weighed at the door.

    Raises:
        RetryableError: the list is missing or malformed.
    """
    logs = receipt.get("logs")
    if not isinstance(logs, list):
        raise RetryableError("a receipt without logs was answered")
    if not all(isinstance(log, Mapping) and isinstance(log.get("topics"), list) for log in logs):
        raise RetryableError("a receipt with malformed logs was answered")


def fits_bloom(receipt: Mapping[str, Any]) -> bool | None:
    """Whether the logs of a receipt are those of its bloom; None where no bloom is filled in."""
    try:
        told = int(receipt.get("logsBloom") or "0x0", 16)
        if not told:
            return None
        parts: set[str] = set()  # most logs of a receipt share their contract and kind
        for log in receipt["logs"]:
            parts.add(log["address"])
            parts.update(log["topics"])
        bloom = 0
        for part in parts:
            bloom |= bloom_bits(part)
    except (KeyError, TypeError, ValueError, AttributeError):
        return False
    return bloom == told


def check_parity(number: int, txs: Mapping[str, Mapping[str, Any]], traces: list[Any]) -> None:
    """Every transaction that ran has a top-level call in `trace_block`; no other transaction has one.

    A transaction without gas is the chain's own note, which no machine runs and not every node traces.

    Raises:
        RetryableError: traces are left out or belong to other transactions.
    """
    found = {
        str(trace.get("transactionHash")).lower()
        for trace in traces
        if isinstance(trace, Mapping) and trace.get("transactionHash") and trace.get("traceAddress") == []
    }
    ran = {tx for tx, body in txs.items() if str(body.get("gas")) != "0x0"}
    if not ran <= found <= txs.keys():
        raise RetryableError(
            f"block {number} has {len(ran)} transactions that ran, traces of {len(found)} were answered"
        )


def check_geth(number: int, txs: Mapping[str, Mapping[str, Any]], traces: list[Any]) -> None:
    """As many results of `debug_traceBlockByNumber` as transactions, each of its own transaction.

    Raises:
        RetryableError: traces are left out or belong to other transactions.
    """
    named = [
        str(trace.get("txHash") or tx).lower() if isinstance(trace, Mapping) else ""
        for trace, tx in zip(traces, txs, strict=False)
    ]
    if len(traces) != len(txs) or named != list(txs):
        raise RetryableError(
            f"block {number} has {len(txs)} transactions, {len(traces)} traces were answered"
        )
