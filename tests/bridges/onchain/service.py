"""What the product makes of the chains: its own collector, ledger, linker and book over the bridges' contracts."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from indexer.flows.judge import Basis, Said, give_basis
from indexer.flows.link_outcome import LinkOutcomes, outcomes_of
from indexer.flows.wallets import register_wallet
from indexer.model.chain import ChainSpec, Family, Finality, FinalityRule, NativeAsset
from indexer.model.facts import Transfer
from indexer.model.links import CrossChainLink
from indexer.model.stored import BookSnapshot
from indexer.store.open import upgrade
from indexer.wiring import App, SystemClock, open_app
from tests.bridges.onchain.chain import Chain
from tests.flows.world import PORTFOLIO, collect, ledger_of, settings_for

OWNER = "0x" + "5a" * 20
"""A wallet that holds nothing at first, so that every lot of it has a transaction."""
FUNDS = 4 * 10**18
COST = Decimal(6_000)
BOUGHT = datetime(2021, 3, 4, tzinfo=UTC)
"""What the funds cost and when they were bought, as the owner says."""


@dataclass(frozen=True, slots=True)
class Collected:
    """The owner's portfolio once everything is collected and derived."""

    app: App

    async def link(self) -> CrossChainLink:
        """The only link."""
        async with self.app.services.ledger.read() as work:
            (found,) = await work.links.all(PORTFOLIO)
        return found

    async def book(self) -> BookSnapshot:
        """The book of all facts."""
        async with self.app.services.ledger.read() as work:
            assert await work.books.stale() == ()
            book = await work.books.load(PORTFOLIO)
        assert book is not None
        return book

    async def outcomes(self) -> LinkOutcomes:
        """Both readings of the only link."""
        found = await self.link()
        return (await outcomes_of(self.app.services, PORTFOLIO, [found]))[found.id]

    async def transfers(self) -> list[Transfer]:
        """Every fact of the owner's."""
        return await ledger_of(self.app)


async def funded(chain: Chain) -> str:
    """Give the owner's wallet its funds and let it send; returns the funding transaction."""
    await chain.rpc("anvil_impersonateAccount", OWNER)
    receipt = await chain.send(chain.accounts[0], OWNER, "0x", FUNDS)
    return str(receipt["transactionHash"])


@asynccontextmanager
async def collected(
    chains: list[Chain], contracts: Mapping[str, Mapping[str, frozenset[str]]], url: str, funding: str
) -> AsyncIterator[Collected]:
    """Collect the owner's wallet from both chains, say what the funds cost, derive links and book."""
    specs = {spec.id: spec for spec in map(_spec, chains)}
    await upgrade(url)
    async with open_app(
        settings_for(url), specs=specs, clock=SystemClock(), bridge_contracts=contracts
    ) as app:
        await register_wallet(app.services, PORTFOLIO, OWNER, tuple(specs))
        await collect(app)
        movement = f"eip155:{chains[0].id}:{funding}"
        await give_basis(app.services, PORTFOLIO, movement, Basis(COST, BOUGHT), Said())
        await collect(app)
        yield Collected(app)


def _spec(chain: Chain) -> ChainSpec:
    return ChainSpec(
        id=f"eip155:{chain.id}",
        name=f"local {chain.id}",
        family=Family.EVM,
        endpoints=(chain.url,),
        native=NativeAsset(symbol="ETH", decimals=18, slip44=60),
        finality=Finality(rule=FinalityRule.TAG, depth=2),
        poll_seconds=1,
    )
