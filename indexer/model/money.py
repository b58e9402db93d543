"""Money and token amounts as integers; `Decimal` only at the edges.

A token amount is an integer of base units (wei, satoshi, lamport). A fiat amount is an integer of
10**-18 currency units, so that one unit of any 18-decimal price survives every product. The one
`Decimal` context of the program is set here: the default precision of 28 digits rounds products of
10**24 base units.
"""

import decimal
from decimal import Decimal

FIAT_DECIMALS = 18
FIAT_ONE = 10**FIAT_DECIMALS

# 78 digits of a uint256 times a 78 digit price would need 156; 200 leaves room for quotients.
CONTEXT = decimal.Context(prec=200, rounding=decimal.ROUND_HALF_EVEN)
decimal.setcontext(CONTEXT)
decimal.DefaultContext.prec = CONTEXT.prec  # threads made later start from the same precision

MAX_UINT256 = 2**256 - 1


class MoneyError(ValueError):
    """A number that cannot be an amount: not finite, negative where it must not be, or too precise."""


def fiat_from_decimal(value: Decimal) -> int:
    """Return `value` currency units as an integer of 10**-18 units, rounded half to even.

    Raises:
        MoneyError: `value` is NaN or infinite.
    """
    if not value.is_finite():
        raise MoneyError(f"{value} is not an amount of money")
    return int(CONTEXT.multiply(value, Decimal(FIAT_ONE)).to_integral_value(decimal.ROUND_HALF_EVEN))


def fiat_to_decimal(amount: int) -> Decimal:
    """Return an integer of 10**-18 currency units as an exact `Decimal` of currency units."""
    return Decimal(amount).scaleb(-FIAT_DECIMALS, CONTEXT)


def units_to_decimal(raw: int, decimals: int) -> Decimal:
    """Return `raw` base units of a token with `decimals` decimals as an exact `Decimal` of tokens."""
    return Decimal(raw).scaleb(-decimals, CONTEXT)


def plain(value: Decimal) -> str:
    """Write a `Decimal` without exponent and without trailing zeros: `1.5`, `0`, `-20`."""
    text = format(value, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def value_of(raw: int, decimals: int, unit_price: Decimal) -> int:
    """Return the fiat value (10**-18 units) of `raw` base units at `unit_price` per whole token."""
    return fiat_from_decimal(CONTEXT.multiply(units_to_decimal(raw, decimals), unit_price))


def split_cost(cost_left: int, take: int, quantity_left: int) -> int:
    """Return the share of `cost_left` that goes with `take` out of `quantity_left` units.

    Taking a lot apart this way conserves its cost exactly: every part is rounded towards zero and the
    part that takes all the rest takes all the remaining cost.

    Raises:
        MoneyError: `take` is not within `0 < take <= quantity_left`.
    """
    if not 0 < take <= quantity_left:
        raise MoneyError(f"cannot take {take} of {quantity_left} units")
    if take == quantity_left:
        return cost_left
    share = abs(cost_left) * take // quantity_left
    return share if cost_left >= 0 else -share
