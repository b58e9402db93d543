"""Logs, internal calls and traces read into movements; odd and hostile forms included."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.chains.evm.address import normalize
from indexer.chains.evm.decode import (
    DEPOSIT,
    TRANSFER,
    TRANSFER_BATCH,
    TRANSFER_SINGLE,
    WITHDRAWAL,
    ZERO,
    Log,
    LogRules,
    Value,
    internal_positions,
    merge_values,
    parse_receipt_logs,
    read_logs,
)
from indexer.chains.evm.explorer_rows import internal_value
from indexer.chains.evm.tokens import read_decimals, read_text
from indexer.chains.evm.traces import of_geth, of_parity, reward_name, sum_rewards
from indexer.model.errors import InputError, LyingSourceError
from indexer.model.facts import TransferKind

A, B, TOKEN, WETH, MIRROR = ("0x" + digit * 40 for digit in "abcde")
TX = "0x" + "1" * 64
RULES = LogRules(wrapped_native=WETH, native_mirror=MIRROR)


def word(value: int) -> str:
    return f"{value:064x}"


def topic(address: str) -> str:
    return "0x" + address[2:].rjust(64, "0")


def log(contract: str, topics: list[str], data: str = "0x", index: int = 0) -> Log:
    return Log(contract, tuple(topics), data, 7, "0x" + "f" * 64, TX, index, None)


def test_erc20_and_erc721_differ_by_the_number_of_topics() -> None:
    fungible = log(TOKEN, [TRANSFER, topic(A), topic(B)], "0x" + word(2**256 - 1), 3)
    single = log(TOKEN, [TRANSFER, topic(A), topic(B), "0x" + word(99)], "0x", 4)
    moves = read_logs([fungible, single], RULES).moves
    assert [(m.kind, m.item, m.amount, m.position) for m in moves] == [
        (TransferKind.ERC20, None, 2**256 - 1, "log:3"),
        (TransferKind.ERC721, 99, 1, "log:4"),
    ]


def test_an_erc1155_batch_has_a_position_for_every_item() -> None:
    data = "0x" + word(64) + word(160) + word(2) + word(1) + word(2) + word(2) + word(10) + word(20)
    batch = log(TOKEN, [TRANSFER_BATCH, topic(A), topic(A), topic(B)], data, 5)
    single = log(TOKEN, [TRANSFER_SINGLE, topic(A), topic(A), topic(B)], "0x" + word(7) + word(5), 6)
    moves = read_logs([batch, single], RULES).moves
    assert [(m.position, m.item, m.amount) for m in moves] == [
        ("log:5:0", 1, 10),
        ("log:5:1", 2, 20),
        ("log:6", 7, 5),
    ]


@pytest.mark.parametrize(
    "data",
    [
        "0x",
        "0x" + word(64),
        "0x" + word(64) + word(2**255) + word(1),
        "0x" + word(64) + word(96) + word(2**64),
        "0x" + word(64) + word(96) + word(0) + word(5),
    ],
)
def test_a_malformed_batch_is_a_problem_and_not_a_crash(data: str) -> None:
    reading = read_logs([log(TOKEN, [TRANSFER_BATCH, topic(A), topic(A), topic(B)], data)], RULES)
    assert reading.problems or not reading.moves


def test_wraps_are_counted_once_where_the_coin_also_emits_a_transfer() -> None:
    deposit = log(WETH, [DEPOSIT, topic(A)], "0x" + word(5), 1)
    minted = log(WETH, [TRANSFER, topic(ZERO), topic(A)], "0x" + word(5), 2)
    withdrawn = log(WETH, [WITHDRAWAL, topic(A)], "0x" + word(4), 3)
    moves = read_logs([deposit, minted, withdrawn], RULES).moves
    assert [(m.kind, m.sender, m.recipient, m.amount) for m in moves] == [
        (TransferKind.ERC20, ZERO, A, 5),
        (TransferKind.WRAP, A, ZERO, 4),
    ]
    assert not read_logs([log(TOKEN, [DEPOSIT, topic(A)], "0x" + word(5))], RULES).moves


def test_mirrored_native_logs_are_the_coin_and_never_a_token() -> None:
    reading = read_logs([log(MIRROR, [TRANSFER, topic(A), topic(B)], "0x" + word(8))], RULES)
    assert (reading.moves, reading.mirrored) == ([], [Value(A, B, 8)])


@given(st.lists(st.tuples(st.sampled_from([A, B]), st.sampled_from([A, B, TOKEN]), st.integers(0, 3))))
def test_internal_positions_do_not_depend_on_the_order_of_a_source(items: list[tuple[str, str, int]]) -> None:
    values = [Value(*item) for item in items]
    forward = {(p, v) for p, v in internal_positions(values)}
    backward = {(p, v) for p, v in internal_positions(values[::-1])}
    assert forward == backward
    assert len(forward) == sum(v.amount > 0 for v in values)
    assert sorted(merge_values(values, values)) == sorted(values)


@pytest.mark.parametrize(
    "row",
    [
        {"type": "delegatecall", "value": "5"},
        {"type": "call", "callType": "delegatecall", "value": "5"},
        {"type": "call", "callType": "callcode", "value": "5"},
        {"type": "staticcall", "value": "5"},
        {"type": "call", "value": "5", "isError": "1"},
        {"type": "call", "value": "0"},
    ],
)
def test_internal_rows_that_move_nothing(row: dict[str, str]) -> None:
    assert internal_value({"from": A, "to": B, "isError": "0", **row}) is None


def test_internal_rows_of_creation_and_selfdestruct() -> None:
    created = {"type": "create", "from": A, "to": "", "contractAddress": B, "value": "5", "isError": "0"}
    assert internal_value(created) == Value(A, B, 5)
    assert internal_value({"type": "suicide", "from": A, "to": B, "value": "6", "isError": "0"}) == Value(
        A, B, 6
    )


def test_traces_of_both_dialects_agree() -> None:
    parity: list[dict[str, Any]] = [
        _parity([], "call", {"from": A, "to": B, "value": "0x9", "callType": "call"}),
        _parity([0], "call", {"from": B, "to": A, "value": "0x5", "callType": "call"}),
        _parity([1], "call", {"from": B, "to": TOKEN, "value": "0x5", "callType": "delegatecall"}),
        {
            **_parity([2], "call", {"from": B, "to": A, "value": "0x7", "callType": "call"}),
            "error": "Reverted",
        },
        _parity([2, 0], "call", {"from": A, "to": B, "value": "0x7", "callType": "call"}),
        {**_parity([3], "create", {"from": B, "value": "0x1"}), "result": {"address": TOKEN}},
        _parity([4], "suicide", {"address": TOKEN, "refundAddress": A, "balance": "0x2"}),
        {"type": "reward", "action": {"author": A, "rewardType": "block", "value": "0x10"}},
    ]
    values, rewards = of_parity(parity)
    frame = {
        "type": "CALL", "from": A, "to": B, "value": "0x9",
        "calls": [
            {"type": "CALL", "from": B, "to": A, "value": "0x5"},
            {"type": "DELEGATECALL", "from": B, "to": TOKEN, "value": "0x5"},
            {"type": "CALL", "from": B, "to": A, "value": "0x7", "error": "execution reverted",
             "calls": [{"type": "CALL", "from": A, "to": B, "value": "0x7"}]},
            {"type": "CREATE", "from": B, "to": TOKEN, "value": "0x1"},
            {"type": "SELFDESTRUCT", "from": TOKEN, "to": A, "value": "0x2"},
        ],
    }  # fmt: skip
    assert values == of_geth([{"result": frame}], [TX])
    assert values[TX] == [Value(B, A, 5), Value(B, TOKEN, 1), Value(TOKEN, A, 2)]
    assert rewards == [(A, "block", 16)]


def _parity(path: list[int], kind: str, action: dict[str, str]) -> dict[str, Any]:
    return {"type": kind, "action": action, "traceAddress": path, "transactionHash": TX}


@pytest.mark.parametrize("raw", [{}, {"address": A}, {"address": A, "topics": ["0x1"], "data": "0x"}])
def test_a_log_without_its_fields_is_a_lie(raw: dict[str, object]) -> None:
    with pytest.raises(LyingSourceError):
        parse_receipt_logs([raw])


def test_odd_token_metadata() -> None:
    assert read_text(bytes.fromhex(word(32) + word(4)) + b"USDC".ljust(32, b"\0")) == "USDC"
    assert read_text(b"MKR".ljust(32, b"\0")) == "MKR"
    assert read_text(b"") is None
    assert read_decimals(bytes(31) + b"\x12") == 18
    assert read_decimals(b"\xff" * 32) is None
    assert read_decimals(b"") is None


def test_addresses() -> None:
    good = "0xc37b40ABdB939635068d3c5f13E7faF686F03B65"
    assert normalize(good) == normalize(good.lower()) == normalize(good[2:].upper()) == good.lower()
    for bad, words in [
        (good.replace("AB", "aB"), "checksum"),
        (good[:-1], "40 hexadecimal digits"),
        (good[:-1] + "g", "40 hexadecimal digits"),
        ("vitalik.eth", "is a name"),
        ("", "0 characters"),
    ]:
        with pytest.raises(InputError, match=words):
            normalize(bad)


def test_uncles_of_one_block_are_rewarded_apart() -> None:
    """Both of a block's uncles may have one finder, or two."""
    found = sum_rewards([("0xa", "block", 5), ("0xb", "uncle", 3), ("0xb", "uncle", 2), ("0xc", "uncle", 1)])
    assert found == {("0xa", "block"): 5, ("0xb", "uncle"): 5, ("0xc", "uncle"): 1}
    assert len({reward_name(kind, 7, recipient) for recipient, kind in found}) == 3
