"""Two transactions written by hand, and the one link they must give."""

from datetime import UTC, datetime, timedelta
from typing import Any

from indexer.bridges.link import link
from indexer.bridges.protocols import decode
from indexer.model.links import CrossChainLink, LogEntry, TransactionView
from tests.bridges.synthetic.encode import transfer

NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)
USER, TOKEN, FAR, RELAYER = "0x" + "a1" * 20, "0x" + "70" * 20, "0x" + "f4" * 20, "0x" + "4e" * 20
ZERO = "0x" + "0" * 40
AMOUNT = 5_000_000


def view(chain: int, minutes: int, *logs: LogEntry, tx: str | None = None, **values: Any) -> TransactionView:
    return TransactionView(
        **{
            "chain": f"eip155:{chain}",
            "tx": tx or f"0x{chain:032x}{minutes:032x}",
            "time": NOON + timedelta(minutes=minutes),
            "sender": USER,
            "recipient": TOKEN,
            "value": 0,
            "input": b"",
            **values,
        },
        logs=tuple(LogEntry(one.address, one.topics, one.data, at) for at, one in enumerate(logs)),
    )


def linked(*views: TransactionView) -> CrossChainLink:
    (made,) = link([leg for one in views for leg in decode(one)]).links
    assert made.source is not None
    assert made.destination is not None
    assert made.source.chain == views[0].chain
    assert made.destination.chain == views[-1].chain
    assert made.destination.wallet == USER
    assert made.source.protocol == made.destination.protocol
    return made


def given(amount: int = AMOUNT) -> LogEntry:
    return transfer(TOKEN, USER, RELAYER, amount)


def paid(amount: int = AMOUNT) -> LogEntry:
    return transfer(FAR, RELAYER, USER, amount)
