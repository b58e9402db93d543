"""Native movements inside transactions, from parity-style and geth-style traces of a block (pure).

https://openethereum.github.io/JSONRPC-trace-module and https://geth.ethereum.org/docs/developers/evm-tracing/built-in-tracers
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from indexer.chains.evm.decode import Value
from indexer.model.errors import LyingSourceError


def of_parity(
    traces: Sequence[Mapping[str, Any]],
) -> tuple[dict[str, list[Value]], list[tuple[str, str, int]]]:
    """Internal movements by transaction, and block rewards as (recipient, kind, amount), of `trace_block`.

    The top-level call is left out: it is the transaction itself. A frame that failed takes its descendants
    with it, even those that succeeded by themselves.
    """
    values: dict[str, list[Value]] = {}
    rewards: list[tuple[str, str, int]] = []
    failed: dict[str, list[tuple[int, ...]]] = {}
    try:
        for trace in traces:
            kind, action = trace["type"], trace["action"]
            if kind == "reward":
                rewards.append((action["author"].lower(), action["rewardType"], int(action["value"], 16)))
                continue
            tx = (trace.get("transactionHash") or "").lower()
            path = tuple(trace["traceAddress"])
            if trace.get("error"):
                failed.setdefault(tx, []).append(path)
            if any(path[: len(dead)] == dead for dead in failed.get(tx, ())):
                continue
            value = _of_action(kind, action, trace.get("result") or {}) if path else None
            if value is not None:
                values.setdefault(tx, []).append(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LyingSourceError(f"a trace without its fields was answered ({error})") from None
    return values, rewards


def sum_rewards(rewards: Iterable[tuple[str, str, int]]) -> dict[tuple[str, str], int]:
    """What each recipient got of each kind in one block: somebody may have found both of its uncles."""
    sums: dict[tuple[str, str], int] = {}
    for recipient, kind, amount in rewards:
        sums[recipient, kind] = sums.get((recipient, kind), 0) + amount
    return sums


def reward_name(kind: str, number: int, recipient: str) -> str:
    """What a block reward is called in the place of a transaction; a block may have several uncles."""
    return f"reward:{kind}:{number}" if kind == "block" else f"reward:{kind}:{number}:{recipient}"


def _of_action(kind: str, action: Mapping[str, Any], result: Mapping[str, Any]) -> Value | None:
    if kind == "call":
        if action.get("callType", "call") != "call":
            return None
        sender, recipient, amount = action["from"], action["to"], action["value"]
    elif kind == "create":
        sender, recipient, amount = action["from"], result.get("address"), action["value"]
    elif kind in {"suicide", "selfdestruct"}:
        sender, recipient, amount = action["address"], action["refundAddress"], action["balance"]
    else:
        return None
    value = int(amount, 16)
    return Value(sender.lower(), recipient.lower(), value) if value and recipient else None


def of_geth(results: Sequence[Mapping[str, Any]], hashes: Sequence[str]) -> dict[str, list[Value]]:
    """Internal movements by transaction of `debug_traceBlockByNumber` with the `callTracer`.

    `hashes` are the block's transactions in order, for nodes that leave `txHash` out.
    """
    if len(results) != len(hashes):
        raise LyingSourceError(f"{len(results)} traces were answered for {len(hashes)} transactions")
    values: dict[str, list[Value]] = {}
    for entry, tx in zip(results, hashes, strict=True):
        try:
            frame = entry.get("result", entry)
            found: list[Value] = []
            _walk(frame, found, top=True)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LyingSourceError(f"a trace without its fields was answered ({error})") from None
        if found:
            values[str(entry.get("txHash") or tx).lower()] = found
    return values


def _walk(frame: Mapping[str, Any], found: list[Value], *, top: bool) -> None:
    if frame.get("error"):
        return
    kind = str(frame["type"]).upper()
    amount = int(frame.get("value") or "0x0", 16)
    if not top and amount and kind in {"CALL", "CREATE", "CREATE2", "SELFDESTRUCT"} and frame.get("to"):
        found.append(Value(frame["from"].lower(), frame["to"].lower(), amount))
    for child in frame.get("calls") or ():
        _walk(child, found, top=False)
