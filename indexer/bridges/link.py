"""Pair the halves of cross-chain moves: by id, by derived id, by decoded recipient, by wallet and amount.

Pure and incremental. Halves may be added and removed in any order and in any portions; the result is the one that
all present halves give at once. A change touches the halves it could pair with and what was paired with those:
`Linker.changes` costs as much as they are many, whatever else there is; `Linker.result` lists everything.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from indexer.bridges.assign import Chosen, assign
from indexer.bridges.keyed import KeyedOutcome, settle
from indexer.bridges.nearby import Nearby
from indexer.bridges.pairs import PLAIN, Half, half
from indexer.bridges.protocols import by_name
from indexer.bridges.verdict import Judge
from indexer.model.links import BridgeLeg, CrossChainLink, Side, Tier


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """What linking depends on besides the halves."""

    own: frozenset[str] = frozenset()
    """All addresses of the portfolio, lower case as collected. Empty: nobody said which wallets are whose."""
    jurisdiction: str = "US"
    wide_ppm: int = 60_000
    """Fees up to this many parts per million of the amount are conceivable without an id."""
    trusted_token_pairs: frozenset[tuple[str, str]] = frozenset()
    """(asset sent, asset received) pairs known to belong together beyond identity groups."""


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """A half with more than one possible other side. The best is proposed; nothing is confirmed."""

    leg: BridgeLeg
    candidates: tuple[BridgeLeg, ...]


@dataclass(frozen=True, slots=True)
class LinkResult:
    """`links` is one-to-one: automatic links and the best proposal of each ambiguous group.

    `refunds` are deposits that came back on their own chain; they are never in `links`. `open_halves` are bridge
    halves without another side, as links with one end; halves guessed from plain transfers are left out.
    """

    links: tuple[CrossChainLink, ...]
    ambiguous: tuple[Ambiguity, ...] = ()
    refunds: tuple[CrossChainLink, ...] = ()
    open_halves: tuple[CrossChainLink, ...] = ()

    @property
    def flags(self) -> tuple[CrossChainLink, ...]:
        """Everything the owner is shown: links, refunds and open halves."""
        return (*self.links, *self.refunds, *self.open_halves)


@dataclass(frozen=True, slots=True)
class LinkChanges:
    """What became of the flags since the last look. One that is only judged otherwise is in `made` again."""

    gone: frozenset[str]
    """Ids of flags that are no more."""
    made: tuple[CrossChainLink, ...]


@dataclass(frozen=True, slots=True)
class _Group:
    """Halves connected by possible pairs, and the pairs made among them."""

    members: frozenset[str]
    chosen: tuple[Chosen, ...]


@dataclass(slots=True)
class Linker:
    """Keeps halves and pairs them. Not thread-safe; one portfolio each, so that links never cross portfolios."""

    settings: LinkSettings = field(default_factory=LinkSettings)
    _halves: dict[str, Half] = field(default_factory=dict)
    _by_key: dict[str, set[str]] = field(default_factory=dict)
    _keyed: dict[str, KeyedOutcome] = field(default_factory=dict)
    _nearby: Nearby = field(init=False)
    _groups: dict[int, _Group] = field(default_factory=dict)
    _group_of: dict[str, int] = field(default_factory=dict)
    _next_group: int = 0
    _dirty_keys: set[str] = field(default_factory=set)
    _dirty: set[str] = field(default_factory=set)
    _flags: dict[str, CrossChainLink] = field(default_factory=dict)
    """Every flag by id, as of the last look."""
    _flag_of: dict[str, str] = field(default_factory=dict)
    """The flag that holds a half."""
    _touched: set[str] = field(default_factory=set)
    """Halves whose flag may be another one now."""

    def __post_init__(self) -> None:
        self._nearby = Nearby(self.settings.own, self.settings.wide_ppm, self.settings.trusted_token_pairs)

    def add(self, legs: Iterable[BridgeLeg]) -> None:
        """Add halves; one whose id is known already replaces the old one."""
        for leg in legs:
            old = self._halves.get(leg.id)
            if old is not None:
                if old.leg == leg:
                    continue
                self.remove([leg.id])
            self._halves[leg.id] = item = half(leg)
            self._touched.add(leg.id)
            if item.key is not None:
                self._by_key.setdefault(item.key, set()).add(leg.id)
                self._dirty_keys.add(item.key)
            else:
                self._release(leg.id)

    def remove(self, leg_ids: Iterable[str]) -> None:
        """Take halves out, because their block was reorganised away or their wallet is watched no more."""
        for leg_id in leg_ids:
            found = self._halves.get(leg_id)
            if found is None:
                continue
            self._occupy(leg_id)
            self._touched.add(leg_id)
            key = found.key
            if key is not None:
                self._by_key[key].discard(leg_id)
                self._dirty_keys.add(key)
            del self._halves[leg_id]
            self._dirty.discard(leg_id)

    def changes(self) -> LinkChanges:
        """What became of the flags since the last call; the first call gives all of them."""
        self._settle_keys()
        self._regroup()
        before: dict[str, CrossChainLink] = {}
        for leg_id in self._touched:
            name = self._flag_of.pop(leg_id, None)
            flag = None if name is None else self._flags.pop(name, None)
            if flag is not None:
                before[flag.id] = flag
        made = {flag.id: flag for flag in self._judged()}
        new = [flag for name, flag in made.items() if (before.get(name) or self._flags.get(name)) != flag]
        self._flags |= made
        self._touched.clear()
        return LinkChanges(frozenset(before.keys() - made.keys()), tuple(new))

    def result(self) -> LinkResult:
        """The links of all halves that are present, in a stable order."""
        self.changes()
        links: list[CrossChainLink] = []
        refunds: list[CrossChainLink] = []
        open_halves: list[CrossChainLink] = []
        for flag in sorted(self._flags.values(), key=_order):
            if flag.source is None or flag.destination is None:
                open_halves.append(flag)
            else:
                (refunds if flag.destination.refund else links).append(flag)
        ambiguous = [one for pair in self._pairs() for one in self._ambiguities(pair)]
        return LinkResult(
            tuple(links),
            tuple(sorted(ambiguous, key=lambda item: item.leg.id)),
            tuple(refunds),
            tuple(open_halves),
        )

    def _judged(self) -> list[CrossChainLink]:
        """The flags of the touched halves."""
        judge = Judge(self.settings.own, self.settings.jurisdiction)
        made: list[CrossChainLink] = []
        notes: dict[str, str] = {}
        for key in {self._halves[leg_id].key for leg_id in self._touched if leg_id in self._halves}:
            outcome = None if key is None else self._keyed.get(key)
            if outcome is not None:
                made += outcome.flags(judge, self._halves)
                notes.update(outcome.notes)
        for number in {self._group_of[leg_id] for leg_id in self._touched if leg_id in self._group_of}:
            made += [self._judge(judge, chosen) for chosen in self._groups[number].chosen]
        for flag in made:
            self._flag_of.update((leg.id, flag.id) for leg in flag.halves)
        for leg_id in self._touched:
            item = self._halves.get(leg_id)
            if item is not None and leg_id not in self._flag_of and _worth_a_flag(item.leg):
                flag = judge.open(item.leg, notes.get(leg_id) or _why_open(item.leg))
                self._flag_of[leg_id] = flag.id
                made.append(flag)
        return made

    def _pairs(self) -> Iterable[Chosen]:
        for outcome in self._keyed.values():
            yield from (pair for pair, _ in outcome.pairs)
        for group in self._groups.values():
            yield from group.chosen

    def _settle_keys(self) -> None:
        """Pair by id where keys changed; halves that an id settles leave the search by amount, others enter it."""
        for key in self._dirty_keys:
            before = self._keyed.pop(key, None)
            members = self._by_key.get(key)
            self._touched |= members or set()
            if not members:
                self._by_key.pop(key, None)
            elif len(members) == 1 and before is None:
                self._release(next(iter(members)))
                continue
            outcome = settle([self._halves[leg_id] for leg_id in members or ()])
            if outcome.pairs or outcome.refund_pairs or outcome.notes:
                self._keyed[key] = outcome
            settled = outcome.settled
            for leg_id in members or ():
                if leg_id in settled:
                    self._occupy(leg_id)
                else:
                    self._release(leg_id)
            for leg_id in (before.settled if before else frozenset()) - settled:
                if leg_id in self._halves:
                    self._release(leg_id)
        self._dirty_keys.clear()

    def _release(self, leg_id: str) -> None:
        """Let a half take part in the search without id."""
        if self._nearby.add(self._halves[leg_id]):
            self._dirty.add(leg_id)

    def _occupy(self, leg_id: str) -> None:
        """Take a half out of that search; those it was grouped with must look again."""
        if self._nearby.discard(self._halves[leg_id]):
            self._dirty.discard(leg_id)
            group = self._groups.pop(self._group_of.get(leg_id, -1), None)
            if group is not None:
                for member in group.members:
                    self._group_of.pop(member, None)
                self._touched |= group.members
                self._dirty |= group.members - {leg_id}

    def _regroup(self) -> None:
        """Find the connected groups of changed halves and pair within them."""
        pending = {leg_id for leg_id in self._dirty if leg_id in self._nearby}
        self._dirty.clear()
        for start in sorted(pending):
            if start not in pending:
                continue
            members, meetings = self._nearby.connected(start)
            pending -= members
            self._touched |= members
            for number in {self._group_of[member] for member in members if member in self._group_of}:
                self._groups.pop(number, None)
            if not meetings:
                for member in members:
                    self._group_of.pop(member, None)
                continue
            self._next_group += 1
            self._groups[self._next_group] = _Group(frozenset(members), tuple(assign(meetings, self._halves)))
            for member in members:
                self._group_of[member] = self._next_group

    def _judge(self, judge: Judge, chosen: Chosen) -> CrossChainLink:
        source, arrival = self._halves[chosen.edge.source].leg, self._halves[chosen.edge.arrival].leg
        if arrival.refund:
            return judge.refund(source, arrival)
        return judge.link(source, arrival, Tier.RECIPIENT if chosen.edge.decoded else Tier.HEURISTIC, chosen)

    def _ambiguities(self, chosen: Chosen) -> list[Ambiguity]:
        found = []
        for leg_id, other, rivals in (
            (chosen.edge.source, chosen.edge.arrival, chosen.source_rivals),
            (chosen.edge.arrival, chosen.edge.source, chosen.arrival_rivals),
        ):
            if rivals:
                legs = tuple(self._halves[item].leg for item in (other, *rivals))
                found.append(Ambiguity(self._halves[leg_id].leg, legs))
        return found


def link(legs: Sequence[BridgeLeg], settings: LinkSettings | None = None) -> LinkResult:
    """Pair halves in one go; the same as adding them to a new `Linker` in any order."""
    linker = Linker(settings or LinkSettings())
    linker.add(legs)
    return linker.result()


def _order(made: CrossChainLink) -> tuple[float, str]:
    leg = made.source or made.destination
    seconds = leg.time.timestamp() if leg is not None and leg.time is not None else float("inf")
    return (seconds, made.id)


def _worth_a_flag(leg: BridgeLeg) -> bool:
    """Whether a half without its other side says something by itself.

    A plain transfer does not; nor does a payment that only an id would make an arrival, when no departure has it.
    """
    if leg.protocol == PLAIN or leg.refund:
        return False
    known = by_name().get(leg.protocol)
    return not (known is not None and known.plain and leg.derived and leg.side is Side.DESTINATION)


def _why_open(leg: BridgeLeg) -> str:
    where = leg.other_chain or "another chain"
    if leg.side is Side.DESTINATION:
        return (
            f"No departure on {where} is known: the sending wallet or chain is not tracked, "
            "or it was no move of yours."
        )
    known = by_name().get(leg.protocol)
    dead = None if known is None else known.dead_since
    if dead is not None and leg.time is not None and leg.time.timestamp() >= dead:
        return "The bridge had stopped paying out by then: a candidate for a loss; none is booked by itself."
    return f"No arrival on {where} is known: not collected, not yet released, or never paid."
