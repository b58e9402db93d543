"""Find a portfolio's cross-chain moves in its kept transactions, say what they are, hold what the owner decided."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from indexer.bridges.decisions import Ruling, half_of_transfer, refs_of_transfers, rulings
from indexer.bridges.link import LinkSettings
from indexer.bridges.moves import Key
from indexer.flows.pairing import Seen
from indexer.flows.services import Services
from indexer.flows.status import portfolio_freshness
from indexer.flows.transfers import find_address
from indexer.flows.views import Freshness, LinkView
from indexer.model.errors import NotFoundError
from indexer.model.facts import Transfer
from indexer.model.judgment import FactRef
from indexer.model.ledger import UnitOfWork
from indexer.model.links import BridgeLeg, CrossChainLink, LinkFilter, Side


@dataclass(frozen=True, slots=True)
class Relinked:
    """Links and the version of the facts and judgments that they were made of (`Books.version`)."""

    version: int
    links: tuple[CrossChainLink, ...]


@dataclass(frozen=True, slots=True)
class LinkPage:
    """A slice of the links with how far the ledger is known."""

    items: tuple[LinkView, ...]
    next_cursor: str | None
    freshness: Freshness


class _ChangedError(Exception):
    """What was computed is no longer of the newest facts; rolls the writing transaction back."""


async def relink(services: Services, portfolio: str, *, only_newest: bool = False) -> Relinked:
    """Pair the halves of the portfolio's bridge moves, apply the owner's decisions, replace the links.

    `only_newest`: write nothing when facts or judgments have changed since the snapshot was read. Whoever derives a
    book from the links must save it under the version given back, so that a change in between leaves it stale.
    """
    async with services.ledger.read() as work:
        version = await work.books.version(portfolio)
        flags = await _flags(services, work, portfolio)
    with contextlib.suppress(_ChangedError):
        async with services.ledger.write() as work:
            await work.links.replace(portfolio, flags)
            # the write above holds the portfolio: its version stands still from there on
            if only_newest and await work.books.version(portfolio) != version:
                raise _ChangedError
    return Relinked(version, flags)


async def _flags(services: Services, work: UnitOfWork, portfolio: str) -> tuple[CrossChainLink, ...]:
    decided = rulings(await work.judgments.all(portfolio))
    own = frozenset(wallet.address for wallet in await work.wallets.all(portfolio))
    profiles = await work.tenants.profile(portfolio)
    transfers = [transfer async for transfer in work.facts.stream(portfolio)]
    content = by_transaction(transfer for transfer in transfers if not _invented(transfer.tx))
    raws = await work.facts.raw_stamps(content)
    assets = await work.facts.portfolio_assets(portfolio)
    async with services.pairings.of(portfolio) as pairing:
        assets.update(await work.facts.assets(pairing.strangers(assets)))
        seen = Seen(
            settings=LinkSettings(own=own, jurisdiction=profiles[-1].jurisdiction),
            content=content,
            stamps={key: f"{raws.get(key)}:{hash(tuple(told))}" for key, told in content.items()},
            assets=assets,
        )
        legs = await _halves(
            services, work, seen, {key: raws[key] for key in pairing.news(seen) if key in raws}
        )
        assets.update(
            await work.facts.assets({leg.asset for some in legs.values() for leg in some} - assets.keys())
        )
        return await asyncio.to_thread(pairing.flags, seen, legs, decided, _plain(decided, transfers))


async def _halves(
    services: Services, work: UnitOfWork, seen: Seen, raws: Mapping[Key, str]
) -> dict[Key, tuple[BridgeLeg, ...]]:
    """What bridges' events say in these transactions, by the stamps of what is kept of them."""
    times = {key: seen.content[key][0].block.time for key in raws}
    natives = {chain: spec.native_id for chain, spec in services.readers.specs.items()}
    return await services.halves.of(work, times, raws, services.bridge_contracts, natives)


def _invented(tx: str) -> bool:
    """Whether it is a name that we gave to what happened outside of transactions (genesis, rewards, withdrawals)."""
    return ":" in tx


def _plain(decided: Sequence[Ruling], transfers: Iterable[Transfer]) -> dict[FactRef, BridgeLeg]:
    """Halves that the owner made of plain transfers."""
    named = {(ref.chain, ref.tx) for ruling in decided for ref in ruling.halves}
    by_ref = refs_of_transfers(one for one in transfers if (one.chain, one.tx) in named)
    found: dict[FactRef, BridgeLeg] = {}
    for ruling in decided:
        for side, refs in (
            (Side.SOURCE, (ruling.source,)),
            (Side.DESTINATION, (ruling.destination, *ruling.further)),
        ):
            for ref in refs:
                if ref is not None and ref in by_ref:
                    found[ref] = half_of_transfer(ref, by_ref[ref], side)
    return found


async def list_links(
    services: Services,
    portfolio: str,
    *,
    where: LinkFilter | None = None,
    wallet: str | None = None,
    cursor: str | None = None,
    limit: int = 100,
) -> LinkPage:
    """The portfolio's links, newest departure first. `wallet` is an id or an address of the portfolio.

    Raises:
        InputError: the cursor is not one this list gave out.
        NotFoundError: there is no such wallet.
    """
    where = where or LinkFilter()
    async with services.ledger.read() as work:
        if wallet is not None:
            where = replace(where, addresses=frozenset({await find_address(work, portfolio, wallet)}))
        page = await work.links.list(portfolio, where, cursor, limit)
        views = await views_of(work, page.items)
        return LinkPage(views, page.next_cursor, await portfolio_freshness(work, portfolio))


async def views_of(work: UnitOfWork, links: Sequence[CrossChainLink]) -> tuple[LinkView, ...]:
    """Links with the assets of their halves."""
    assets = await work.facts.assets({leg.asset for found in links for leg in found.halves})
    return tuple(LinkView(found, assets) for found in links)


async def find_link(work: UnitOfWork, portfolio: str, link_id: str) -> CrossChainLink:
    """One link of the portfolio.

    Raises:
        NotFoundError: there is none, here.
    """
    found = await work.links.get(portfolio, link_id)
    if found is None:
        raise NotFoundError(f"there is no link {link_id} here; GET /v1/links lists them")
    return found


def by_transaction(transfers: Iterable[Transfer]) -> dict[tuple[str, str], list[Transfer]]:
    """Transfers by (chain, transaction)."""
    found: dict[tuple[str, str], list[Transfer]] = defaultdict(list)
    for transfer in transfers:
        found[transfer.chain, transfer.tx].append(transfer)
    return found
