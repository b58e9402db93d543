"""Bridges' programs on Solana, from transactions written as their sources describe them. None was seen live."""

from base64 import b64encode
from hashlib import sha256
from typing import Any

import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from indexer.bridges.abi import base58, unbase58
from indexer.bridges.chains import SOLANA
from indexer.bridges.link import LinkSettings, link
from indexer.bridges.protocols import decode, decode_solana
from indexer.bridges.solana import SolanaView, read_transaction
from indexer.model.links import BridgeLeg, CrossChainLink, LinkState, Tier, TransactionView
from tests.bridges.recordings import needs_recordings, solana_answers
from tests.bridges.synthetic.encode import log, transfer, word
from tests.bridges.written import AMOUNT, FAR, NOON, RELAYER, USER, view

SECONDS = int(NOON.timestamp())
OWNER, ACCOUNT, MINT = (base58(bytes([mark]) * 32) for mark in (11, 12, 13))
MINTER, TRANSMITTER = (
    "CCTPiPYPc6AsJuwueEnWgSgucamXDZwBd53dQ11YiKX3",
    "CCTPmbSD7gX1bxKPAmg77w8oFzNFpaQiQUWD43TKaecd",
)
MINTER_V2, TRANSMITTER_V2 = (
    "CCTPV2vPZJS2u2BBsUoscuikbYjnpFmbFsvVuJdgUMQe",
    "CCTPV2Sm4AdWt5296sk4P66VBZ7bEhcARwFaaS9YPbeC",
)
CORE, PORTAL = "worm2ZoG2kUd4vFXhvjh93UUH596ayRfgQ2MgjNMTth", "wormDTUJ6AWPNvk59vGQbDvGJmqbDTdgWgAqcLBCgUb"
DLN_SOURCE, DLN_DESTINATION = (
    "src5qyZHqTqecJV4aY6Cb6zDZLMDzrDKKezs22MPHr4",
    "dst5MGcFPoBeREFAA5E3tU5ij8m5uVYwkzkSAbsLbNo",
)
EMITTER = "ec7372995d5cc8732397fb0ad35c0121e0eaa90d26f828a534cab54391b3a4f5"
OWN = LinkSettings(own=frozenset({USER, OWNER}))


def le(number: int, size: int) -> bytes:
    return number.to_bytes(size, "little")


def be(number: int) -> bytes:
    return number.to_bytes(32, "big")


def vec(data: bytes) -> bytes:
    return le(len(data), 4) + data


def anchor(name: str, *fields: bytes) -> bytes:
    return sha256(f"event:{name}".encode()).digest()[:8] + b"".join(fields)


def to_itself(event: bytes) -> bytes:
    """The tag that Anchor puts before an event that a program writes by calling itself."""
    return bytes.fromhex("e445a52e51cb9a1d") + event


Written = tuple[str, list[str], bytes, list[tuple[str, bytes]]]
"""Program, accounts, data, and the inner calls it makes (program, data)."""


def transaction(
    *calls: Written,
    minutes: int = 0,
    logs: tuple[str, ...] = (),
    held: tuple[int, int] | None = None,
    err: Any = None,
) -> dict[str, Any]:
    """A node's answer to `getTransaction` in `json` encoding. `held`: what `ACCOUNT` held before and after."""
    keys = [OWNER, ACCOUNT]
    for program, accounts, _, inner in calls:
        keys += [name for name in (program, *accounts, *(inside for inside, _ in inner)) if name not in keys]
    keys = list(dict.fromkeys(keys))

    def written(program: str, accounts: list[str], data: bytes) -> dict[str, Any]:
        return {
            "programIdIndex": keys.index(program),
            "accounts": [keys.index(name) for name in accounts],
            "data": base58(data),
        }

    def balance(amount: int) -> list[dict[str, Any]]:
        text = {"amount": str(amount), "decimals": 6}
        return [{"accountIndex": 1, "mint": MINT, "owner": OWNER, "uiTokenAmount": text}]

    return {
        "blockTime": SECONDS + minutes * 60,
        "transaction": {
            "signatures": [base58(sha256(repr((calls, minutes)).encode()).digest() * 2)],
            "message": {
                "accountKeys": keys[:-1],
                "instructions": [written(*one[:3]) for one in calls],
            },
        },
        "meta": {
            "err": err,
            "loadedAddresses": {"writable": [], "readonly": keys[-1:]},
            "innerInstructions": [
                {"index": at, "instructions": [written(program, [], data) for program, data in inner]}
                for at, (_, _, _, inner) in enumerate(calls)
            ],
            "logMessages": list(logs),
            "preTokenBalances": balance(held[0]) if held and held[0] else [],
            "postTokenBalances": balance(held[1]) if held else [],
        },
    }


def seen(answer: dict[str, Any]) -> list[BridgeLeg]:
    found = read_transaction(answer)
    assert isinstance(found, SolanaView)
    return decode_solana(found)


def joined(source: list[BridgeLeg], arrival: list[BridgeLeg]) -> CrossChainLink:
    (made,) = link([*source, *arrival], OWN).links
    assert made.source is not None
    assert made.destination is not None
    return made


def burn(nonce: int) -> bytes:
    return anchor(
        "DepositForBurn", le(nonce, 8), unbase58(MINT), le(AMOUNT, 8), unbase58(OWNER), word(USER), le(6, 4),
        bytes(64),
    )  # fmt: skip


def minted_on_base(nonce: int, origin: int) -> TransactionView:
    body = le(0, 4) + be(0) + word(USER) + be(AMOUNT) + word(USER)
    return view(
        8453, 20,
        log("0x1682Ae6375C4E4A97e4B583BC394c861A46D8962", "MintAndWithdraw(address,uint256,address)",
            [USER, FAR], ["uint256"], [AMOUNT]),
        log("0xAD09780d193884d503182aD4588450C416D6F9D4", "MessageReceived(address,uint32,uint64,bytes32,bytes)",
            [USER, nonce], ["uint32", "bytes32", "bytes"], [origin, bytes(32), body]),
    )  # fmt: skip


@pytest.mark.parametrize("by_log", [False, True])
def test_usdc_burnt_on_solana_and_minted_on_base(by_log: bool) -> None:
    line = f"Program data: {b64encode(burn(77)).decode()}"
    logs = (f"Program {MINTER} invoke [1]", line, f"Program {MINTER} success") if by_log else ()
    inner = [] if by_log else [(MINTER, to_itself(burn(77)))]
    (left,) = seen(transaction((MINTER, [OWNER], b"call", inner), logs=logs))
    assert (left.chain, left.wallet, left.asset) == (SOLANA, OWNER, f"{SOLANA}/token:{MINT}")
    assert (left.amount, left.recipient, left.other_chain) == (AMOUNT, USER, "eip155:8453")
    made = joined([left], decode(minted_on_base(77, 5)))
    assert (made.tier, made.state) == (Tier.EXACT_ID, LinkState.CONFIRMED)


def test_events_of_other_programs_are_none() -> None:
    line = f"Program data: {b64encode(burn(77)).decode()}"
    logs = (f"Program {PORTAL} invoke [1]", line, f"Program {PORTAL} success", line)
    assert seen(transaction((PORTAL, [], b"\xff", [(PORTAL, to_itself(burn(1)))]), logs=logs)) == []
    assert seen(transaction((MINTER, [], to_itself(burn(1))[:60], []))) == [], "cut short"
    assert (
        read_transaction(transaction((MINTER, [], to_itself(burn(1)), []), err={"InstructionError": []}))
        is None
    )


def test_usdc_burnt_on_ethereum_and_minted_on_solana() -> None:
    burnt = log(
        "0xBd3fa81B58Ba92a82136038B25aDec7066af3155",
        "DepositForBurn(uint64,address,uint256,address,bytes32,uint32,bytes32,bytes32)",
        [9, FAR, USER],
        ["uint256", "bytes32", "uint32", "bytes32", "bytes32"],
        [AMOUNT, unbase58(ACCOUNT), 5, bytes(32), bytes(32)],
    )
    received = anchor(
        "MessageReceived", unbase58(OWNER), le(0, 4), le(9, 8), word(FAR),
        vec(le(0, 4) + word(FAR) + unbase58(ACCOUNT) + be(AMOUNT) + word(USER)),
    )  # fmt: skip
    minted = anchor("MintAndWithdraw", unbase58(ACCOUNT), le(AMOUNT, 8), unbase58(MINT))
    answer = transaction(
        (TRANSMITTER, [OWNER], b"receive", [(MINTER, to_itself(minted)), (TRANSMITTER, to_itself(received))]),
        minutes=30,
        held=(0, AMOUNT),
    )
    made = joined(decode(view(1, 0, burnt)), seen(answer))
    assert made.destination is not None
    assert (made.destination.wallet, made.destination.recipient) == (OWNER, ACCOUNT)
    assert (made.tier, made.fee) == (Tier.EXACT_ID, 0)


def test_version_two_shares_a_key_that_both_sides_compute() -> None:
    hook = b"hook"
    burnt = anchor(
        "DepositForBurn", unbase58(MINT), le(AMOUNT, 8), unbase58(OWNER), word(USER), le(6, 4), bytes(64),
        le(500, 8), le(1000, 4), vec(hook),
    )  # fmt: skip
    source = seen(transaction((MINTER_V2, [OWNER], b"call", [(MINTER_V2, to_itself(burnt))])))
    head = (1).to_bytes(4, "big") + unbase58(MINT) + word(USER) + be(AMOUNT) + unbase58(OWNER)
    body = head + be(500) + be(100) + be(0) + hook
    minted = view(
        8453, 1,
        log("0x28b5a0e9C621a5BadaA536219b3a228C8168cf5d", "MintAndWithdraw(address,uint256,address,uint256)",
            [USER, FAR], ["uint256", "uint256"], [AMOUNT - 100, 100]),
        log("0x81D40F21F12A8F0E3252Bccb954D722d4c464B64",
            "MessageReceived(address,uint32,bytes32,bytes32,uint32,bytes)",
            [USER, be(3), 1000], ["uint32", "bytes32", "bytes"], [5, bytes(32), body]),
    )  # fmt: skip
    made = joined(source, decode(minted))
    assert (made.tier, made.protocol) == (Tier.DERIVED_ID, "cctp")
    back = view(
        8453, 40,
        log("0x28b5a0e9C621a5BadaA536219b3a228C8168cf5d",
            "DepositForBurn(address,uint256,address,bytes32,uint32,bytes32,bytes32,uint256,uint32,bytes)",
            [FAR, USER, 1000], ["uint256", "bytes32", "uint32", "bytes32", "bytes32", "uint256", "bytes"],
            [AMOUNT, unbase58(ACCOUNT), 5, bytes(32), bytes(32), 500, b""]),
    )  # fmt: skip
    body = (
        (1).to_bytes(4, "big")
        + word(FAR)
        + unbase58(ACCOUNT)
        + be(AMOUNT)
        + word(USER)
        + be(500)
        + be(100)
        + be(0)
    )
    received = anchor("MessageReceived", unbase58(OWNER), le(6, 4), be(4), word(FAR), le(1000, 4), vec(body))
    credited = anchor("MintAndWithdraw", unbase58(ACCOUNT), le(AMOUNT - 100, 8), unbase58(MINT), le(100, 8))
    calls = [(MINTER_V2, to_itself(credited)), (TRANSMITTER_V2, to_itself(received))]
    arrival = seen(
        transaction((TRANSMITTER_V2, [OWNER], b"receive", calls), minutes=50, held=(7, AMOUNT - 93))
    )
    assert [leg.wallet for leg in arrival] == [OWNER]
    assert joined(decode(back), arrival).fee == 100


def test_wormhole_out_of_solana_by_the_number_in_the_log() -> None:
    data = bytes([5]) + le(1, 4) + le(AMOUNT, 8) + le(0, 8) + word(USER) + (30).to_bytes(2, "little")
    logs = (
        f"Program {PORTAL} invoke [1]",
        f"Program {CORE} invoke [2]",
        "Program log: Sequence: 4242",
        f"Program {CORE} success",
        "Program log: Sequence: 1",
        f"Program {PORTAL} success",
    )
    (left,) = seen(transaction((PORTAL, [OWNER, CORE, ACCOUNT, MINT], data, []), logs=logs, held=(AMOUNT, 0)))
    assert (left.wallet, left.asset, left.recipient) == (OWNER, f"{SOLANA}/token:{MINT}", USER)
    redeemed = log(
        "0x8d2de8d2f73F1F4cAB472AC9A881C9b123C79627",
        "TransferRedeemed(uint16,bytes32,uint64)",
        [1, bytes.fromhex(EMITTER), 4242],
        [],
        [],
    )
    paid = transfer(FAR, "0x" + "0" * 40, USER, AMOUNT)
    made = joined([left], decode(view(8453, 30, paid, redeemed)))
    assert (made.tier, made.state) == (Tier.EXACT_ID, LinkState.CONFIRMED)


def test_wormhole_into_solana_is_found_by_owner_and_amount() -> None:
    payload = (
        b"\x01" + be(AMOUNT) + word(FAR) + (6).to_bytes(2, "big") + unbase58(ACCOUNT) + b"\x00\x01" + be(0)
    )
    published = log(
        "0xbebdb6C8ddC678FfA9f8748f85C815C556Dd8ac6",
        "LogMessagePublished(address,uint64,uint32,bytes,uint8)",
        ["0x8d2de8d2f73F1F4cAB472AC9A881C9b123C79627"],
        ["uint64", "uint32", "bytes", "uint8"],
        [7, 0, payload, 1],
    )
    left = decode(view(8453, 0, transfer(FAR, USER, RELAYER, AMOUNT), published))
    accounts = [OWNER, CORE, MINT, DLN_SOURCE, PORTAL, ACCOUNT]
    came = seen(transaction((PORTAL, accounts, b"\x03", []), minutes=60, held=(5, AMOUNT + 5)))
    made = joined(left, came)
    assert (made.tier, made.state) == (Tier.HEURISTIC, LinkState.PROPOSED)
    assert made.destination is not None
    assert made.destination.wallet == OWNER


ORDER = "(uint64,bytes,uint256,bytes,uint256,uint256,bytes,uint256,bytes,bytes,bytes,bytes,bytes,bytes)"


def test_an_order_of_debridge_fulfilled_on_solana() -> None:
    order_id = bytes([9]) * 32
    given_token, taken = bytes.fromhex(FAR[2:]), unbase58(MINT)
    order = (
        1, bytes.fromhex(USER[2:]), 1, given_token, AMOUNT, 7565164, taken, AMOUNT - 9, unbase58(OWNER),
        b"", b"", b"", b"", b"",
    )  # fmt: skip
    types = [ORDER, "bytes32", "bytes", "uint256", "uint256", "uint32", "bytes"]
    created = log(
        "0xeF4fB24aD0916217251F553c0596F8Edc630EB66",
        f"CreatedOrder({','.join(types)})",
        [],
        types,
        [order, order_id, b"", 0, 0, 0, b""],
    )
    data = (
        sha256(b"global:fulfill_order").digest()[:8]
        + le(1, 8) + vec(bytes.fromhex(USER[2:]))
        + be(1) + vec(given_token) + be(AMOUNT)
        + be(7565164) + vec(taken) + be(AMOUNT - 9)
        + vec(unbase58(OWNER)) + vec(b"") + vec(b"") + b"\0" + b"\1" + vec(b"x") + b"\1" + bytes(32)
        + order_id + bytes(32)
    )  # fmt: skip
    came = seen(transaction((DLN_DESTINATION, [OWNER], data, []), minutes=2))
    made = joined(decode(view(1, 0, transfer(FAR, USER, RELAYER, AMOUNT), created)), came)
    assert (made.tier, made.state) == (Tier.EXACT_ID, LinkState.CONFIRMED)
    assert made.destination is not None
    assert (made.destination.wallet, made.destination.amount) == (OWNER, AMOUNT - 9)


def test_an_order_of_debridge_made_on_solana_is_found_by_its_promise() -> None:
    data = (
        sha256(b"global:create_order_with_nonce").digest()[:8]
        + le(AMOUNT, 8) + be(1) + vec(bytes.fromhex(FAR[2:])) + be(AMOUNT - 9) + vec(bytes.fromhex(USER[2:]))
        + b"\0" + bytes(32) + b"\0" + vec(b"") + b"\0\0\0"
    )  # fmt: skip
    (left,) = seen(transaction((DLN_SOURCE, [OWNER, CORE, MINT], data, [])))
    assert (left.wallet, left.recipient, left.expected_amount) == (OWNER, USER, AMOUNT - 9)
    order = (
        1, unbase58(OWNER), 7565164, unbase58(MINT), AMOUNT, 1, bytes.fromhex(FAR[2:]), AMOUNT - 9,
        bytes.fromhex(USER[2:]), b"", b"", b"", b"", b"",
    )  # fmt: skip
    types = [ORDER, "bytes32", "address", "address"]
    fulfilled = log(
        "0xE7351Fd770A37282b91D153Ee690B63579D6dd7f",
        f"FulfilledOrder({','.join(types)})",
        [],
        types,
        [order, bytes([9]) * 32, RELAYER, RELAYER],
    )
    made = joined([left], decode(view(1, 2, transfer(FAR, RELAYER, USER, AMOUNT - 9), fulfilled)))
    assert made.tier is Tier.RECIPIENT
    assert made.source is not None
    assert made.source.other_asset == f"eip155:1/erc20:{FAR}"


@drawn(st.binary(max_size=40))
def test_base58_is_read_as_it_is_written(data: bytes) -> None:
    assert unbase58(base58(data)) == data


@needs_recordings
def test_real_transactions_are_read() -> None:
    """None of the recorded ones crosses a bridge; they show that the node's own encoding is read."""
    answers = solana_answers()
    assert len(answers) > 10
    found = [view for answer in answers if (view := read_transaction(answer)) is not None]
    assert all(one.calls and one.signer and one.time for one in found)
    assert any(one.tokens for one in found)
    assert [decode_solana(one) for one in found] == [[]] * len(found)
