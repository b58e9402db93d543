"""Verdicts on spam: on assets when rules or lists have changed, on transfers whenever a book is derived.

A verdict on a transfer depends on whom its portfolio has dealt with, so that it is derived with the book and kept beside
it; nothing is computed when a page of facts is written.
"""

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence

from indexer.chains.poison import acquaintance, poisoned
from indexer.chains.spam import AIRDROP, Lists, judge_token
from indexer.flows.services import Services
from indexer.model.asset import Asset, AssetKind, SpamVerdict
from indexer.model.chain import ChainSpec
from indexer.model.facts import Transfer
from indexer.model.judgment import Judgment, JudgmentKind, standing

log = logging.getLogger(__name__)

_NAMED = frozenset({AssetKind.ERC20, AssetKind.ERC721, AssetKind.ERC1155, AssetKind.SPL})


async def judge_assets_anew(services: Services) -> int:
    """Judge every asset by the present rules and lists; returns how many verdicts changed.

    What a contract was seen to do (a mass airdrop) stands; what it is called is judged again. Portfolios that hold an
    asset whose verdict changed derive their books anew.
    """
    async with services.ledger.read() as work:
        known = await work.facts.every_asset()
    changed = await asyncio.to_thread(changes, known, services.readers.specs, services.lists)
    if changed:
        async with services.ledger.write() as work:
            await work.facts.judge_assets(changed)
        log.info("%d of %d assets are judged otherwise than before", len(changed), len(known))
    return len(changed)


def changes(known: Iterable[Asset], specs: Mapping[str, ChainSpec], lists: Lists) -> dict[str, SpamVerdict]:
    """Assets whose verdict is another one now, by id."""
    found = {}
    for asset in known:
        spec = specs.get(asset.chain)
        if spec is None or asset.kind not in _NAMED or asset.contract is None:
            continue
        now = judge_token(spec, asset.contract, asset.symbol, asset.name, lists=lists)
        if not now.spam and not now.reason and asset.spam.reason.startswith(AIRDROP):
            continue
        if now != asset.spam:
            found[asset.id] = now
    return found


def poison_of(
    transfers: Sequence[Transfer],
    own: frozenset[str],
    assets: Mapping[str, Asset],
    judgments: Sequence[Judgment],
    lists: Lists,
) -> dict[tuple[str, str, str], str]:
    """The portfolio's transfers that are spam by themselves, by key, with the reason (pure)."""
    known = acquaintance(transfers, own, assets)
    return poisoned(transfers, known, with_words(lists, judgments))


def with_words(lists: Lists, judgments: Sequence[Judgment]) -> Lists:
    """The lists with what the owner of the portfolio said of accounts, whose latest word holds."""
    said = {
        account: judgment.payload.get("spam") is True
        for judgment in standing(judgments)
        if judgment.kind is JudgmentKind.SPAM and (account := account_of(judgment.subject)) is not None
    }
    if not said:
        return lists
    blocked = {mark: why for mark, why in lists.blocked.items() if said.get(mark, True)}
    blocked |= {mark: "marked by the owner" for mark, spam in said.items() if spam and mark not in blocked}
    trusted = {mark for mark in lists.trusted if not said.get(mark, False)}
    trusted |= {mark for mark, spam in said.items() if not spam}
    return Lists(blocked, trusted)


def account_of(subject: str) -> tuple[str, str] | None:
    """(chain, address) of an account id (https://chainagnostic.org/CAIPs/caip-10), None for an asset's."""
    chain, colon, address = subject.rpartition(":")
    if "/" in subject or not colon or ":" not in chain:
        return None
    return chain, address
