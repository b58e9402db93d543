"""Write facts with the cursors of who read them, fenced by their epochs, all in the caller's transaction.

A page speaks of one address, a sweep of many; both are written by the same parts.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any

from indexer.model.facts import FactPage, Sweep, Transfer
from indexer.model.stored import Applied, TargetKey
from indexer.store.assets import put_assets
from indexer.store.blocks import remember
from indexer.store.cohorts import SqlCohort
from indexer.store.conflicts import retract, tell_conflicts
from indexer.store.gaps import put_gaps, remove_gaps, remove_gaps_of_many
from indexer.store.intake import Intake, take_in
from indexer.store.loading import may_append, to_write
from indexer.store.raws import parties_of, put_raws
from indexer.store.staleness import raise_version, watchers, watchers_of_chain
from indexer.store.targets import write_fenced
from indexer.store.transaction import Transaction

_sender, _recipient = attrgetter("sender"), attrgetter("recipient")


async def apply_page(transaction: Transaction, page: FactPage, epoch: int) -> int:
    """Write a page; returns how many transfers were new.

    Raises:
        FencedError: the target's epoch is another one.
        TornChainError: the page contradicts a remembered block hash; the reorg has to be followed first.
    """
    await to_write(transaction)
    key = TargetKey(page.address, page.chain, page.source)
    progress: dict[str, Any] = {"cursor": page.cursor, "covered_to": page.covered_to}
    if page.target:
        progress["target_block"] = page.target
    await write_fenced(transaction, key, epoch, **progress)
    taken, touched = await _write(transaction, page)
    if await put_raws(transaction, page.raws):
        touched.add(page.address)
    if page.replaces_gaps:
        await remove_gaps(transaction, page.address, page.chain, page.source)
    await put_gaps(transaction, page.gaps)
    await tell_conflicts(transaction, page, taken.conflicts)
    await raise_version(transaction, await watchers(transaction, touched, page.chain))
    return len(taken.new)


async def apply_sweep(
    transaction: Transaction, sweep: Sweep, epochs: Mapping[str, int], leased_until: datetime | None
) -> Applied:
    """Write a sweep under the epochs of all its addresses; with `leased_until` extend their leases.

    Raises:
        FencedError: one epoch is another one; nothing was written.
        TornChainError: the sweep contradicts a remembered block hash; the reorg has to be followed first.
    """
    bare = await may_append(transaction, unheard=not sweep.retold)
    progress: dict[str, Any] = {}
    if sweep.covered_to is not None:
        progress = {"cursor": {"next": sweep.covered_to + 1}, "covered_to": sweep.covered_to}
    if sweep.target:
        progress["target_block"] = sweep.target
    await SqlCohort(transaction, sweep.chain, sweep.source).advance(epochs, leased_until, **progress)
    if sweep.replaces_gaps:
        await remove_gaps_of_many(transaction, epochs, sweep.chain, sweep.source)
    lies = await retract(transaction, sweep, epochs)
    taken, touched = await _write(transaction, sweep, bare=bare)
    touched |= _parties(lies)
    written = await put_raws(transaction, sweep.raws)
    others = await parties_of(transaction, sweep.chain, written)
    await put_gaps(transaction, sweep.gaps)
    await tell_conflicts(transaction, sweep, taken.conflicts)
    await raise_version(transaction, await watchers(transaction, touched | others, sweep.chain))
    return Applied(len(taken.new), frozenset(touched))


async def _write(
    transaction: Transaction, told: FactPage | Sweep, *, bare: bool = False
) -> tuple[Intake, set[str]]:
    """Blocks, assets and transfers; returns what became of the transfers, and every party of what changed."""
    blocks = {id(fact.block): fact.block for fact in told.transfers}  # facts of one block mostly share it
    await remember(transaction, told.chain, told.source, blocks.values(), told.anchors)
    if await put_assets(transaction, told.assets, told.transfers):
        await raise_version(transaction, await watchers_of_chain(transaction, told.chain))
    unheard = isinstance(told, Sweep) and not told.retold
    taken = await take_in(transaction, told.chain, told.transfers, unheard=unheard, bare=bare)
    return taken, _parties(taken.new) | _parties(taken.completed)


def _parties(facts: Collection[Transfer]) -> set[str]:
    return {*map(_sender, facts), *map(_recipient, facts)}
