"""Read a kept raw transaction back into what bridge protocols decode.

The payload is the node's own JSON (`eth_getTransactionByHash`, `eth_getTransactionReceipt`) under the keys `tx`
and `receipt`; either may be missing when the source did not have it.
"""

from datetime import datetime
from typing import Any

import orjson

from indexer.model.facts import RawTransaction
from indexer.model.links import LogEntry, TransactionView


def transaction_view(raw: RawTransaction, time: datetime | None) -> TransactionView:
    """The transaction with its logs in order; without a receipt it has no logs."""
    payload: dict[str, Any] = orjson.loads(raw.payload)
    tx: dict[str, Any] = payload.get("tx") or {}
    receipt: dict[str, Any] = payload.get("receipt") or {}
    to = tx.get("to") or receipt.get("to")
    return TransactionView(
        chain=raw.chain,
        tx=raw.tx,
        time=time,
        sender=(tx.get("from") or receipt.get("from") or "").lower(),
        recipient=to.lower() if to else None,
        value=int(tx.get("value") or "0x0", 16),
        input=_bytes(tx.get("input")),
        logs=tuple(
            LogEntry(
                address=log["address"].lower(),
                topics=tuple(_bytes(topic) for topic in log["topics"]),
                data=_bytes(log.get("data")),
                index=int(log["logIndex"], 16),
            )
            for log in receipt.get("logs") or ()
        ),
    )


def _bytes(text: str | None) -> bytes:
    return bytes.fromhex((text or "0x").removeprefix("0x"))
