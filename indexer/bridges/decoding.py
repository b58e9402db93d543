"""Run every protocol over a transaction and count a move through a wrapper once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from indexer.bridges.protocol import Forgery, Protocol, Scope, read_transfers, with_via
from indexer.model.links import BridgeLeg, Side, TransactionView


@dataclass(frozen=True, slots=True)
class Decoded:
    """What one transaction says about bridges."""

    legs: tuple[BridgeLeg, ...]
    forgeries: tuple[Forgery, ...]


def decode(
    protocols: Sequence[Protocol],
    view: TransactionView,
    extra: Mapping[str, Mapping[str, frozenset[str]]],
    natives: Mapping[str, str],
) -> Decoded:
    """Decode the transaction; the halves are in the order of protocol id, then of their logs."""
    index = _topic_index(tuple(protocols))
    present = {log.topics[0] for log in view.logs if log.topics}
    chosen = {at for topic in present for at in index.get(topic, ())}
    chosen |= {at for at, protocol in enumerate(protocols) if protocol.plain}
    bridges: list[BridgeLeg] = []
    wrappers: list[BridgeLeg] = []
    forgeries: list[Forgery] = []
    scopes: list[Scope] = []
    moved = read_transfers(view)
    for at in sorted(chosen):
        protocol = protocols[at]
        scope = Scope(view, protocol, extra.get(protocol.id, {}), natives, moved)
        legs = list(protocol.decode(scope))
        (wrappers if protocol.wrapper else bridges).extend(legs)
        forgeries.extend(scope.forgeries)
        scopes.append(scope)
    # forks share event signatures: what one bridge's contract emitted is nobody's forgery
    claimed = {item.log_index for item in forgeries if any(_emitted(scope, item) for scope in scopes)}
    return Decoded(
        tuple(_merge(bridges, wrappers)),
        tuple(item for item in forgeries if item.log_index not in claimed),
    )


def _merge(bridges: list[BridgeLeg], wrappers: list[BridgeLeg]) -> list[BridgeLeg]:
    """Fold wrappers into the bridge half of the same side; a wrapper alone stands for the unknown bridge."""
    merged, alone = list(bridges), []
    for wrapper in wrappers:
        same_side = [at for at, leg in enumerate(merged) if leg.side is wrapper.side and not leg.refund]
        if not same_side:
            alone.append(wrapper)
            continue
        for at in same_side:
            leg = with_via(merged[at], wrapper.protocol)
            if leg.side is Side.SOURCE and len(same_side) == 1:
                # the event under a wrapper names the wrapper's contract; the wrapper knows its caller
                leg = replace(leg, wallet=wrapper.wallet, recipient=wrapper.recipient or leg.recipient)
            merged[at] = leg
    return merged + _one_per_side(alone)


def _one_per_side(alone: list[BridgeLeg]) -> list[BridgeLeg]:
    """Nested wrappers (Socket through LI.FI) are still one move."""
    kept: list[BridgeLeg] = []
    for leg in alone:
        twin = next(
            (
                at
                for at, other in enumerate(kept)
                if other.side is leg.side and other.protocol != leg.protocol
            ),
            None,
        )
        if twin is None:
            kept.append(leg)
        else:
            kept[twin] = with_via(kept[twin], leg.protocol)
    return kept


def _emitted(scope: Scope, item: Forgery) -> bool:
    """Whether the log is an event of this protocol, from a contract that may emit it."""
    topics = {log.topics[0] for log in scope.view.logs if log.index == item.log_index and log.topics}
    return any(
        wanted.topic in topics and scope.known(role, item.address)
        for role, items in scope.protocol.events.items()
        for wanted in items
    )


@lru_cache(maxsize=8)
def _topic_index(protocols: tuple[Protocol, ...]) -> dict[bytes, tuple[int, ...]]:
    index: dict[bytes, tuple[int, ...]] = {}
    for at, protocol in enumerate(protocols):
        topics = {item.topic for items in protocol.events.values() for item in items}
        topics |= {item.topic for item in protocol.topics_anywhere}
        for topic in topics:
            index[topic] = (*index.get(topic, ()), at)
    return index
