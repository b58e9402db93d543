"""Halves written as a table, one row each: what `gleaner link` reads and the bench measures."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

from indexer.bridges.protocols import by_name
from indexer.model.errors import InputError
from indexer.model.links import BridgeLeg, Mechanism, Side

REQUIRED = ("leg_id", "side", "protocol", "chain_id", "token", "amount", "wallet")
OPTIONAL = ("tx", "ts", "event_recipient", "event_dst_chain", "transfer_id", "decimals", "group")
REPEAT = "\x1f"


def read_legs(lines: Iterable[str]) -> list[BridgeLeg]:
    """Read halves from CSV lines, the first naming the columns.

    `side` is `src` or `dst`, `chain_id` an EVM chain number or a CAIP-2 id, `ts` Unix seconds, `amount` base units;
    empty cells are unknown. `transfer_id` joins halves of one protocol. Further columns are ignored.

    One event may pay several recipients under one leg id: the second and later rows of an id are told apart by
    `REPEAT` and a number behind it, which `name_of` takes off again.

    Raises:
        InputError: a column is missing, or a cell does not read; the text names the line.
    """
    rows = csv.reader(lines)
    header = next(rows, [])
    missing = [name for name in REQUIRED if name not in header]
    if missing:
        raise InputError(f"line 1: the column {missing[0]} is missing; needed are {', '.join(REQUIRED)}")
    reader = _Reader({name: at for at, name in enumerate(header)})
    legs: list[BridgeLeg] = []
    seen: dict[str, int] = {}
    for number, row in enumerate(rows, start=2):
        if not row:
            continue
        try:
            leg = reader.leg(row)
        except (ValueError, IndexError, OverflowError, OSError) as error:
            raise InputError(f"line {number}: {error}") from error
        times = seen[leg.id] = seen.get(leg.id, 0) + 1
        legs.append(leg if times == 1 else replace(leg, id=f"{leg.id}{REPEAT}{times}"))
    return legs


def name_of(leg: BridgeLeg) -> str:
    """The leg id as the table has it."""
    return leg.id.partition(REPEAT)[0]


class _Reader:
    """Reads rows by the places of their columns; what repeats from row to row is read once."""

    def __init__(self, places: dict[str, int]) -> None:
        self._places = places
        self._required = [places[name] for name in REQUIRED]
        self._optional = [places.get(name) for name in OPTIONAL]

    def leg(self, row: list[str]) -> BridgeLeg:
        """One row as a half."""
        name, side, protocol, number, token, raw, wallet = [row[at] for at in self._required]
        tx, seconds, recipient, target, ident, decimals, group = [
            row[at] if at is not None else "" for at in self._optional
        ]
        amount = int(raw)
        if amount < 0:
            raise ValueError(f"the amount {amount} is negative")
        return BridgeLeg(
            id=name,
            side=Side(side),
            protocol=protocol,
            chain=_chain(number),
            tx=tx,
            time=datetime.fromtimestamp(int(seconds), UTC) if seconds else None,
            asset=_asset(number, token),
            amount=amount,
            wallet=_account(wallet),
            join_key=f"{protocol}:{ident}" if ident else None,
            recipient=_account(recipient) if recipient else None,
            other_chain=_chain(target) if target else None,
            decimals=int(decimals) if decimals else None,
            group=group or None,
            mechanism=_mechanism(protocol),
            event="A row of the table",
        )


@lru_cache(maxsize=256)
def _mechanism(protocol: str) -> Mechanism | None:
    known = by_name().get(protocol)
    return None if known is None else known.mechanism


@lru_cache(maxsize=1024)
def _chain(text: str) -> str:
    return text if ":" in text else f"eip155:{int(text)}"


@lru_cache(maxsize=65_536)
def _asset(number: str, token: str) -> str:
    return f"{_chain(number)}/erc20:{token.lower()}"


def _account(text: str) -> str:
    """EVM addresses are compared in lower case; other accounts are case-sensitive."""
    return text.lower() if text[:2] in {"0x", "0X"} else text


def as_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Write rows as CSV lines without line ends."""
    for row in rows:
        yield ",".join(_cell(str(value)) for value in row)


def _cell(text: str) -> str:
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if any(mark in text for mark in ',"\n\r') else text
