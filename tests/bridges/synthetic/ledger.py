"""Transactions of the invented world and the truth about them."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from random import Random

from indexer.model.facts import BlockRef, Transfer, TransferKind
from indexer.model.links import LogEntry, TransactionView
from tests.bridges.synthetic.encode import transfer
from tests.bridges.synthetic.money import chain_id, coin, erc20

START = datetime(2023, 1, 1, tzinfo=UTC).timestamp()


@dataclass(slots=True)
class Tx:
    """A transaction while it is written."""

    chain: int
    seconds: float
    sender: str
    recipient: str
    value: int = 0
    input: bytes = b""
    logs: list[LogEntry] = field(default_factory=list)
    moves: list[tuple[str, str, str, int, TransferKind]] = field(default_factory=list)
    hash: str = ""

    def pay(self, sender: str, recipient: str, amount: int, *, inside: bool = False) -> "Tx":
        """Coin moves; `inside` a call it leaves no trace but an internal transfer."""
        kind = TransferKind.INTERNAL if inside else TransferKind.NATIVE
        self.moves.append((sender, recipient, coin(self.chain), amount, kind))
        return self

    def token(self, token: str, sender: str, recipient: str, amount: int) -> "Tx":
        self.moves.append((sender, recipient, erc20(self.chain, token), amount, TransferKind.ERC20))
        self.logs.append(transfer(token, sender, recipient, amount))
        return self

    def emit(self, *logs: LogEntry) -> "Tx":
        self.logs += logs
        return self


@dataclass(frozen=True, slots=True)
class Happening:
    """A finished transaction with its transfers."""

    view: TransactionView
    transfers: tuple[Transfer, ...]


@dataclass(frozen=True, slots=True)
class Truth:
    """One departure and its arrival, None where there is none. `tag` names the hard case."""

    tag: str
    protocol: str
    owner: int
    source: str | None
    arrival: str | None
    recipient: str = ""
    refund: bool = False


@dataclass(slots=True)
class World:
    """Everything that happened, and what is true about it, written before anybody looked."""

    rng: Random
    owners: list[list[str]]
    happenings: list[Happening] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)

    def add(self, tx: Tx) -> str:
        """Finish a transaction; returns its hash."""
        number = len(self.happenings)
        tx.hash = tx.hash or f"0x{self.rng.getrandbits(256):064x}"
        block = BlockRef(number, f"0x{number:064x}", datetime.fromtimestamp(int(tx.seconds), UTC))
        chain = chain_id(tx.chain)
        view = TransactionView(
            chain,
            tx.hash,
            block.time,
            tx.sender,
            tx.recipient,
            tx.value,
            tx.input,
            tuple(LogEntry(one.address, one.topics, one.data, at) for at, one in enumerate(tx.logs)),
        )
        transfers = tuple(
            Transfer(chain, tx.hash, f"{kind.value}:{at}", block, sender, recipient, asset, amount, kind)
            for at, (sender, recipient, asset, amount, kind) in enumerate(tx.moves)
        )
        self.happenings.append(Happening(view, transfers))
        return tx.hash

    def account(self) -> str:
        return f"0x{self.rng.getrandbits(160):040x}"
