"""How many digits a computed price keeps."""

import decimal
from decimal import Decimal

_DIGITS = decimal.Context(prec=40, rounding=decimal.ROUND_HALF_EVEN)


def rounded(price: Decimal) -> Decimal:
    """Return a price to 40 significant digits: beyond any market, and short enough to be stored exactly."""
    return _DIGITS.plus(price)
