"""What a bridge protocol declares, and what its decoder may look at."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from indexer.bridges.abi import Event, MalformedLogError, event
from indexer.bridges.solana import SolanaView
from indexer.model.asset import AssetKind, native_id, token_id
from indexer.model.links import BridgeLeg, LogEntry, Mechanism, Side, TransactionView, WatchedLog

Contracts = Mapping[str, Mapping[str, frozenset[str]]]
"""role -> CAIP-2 chain -> lower-case addresses"""

ZERO_ADDRESS = "0x" + "0" * 40
NATIVE_MARKS = frozenset({ZERO_ADDRESS, "0x" + "e" * 40})
"""Addresses that contracts write where they mean the native coin."""

TRANSFER = event("Transfer(address indexed from, address indexed to, uint256 value)")
DEPOSIT = event("Deposit(address indexed dst, uint256 wad)")
WITHDRAWAL = event("Withdrawal(address indexed src, uint256 wad)")

_SLIP44: Mapping[str, int] = {"eip155:56": 714, "eip155:137": 966, "eip155:43114": 9005, "eip155:100": 700}
_ETHER = 60


@dataclass(frozen=True, slots=True)
class Window:
    """How long a half usually takes, in seconds, and what a fee usually is, in parts per million.

    `usual` covers about 99 of 100 arrivals. Beyond it a link is less sure, never impossible. `claim` says that
    the owner fetches the arrival by hand, whenever: lateness then says nothing.
    """

    usual: int = 3_600
    fee_ppm: int = 20_000
    claim: bool = False


@dataclass(frozen=True, slots=True)
class Forgery:
    """A log with a bridge's topic that is not that bridge's, and why it does not count."""

    chain: str
    tx: str
    log_index: int
    protocol: str
    address: str
    reason: str


@dataclass(frozen=True, slots=True, eq=False)  # one constant a file: identity is equality
class Protocol:
    """One bridge: its contracts, its events and a pure decoder.

    `events` maps a role to the events that only its contracts may emit. `topics_anywhere` are events whose
    emitter cannot be listed; the decoder must prove them by another log of the same transaction.
    `plain` protocols have halves without logs and see every transaction.
    """

    id: str
    name: str
    mechanism: Mechanism
    contracts: Contracts
    events: Mapping[str, tuple[Event, ...]]
    decode: "Callable[[Scope], Iterator[BridgeLeg]]"
    deposit: Window = field(default_factory=Window)
    """Towards the chain that minted assets live on (or either way, for bridges without a direction)."""
    withdrawal: Window | None = None
    """Back to the chain the assets come from; None when it takes as long."""
    home: str | None = None
    """CAIP-2 id of the chain that withdrawals return to."""
    topics_anywhere: tuple[Event, ...] = ()
    solana: "Callable[[SolanaView], Iterator[BridgeLeg]] | None" = None
    """Decodes the protocol's programs on Solana, where it has some."""
    plain: bool = False
    wrapper: bool = False
    """An aggregator over other bridges: its event counts only where no bridge under it was decoded."""
    dead_since: int | None = None
    """Unix time after which deposits are not released any more."""
    aliases: tuple[str, ...] = ()
    """Other names in use for the same bridge in files of halves."""

    @property
    def watched(self) -> tuple[WatchedLog, ...]:
        """The logs this protocol needs collected."""
        known = [
            WatchedLog(chain, address, item.topic)
            for role, items in self.events.items()
            for chain, addresses in self.contracts.get(role, {}).items()
            for address in sorted(addresses)
            for item in items
        ]
        chains = sorted({chain for by_chain in self.contracts.values() for chain in by_chain})
        known += [WatchedLog(chain, None, item.topic) for chain in chains for item in self.topics_anywhere]
        return tuple(known)

    def window(self, to_chain: str | None) -> Window:
        """The window of a move towards `to_chain`."""
        if self.withdrawal is not None and to_chain is not None and to_chain == self.home:
            return self.withdrawal
        return self.deposit


Moved = tuple[LogEntry, str, str, int]
"""A transfer log with sender, recipient and amount"""


def read_transfers(view: TransactionView) -> list[Moved]:
    """Every ERC-20 transfer, read by hand: most logs are transfers, and the general decoder is slow.

    ERC-721 transfers share the topic; they have a fourth one and no data.
    """
    topic = TRANSFER.topic
    return [
        (
            log,
            f"0x{log.topics[1][12:].hex()}",
            f"0x{log.topics[2][12:].hex()}",
            int.from_bytes(log.data[:32], "big"),
        )
        for log in view.logs
        if len(log.topics) == 3 and log.topics[0] == topic and len(log.data) >= 32
    ]


@dataclass(slots=True)
class Scope:
    """One transaction as one protocol's decoder sees it."""

    view: TransactionView
    protocol: Protocol
    extra: Mapping[str, frozenset[str]]
    """Contracts known beyond the declared ones: chain -> addresses; they may play every role."""
    natives: Mapping[str, str]
    moved: Sequence[Moved]
    """The ERC-20 transfers of the transaction, read once for all protocols."""
    forgeries: list[Forgery] = field(default_factory=list)
    made: int = 0

    def logs(self, wanted: Event, role: str) -> Iterator[tuple[LogEntry, dict[str, Any]]]:
        """Every log of the event that a contract of the role emitted; others are noted as forgeries."""
        for log in self.view.logs:
            if not log.topics or log.topics[0] != wanted.topic:
                continue
            if not self.known(role, log.address):
                self.reject(log, f"{wanted.name} from a contract that is not {self.protocol.name}'s {role}")
                continue
            decoded = self.read(wanted, log)
            if decoded is not None:
                yield log, decoded

    def anywhere(self, wanted: Event) -> Iterator[tuple[LogEntry, dict[str, Any]]]:
        """Every log of the event, whoever emitted it. The caller proves it by something else."""
        for log in self.view.logs:
            if log.topics and log.topics[0] == wanted.topic:
                try:
                    yield log, wanted.decode(log)
                except MalformedLogError:
                    continue  # events of other contracts share the topic (ERC-721 transfers)

    def read(self, wanted: Event, log: LogEntry) -> dict[str, Any] | None:
        """The log's values; None, with a note, when it does not decode."""
        try:
            return wanted.decode(log)
        except MalformedLogError as error:
            self.reject(log, str(error))
            return None

    def known(self, role: str, address: str) -> bool:
        """Whether the address plays the role on this chain."""
        chain = self.view.chain
        return address in self.protocol.contracts.get(role, {}).get(
            chain, frozenset()
        ) or address in self.extra.get(chain, frozenset())

    def reject(self, log: LogEntry, reason: str) -> None:
        """Note a log that looks like this bridge's and is not."""
        self.forgeries.append(
            Forgery(self.view.chain, self.view.tx, log.index, self.protocol.id, log.address, reason)
        )

    def token(self, address: str, chain: str | None = None) -> str:
        """CAIP-19 id of a token by contract; the marks for the native coin give the native id."""
        chain = chain or self.view.chain
        if address in NATIVE_MARKS:
            return self.native(chain)
        kind = AssetKind.SPL if chain.startswith("solana:") else AssetKind.ERC20
        return token_id(chain, kind, address)

    def native(self, chain: str | None = None) -> str:
        """CAIP-19 id of a chain's native coin."""
        chain = chain or self.view.chain
        return self.natives.get(chain) or native_id(chain, _SLIP44.get(chain, _ETHER))

    def wrapped_by(self, token: str, account: str, amount: int) -> bool:
        """Whether `account` wrapped exactly this much native coin in this transaction: it came as coin."""
        return self._wrap_log(DEPOSIT, "dst", token, account, amount)

    def unwrapped_by(self, token: str, account: str, amount: int) -> bool:
        """Whether `account` unwrapped exactly this much: it left as coin."""
        return self._wrap_log(WITHDRAWAL, "src", token, account, amount)

    def transfers(
        self, *, sender: str | None = None, recipient: str | None = None
    ) -> list[tuple[LogEntry, int]]:
        """ERC-20 transfers of the transaction by end, with the amount, in log order."""
        return [
            (log, amount)
            for log, source, target, amount in self.moved
            if sender in {None, source} and recipient in {None, target}
        ]

    def paid(self) -> tuple[str, int] | None:
        """What the sender of the transaction gave: the coin, or the first token that left; None when nothing did."""
        if self.view.value:
            return self.native(), self.view.value
        given = self.transfers(sender=self.view.sender)
        return (self.token(given[0][0].address), given[0][1]) if given else None

    def gave(self, wallet: str, amount: int) -> str | None:
        """The token of which exactly this much left a wallet, None when none did."""
        return next(
            (self.token(log.address) for log, moved in self.transfers(sender=wallet) if moved == amount), None
        )

    def received(self, wallet: str) -> tuple[str, int] | None:
        """The last token that came to a wallet, or the coin that a contract unwrapped where none did."""
        came = self.transfers(recipient=wallet)
        if came:
            return self.token(came[-1][0].address), came[-1][1]
        unwrapped = [values["wad"] for _, values in self.anywhere(WITHDRAWAL)]
        unwrapped = unwrapped or [amount for _, amount in self.transfers(recipient=ZERO_ADDRESS)]
        return (self.native(), unwrapped[-1]) if unwrapped else None

    def neighbour(self, log: LogEntry, wanted: Event, role: str, *, before: bool) -> dict[str, Any] | None:
        """The nearest event of a role before or after a log: contracts write what belongs together side by side."""
        found = [
            (other.index, values)
            for other, values in self.logs(wanted, role)
            if (other.index < log.index if before else other.index > log.index)
        ]
        if not found:
            return None
        return (max if before else min)(found, key=lambda item: item[0])[1]

    def leg(self, side: Side, log: LogEntry | None, **values: Any) -> BridgeLeg:
        """A half of this protocol; its id counts halves within the transaction, so that a re-index keeps it."""
        view, self.made = self.view, self.made + 1
        chain, asset, amount = view.chain, values.pop("asset"), values.pop("amount")
        key = values.pop("join_key", None)
        where = f" by {log.address}" if log is not None else ""
        return BridgeLeg(
            id=f"{chain}/{view.tx}/{self.protocol.id}:{side.value}:{self.made - 1}",
            side=side,
            protocol=self.protocol.id,
            chain=chain,
            tx=view.tx,
            time=view.time,
            asset=asset,
            amount=amount,
            join_key=None if key is None else f"{self.protocol.id}:{key}",
            mechanism=values.pop("mechanism", self.protocol.mechanism),
            tx_sender=view.sender,
            event=values.pop("event", "transfer") + where,
            **values,
        )

    def _wrap_log(self, wanted: Event, who: str, token: str, account: str, amount: int) -> bool:
        if any(
            log.address == token and values[who] == account and values["wad"] == amount
            for log, values in self.anywhere(wanted)
        ):
            return True
        # Arbitrum's wrapped ether mints and burns instead
        ends = (
            {"sender": ZERO_ADDRESS, "recipient": account}
            if who == "dst"
            else {"sender": account, "recipient": ZERO_ADDRESS}
        )
        return any(log.address == token and moved == amount for log, moved in self.transfers(**ends))


def contracts(**roles: Mapping[int, str | tuple[str, ...]]) -> Contracts:
    """Build `Contracts` from EVM chain ids and addresses in any case."""
    return {
        role: {
            f"eip155:{chain}": frozenset(
                address.lower() for address in ([listed] if isinstance(listed, str) else listed)
            )
            for chain, listed in by_chain.items()
        }
        for role, by_chain in roles.items()
    }


def everywhere(address: str, *chains: int) -> dict[int, str]:
    """One address on several EVM chains."""
    return dict.fromkeys(chains, address)


def evm(chain_id: int) -> str:
    """CAIP-2 id of an EVM chain."""
    return f"eip155:{chain_id}"


def with_via(leg: BridgeLeg, wrapper: str) -> BridgeLeg:
    """The same half, noted as called through a wrapper."""
    return leg if wrapper in leg.via else replace(leg, via=(*leg.via, wrapper))
