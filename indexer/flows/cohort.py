"""Many targets of one chain and source, worked on as one: claimed, written, released and failed together."""

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from indexer.flows.failing import backoff, refused_gap
from indexer.flows.progress import OnProgress, Progress
from indexer.flows.services import Services
from indexer.model.errors import GleanerError, LyingSourceError, RefusedError
from indexer.model.facts import Sweep
from indexer.model.stored import PROVE, RECEIPTS, SyncTarget, TargetKey

log = logging.getLogger(__name__)

MOST = 5_000
"""Targets that one worker takes at once."""


@dataclass(slots=True)
class Cohort:
    """The targets that were claimed, by address. `changed` are addresses whose facts changed meanwhile."""

    services: Services
    chain: str
    source: str
    targets: dict[str, SyncTarget]
    lease: timedelta
    on_progress: OnProgress
    changed: set[str] = field(default_factory=set)

    @property
    def epochs(self) -> dict[str, int]:
        """The epoch of every address."""
        return {address: target.epoch for address, target in self.targets.items()}

    async def apply(self, sweep: Sweep, addresses: Collection[str]) -> None:
        """Commit a sweep with the cursors of these addresses.

        Raises:
            FencedError: another worker took one of them over; nothing was written.
        """
        epochs = {address: self.targets[address].epoch for address in addresses}
        until = self._longer_lease(addresses)
        async with self.services.ledger.write() as work:
            applied = await work.facts.apply_sweep(sweep, epochs, until)
        if until is not None:
            self.targets |= {
                address: replace(self.targets[address], leased_until=until) for address in epochs
            }
        self.changed |= applied.parties & self.targets.keys()
        new = applied.new
        covered = (
            max((t.block.number for t in sweep.transfers), default=0)
            if sweep.covered_to is None
            else sweep.covered_to
        )
        for address in addresses:
            key = TargetKey(address, self.chain, self.source)
            self.on_progress(Progress(key, covered, sweep.target or covered, new))
            new = 0  # told once

    def _longer_lease(self, addresses: Iterable[str]) -> datetime | None:
        """When the leases of these shall end; None while all of them have half their time to go."""
        now = self.services.clock.now()
        ends = [self.targets[address].leased_until for address in addresses]
        long = all(end is not None and end - now > self.lease / 2 for end in ends)
        return None if long else now + self.lease

    async def finish(self, rest: timedelta, refusal: RefusedError | None = None) -> None:
        """Release all until `rest` has passed; wallets that changed, or are new, are proven next.

        A refusal ends the work with a named gap: waiting would not help.
        """
        services, source = self.services, f"collect:{self.source}"
        now = services.clock.now()
        proven = {
            address
            for address, target in self.targets.items()
            if refusal is not None or address in self.changed or target.synced_at is None
        }
        async with services.ledger.write() as work:
            gaps = {gap.address for gap in await work.facts.gaps(self.targets) if gap.source == source}
            for address in sorted(gaps if refusal is None else self.targets):
                told = [] if refusal is None else [refused_gap(self.targets[address], refusal)]
                await work.facts.replace_gaps(address, self.chain, source, told)
            await work.targets.finish_many(self.chain, self.source, self.epochs, now, now + rest)
            await work.targets.poke_many(self.chain, proven, {PROVE, RECEIPTS} - {self.source}, now)

    async def release(self, rest: timedelta, addresses: Iterable[str] | None = None) -> None:
        """Let go of some (None: of all) that are neither done nor failed."""
        gone = {
            address: self.targets.pop(address)
            for address in list(self.targets if addresses is None else addresses)
        }
        services = self.services
        epochs = {address: target.epoch for address, target in gone.items()}
        async with services.ledger.write() as work:
            await work.targets.release_many(self.chain, self.source, epochs, services.clock.now() + rest)

    async def fail(self, error: GleanerError) -> None:
        """Keep the error for the user and try again later."""
        failures = min((target.failures for target in self.targets.values()), default=0)
        wait = backoff(error, failures)
        who = f"{len(self.targets)} addresses" if len(self.targets) > 1 else "".join(self.targets)
        log.warning("%s on %s (%s): %s; next try in %s", who, self.chain, self.source, error, wait)
        services = self.services
        async with services.ledger.write() as work:
            await work.targets.fail_many(
                self.chain, self.source, self.epochs, str(error), services.clock.now() + wait
            )


def check_sweep(sweep: Sweep, addresses: Collection[str], last: int) -> None:
    """Refuse a sweep that cannot be true, before anything of it reaches the ledger.

    Raises:
        LyingSourceError: naming the transaction at fault.
    """
    if sweep.covered_to is not None and sweep.covered_to > last:
        raise LyingSourceError(
            f"{sweep.source} claims to cover block {sweep.covered_to} above {last}, which was asked for"
        )
    for chain, tx, _, block, sender, recipient, _, amount, _, _, _ in sweep.transfers:
        if sender not in addresses and recipient not in addresses:
            raise LyingSourceError(f"{sweep.source} listed {tx}, which touches nobody watched")
        if amount < 0 or block.number > last or chain != sweep.chain:
            raise LyingSourceError(
                f"{sweep.source} listed {tx} with amount {amount} in block {block.number} of {chain}"
            )


def positions(targets: Mapping[str, SyncTarget], start_block: int) -> dict[str, int]:
    """The first block that each address has not read yet; after a rollback not above the block behind it."""
    return {address: _position(target, start_block) for address, target in targets.items()}


def _position(target: SyncTarget, start_block: int) -> int:
    cursor = target.cursor or {}
    stored, rewind = cursor.get("next"), cursor.get("rewind_to")
    first = stored if isinstance(stored, int) else start_block
    return min(first, rewind + 1) if isinstance(rewind, int) else first


def by_address(targets: Iterable[SyncTarget]) -> dict[str, SyncTarget]:
    """Targets by their address."""
    return {target.key.address: target for target in targets}
