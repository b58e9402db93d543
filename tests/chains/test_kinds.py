"""Kinds of transactions that no local node makes: answers written from each chain's documentation, read to the coin.

Most were never seen live; docs/kinds.md lists them. What a local node can make is in `test_contracts.py`,
`test_accounts.py` and `test_op_stack.py`.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from eth_utils.crypto import keccak

from indexer.chains.evm.decode import (
    BOOTLOADER,
    COIN_MINT,
    LOG_TRANSFER,
    POLYGON_COIN,
    TRANSFER,
    TRANSFER_SINGLE,
    ZERO,
    ZKSYNC_COIN,
    Value,
)
from indexer.chains.evm.settlement import Evidence, Settled, settle
from indexer.chains.registry import load
from indexer.model.facts import BlockRef, GapCode, TransferKind

CHAINS = load(Path(__file__).resolve().parents[2] / "chains.yaml", {})
ETHEREUM, OP, POLYGON, ZKSYNC, ARBITRUM = (CHAINS[f"eip155:{n}"] for n in (1, 10, 137, 324, 42161))
ME, FRIEND, TOKEN, PAYMASTER = ("0x" + digit * 40 for digit in "abcd")
BUNDLER = "0x" + "e" * 40
TX = "0x" + "1" * 64
BLOCK = BlockRef(7, "0x" + "f" * 64, datetime(2025, 1, 1, tzinfo=UTC))
GAS, PRICE = 21_000, 10
FEE = GAS * PRICE


def topic(address: str) -> str:
    return "0x" + address[2:].rjust(64, "0")


def log(contract: str, topics: list[str], *words: int, index: int = 0) -> dict[str, Any]:
    data = "0x" + "".join(f"{word:064x}" for word in words)
    return {
        "address": contract, "topics": topics, "data": data, "logIndex": hex(index), "blockNumber": "0x7",
        "blockHash": BLOCK.hash, "transactionHash": TX,
    }  # fmt: skip


@dataclass(frozen=True)
class Told:
    """A transaction as a node tells it; the fields of its receipt that a chain adds are in `extra`."""

    sender: str = ME
    to: str | None = FRIEND
    value: int = 0
    type: int = 2
    status: int = 1
    price: int = PRICE
    tx: dict[str, str] = field(default_factory=dict)
    extra: dict[str, str] = field(default_factory=dict)
    logs: tuple[dict[str, Any], ...] = ()
    internals: tuple[Value, ...] | None = ()

    def evidence(self) -> Evidence:
        tx = {"from": self.sender, "to": self.to, "value": hex(self.value), "type": hex(self.type), **self.tx}
        receipt = {
            "from": self.sender, "to": self.to, "type": hex(self.type), "status": hex(self.status),
            "gasUsed": hex(GAS), "effectiveGasPrice": hex(self.price), "logs": list(self.logs),
            "contractAddress": None, **self.extra,
        }  # fmt: skip
        return Evidence(TX, BLOCK, tx, receipt, internals=self.internals)


def change(settled: Settled, asset: str, address: str = ME) -> int:
    return sum(
        t.amount * ((t.recipient == address) - (t.sender == address))
        for t in settled.transfers
        if t.asset == asset
    )


def fees(settled: Settled) -> list[int]:
    return [t.amount for t in settled.transfers if t.kind is TransferKind.GAS]


def test_the_topics_are_what_their_signatures_hash_to() -> None:
    transfer = "LogTransfer(address,address,address,uint256,uint256,uint256,uint256,uint256)"
    assert "0x" + keccak(text=transfer).hex() == LOG_TRANSFER
    assert "0x" + keccak(text="Mint(address,uint256)").hex() == COIN_MINT


class TestOpStack:
    """https://specs.optimism.io/protocol/deposits.html and .../isthmus/exec-engine.html#operator-fee"""

    @pytest.mark.parametrize(("status", "left"), [(1, 0), (0, 50)])
    def test_a_deposit_mints_and_keeps_the_mint_when_it_fails(self, status: int, left: int) -> None:
        deposit = Told(type=0x7E, value=50, status=status, price=0, tx={"mint": hex(50)}).evidence()
        settled = settle(OP, ME, deposit)
        assert change(settled, OP.native_id) == left
        assert change(settle(OP, FRIEND, deposit), OP.native_id, FRIEND) == 50 - left
        assert fees(settled) == []
        assert settled.gaps == []

    def test_a_deposit_to_oneself_is_credited_once(self) -> None:
        settled = settle(OP, ME, Told(to=ME, type=0x7E, value=50, price=0, tx={"mint": hex(50)}).evidence())
        assert change(settled, OP.native_id) == 50

    @pytest.mark.parametrize(
        ("extra", "more"),
        [
            ({"l1Fee": "0x64"}, 100),
            ({"l1Fee": "0x0", "operatorFeeScalar": hex(2_000_000), "operatorFeeConstant": "0x7"}, GAS * 2 + 7),
            ({"l1Fee": "0x5", "operatorFeeConstant": "0x7"}, 12),
            (
                {"l1Fee": "0x0", "operatorFeeScalar": "0x2", "operatorFeeConstant": "0x7",
                 "daFootprintGasScalar": "0x190"},
                GAS * 2 * 100 + 7,
            ),
        ],
        ids=["bedrock", "isthmus", "isthmus without scalar", "jovian"],
    )  # fmt: skip
    def test_the_fee_has_its_l1_and_operator_parts(self, extra: dict[str, str], more: int) -> None:
        assert fees(settle(OP, ME, Told(extra=extra).evidence())) == [FEE + more]

    def test_an_unknown_l1_fee_is_a_gap_of_who_paid_it_and_of_nobody_else(self) -> None:
        sent = Told(value=5).evidence()
        assert [gap[0] for gap in settle(OP, ME, sent).gaps] == [GapCode.L1_FEE_UNKNOWN]
        assert settle(OP, FRIEND, sent).gaps == []

    def test_a_deposit_that_an_explorer_lists_without_its_type_has_no_fee_and_no_gap_about_one(self) -> None:
        row = {"from": ME, "to": ME, "value": "5", "gasUsed": "21000", "gasPrice": "0", "isError": "0"}
        settled = settle(OP, ME, Evidence(TX, BLOCK, row=row))
        assert [gap[0] for gap in settled.gaps] == [GapCode.RECEIPT_UNAVAILABLE]
        paid = settle(OP, ME, Evidence(TX, BLOCK, row={**row, "gasPrice": "3"}))
        assert {gap[0] for gap in paid.gaps} == {GapCode.RECEIPT_UNAVAILABLE, GapCode.L1_FEE_UNKNOWN}


class TestArbitrum:
    """https://docs.arbitrum.io/how-arbitrum-works/geth-at-the-core#transaction-types"""

    @pytest.mark.parametrize(
        ("kind", "pays"),
        [(0x64, False), (0x65, True), (0x66, True), (0x68, False), (0x69, False), (0x6A, False), (2, True)],
    )
    def test_who_buys_its_gas(self, kind: int, pays: bool) -> None:
        assert fees(settle(ARBITRUM, ME, Told(type=kind).evidence())) == ([FEE] if pays else [])

    @pytest.mark.parametrize("kind", [0x64, 0x68])
    def test_what_comes_over_the_bridge_is_a_credit_and_no_debit_of_its_sender(self, kind: int) -> None:
        came = Told(type=kind, value=50, price=0).evidence()
        assert change(settle(ARBITRUM, FRIEND, came), ARBITRUM.native_id, FRIEND) == 50
        assert change(settle(ARBITRUM, ME, came), ARBITRUM.native_id) == 0
        own = Told(type=kind, value=50, price=0, to=ME).evidence()
        assert change(settle(ARBITRUM, ME, own), ARBITRUM.native_id) == 50

    def test_a_retryable_that_fails_moves_nothing(self) -> None:
        failed = Told(type=0x68, value=50, price=0, status=0).evidence()
        assert settle(ARBITRUM, ME, failed).transfers == []
        assert settle(ARBITRUM, FRIEND, failed).transfers == []


def bor(sender: str, recipient: str, amount: int, index: int = 0) -> dict[str, Any]:
    """What Bor writes for a move of the coin: amount and the two balances before and after."""
    topics = [LOG_TRANSFER, topic(POLYGON_COIN), topic(sender), topic(recipient)]
    return log(POLYGON_COIN, topics, amount, 9, 9, 9, 9, index=index)


class TestPolygon:
    """Recorded receipts hold the same logs: `tests/recorded/test_polygon.py`."""

    @pytest.mark.parametrize("internals", [None, (Value(TOKEN, ME, 4),)], ids=["untraced", "traced"])
    def test_logs_tell_every_move_of_the_coin_and_traces_repeat_them(
        self, internals: tuple[Value, ...] | None
    ) -> None:
        fee = log(
            POLYGON_COIN,
            ["0x4dfe1bbbcf077ddc3e01291eea2d5c70c2b422b415d95645b9adcfd678cb1d63", topic(POLYGON_COIN),
             topic(ME), topic(FRIEND)],
            FEE, 1, 1, 1, 1, index=2,
        )  # fmt: skip
        logs = (bor(ME, TOKEN, 10), bor(TOKEN, ME, 4, 1), fee)
        told = Told(to=TOKEN, value=10, logs=logs, internals=internals).evidence()
        settled = settle(POLYGON, ME, told)
        assert sorted((t.kind.value, t.amount) for t in settled.transfers) == [
            ("gas", FEE), ("internal", 4), ("native", 10),
        ]  # fmt: skip
        assert {t.asset for t in settled.transfers} == {POLYGON.native_id}

    def test_the_coins_own_transfer_function_counts_once(self) -> None:
        logs = (
            bor(ME, POLYGON_COIN, 10),
            bor(POLYGON_COIN, FRIEND, 10, 1),
            log(POLYGON_COIN, [TRANSFER, topic(ME), topic(FRIEND)], 10, index=2),
        )
        told = Told(to=POLYGON_COIN, value=10, logs=logs, internals=(Value(POLYGON_COIN, FRIEND, 10),))
        assert change(settle(POLYGON, ME, told.evidence()), POLYGON.native_id) == -10 - FEE
        assert change(settle(POLYGON, FRIEND, told.evidence()), POLYGON.native_id, FRIEND) == 10

    def test_a_state_sync_brings_coins_and_tokens_and_costs_nothing(self) -> None:
        minted = log(TOKEN, [TRANSFER, topic(ZERO), topic(ME)], 3, index=1)
        sync = Told(
            ZERO, ZERO, type=0x7F, price=0, logs=(bor(POLYGON_COIN, ME, 30), minted), internals=None
        ).evidence()
        settled = settle(POLYGON, ME, sync)
        assert change(settled, POLYGON.native_id) == 30
        assert [t.amount for t in settled.transfers if t.kind is TransferKind.ERC20] == [3]
        assert fees(settled) == []


def coin(sender: str, recipient: str, amount: int, index: int = 0) -> dict[str, Any]:
    return log(ZKSYNC_COIN, [TRANSFER, topic(sender), topic(recipient)], amount, index=index)


def minted(account: str, amount: int, index: int = 0) -> dict[str, Any]:
    return log(ZKSYNC_COIN, [COIN_MINT, topic(account)], amount, index=index)


class TestZkSync:
    """https://docs.zksync.io/zksync-protocol/era-vm/contracts/system-contracts (L2BaseToken) and .../bootloader"""

    def test_a_send_counts_once_with_the_fee_of_its_receipt(self) -> None:
        logs = (coin(ME, BOOTLOADER, 900), coin(ME, FRIEND, 50, 1), coin(BOOTLOADER, ME, 900 - FEE, 2))
        settled = settle(ZKSYNC, ME, Told(value=50, logs=logs, internals=None).evidence())
        assert sorted((t.kind.value, t.amount) for t in settled.transfers) == [("gas", FEE), ("native", 50)]

    def test_a_paymaster_pays_and_the_sender_does_not(self) -> None:
        logs = (
            log(TOKEN, [TRANSFER, topic(ME), topic(PAYMASTER)], 7),
            coin(PAYMASTER, BOOTLOADER, 900, 1),
            coin(BOOTLOADER, PAYMASTER, 900 - FEE, 2),
        )
        told = Told(type=0x71, logs=logs).evidence()
        assert [(t.kind, t.amount) for t in settle(ZKSYNC, ME, told).transfers] == [(TransferKind.ERC20, 7)]
        assert fees(settle(ZKSYNC, PAYMASTER, told)) == [FEE]

    def test_coins_from_l1_are_minted_and_refunded_without_a_transfer(self) -> None:
        logs = (minted(ME, 50), coin(ME, FRIEND, 50, 1), minted(BOOTLOADER, 20, 2), minted(ME, 3, 3))
        settled = settle(ZKSYNC, ME, Told(type=0xFF, value=50, logs=logs).evidence())
        assert change(settled, ZKSYNC.native_id) == 3
        failed = Told(type=0xFF, value=50, status=0, logs=(minted(BOOTLOADER, 20), minted(ME, 53, 1)))
        assert change(settle(ZKSYNC, ME, failed.evidence()), ZKSYNC.native_id) == 53

    def test_a_failed_transaction_costs_its_fee_alone(self) -> None:
        logs = (coin(ME, BOOTLOADER, 900), coin(BOOTLOADER, ME, 900 - FEE, 1))
        settled = settle(ZKSYNC, ME, Told(value=50, status=0, logs=logs).evidence())
        assert change(settled, ZKSYNC.native_id) == -FEE


class TestEthereum:
    def test_blob_gas_is_part_of_the_fee(self) -> None:
        """https://eips.ethereum.org/EIPS/eip-4844#gas-accounting; the receipt's fields: execution-apis."""
        extra = {"blobGasUsed": hex(131_072), "blobGasPrice": "0x3"}
        assert fees(settle(ETHEREUM, ME, Told(type=3, extra=extra).evidence())) == [FEE + 131_072 * 3]
        # a chain may fill the fields in for other types: they cost nothing there
        assert fees(settle(ETHEREUM, ME, Told(type=2, extra=extra).evidence())) == [FEE]

    def test_an_account_that_a_bundler_carries_pays_what_it_pays_to_the_entry_point(self) -> None:
        """https://eips.ethereum.org/EIPS/eip-4337: the bundler signs, the prefund is a call of the account."""
        entry_point = "0x0000000071727de22e5e9d8baf0edac6f37da032"
        told = Told(
            BUNDLER, entry_point, internals=(Value(ME, entry_point, 30), Value(ME, FRIEND, 5))
        ).evidence()
        assert change(settle(ETHEREUM, ME, told), ETHEREUM.native_id) == -35
        assert fees(settle(ETHEREUM, ME, told)) == []
        assert fees(settle(ETHEREUM, BUNDLER, told)) == [FEE]

    @pytest.mark.parametrize("sender", [ME, BUNDLER])
    def test_a_delegated_account_pays_only_what_it_sends_itself(self, sender: str) -> None:
        """https://eips.ethereum.org/EIPS/eip-7702: the authority need not be who pays."""
        told = Told(sender, ME, type=4, internals=(Value(ME, FRIEND, 5),)).evidence()
        assert change(settle(ETHEREUM, ME, told), ETHEREUM.native_id) == -5 - (FEE if sender == ME else 0)

    @pytest.mark.parametrize(
        "odd",
        [
            log(TOKEN, [TRANSFER, topic(ME)], int(FRIEND, 16), 5),
            log(TOKEN, [TRANSFER, topic(FRIEND)], int(ME, 16), 5),
            log(TOKEN, [TRANSFER], int(ME, 16), int(FRIEND, 16)),
            log(TOKEN, [TRANSFER_SINGLE, topic(ME)], int(ME, 16), int(FRIEND, 16), 1, 5),
            log(TOKEN, [TRANSFER, topic(ME), topic(FRIEND)]),
        ],
        ids=["one indexed", "the other indexed", "none indexed, no amount", "erc-1155", "no amount"],
    )
    def test_a_transfer_log_that_cannot_be_read_is_named(self, odd: dict[str, Any]) -> None:
        settled = settle(ETHEREUM, ME, Told(FRIEND, logs=(odd,)).evidence())
        assert [(gap[0], gap[1]) for gap in settled.gaps] == [(GapCode.DECODE_FAILED, f"{TX}:0")]
        assert settle(ETHEREUM, BUNDLER, Told(FRIEND, logs=(odd,)).evidence()).gaps == []

    def test_unindexed_parties_are_read_from_the_data(self) -> None:
        old = log(TOKEN, [TRANSFER], int(FRIEND, 16), int(ME, 16), 5)
        assert (
            change(settle(ETHEREUM, ME, Told(FRIEND, logs=(old,)).evidence()), f"eip155:1/erc20:{TOKEN}") == 5
        )
        kitties = "0x06012c8cf97bead5deae237070f9587f8e7a266d"
        cat = settle(ETHEREUM, ME, Told(FRIEND, logs=({**old, "address": kitties},)).evidence())
        assert [(t.kind, t.asset, t.amount) for t in cat.transfers] == [
            (TransferKind.ERC721, f"eip155:1/erc721:{kitties}/5", 1)
        ]

    def test_who_pays_nothing_for_gas_has_no_row_for_it(self) -> None:
        free = replace(Told(value=5), price=0).evidence()
        assert fees(settle(ETHEREUM, ME, free)) == []
        assert settle(ETHEREUM, ME, free).gaps == []
