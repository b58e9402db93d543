"""One seeded run: the chain, the endpoints and the worker are each made to misbehave, then all must agree."""

import asyncio
import multiprocessing
import random
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

from indexer.model.stored import EVERYONE, FOLLOW
from indexer.wiring import App
from tests.simulation.audit import branch, compare, complete, facts_of, prove
from tests.simulation.proxy import FAULTS, FaultyProxy
from tests.simulation.service import (
    LEASE_SECONDS,
    Deployment,
    TurnedClock,
    drain,
    opened,
    run_until_cancelled,
    run_until_killed,
    watch,
)
from tests.simulation.world import FINALITY_BLOCKS, World

SETTLING_ROUNDS = 12
PATIENCE_SECONDS = 120.0
"""A run that takes longer hangs; usual are one to three seconds."""

FOLLOW_FROM = (1, 3, 50)
"""By seed: the head is followed from the first wallet on, from a later one, or never. The fresh index never follows."""

NewDatabase = Callable[[str], str]


@dataclass(slots=True)
class Run:
    """What a seed did, to be told when it fails and counted when it does not."""

    seed: int
    backend: str
    log: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def note(self, text: str, kind: str) -> None:
        """Say what happens next."""
        self.log.append(text)
        self.counts[kind] += 1


async def simulate(
    seed: int, backend: str, folder: Path, new_database: NewDatabase, faults: tuple[str, ...] = FAULTS
) -> Run:
    """Play one seed to its end.

    Raises:
        AssertionError: naming the seed, what was done, and how the ledger differs.
    """
    run = Run(seed, backend)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS), AsyncExitStack() as stack:
            await _Simulation(run, folder, stack, new_database, faults).play()
    except Exception as error:
        story = "\n  ".join(run.log)
        raise AssertionError(
            f"seed {seed} on {backend}: {type(error).__name__}: {error}\n  {story}\n"
            f"Again: GLEANER_SEEDS={seed} pytest -m long tests/simulation"
        ) from error
    return run


class _Simulation:
    """The state of one run. Every choice comes from the seed; only the moments of concurrent work do not."""

    def __init__(
        self,
        run: Run,
        folder: Path,
        stack: AsyncExitStack,
        new_database: NewDatabase,
        faults: tuple[str, ...],
    ) -> None:
        self.run = run
        self.dice = random.Random(run.seed)
        self.stack = stack
        self.clock = TurnedClock()
        self.world = World(random.Random(run.seed + 1), folder, stack, events=run.log)
        self.proxies = [
            FaultyProxy(lambda: self.world.url, random.Random(run.seed + 2 + number), faults=faults)
            for number in range(1 + run.seed % 2)
        ]
        self.new_database = new_database
        self.watched: list[str] = []

    async def play(self) -> None:
        """Rounds of trouble, then quiet, then the audit."""
        await self.world.open()
        for proxy in self.proxies:
            await proxy.open(self.stack)
        self.deployment = Deployment(
            await asyncio.to_thread(self.new_database, self.run.backend),
            tuple(proxy.url for proxy in self.proxies),
            self.world.contracts["WETH9"],
            follow_from=FOLLOW_FROM[self.run.seed % len(FOLLOW_FROM)],
        )
        self.run.log.append(f"the head is followed from {self.deployment.follow_from} wallets on")
        self.waiting = list(self.world.wallets)
        self.dice.shuffle(self.waiting)
        await self._watch_some(1)
        for _ in range(self.dice.randrange(2, 5)):
            await self._chain_moves()
            await self._watch_some(self.dice.randrange(2))
            self._arm()
            await self._work()
            self.clock.turn(self.dice.choice((2, 5, 2 * LEASE_SECONDS)))
        await self._watch_some(len(self.waiting))
        for proxy in self.proxies:
            proxy.heal()
            self.run.counts.update(proxy.struck)
        await self.world.outgrow()
        await self._settle()
        self.run.counts.update(self.world.sent)

    async def _watch_some(self, count: int) -> None:
        """Add wallets; some are collected through a second source as well."""
        if not count or not self.waiting:
            return
        async with opened(self.deployment, self.clock) as app:
            for _ in range(min(count, len(self.waiting))):
                address = self.waiting.pop()
                both = self.dice.random() < 0.3
                await watch(app, address, ("logs",) if both else ())
                self.watched.append(address)
                self.run.note(f"watch {address}{' through logs too' if both else ''}", "wallets")

    async def _chain_moves(self) -> None:
        await self.world.play(self.dice.randrange(1, 6))
        luck = self.dice.random()
        if luck < 0.2:
            await self.world.reorg(self.world.depth())
            self.run.counts["reorgs"] += 1
        elif luck < 0.4:
            self.run.counts["moved by a reorg"] += await self.world.reshuffle(self.world.depth())
            self.run.counts["reorgs"] += 1
        elif luck < 0.5:
            await self.world.shorten(self.dice.randrange(1, 6))
            await self.world.play(self.dice.randrange(4))
            self.run.counts["rollbacks"] += 1
        elif luck < 0.65:
            await self.world.restart()
            self.run.counts["restarts"] += 1
        if self.dice.random() < 0.3:
            await self.world.play(self.dice.randrange(1, 12))
        if self.dice.random() < 0.1:
            # the service was away for longer than a block takes to become final
            await self.world.pass_time(FINALITY_BLOCKS + 5)
            self.run.counts["absences"] += 1

    def _arm(self) -> None:
        for number, proxy in enumerate(self.proxies):
            proxy.heal()
            faults = proxy.arm(self.dice.randrange(3))
            if faults:
                self.run.log.append(f"endpoint {number}: {', '.join(faults)}")

    async def _work(self) -> None:
        """Collect: undisturbed, while the chain moves, cancelled, killed, or two workers at once."""
        how = self.dice.choice(("alone", "alone", "moving", "cancelled", "killed", "twice"))
        self.run.note(f"worker {how}", f"worker {how}")
        if how == "killed":
            await self._killed()
        elif how == "cancelled":
            await self._cancelled()
        elif how == "twice":
            async with opened(self.deployment, self.clock) as one, opened(self.deployment, self.clock) as two:
                await asyncio.gather(drain(one), drain(two))
        else:
            async with opened(self.deployment, self.clock) as app:
                if how == "moving":
                    await asyncio.gather(drain(app), self._meanwhile())
                else:
                    await drain(app)

    async def _meanwhile(self) -> None:
        await asyncio.sleep(self.dice.random() * 0.1)
        await self._chain_moves()

    async def _cancelled(self) -> None:
        await self._child(run_until_cancelled, self.dice.random() * 0.4, ends_with=0)

    async def _killed(self) -> None:
        await self._child(
            run_until_killed, self.dice.randrange(1, 6), self.dice.randrange(1 << 30), ends_with=-9
        )

    async def _child(self, target: Callable[..., None], *arguments: object, ends_with: int) -> None:
        """Run a worker in another process; a fork server holds the imports, so that it starts in milliseconds."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["tests.simulation.service"])
        child = context.Process(target=target, args=(self.deployment, self.clock.now(), *arguments))
        child.start()
        await asyncio.to_thread(child.join, PATIENCE_SECONDS)
        if child.exitcode != ends_with:
            child.kill()
            raise AssertionError(f"the worker was to end with {ends_with} and ended with {child.exitcode}")

    async def _settle(self) -> None:
        """Without trouble the service must say that it is complete; then it must be right."""
        async with opened(self.deployment, self.clock) as app:
            lacking = ["nothing was collected"]
            for _ in range(SETTLING_ROUNDS):
                self.clock.turn(2 * 3_600)
                await drain(app)
                lacking = await complete(self.world, app)
                if not lacking:
                    break
            self.run.log += [f"said to be lacking: {each}" for each in lacking]
            await self._audit(app)
            async with app.services.ledger.read() as work:
                follower = [
                    target for target in await work.targets.of({EVERYONE}) if target.key.source == FOLLOW
                ]
            self.run.counts["followed"] += bool(follower) and follower[0].covered_to > 0
            if lacking:
                raise AssertionError(f"the ledger is right and still said to be incomplete: {lacking}")

    async def _audit(self, app: App) -> None:
        facts = await facts_of(app)
        await prove(self.world, self.watched, facts)
        await branch(self.world, app)
        empty = await asyncio.to_thread(self.new_database, "sqlite")
        fresh = Deployment(empty, (self.world.url,), self.deployment.wrapped)
        async with opened(fresh, self.clock) as other:
            for address in self.watched:
                await watch(other, address)
            await drain(other)
            compare(facts, await facts_of(other))
        self.clock.turn(60)
        await drain(app)
        compare(await facts_of(app), facts)
        self.run.counts["facts"] += len(facts)
