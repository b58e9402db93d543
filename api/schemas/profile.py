"""The tax profile and tax wallets."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, Strict

from api.schemas.base import Input, Output, Text
from indexer.flows.profile import FIRST_DAY, Profiles, ProfileView, default_for
from indexer.model.profile import BasisPolicy, Method, Scope, TaxProfile, WashSales

Day = Annotated[date, Strict(False)]
"""`YYYY-MM-DD`."""

MethodName = Literal["fifo", "lifo", "hifo", "lofo", "average", "spec-id", "pooled"]
Year = Annotated[str, Field(pattern=r"^(20[0-9]{2}|21[0-9]{2})$")]


class ProfileIn(Input):
    """Everything about one profile; what is left out takes the country's own choice."""

    jurisdiction: Annotated[
        Text, Field(min_length=1, max_length=8, description="US, UK, CA, DE, AU, IE, FR, or `-` for none.")
    ]
    since: Annotated[Day, Field(description="First day, in the profile's zone, on which it holds.")] = (
        FIRST_DAY
    )
    timezone: Annotated[Text, Field(max_length=64, description="IANA name: which day a sale falls on.")] = (
        "UTC"
    )
    currency: Annotated[
        str | None, Field(pattern="^[A-Z]{3}$", description="ISO 4217; the same in every profile.")
    ] = None
    filing_status: Annotated[Text, Field(max_length=32, examples=["married-joint"])] = "single"
    method: MethodName | None = None
    methods_by_year: Annotated[
        dict[Year, MethodName],
        Field(default_factory=dict, max_length=200, description="Tax years with another method."),
    ]
    methods_by_pool: Annotated[
        dict[Annotated[Text, Field(min_length=1, max_length=400)], MethodName],
        Field(
            default_factory=dict,
            max_length=1000,
            description="Pools with another method, by asset, tax wallet or `wallet/asset`; the closest name counts.",
        ),
    ]
    scope: Annotated[
        Literal["wallet", "universal"] | None, Field(description="Which lots a sale may take.")
    ] = None
    pool_by_chain: Annotated[bool, Field(description="Keep the lots of each chain apart.")] = False
    wash_sales: Annotated[
        Literal["off", "as-if", "from", "never"],
        Field(
            description="`off`: as the law stands; `as-if`: also where it spares crypto assets; `from`: so from "
            "`wash_from` on; `never`: not even where the law asks for it."
        ),
    ] = "off"
    wash_from: Day | None = None
    wash_group: Annotated[
        Literal["strict", "broad"],
        Field(
            description="What counts as the same: the asset on any chain, or wrapped and staked forms too."
        ),
    ] = "strict"
    unknown_basis: Annotated[
        Literal["fair-value", "zero", "ask"], Field(description="What an arrival of unknown basis costs.")
    ] = "fair-value"
    transfer_fee_is_disposal: Annotated[
        bool, Field(description="Gas of own transfers is a disposal; false: it is added to basis.")
    ] = True

    def profile(self) -> TaxProfile:
        """The profile that is meant.

        Raises:
            InputError: there is no such country.
        """
        default = default_for(self.jurisdiction)
        return TaxProfile(
            jurisdiction=self.jurisdiction,
            currency=self.currency or default.currency,
            timezone=self.timezone,
            filing_status=self.filing_status,
            method=Method(self.method) if self.method else default.method,
            methods_by_year={int(year): Method(name) for year, name in sorted(self.methods_by_year.items())},
            methods_by_pool={pool: Method(name) for pool, name in sorted(self.methods_by_pool.items())},
            scope=Scope(self.scope) if self.scope else default.scope,
            pool_by_chain=self.pool_by_chain,
            wash_sales=WashSales(self.wash_sales),
            wash_from=self.wash_from,
            wash_group=self.wash_group,
            unknown_basis=BasisPolicy(self.unknown_basis),
            transfer_fee_is_disposal=self.transfer_fee_is_disposal,
            since=self.since,
        )


class ProfileOut(Output):
    """A dated profile."""

    since: date = Field(description="First day, in the profile's zone, on which it holds.")
    jurisdiction: str
    country: str
    timezone: str
    currency: str
    filing_status: str
    method: MethodName
    methods_by_year: dict[str, MethodName]
    methods_by_pool: dict[str, MethodName]
    scope: Literal["wallet", "universal"]
    pool_by_chain: bool
    wash_sales: Literal["off", "as-if", "from", "never"]
    wash_from: date | None
    wash_group: str
    unknown_basis: Literal["fair-value", "zero", "ask"]
    transfer_fee_is_disposal: bool
    notes: list[str] = Field(description="Where these choices and the law differ.")

    @classmethod
    def of(cls, view: ProfileView) -> Self:
        """Write a profile."""
        profile = view.profile
        return cls(
            since=profile.since,
            jurisdiction=profile.jurisdiction,
            country=view.country,
            timezone=profile.timezone,
            currency=profile.currency,
            filing_status=profile.filing_status,
            method=profile.method.value,
            methods_by_year={str(year): method.value for year, method in profile.methods_by_year.items()},
            methods_by_pool={pool: method.value for pool, method in profile.methods_by_pool.items()},
            scope=profile.scope.value,
            pool_by_chain=profile.pool_by_chain,
            wash_sales=profile.wash_sales.value,
            wash_from=profile.wash_from,
            wash_group=profile.wash_group,
            unknown_basis=profile.unknown_basis.value,
            transfer_fee_is_disposal=profile.transfer_fee_is_disposal,
            notes=list(view.notes),
        )


class ProfilesOut(Output):
    """The dated profiles of the portfolio."""

    current: ProfileOut = Field(description="The one in force now.")
    profiles: list[ProfileOut] = Field(description="All of them, oldest first; each holds until the next.")
    is_default: bool = Field(description="Nobody has set one yet.")

    @classmethod
    def of(cls, found: Profiles) -> Self:
        """Write the profiles."""
        return cls(
            current=ProfileOut.of(found.current),
            profiles=[ProfileOut.of(view) for view in found.all],
            is_default=found.is_default,
        )


class WalletChange(Input):
    """What to change about a wallet; what is left out stays."""

    label: Annotated[Text | None, Field(max_length=100)] = None
    group: Annotated[
        Text | None,
        Field(
            max_length=100,
            description="Name of the tax wallet; addresses of one name share their lots. Empty: the address by itself.",
        ),
    ] = None
