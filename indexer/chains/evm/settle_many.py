"""Settle transactions for all watched addresses at once: each is fetched, read and kept once."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from indexer.chains.evm import parties
from indexer.chains.evm.assemble import Assembled, raw_transaction
from indexer.chains.evm.decode import parse_receipt_logs
from indexer.chains.evm.settlement import Evidence, as_gaps, head_of, settle_one
from indexer.chains.evm.tokens import Tokens, decimals_gaps
from indexer.model.asset import Asset
from indexer.model.chain import ChainSpec
from indexer.model.facts import Gap, RawTransaction, Transfer


async def settle_many(
    spec: ChainSpec,
    tokens: Tokens,
    source: str,
    found: Iterable[Evidence],
    watched: frozenset[str],
    *,
    granted: Sequence[Transfer] = (),
    known: Mapping[str, frozenset[str]] = MappingProxyType({}),
) -> Assembled:
    """Every transfer of the watched addresses in these transactions; `granted` have no transaction.

    `known` are parties by transaction that were seen before: they are told where a receipt is not served.
    """
    transfers = {transfer.key: transfer for transfer in granted}
    gaps: list[Gap] = []
    raws: list[RawTransaction] = []
    for evidence in found:
        about = _about(evidence, watched)
        names = parties.of_call(evidence.node_tx, evidence.receipt, evidence.internals or ())
        touched = sorted((names | known.get(evidence.tx, frozenset()) | about.keys()) & watched)
        head = head_of(evidence) if touched else None
        for address in touched:
            logs = parse_receipt_logs(about.get(address, ()))
            settled = settle_one(spec, address, evidence, head, logs)
            transfers.update([(transfer[:3], transfer) for transfer in settled.transfers])
            gaps += as_gaps(spec, address, source, evidence.block.number, settled.gaps)
        if touched:
            tokens.saw(evidence.receipt, watched)
            raws.append(raw_transaction(spec, source, evidence))
    facts = tuple(transfers.values())
    assets = await tokens.assets(dict.fromkeys(transfer.asset for transfer in facts))
    gaps += unnamed(spec, source, assets, facts, watched)
    return Assembled(facts, tuple(raws), assets, tuple(gaps))


def _about(found: Evidence, watched: frozenset[str]) -> dict[str, list[Mapping[str, Any]]]:
    """The receipt's logs by the watched address they name, in one pass: it may hold hundreds of others."""
    about: dict[str, list[Mapping[str, Any]]] = {}
    for raw in found.receipt["logs"] if found.receipt is not None else ():
        topics = raw["topics"]
        if len(topics) != 3:
            for address in watched.intersection(parties.of_log(topics, raw["data"])):
                about.setdefault(address, []).append(raw)
            continue
        # nearly all: what `of_log` does, in place
        sender, recipient = "0x" + topics[1][26:].lower(), "0x" + topics[2][26:].lower()
        if sender in watched:
            about.setdefault(sender, []).append(raw)
        if recipient in watched and recipient != sender:
            about.setdefault(recipient, []).append(raw)
    return about


def unnamed(
    spec: ChainSpec,
    source: str,
    assets: Sequence[Asset],
    transfers: Iterable[Transfer],
    watched: frozenset[str],
) -> list[Gap]:
    """A gap for every watched holder of a token whose decimals nobody tells."""
    odd = {gap.subject for gap in decimals_gaps(assets, spec, "", source)}
    if not odd:
        return []
    holders = {
        (address, transfer.asset)
        for transfer in transfers
        if transfer.asset in odd
        for address in (transfer.sender, transfer.recipient)
        if address in watched
    }
    return [
        gap
        for address, asset in sorted(holders)
        for gap in decimals_gaps([each for each in assets if each.id == asset], spec, address, source)
    ]
