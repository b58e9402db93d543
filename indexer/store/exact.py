"""Exact integers as text that sorts like the numbers: SQLite has 64-bit integers and binary floats only.

A number of n digits is written `nnn:digits`, so that more digits sort later and equally many sort by value:
15 is `002:15`, 0 is `001:0`. A negative number is a minus sign followed by the digit complement of the same
text, so that a greater magnitude sorts earlier, and `-` sorts before every digit: -15 is `-997:84`. The form
holds any number of up to 999 digits, which is more than any sum of 256-bit amounts needs.
"""

LONGEST_DIGITS = 999

_LENGTHS = tuple(f"{digits:03d}:" for digits in range(LONGEST_DIGITS + 1))
_COMPLEMENT = str.maketrans("0123456789", "9876543210")


def encode(value: int) -> str:
    """Write an integer as sortable text.

    Raises:
        OverflowError: the number has more than 999 digits.
    """
    digits = str(value if value >= 0 else -value)
    if len(digits) > LONGEST_DIGITS:
        raise OverflowError(f"a number of {len(digits)} digits does not fit into the ledger")
    text = _LENGTHS[len(digits)] + digits
    return text if value >= 0 else "-" + text.translate(_COMPLEMENT)


def decode(text: str) -> int:
    """Read what `encode` wrote.

    Raises:
        ValueError: the text is not in this form; the database was changed by something else.
    """
    negative = text.startswith("-")
    plain = text[1:].translate(_COMPLEMENT) if negative else text
    length, colon, digits = plain.partition(":")
    if not colon or len(length) != 3 or int(length) != len(digits):
        raise ValueError(f"{text[:40]!r} is not an exact integer of the ledger")
    return -int(digits) if negative else int(digits)


class ExactSum:
    """SQLite aggregate: the exact sum of encoded integers; NULL of no rows, like SQL's own."""

    def __init__(self) -> None:
        self._total: int | None = None

    def step(self, value: str | None) -> None:
        """Add one row; NULL counts for nothing."""
        if value is not None:
            self._total = (self._total or 0) + decode(value)

    def finalize(self) -> str | None:
        """The sum, encoded."""
        return None if self._total is None else encode(self._total)
