"""Many targets worked on as one: what a commit does to their leases."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from indexer.flows.cohort import Cohort, by_address
from indexer.flows.progress import ignore_progress
from indexer.model.facts import Sweep
from indexer.store.ledger import SqlLedger
from tests.flows.test_follow import TurnedClock
from tests.store.examples import ALICE, BOB, CHAIN, NOW, World

LEASE = timedelta(minutes=2)


async def test_leases_are_extended_once_half_their_time_is_over(ledger: SqlLedger) -> None:
    world, clock = World(ledger), TurnedClock()
    clock.time = NOW
    for address in (ALICE, BOB):
        await world.watch(address)
    async with ledger.write() as work:
        claimed = await work.targets.claim_many(CHAIN, "node", NOW, NOW + LEASE, 100)
    services: Any = SimpleNamespace(ledger=ledger, clock=clock)
    cohort = Cohort(services, CHAIN, "node", by_address(claimed), LEASE, ignore_progress)
    # (minutes from the beginning, whose cursor moves, when their leases end in minutes)
    steps: list[tuple[float, list[str], dict[str, float]]] = [
        (0.5, [ALICE, BOB], {ALICE: 2, BOB: 2}),
        (1.0, [ALICE], {ALICE: 3, BOB: 2}),
        (1.5, [ALICE], {ALICE: 3, BOB: 2}),
        (1.6, [ALICE, BOB], {ALICE: 3.6, BOB: 3.6}),
        (2.0, [ALICE, BOB], {ALICE: 3.6, BOB: 3.6}),
    ]
    for number, (minutes, addresses, ends) in enumerate(steps):
        clock.time = NOW + timedelta(minutes=minutes)
        await cohort.apply(Sweep(CHAIN, "node", number, ()), addresses)
        for address in (ALICE, BOB):
            target = await world.target(address)
            assert target.leased_until == NOW + timedelta(minutes=ends[address]), (number, address)
            assert target.next_due_at == target.leased_until
            assert target.covered_to == number or address not in addresses
