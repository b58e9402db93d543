"""One cross-chain move with everything that speaks for it: transactions, events, rivals, both readings, decisions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from indexer.bridges.decisions import read_ruling
from indexer.bridges.treatment import treatment_of, why
from indexer.flows.link import find_link, views_of
from indexer.flows.link_outcome import LinkOutcomes, outcomes_of
from indexer.flows.services import Services
from indexer.flows.views import LinkView
from indexer.model.chain import ChainSpec, ExplorerStyle
from indexer.model.judgment import Judgment, JudgmentKind
from indexer.model.ledger import UnitOfWork
from indexer.model.links import BridgeLeg, CrossChainLink, ReasonCode, Treatment
from indexer.model.stored import TransferFilter, TransferRow

MOST_TRANSFERS = 200
"""Of one transaction that are shown; a batch may hold thousands."""

_WEB: Mapping[str, str] = {
    "eip155:1": "https://etherscan.io",
    "eip155:10": "https://optimistic.etherscan.io",
    "eip155:56": "https://bscscan.com",
    "eip155:100": "https://gnosisscan.io",
    "eip155:137": "https://polygonscan.com",
    "eip155:8453": "https://basescan.org",
    "eip155:42161": "https://arbiscan.io",
    "eip155:43114": "https://snowscan.xyz",
    "eip155:59144": "https://lineascan.build",
    "eip155:534352": "https://scrollscan.com",
}
"""Pages of the explorers behind the one account API of Etherscan (v2), which does not name them."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One transaction of the move, as it stands in the ledger. `url` is a page that people can open, if any."""

    leg: BridgeLeg
    block: int | None
    time: datetime | None
    url: str | None
    transfers: tuple[TransferRow, ...]
    more: bool
    """There are more transfers than are shown."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A half that would fit as well. `link` holds it now, None when nothing does."""

    id: str
    leg: BridgeLeg | None
    """None when it is in no transaction of the ledger any more."""
    url: str | None
    link: str | None


@dataclass(frozen=True, slots=True)
class Reason:
    """What the move is, in words, with its default treatment where the owner pays tax."""

    code: ReasonCode
    sentence: str
    treatment: Treatment


@dataclass(frozen=True, slots=True)
class LinkDetail:
    """One link with its evidence."""

    view: LinkView
    evidence: tuple[Evidence, ...]
    candidates: tuple[Candidate, ...]
    reasons: tuple[Reason, ...]
    outcomes: LinkOutcomes
    decisions: tuple[Judgment, ...]
    """Every word about these halves, undone ones and the undoing too, oldest first."""


async def link_detail(services: Services, portfolio: str, link_id: str) -> LinkDetail:
    """One link with its evidence.

    Raises:
        NotFoundError: there is no such link.
    """
    specs = services.readers.specs
    async with services.ledger.read() as work:
        found = await find_link(work, portfolio, link_id)
        jurisdiction = (await work.tenants.profile(portfolio))[-1].jurisdiction
        evidence = [await _evidence(work, portfolio, leg, specs) for leg in found.halves]
        candidates, rivals = await _candidates(services, work, portfolio, found)
        views = await views_of(work, [found, *rivals])
        decisions = _about(found, await work.judgments.all(portfolio))
    assets = {asset_id: asset for view in views for asset_id, asset in view.assets.items()}
    outcomes = await outcomes_of(services, portfolio, [found])
    return LinkDetail(
        view=LinkView(found, assets),
        evidence=tuple(evidence),
        candidates=candidates,
        reasons=tuple(Reason(code, why(code), treatment_of(code, jurisdiction)) for code in found.reasons),
        outcomes=outcomes[found.id],
        decisions=decisions,
    )


def transaction_url(spec: ChainSpec | None, tx: str) -> str | None:
    """The page of a transaction at one of the chain's explorers, None when no explorer with pages is known."""
    if spec is None:
        return None
    for explorer in spec.explorers:
        if explorer.style is ExplorerStyle.BLOCKSCOUT:
            return f"{explorer.url.rstrip('/').removesuffix('/api')}/tx/{tx}"
    if any(explorer.style is ExplorerStyle.ETHERSCAN_V2 for explorer in spec.explorers):
        page = _WEB.get(spec.id)
        return None if page is None else f"{page}/tx/{tx}"
    return None


async def _evidence(
    work: UnitOfWork, portfolio: str, leg: BridgeLeg, specs: Mapping[str, ChainSpec]
) -> Evidence:
    where = TransferFilter(chain=leg.chain, tx=leg.tx)
    page = await work.facts.transfers(portfolio, where, None, MOST_TRANSFERS)
    block = page.items[0].transfer.block if page.items else None
    return Evidence(
        leg=leg,
        block=None if block is None else block.number,
        time=leg.time if block is None else block.time,
        url=transaction_url(specs.get(leg.chain), leg.tx),
        transfers=page.items,
        more=page.next_cursor is not None,
    )


async def _candidates(
    services: Services, work: UnitOfWork, portfolio: str, found: CrossChainLink
) -> tuple[tuple[Candidate, ...], list[CrossChainLink]]:
    """The halves that fit as well, from the links that hold them now, and those links."""
    if not found.candidates:
        return (), []
    wanted = set(found.candidates)
    holding: dict[str, tuple[BridgeLeg, CrossChainLink]] = {}
    for other in await work.links.all(portfolio):
        for leg in other.halves:
            if leg.id in wanted:
                holding[leg.id] = (leg, other)
    specs = services.readers.specs
    candidates = []
    for name in found.candidates:
        held = holding.get(name)
        chain, _, rest = name.partition("/")
        url = transaction_url(specs.get(chain), rest.partition("/")[0])
        candidates.append(Candidate(name, held[0] if held else None, url, held[1].id if held else None))
    return tuple(candidates), [link for _, link in holding.values()]


def _about(found: CrossChainLink, judgments: tuple[Judgment, ...]) -> tuple[Judgment, ...]:
    halves = {leg.ref for leg in found.halves}
    about: set[str] = set()
    for one in judgments:
        if one.kind is JudgmentKind.LINK:
            if halves & set(read_ruling(one).halves):
                about.add(one.id)
        elif one.kind is JudgmentKind.UNDO and one.subject in about:
            about.add(one.id)
    return tuple(one for one in judgments if one.id in about)
