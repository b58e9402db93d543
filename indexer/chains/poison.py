"""Automatic verdicts on transfers: does one only serve to place an address in a history? (pure)

Address poisoning: someone sends nothing, dust or a false token so that an address that looks like a known one stands in
the list that its owner copies from. The verdict says why, hides nothing from who asks for it, and takes no units away:
what a node reports as a balance is one.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from indexer.chains.spam import NO_LISTS, Lists
from indexer.model.asset import Asset
from indexer.model.facts import Transfer, TransferKind

ZERO = "0x" + "0" * 40
_PLAIN = frozenset({TransferKind.GAS, TransferKind.WRAP})
_COIN = frozenset({TransferKind.NATIVE, TransferKind.INTERNAL})
_COUNTED = frozenset({TransferKind.ERC20, TransferKind.ERC1155})

Transaction = tuple[str, str]
"""(chain, transaction)"""


@dataclass(frozen=True, slots=True)
class Acquaintance:
    """Whom a portfolio knows. `own` are its addresses, `dealt` those it has dealt with by its own transactions.

    `acted` are the transactions that it made: it paid the fee, or the coin or a well-known token left it, which neither
    a stranger nor a token of a stranger's can do.
    """

    own: frozenset[str]
    dealt: frozenset[str] = frozenset()
    acted: frozenset[Transaction] = frozenset()
    ends: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Known addresses by how wallets abbreviate them."""

    def imitated(self, address: str) -> str | None:
        """The known address that a stranger's looks like."""
        if address in self.own or address in self.dealt:
            return None
        return self.ends.get(ends_of(address))


def ends_of(address: str) -> tuple[str, str]:
    """The first and last four characters, as wallets abbreviate an address."""
    bare = address.removeprefix("0x")
    return bare[:4], bare[-4:]


def acquaintance(
    transfers: Collection[Transfer], own: frozenset[str], assets: Mapping[str, Asset]
) -> Acquaintance:
    """Learn from a portfolio's transfers whom it has dealt with."""
    acted: set[Transaction] = set()
    for transfer in transfers:
        if transfer.sender in own and transfer.amount and _is_authentic(transfer, assets):
            acted.add((transfer.chain, transfer.tx))
    dealt = {
        transfer.recipient if transfer.sender in own else transfer.sender
        for transfer in transfers
        if transfer.amount and transfer.kind not in _PLAIN and (transfer.chain, transfer.tx) in acted
    }
    dealt -= {ZERO}
    ends = {ends_of(address): address for address in sorted(dealt | own)}
    return Acquaintance(own, frozenset(dealt), frozenset(acted), ends)


def _is_authentic(transfer: Transfer, assets: Mapping[str, Asset]) -> bool:
    """Whether only the sender can have made the transfer: a token of a stranger's may tell anything."""
    if transfer.kind is TransferKind.GAS or transfer.kind in _COIN:
        return True
    asset = assets.get(transfer.asset)
    return asset is not None and asset.group is not None


def judge_transfer(transfer: Transfer, known: Acquaintance, lists: Lists = NO_LISTS) -> str | None:
    """Why a transfer is poison, None when it is none."""
    if transfer.kind in _PLAIN or (transfer.chain, transfer.tx) in known.acted:
        return None
    sent = transfer.sender in known.own
    other = transfer.recipient if sent else transfer.sender
    if other in known.own or (transfer.chain, other) in lists.trusted:
        return None
    if (transfer.chain, other) in lists.blocked:
        return f"{other} is on the block list: {lists.blocked[transfer.chain, other]}"
    near = known.imitated(other)
    if near is not None:
        whose = "one of your own addresses" if near in known.own else "which you have dealt with"
        return f"{other} imitates {near}, {whose}"
    if transfer.amount == 0 and transfer.kind in _COUNTED:
        return "a zero transfer in your name that you did not make" if sent else "a transfer of nothing"
    return None


def poisoned(
    transfers: Iterable[Transfer], known: Acquaintance, lists: Lists = NO_LISTS
) -> dict[tuple[str, str, str], str]:
    """The transfers that are poison, by their key, with the reason."""
    found = {}
    for transfer in transfers:
        reason = judge_transfer(transfer, known, lists)
        if reason is not None:
            found[transfer.key] = reason
    return found
