"""A taxpayer's choices: where, since when, in which money, by which method."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Method(StrEnum):
    """How a sale picks lots."""

    FIFO = "fifo"
    LIFO = "lifo"
    HIFO = "hifo"
    LOFO = "lofo"
    AVERAGE = "average"
    SPEC_ID = "spec-id"
    POOLED = "pooled"
    """The jurisdiction's own pool (UK section 104, Canada ACB, France's global portfolio)."""


class Scope(StrEnum):
    """Which lots a sale may take."""

    WALLET = "wallet"
    UNIVERSAL = "universal"


class WashSales(StrEnum):
    """Whether a jurisdiction's wash window is applied where the law does not (yet) reach crypto assets."""

    OFF = "off"
    AS_IF = "as-if"
    FROM_DATE = "from"
    NEVER = "never"
    """Not even where the law has a window: to see what the window costs."""


class BasisPolicy(StrEnum):
    """What an incoming transfer of unknown basis costs until the owner says."""

    FAIR_VALUE = "fair-value"
    ZERO = "zero"
    ASK = "ask"


@dataclass(frozen=True, slots=True)
class TaxProfile:
    """The profile of one portfolio from `since` on. `jurisdiction` is US, UK, CA, DE, AU, IE, FR or `-`."""

    jurisdiction: str = "US"
    currency: str = "USD"
    timezone: str = "UTC"
    filing_status: str = "single"
    method: Method = Method.FIFO
    methods_by_year: dict[int, Method] = field(default_factory=dict)
    methods_by_pool: dict[str, Method] = field(default_factory=dict)
    """Another method for one pool, by its asset, its tax wallet, or `wallet/asset`, the closest name first. Only
    methods that take lots: a country's own pool is one for everything."""
    scope: Scope = Scope.WALLET
    pool_by_chain: bool = False
    wash_sales: WashSales = WashSales.OFF
    wash_from: date | None = None
    wash_group: str = "strict"
    """`strict` or `broad` identity group for wash windows."""
    unknown_basis: BasisPolicy = BasisPolicy.FAIR_VALUE
    transfer_fee_is_disposal: bool = True
    since: date = date(2009, 1, 3)
    affiliate_wallets: tuple[str, ...] = ()
    """Tax wallets of affiliated persons (Canada): they count for superficial losses, their books are their own."""
