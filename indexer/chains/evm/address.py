"""Addresses as users write them: hexadecimal, with the EIP-55 checksum when capitals are mixed.

https://eips.ethereum.org/EIPS/eip-55
"""

import re

from eth_utils.address import to_checksum_address

from indexer.model.errors import InputError

_HEX = re.compile(r"^(0x|0X)?[0-9a-fA-F]{40}$")


def normalize(text: str) -> str:
    """Return the lower-case address.

    Raises:
        InputError: malformed, or a wrong checksum; the text says what to do.
    """
    trimmed = text.strip()
    if trimmed.endswith(".eth"):
        raise InputError(
            f"{trimmed!r} is a name: give the address it stands for (0x and 40 hexadecimal digits)"
        )
    if not _HEX.match(trimmed):
        raise InputError(
            f"{trimmed[:80]!r} is not an EVM address: it is 0x followed by 40 hexadecimal digits, "
            f"and this has {len(trimmed)} characters"
        )
    digits = trimmed[-40:]
    lower = "0x" + digits.lower()
    mixed = digits not in {digits.lower(), digits.upper()}
    if mixed and to_checksum_address(lower)[2:] != digits:
        raise InputError(
            f"{trimmed} has a wrong checksum (EIP-55): at least one character was mistyped. Copy the address "
            "again from your wallet, or write it all in lower case if you are sure of it."
        )
    return lower
