"""Bridges of rollups and sidechains, from logs encoded by their published ABI."""

from dataclasses import replace
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from indexer.bridges.link import link
from indexer.bridges.protocols import decode
from tests.bridges.synthetic.encode import log, transfer, word
from tests.bridges.written import AMOUNT, FAR, RELAYER, USER, ZERO, linked, view


def test_zksync_by_the_transaction_it_fixes() -> None:
    inner = "(uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256,uint256[4],bytes,bytes,uint256[],bytes,bytes)"
    paid_in = "0x" + "56" * 32
    number = int(USER, 16)
    fields: tuple[Any, ...] = (
        255,
        number,
        number,
        1,
        1,
        1,
        0,
        0,
        1,
        AMOUNT,
        [AMOUNT, 0, 0, 0],
        b"",
        b"",
        [],
        b"",
        b"",
    )
    requested = log(
        "0x32400084C286CF3E17e7B677ea9583e60a000324",
        f"NewPriorityRequest(uint256,bytes32,uint64,{inner},bytes[])",
        [],
        ["uint256", "bytes32", "uint64", inner, "bytes[]"],
        [1, bytes.fromhex(paid_in[2:]), 0, fields, []],
    )
    (source,) = decode(view(1, 0, requested, value=AMOUNT + 999))
    assert (source.arrives_in, source.amount, source.recipient) == (paid_in, AMOUNT, USER)
    finalized = log(
        "0x11f943b2c77b743AB90f4A0Ae7d5A4e7FCA3E102",
        "FinalizeDeposit(address,address,address,uint256)",
        [USER, USER, FAR],
        ["uint256"],
        [AMOUNT],
    )
    (arrival,) = decode(view(324, 10, finalized, tx=paid_in))
    (made,) = link([source, arrival]).links
    assert made.confidence > 0.99
    assert not link([source, replace(arrival, tx="0x" + "57" * 32)]).links


def test_the_xdai_bridge_by_its_nonce() -> None:
    dai = "0x6b175474e89094c44da98b954eedeac495271d0f"
    asked = log(
        "0x4aa42145Aa6Ebf72e164C9bBC74fbD3788045016",
        "UserRequestForAffirmation(address,uint256,bytes32)",
        [],
        ["address", "uint256", "bytes32"],
        [USER, AMOUNT, word(77)],
    )
    done = log(
        "0x7301CFA0e1756B71869E93d4e4Dca5c7d0eb0AA6",
        "AffirmationCompleted(address,uint256,bytes32)",
        [],
        ["address", "uint256", "bytes32"],
        [USER, AMOUNT, word(77)],
    )
    made = linked(view(1, 0, transfer(dai, USER, RELAYER, AMOUNT), asked), view(100, 20, done))
    assert made.source is not None
    assert made.source.asset == f"eip155:1/erc20:{dai}"


def test_polygons_withdrawal_by_who_what_and_how_much() -> None:
    usdc, root = "0x2791bca1f2de4661ed88a30c99a7a9449aa84174", "0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48"
    burned = view(137, 0, transfer(usdc, USER, ZERO, AMOUNT), recipient=usdc)
    exited = log(
        "0x40ec5B33f54e0E8A33A975908C5BA1c14e5BbbDf",
        "ExitedERC20(address,address,uint256)",
        [USER, root],
        ["uint256"],
        [AMOUNT],
    )
    assert linked(burned, view(1, 200, exited)).tier == "derived_id"
    through_a_contract = replace(burned, recipient=RELAYER)
    assert decode(through_a_contract) == [], "a burn on the way of something else is no withdrawal"


def test_an_optimism_deposit_by_the_hash_of_its_message() -> None:
    l1, l2 = "0x99C9fc46f92E8a1c0deC1b1747d010903E884bE1", "0x4200000000000000000000000000000000000010"
    nonce, call = (1 << 240) + 12, b"\x01\x02"
    sent = log(
        "0x25ace71c97B33Cc4729CF772ae268934F7ab5fA1",
        "SentMessage(address,address,bytes,uint256,uint256)",
        [l2],
        ["address", "bytes", "uint256", "uint256"],
        [l1.lower(), call, nonce, 200_000],
    )
    value = log(
        "0x25ace71c97B33Cc4729CF772ae268934F7ab5fA1",
        "SentMessageExtension1(address,uint256)",
        [l1],
        ["uint256"],
        [AMOUNT],
    )
    begun = log(
        l1,
        "ETHDepositInitiated(address,address,uint256,bytes)",
        [USER, USER],
        ["uint256", "bytes"],
        [AMOUNT, b""],
    )
    digest = keccak(
        keccak(text="relayMessage(uint256,address,address,uint256,uint256,bytes)")[:4]
        + encode(
            ["uint256", "address", "address", "uint256", "uint256", "bytes"],
            [nonce, l1.lower(), l2, AMOUNT, 200_000, call],
        )
    )
    done = log(
        l2, "DepositFinalized(address,address,address,address,uint256,bytes)", [ZERO, "0xdeaddeaddeaddeaddeaddeaddeaddeaddead0000", USER],
        ["address", "uint256", "bytes"], [USER, AMOUNT, b""],
    )  # fmt: skip
    relayed = log("0x4200000000000000000000000000000000000007", "RelayedMessage(bytes32)", [digest], [], [])
    made = linked(view(1, 0, sent, value, begun, value=AMOUNT), view(10, 2, done, relayed))
    assert made.confidence > 0.99
    assert made.destination is not None
    assert made.destination.asset == "eip155:10/slip44:60"
