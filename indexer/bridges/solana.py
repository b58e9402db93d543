"""One Solana transaction as bridge decoders see it: instructions, their inner ones, Anchor events, token accounts.

Read from the answer to `getTransaction` with `encoding: json` or `jsonParsed`, which leaves calls of programs that the
node does not know as they are (https://solana.com/docs/rpc/http/gettransaction).
Anchor programs write events in one of two ways: as an instruction to themselves that only they can sign for, or as
base64 in the log (https://www.anchor-lang.com/docs/features/events). Fields are Borsh: little-endian, vectors with
their length before them.
"""

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

from indexer.bridges.abi import base58, unbase58
from indexer.bridges.chains import SOLANA
from indexer.model.asset import AssetKind, token_id
from indexer.model.links import BridgeLeg, Mechanism, Side

_TO_ITSELF = sha256(b"anchor:event").digest()[:8][::-1]
"""How an instruction begins by which an Anchor program writes an event."""


@dataclass(frozen=True, slots=True)
class Call:
    """One instruction, in the order of execution."""

    program: str
    accounts: tuple[str, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class TokenAccount:
    """What an account held before and after. `owner` is None where the node does not say."""

    mint: str
    owner: str | None
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class SolanaView:
    """What a bridge protocol may look at: one transaction that succeeded."""

    tx: str
    time: datetime | None
    signer: str
    calls: tuple[Call, ...]
    logs: tuple[tuple[str, str], ...]
    """(program that runs, line)"""
    tokens: Mapping[str, TokenAccount]


class Borsh:
    """Reads fields one after another.

    Raises:
        EOFError: the data ends before the field does.
    """

    __slots__ = ("_at", "_data")

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, size: int) -> bytes:
        """So many bytes."""
        part = self._data[self._at : self._at + size]
        if len(part) < size:
            raise EOFError(f"{size} bytes wanted, {len(part)} left")
        self._at += size
        return part

    def number(self, size: int) -> int:
        """A little-endian number of so many bytes."""
        return int.from_bytes(self.take(size), "little")

    def key(self) -> str:
        """An account."""
        return base58(self.take(32))

    def vector(self) -> bytes:
        """Bytes with their length before them."""
        return self.take(self.number(4))

    def option(self) -> bool:
        """Whether an optional value follows."""
        return self.take(1) != b"\0"


def read_transaction(answer: Mapping[str, Any]) -> SolanaView | None:
    """Read a node's answer; None when the transaction failed, since nothing of it happened.

    Raises:
        KeyError, IndexError, ValueError: it is no answer in one of these encodings.
    """
    meta, transaction = answer["meta"], answer["transaction"]
    if meta["err"] is not None:
        return None
    message = transaction["message"]
    loaded = meta.get("loadedAddresses") or {}
    keys = [one if isinstance(one, str) else one["pubkey"] for one in message["accountKeys"]]
    if isinstance(
        message["accountKeys"][0], str
    ):  # the parsed encoding lists the looked-up ones with the others
        keys += [*loaded.get("writable", ()), *loaded.get("readonly", ())]
    inner = {item["index"]: item["instructions"] for item in meta.get("innerInstructions") or ()}
    calls = [
        _call(keys, one)
        for place, outer in enumerate(message["instructions"])
        for one in (outer, *inner.get(place, ()))
    ]
    seconds = answer.get("blockTime")
    return SolanaView(
        tx=transaction["signatures"][0],
        time=None if seconds is None else datetime.fromtimestamp(seconds, UTC),
        signer=keys[0],
        calls=tuple(calls),
        logs=tuple(_logs(meta.get("logMessages") or ())),
        tokens=_tokens(keys, meta),
    )


def events(view: SolanaView, program: str, name: str) -> Iterator[Borsh]:
    """The Anchor events of a name that a program wrote, in order. `name` is the event's struct."""
    begins = sha256(f"event:{name}".encode()).digest()[:8]
    for call in view.calls:
        if call.program == program and call.data[:16] == _TO_ITSELF + begins:
            yield Borsh(call.data[16:])
    for runs, line in view.logs:
        if runs == program and line.startswith("Program data: "):
            try:
                data = b64decode(line.removeprefix("Program data: "), validate=True)
            except (Base64Error, ValueError):
                continue
            if data[:8] == begins:
                yield Borsh(data[8:])


def instructions(view: SolanaView, program: str, begins: bytes) -> Iterator[tuple[Call, Borsh]]:
    """The calls of a program whose data begins so, with what follows."""
    for call in view.calls:
        if call.program == program and call.data.startswith(begins):
            yield call, Borsh(call.data[len(begins) :])


def method(name: str) -> bytes:
    """How the data of a call of an Anchor program's method begins."""
    return sha256(f"global:{name}".encode()).digest()[:8]


def spl(mint: str) -> str:
    """CAIP-19 id of a token."""
    return token_id(SOLANA, AssetKind.SPL, mint)


def owner_of(view: SolanaView, account: str) -> str:
    """The wallet that owns a token account, the account itself where nobody says."""
    held = view.tokens.get(account)
    return held.owner if held is not None and held.owner is not None else account


def solana_leg(
    view: SolanaView, protocol: str, side: Side, number: int, mechanism: Mechanism, **values: Any
) -> BridgeLeg:
    """A half of a protocol on Solana; `number` counts its halves within the transaction."""
    key = values.pop("join_key", None)
    return BridgeLeg(
        id=f"{SOLANA}/{view.tx}/{protocol}:{side.value}:{number}",
        side=side,
        protocol=protocol,
        chain=SOLANA,
        tx=view.tx,
        time=view.time,
        join_key=None if key is None else f"{protocol}:{key}",
        mechanism=mechanism,
        tx_sender=view.signer,
        **values,
    )


def _call(keys: Sequence[str], written: Mapping[str, Any]) -> Call:
    if "programId" in written:
        return Call(
            written["programId"], tuple(written.get("accounts", ())), unbase58(written.get("data", ""))
        )
    accounts = tuple(keys[at] for at in written["accounts"])
    return Call(keys[written["programIdIndex"]], accounts, unbase58(written["data"]))


def _logs(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Lines with the program that runs while they are written."""
    running: list[str] = []
    for line in lines:
        words = line.split()
        if len(words) >= 3 and words[0] == "Program" and words[2] == "invoke":
            running.append(words[1])
        elif len(words) >= 3 and words[0] == "Program" and words[2] in {"success", "failed:"} and running:
            running.pop()
        elif running:
            yield running[-1], line


def _tokens(keys: Sequence[str], meta: Mapping[str, Any]) -> dict[str, TokenAccount]:
    found: dict[str, TokenAccount] = {}
    for after, field in ((False, "preTokenBalances"), (True, "postTokenBalances")):
        for row in meta.get(field) or ():
            account, amount = keys[row["accountIndex"]], int(row["uiTokenAmount"]["amount"])
            old = found.get(account)
            before = old.before if old is not None else 0
            found[account] = TokenAccount(
                row["mint"],
                row.get("owner") or (old.owner if old is not None else None),
                before if after else amount,
                amount if after else 0,
            )
    return found
