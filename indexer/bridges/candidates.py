"""Which halves concern a portfolio: decoded ones made its own, and guesses from plain transfers."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from indexer.bridges.pairs import PLAIN
from indexer.model.asset import Asset
from indexer.model.facts import Transfer, TransferKind
from indexer.model.links import BridgeLeg, Side

_FUNGIBLE = frozenset({TransferKind.NATIVE, TransferKind.INTERNAL, TransferKind.ERC20, TransferKind.WRAP})


def own_legs(
    legs: Iterable[BridgeLeg],
    own: Collection[str],
    transfers: Sequence[Transfer],
    assets: Mapping[str, Asset],
) -> list[BridgeLeg]:
    """The halves of one transaction that are the portfolio's, with decimals and identity groups filled in.

    `transfers` are that transaction's. A departure is one's own when one's wallet is the depositor or sent the
    transaction; an arrival when it went to one's wallet, or to a contract that passed it on within the
    transaction (then what one's wallet received is what arrived). A batch pays many: what came to one's wallet is
    nobody else's arrival.
    """
    legs = list(legs)
    alone = sum(leg.side is Side.DESTINATION and not leg.refund for leg in legs) == 1
    kept = [found for leg in legs if (found := _as_own(leg, own, transfers, alone=alone)) is not None]
    return [_with_asset(leg, assets) for leg in kept]


def plain_halves(
    transfers: Iterable[Transfer],
    assets: Mapping[str, Asset],
    own: Collection[str],
    explained: Collection[tuple[str, str]] = frozenset(),
) -> list[BridgeLeg]:
    """Sends and receipts that may be halves of a move whose bridge left no event.

    `explained` are the (chain, transaction) that a bridge's event or a judgment explains already. Left out as
    well: moves between own wallets of one chain, swaps (something left and something came), spam, gas and
    non-fungible items.
    """
    by_tx: dict[tuple[str, str], list[Transfer]] = defaultdict(list)
    for item in transfers:
        if item.kind in _FUNGIBLE and (item.chain, item.tx) not in explained:
            by_tx[item.chain, item.tx].append(item)
    halves: list[BridgeLeg] = []
    for group in by_tx.values():
        halves += _halves_of(group, assets, own)
    return halves


def _as_own(
    leg: BridgeLeg, own: Collection[str], transfers: Sequence[Transfer], *, alone: bool
) -> BridgeLeg | None:
    if leg.wallet in own:
        return leg
    if leg.side is Side.SOURCE:
        paid = leg.tx_sender is not None and leg.tx_sender in own and any(t.sender in own for t in transfers)
        return replace(leg, wallet=leg.tx_sender) if paid and leg.tx_sender is not None else None
    if leg.refund or not alone:
        return leg if leg.recipient in own and not leg.refund else None
    came = [
        t
        for t in transfers
        if t.recipient in own and t.sender not in own and t.kind in _FUNGIBLE and t.amount
    ]
    if len(came) != 1 or leg.recipient in own:
        return leg if leg.recipient in own else None
    return replace(
        leg, wallet=came[0].recipient, asset=came[0].asset, amount=came[0].amount, recipient=leg.wallet
    )


def _with_asset(leg: BridgeLeg, assets: Mapping[str, Asset]) -> BridgeLeg:
    asset = assets.get(leg.asset)
    return leg if asset is None else replace(leg, decimals=asset.decimals, group=asset.group)


def _halves_of(
    group: Sequence[Transfer], assets: Mapping[str, Asset], own: Collection[str]
) -> list[BridgeLeg]:
    net: dict[tuple[str, str], int] = defaultdict(int)
    for item in group:
        asset = assets.get(item.asset)
        if asset is not None and asset.spam.spam:
            continue
        net[item.sender, item.asset] -= item.amount
        net[item.recipient, item.asset] += item.amount
    mine = {key: amount for key, amount in net.items() if key[0] in own and amount}
    if {amount > 0 for amount in mine.values()} != {True} and {amount > 0 for amount in mine.values()} != {
        False
    }:
        return []  # nothing of one's own, a swap, or a move between own wallets
    first = group[0]
    made = []
    for (wallet, asset_id), amount in mine.items():
        side = Side.DESTINATION if amount > 0 else Side.SOURCE
        leg = BridgeLeg(
            id=f"{first.chain}/{first.tx}/{PLAIN}:{side.value}:{wallet}:{asset_id}",
            side=side,
            protocol=PLAIN,
            chain=first.chain,
            tx=first.tx,
            time=first.block.time,
            asset=asset_id,
            amount=abs(amount),
            wallet=wallet,
            event="A transfer",
        )
        made.append(_with_asset(leg, assets))
    return made
