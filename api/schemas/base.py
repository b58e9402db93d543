"""The pieces that every answer is made of: money, amounts, instants, addresses, pages, freshness."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import ROUND_DOWN, Decimal
from functools import lru_cache
from typing import Annotated, Any, Generic, TypeVar

from eth_utils.address import to_checksum_address
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from indexer.flows.views import Freshness
from indexer.model.asset import Asset
from indexer.model.money import plain, units_to_decimal

T = TypeVar("T")


class Output(BaseModel):
    """Base of everything that is sent: exact types, nothing extra, nothing changed after building."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Input(BaseModel):
    """Base of request bodies: JSON types are taken as they are, unknown names are refused."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Parameters(BaseModel):
    """Base of query strings. An unknown name is refused: a mistyped filter must not answer for everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _to_utc(instant: datetime) -> datetime:
    return instant.astimezone(UTC)


Instant = Annotated[AwareDatetime, AfterValidator(_to_utc), Field(examples=["2026-01-31T12:00:00Z"])]
"""RFC 3339 in UTC."""

Chain = Annotated[
    str,
    StringConstraints(pattern=r"^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}$", max_length=41),
    Field(description="CAIP-2 id of a chain.", examples=["eip155:1"]),
]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]*$", strip_whitespace=True)]
"""One line without control characters, which PostgreSQL and terminals would choke on."""


def _canonical_asset(text: str) -> str:
    """Contract addresses of EVM chains are kept in lower case; people paste them with their checksum."""
    return text.lower() if text.lower().startswith("eip155:") else text


AssetRef = Annotated[
    str,
    StringConstraints(pattern=r"^[-.%/:_0-9a-zA-Z]{1,256}$"),
    AfterValidator(_canonical_asset),
    Field(description="CAIP-19 id of an asset.", examples=["eip155:1/slip44:60"]),
]
AccountRef = Annotated[
    str,
    StringConstraints(pattern=r"^[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}:[-.%a-zA-Z0-9]{1,128}$"),
    Field(
        description="CAIP-10 id of an account.",
        examples=["eip155:1:0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"],
    ),
]
Cursor = Annotated[
    str | None,
    Field(
        max_length=1_000,
        pattern=r"^[\x21-\x7e]+$",
        description="`next_cursor` of the answer before; left out for the first page.",
    ),
]
WalletRef = Annotated[
    str | None,
    Field(
        pattern=r"^[-_.:0-9a-zA-Z]{1,128}$",
        description="Id or address of a wallet; left out for all of them.",
    ),
]
Limit = Annotated[int, Field(ge=1, le=1_000, description="How many rows at most.")]


class Money(Output):
    """An amount of money: an exact decimal number as text, and its ISO 4217 currency."""

    value: str = Field(examples=["-1234.56"])
    currency: str = Field(examples=["USD"])


class Amount(Output):
    """An amount of a token. `raw` is exact in base units; `value` is null when nobody knows the decimals."""

    raw: str = Field(examples=["1500000000000000000"])
    decimals: int | None = Field(examples=[18])
    value: str | None = Field(examples=["1.5"])


class Fresh(Output):
    """What every computed answer says of itself."""

    as_of_block: dict[str, int] = Field(
        description="Per chain the lowest block that every wallet on it is covered to.",
        examples=[{"eip155:1": 21_000_000}],
    )
    price_as_of: Instant | None = Field(
        description="Time of the oldest price among those used; null when nothing was priced."
    )
    complete: bool = Field(description="Every chain proven complete, every lot priced and every basis known.")
    incomplete_because: list[str] = Field(description="Why `complete` is false, one sentence each.")


class Listed(Output, Generic[T]):
    """A page of a list. `next_cursor` is null on the last one."""

    data: list[T]
    next_cursor: str | None


class FreshList(Fresh, Generic[T]):
    """A page of a computed list."""

    data: list[T]
    next_cursor: str | None


def fresh(freshness: Freshness) -> dict[str, Any]:
    """Return the members that `Fresh` adds to an answer."""
    return {
        "as_of_block": dict(sorted(freshness.as_of_block.items())),
        "price_as_of": freshness.price_as_of,
        "complete": freshness.complete,
        "incomplete_because": list(freshness.incomplete_because),
    }


def money(value: Decimal, currency: str) -> Money:
    """Write a known sum of money."""
    return Money(value=plain(value), currency=currency)


def money_or_null(value: Decimal | None, currency: str) -> Money | None:
    """Write a sum of money, or null when it is unknown: unknown is not zero."""
    return None if value is None else money(value, currency)


def amount(raw: int, decimals: int | None) -> Amount:
    """Write an amount of base units."""
    value = None if decimals is None else plain(units_to_decimal(raw, decimals))
    return Amount(raw=str(raw), decimals=decimals, value=value)


def amount_of(raw: int, asset_id: str, assets: Mapping[str, Asset]) -> Amount:
    """Write an amount of an asset that may not be known."""
    asset = assets.get(asset_id)
    return amount(raw, None if asset is None else asset.decimals)


def share(part: Decimal) -> str:
    """Write a share of 1 to six places, rounded down: 1 is said of the whole alone."""
    return plain(part.quantize(Decimal("0.000001"), rounding=ROUND_DOWN))


def text_or_null(number: int | None) -> str | None:
    """Write an integer as text, since JSON numbers lose digits beyond 2**53."""
    return None if number is None else str(number)


_EVM_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")


@lru_cache(maxsize=65_536)
def shown_address(address: str) -> str:
    """Write an EVM address with its checksum (EIP-55); every other address or name stays as it is."""
    return to_checksum_address(address) if _EVM_ADDRESS.fullmatch(address) else address
