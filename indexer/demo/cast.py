"""Who acts in the story: the ten development accounts of the node, by part."""

from collections.abc import Sequence
from dataclasses import dataclass

ETHER = 10**18


@dataclass(frozen=True, slots=True)
class Cast:
    """Addresses by part, lower case. The owner's two wallets start empty, so that every coin has a history."""

    main: str
    vault: str
    bank: str
    """Deploys the contracts, mints and provides the liquidity."""
    market: str
    """Everybody else who trades: moves the pools to where the price table wants them."""
    relayer: str
    exchange: str
    employer: str
    shop: str
    spammer: str
    poisoner: str

    @property
    def wallets(self) -> tuple[str, str]:
        """The owner's wallets."""
        return (self.main, self.vault)

    @property
    def strangers(self) -> tuple[str, ...]:
        """Everyone but the owner."""
        return (
            self.bank, self.market, self.relayer, self.exchange,
            self.employer, self.shop, self.spammer, self.poisoner,
        )  # fmt: skip

    def address(self, part: str) -> str:
        """The address that plays a part; `lookalike` is the forged twin of the owner's vault."""
        if part == "lookalike":
            return lookalike(self.vault)
        return str(getattr(self, part))


def cast_from(accounts: Sequence[str]) -> Cast:
    """Give out the parts in the order of the node's accounts."""
    return Cast(*(account.lower() for account in accounts[:10]))


def lookalike(address: str) -> str:
    """An address with the same first and last four digits, as address poisoners grind them."""
    middle = bytes(0xFF - byte for byte in bytes.fromhex(address[6:-4])).hex()
    return address[:6] + middle + address[-4:]
