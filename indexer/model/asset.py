"""Assets by CAIP-19 id, their identity groups and the verdict whether one is spam.

CAIP-19: https://chainagnostic.org/CAIPs/caip-19
"""

from dataclasses import dataclass
from enum import StrEnum


class AssetKind(StrEnum):
    """The CAIP-19 asset namespaces in use."""

    NATIVE = "slip44"
    ERC20 = "erc20"
    ERC721 = "erc721"
    ERC1155 = "erc1155"
    SPL = "token"


@dataclass(frozen=True, slots=True)
class SpamVerdict:
    """An automatic verdict on an asset; a portfolio may override it with a judgment."""

    spam: bool
    reason: str = ""


NOT_SPAM = SpamVerdict(spam=False)


@dataclass(frozen=True, slots=True)
class Asset:
    """A fungible asset or one non-fungible item on one chain.

    `decimals` is None when nobody could say: such an asset is counted in base units and never priced.
    `group` names assets that are one property on every chain (`ETH`, `USDC`), None when it stands alone.
    """

    id: str
    symbol: str
    decimals: int | None
    name: str = ""
    group: str | None = None
    broad_group: str | None = None
    """The wider family with wrapped, staked and receipt tokens (`ETH` for stETH)."""
    price_id: str | None = None
    """How price sources call it, for example `ethereum:0xa0b8...` or `coingecko:ethereum`."""
    spam: SpamVerdict = NOT_SPAM

    @property
    def chain(self) -> str:
        """CAIP-2 id of the asset's chain."""
        return self.id.partition("/")[0]

    @property
    def kind(self) -> AssetKind:
        """The asset namespace of the id."""
        return AssetKind(self.id.partition("/")[2].partition(":")[0])

    @property
    def contract(self) -> str | None:
        """Lower-case contract address, None for the native coin."""
        if self.kind is AssetKind.NATIVE:
            return None
        return self.id.partition("/")[2].partition(":")[2].partition("/")[0]

    @property
    def unnamed(self) -> bool:
        """Whether the symbol only stands in for one that nobody told."""
        return not self.symbol or (self.contract is not None and self.symbol == stand_in(self.contract))


def stand_in(contract: str) -> str:
    """How a contract without a symbol is called."""
    return f"{contract[:6]}..{contract[-4:]}"


def native_id(chain: str, slip44: int) -> str:
    """CAIP-19 id of a chain's native coin."""
    return f"{chain}/slip44:{slip44}"


def token_id(chain: str, kind: AssetKind, contract: str, item: int | None = None) -> str:
    """CAIP-19 id of a token; `item` is the token id of an ERC-721 or ERC-1155."""
    base = f"{chain}/{kind.value}:{contract}"
    return base if item is None else f"{base}/{item}"
