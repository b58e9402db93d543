"""Whom a transaction may concern: every address that its call, its logs and its internal movements name (pure)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from indexer.chains.evm.decode import TRANSFER, TRANSFER_BATCH, TRANSFER_SINGLE, Value

_TELLING = {TRANSFER, TRANSFER_SINGLE, TRANSFER_BATCH}


def of_log(topics: Sequence[str], data: str) -> Iterator[str]:
    """Addresses in the indexed fields; of transfers that index fewer than both sides those in the data, too."""
    for topic in topics[1:4]:
        yield "0x" + topic[26:].lower()
    if 1 <= len(topics) <= 2 and topics[0] in _TELLING:
        yield "0x" + data[26:66].lower()
        yield "0x" + data[90:130].lower()


def of_transaction(
    tx: Mapping[str, Any] | None, receipt: Mapping[str, Any] | None, internals: Iterable[Value] = ()
) -> set[str]:
    """Every address, lower case. Some are no addresses but other indexed values: they match nobody."""
    found = of_call(tx, receipt, internals)
    for raw in receipt["logs"] if receipt is not None else ():
        found.update(of_log(raw["topics"], raw["data"]))
    return found


def of_call(
    tx: Mapping[str, Any] | None, receipt: Mapping[str, Any] | None, internals: Iterable[Value]
) -> set[str]:
    """Every address that the call and its internal movements name, lower case."""
    found: set[str] = set()
    for source in (tx, receipt):
        if source is not None:
            told = (source.get("from"), source.get("to"), source.get("contractAddress"))
            found.update(address.lower() for address in told if isinstance(address, str))
    for value in internals:
        found.add(value.sender)
        found.add(value.recipient)
    return found
