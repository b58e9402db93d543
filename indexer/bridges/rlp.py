"""Just enough of Ethereum's RLP to compute the hash of a system transaction from its fields."""


def rlp(item: "bytes | int | list[bytes | int]") -> bytes:
    """Encode bytes, a non-negative integer, or a flat list of them.

    Source: Ethereum yellow paper, appendix B.
    """
    if isinstance(item, list):
        return _with_length(b"".join(rlp(part) for part in item), 0xC0)
    if isinstance(item, int):
        item = item.to_bytes((item.bit_length() + 7) // 8, "big")
    if len(item) == 1 and item[0] < 0x80:
        return item
    return _with_length(item, 0x80)


def _with_length(body: bytes, offset: int) -> bytes:
    if len(body) < 56:
        return bytes([offset + len(body)]) + body
    size = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([offset + 55 + len(size)]) + size + body
