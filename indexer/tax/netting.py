"""Netting: what one transaction did to a portfolio, asset by asset, before anyone says what it was."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from indexer.model.asset import Asset
from indexer.model.facts import Transfer, TransferKind
from indexer.model.movement import Leg

POOL_DECIMALS = 18


@dataclass(frozen=True, slots=True)
class Ownership:
    """Which addresses are the owner's: lower-case address to the name of its tax wallet."""

    wallet_of: Mapping[str, str]

    def wallet(self, address: str) -> str | None:
        """Tax wallet of an address, None for a stranger's."""
        return self.wallet_of.get(address) or self.wallet_of.get(address.lower())


def pool_name(asset: Asset | None, asset_id: str) -> str:
    """The name under which an asset's lots are pooled: its strict identity group, else itself."""
    return asset_id if asset is None or asset.group is None or asset.decimals is None else asset.group


def broad_families(assets: Mapping[str, Asset]) -> dict[str, str]:
    """Pool assets that belong to a wider family (wrapped, staked, receipt tokens), for profiles that ask for it."""
    return {
        pool_name(asset, asset.id): asset.broad_group or asset.group or asset.id
        for asset in sorted(assets.values(), key=lambda asset: asset.id)
        if asset.broad_group or asset.group
    }


def pool_scale(asset: Asset | None) -> int:
    """Decimals of an asset's quantities in the books."""
    if asset is None or asset.decimals is None:
        return 0
    return max(POOL_DECIMALS, asset.decimals)


def pool_quantity(asset: Asset | None, raw: int) -> int:
    """Base units at the books' scale. An asset of unknown decimals stays in base units."""
    if asset is None or asset.decimals is None or asset.decimals >= POOL_DECIMALS:
        return raw
    return int(raw * 10 ** (POOL_DECIMALS - asset.decimals))


@dataclass(slots=True)
class Net:
    """One transaction netted. `moved` are own units that changed address; `out` and `into` crossed the border."""

    moved: list[tuple[Leg, Leg]] = field(default_factory=list)
    out: list[Leg] = field(default_factory=list)
    into: list[Leg] = field(default_factory=list)
    fee: list[Leg] = field(default_factory=list)
    spam_out: list[Leg] = field(default_factory=list)
    spam_into: list[Leg] = field(default_factory=list)
    wraps: bool = False
    strangers: set[str] = field(default_factory=set)


class Netter:
    """Nets transactions of one portfolio."""

    def __init__(self, own: Ownership, assets: Mapping[str, Asset], spam: Mapping[str, bool]) -> None:
        self._own, self._assets, self._spam = own, assets, spam

    def is_spam(self, asset_id: str) -> bool:
        """The owner's verdict on an asset, else the automatic one."""
        asset = self._assets.get(asset_id)
        return self._spam.get(asset_id, asset is not None and asset.spam.spam)

    def leg(self, address: str, asset_id: str, raw: int) -> Leg:
        """A leg of `raw` base units at an own address."""
        asset = self._assets.get(asset_id)
        return Leg(
            wallet=self._own.wallet(address) or address,
            asset=asset_id,
            pool_asset=pool_name(asset, asset_id),
            quantity=pool_quantity(asset, raw),
            chain=asset_id.partition("/")[0],
            address=address,
        )

    def net(self, transfers: Iterable[Transfer]) -> Net:
        """Sum what each own address gained or lost of each asset."""
        found = Net()
        sums: dict[tuple[str, str], int] = {}
        for transfer in transfers:
            sender, recipient = self._own.wallet(transfer.sender), self._own.wallet(transfer.recipient)
            if transfer.kind is TransferKind.GAS:
                if sender is not None and transfer.amount:
                    found.fee.append(self.leg(transfer.sender, transfer.asset, transfer.amount))
                continue
            if transfer.kind is TransferKind.WRAP and (sender or recipient):
                found.wraps = True
            if sender is not None:
                key = (transfer.asset, transfer.sender)
                sums[key] = sums.get(key, 0) - transfer.amount
            if recipient is not None:
                key = (transfer.asset, transfer.recipient)
                sums[key] = sums.get(key, 0) + transfer.amount
            if (sender is None) != (recipient is None):
                found.strangers.add(transfer.recipient if recipient is None else transfer.sender)
        for asset_id in sorted({asset for asset, _ in sums}):
            changes = sorted(
                (address, raw) for (asset, address), raw in sums.items() if asset == asset_id and raw
            )
            self._split(found, asset_id, changes)
        return found

    def _split(self, found: Net, asset_id: str, changes: Sequence[tuple[str, int]]) -> None:
        """Pair losses and gains of own addresses; what does not pair crossed the border."""
        losing = {address: -raw for address, raw in changes if raw < 0}
        gaining = {address: raw for address, raw in changes if raw > 0}
        spam = self.is_spam(asset_id)
        for loser in tuple(losing):
            for gainer in tuple(gaining):
                both = min(losing[loser], gaining[gainer])
                if both and not spam:
                    pair = (self.leg(loser, asset_id, both), self.leg(gainer, asset_id, both))
                    found.moved.append(pair)
                losing[loser] -= both
                gaining[gainer] -= both
        out, into = (found.spam_out, found.spam_into) if spam else (found.out, found.into)
        out += [self.leg(address, asset_id, raw) for address, raw in losing.items() if raw]
        into += [self.leg(address, asset_id, raw) for address, raw in gaining.items() if raw]
