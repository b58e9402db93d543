"""Many contract calls in one `eth_call`, through Multicall3 (pure: what is sent and what comes back).

https://www.multicall3.com: one address on every chain where it is deployed.
"""

from collections.abc import Sequence

from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

ADDRESS = "0xca11bde05977b3631167028862be2a173976ca11"
AGGREGATE3 = bytes.fromhex("82ad56cb")
GET_ETH_BALANCE = bytes.fromhex("4d2301cc")


def aggregate(calls: Sequence[tuple[str, bytes]]) -> bytes:
    """Calldata of `aggregate3`; each call may fail by itself."""
    rows = [(contract, True, data) for contract, data in calls]
    return AGGREGATE3 + encode(["(address,bool,bytes)[]"], [rows])


def eth_balance(holder: str) -> tuple[str, bytes]:
    """The call that tells an account's coins."""
    return ADDRESS, GET_ETH_BALANCE + encode(["address"], [holder])


def results(answer: bytes, count: int) -> list[bytes | None] | None:
    """What each call returned, None for one that failed; None when this is no answer to `count` calls."""
    try:
        (rows,) = decode(["(bool,bytes)[]"], answer)
    except (DecodingError, OverflowError):
        return None
    if len(rows) != count:
        return None
    return [bytes(data) if success else None for success, data in rows]
