"""Poisoned histories: what strangers place in them is found out, what the owner did is left alone."""

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.chains.poison import Acquaintance, acquaintance, judge_transfer, poisoned
from indexer.chains.spam import Lists
from indexer.model.asset import Asset
from indexer.model.facts import BlockRef, Transfer, TransferKind

CHAIN = "eip155:1"
ME, MINE_TOO = "0x" + "a" * 40, "0xbeef" + "5" * 32 + "cafe"
FRIEND, STRANGER = "0x1234" + "0" * 32 + "abcd", "0x" + "9" * 40
USDC, FAKE, COIN = f"{CHAIN}/erc20:0x01", f"{CHAIN}/erc20:0x02", f"{CHAIN}/slip44:60"
ASSETS = {USDC: Asset(USDC, "USDC", 6, group="USDC"), FAKE: Asset(FAKE, "X", 6), COIN: Asset(COIN, "ETH", 18)}
BLOCK = BlockRef(1, "0x" + "0" * 64, datetime(2025, 1, 1, tzinfo=UTC))


def like(address: str) -> str:
    return address[:6] + "7" * 32 + address[-4:]


def moved(
    tx: str,
    sender: str,
    recipient: str,
    amount: int,
    asset: str = USDC,
    kind: TransferKind = TransferKind.ERC20,
) -> Transfer:
    position = "gas" if kind is TransferKind.GAS else "log:1"
    return Transfer(CHAIN, tx, position, BLOCK, sender, recipient, asset, amount, kind)


def gas(tx: str, payer: str = ME) -> Transfer:
    return moved(tx, payer, "0x" + "0" * 40, 21, COIN, TransferKind.GAS)


HISTORY = [moved("0x01", ME, FRIEND, 100), gas("0x01")]


def known(*more: Transfer) -> Acquaintance:
    return acquaintance([*HISTORY, *more], frozenset({ME, MINE_TOO}), ASSETS)


@pytest.mark.parametrize(
    ("poison", "words"),
    [
        (moved("0x02", ME, like(FRIEND), 0), "imitates"),
        (moved("0x02", like(FRIEND), ME, 1), "which you have dealt with"),
        (moved("0x02", ME, like(FRIEND), 100, FAKE), "imitates"),
        (moved("0x02", like(FRIEND), ME, 7, COIN, TransferKind.NATIVE), "imitates"),
        (moved("0x02", like(MINE_TOO), ME, 1), "one of your own"),
        (moved("0x02", like(FRIEND), ME, 1, f"{CHAIN}/erc721:0x03/1", TransferKind.ERC721), "imitates"),
        (moved("0x02", ME, STRANGER, 0), "in your name"),
        (moved("0x02", STRANGER, ME, 0), "nothing"),
        (moved("0x02", STRANGER, ME, 0, f"{CHAIN}/erc1155:0x03/1", TransferKind.ERC1155), "nothing"),
    ],
)
def test_what_strangers_place_in_a_history_is_found_out_with_a_reason(poison: Transfer, words: str) -> None:
    assert words in (judge_transfer(poison, known(poison)) or "")


@pytest.mark.parametrize(
    "honest",
    [
        [moved("0x02", STRANGER, ME, 5)],
        [moved("0x02", STRANGER, ME, 5, COIN, TransferKind.NATIVE)],
        [moved("0x02", FRIEND, ME, 5)],
        [moved("0x02", ME, MINE_TOO, 0)],
        [moved("0x02", ME, STRANGER, 0), gas("0x02")],  # one's own probe of an allowance
        [moved("0x02", ME, like(FRIEND), 5), gas("0x02")],  # sent by oneself: it is known from now on
        [moved("0x02", ME, STRANGER, 0, FAKE), moved("0x02", ME, STRANGER, 9, COIN, TransferKind.INTERNAL)],
        [moved("0x02", ME, "0x" + "0" * 40, 0, USDC, TransferKind.WRAP)],
    ],
)
def test_what_the_owner_did_or_really_received_is_left_alone(honest: list[Transfer]) -> None:
    assert poisoned(honest, known(*honest)) == {}


def test_a_false_token_makes_nobody_known() -> None:
    bait = moved("0x02", ME, like(FRIEND), 100, FAKE)
    dust = bait._replace(tx="0x03", sender=like(FRIEND), recipient=ME, asset=USDC, amount=1)
    assert set(poisoned([bait, dust], known(bait, dust))) == {bait.key, dust.key}


def test_an_account_without_a_key_is_known_by_the_coins_that_left_it() -> None:
    """A Safe or an ERC-4337 account pays no gas: what leaves it and cannot be feigned is its own doing."""
    paid = moved("0x05", MINE_TOO, STRANGER, 9, COIN, TransferKind.INTERNAL)
    fake = moved("0x06", like(STRANGER), MINE_TOO, 1)
    assert set(poisoned([paid, fake], known(paid, fake))) == {fake.key}


def test_a_list_of_ones_own_decides() -> None:
    plain = moved("0x02", STRANGER, ME, 5)
    blocked = Lists(blocked={(CHAIN, STRANGER): "pesters"})
    assert "block list: pesters" in (judge_transfer(plain, known(), blocked) or "")
    trusted = Lists(trusted={(CHAIN, like(FRIEND))})
    assert judge_transfer(moved("0x02", like(FRIEND), ME, 1), known(), trusted) is None


def test_the_zero_address_is_nobody() -> None:
    minted = moved("0x02", "0x" + "0" * 40, ME, 5)
    signed = [minted, gas("0x02")]
    odd = "0x0000" + "7" * 32 + "0000"
    assert judge_transfer(moved("0x03", odd, ME, 5), known(*signed)) is None


@given(
    st.lists(
        st.builds(
            moved,
            st.sampled_from(["0x01", "0x02", "0x03"]),
            st.sampled_from([ME, MINE_TOO, FRIEND, STRANGER, like(FRIEND), like(STRANGER)]),
            st.sampled_from([ME, MINE_TOO, FRIEND, STRANGER, like(FRIEND), like(STRANGER)]),
            st.integers(0, 2),
            st.sampled_from([USDC, FAKE]),
            st.sampled_from([TransferKind.ERC20, TransferKind.INTERNAL, TransferKind.GAS]),
        )
    ),
    st.randoms(use_true_random=False),
)
def test_verdicts_do_not_depend_on_the_order_of_a_history(history: list[Transfer], chance: Random) -> None:
    shuffled = history[:]
    chance.shuffle(shuffled)
    own = frozenset({ME, MINE_TOO})

    def verdicts(told: list[Transfer]) -> set[tuple[Transfer, str | None]]:
        whom = acquaintance(told, own, ASSETS)
        return {(transfer, judge_transfer(transfer, whom)) for transfer in told}

    assert verdicts(history) == verdicts(shuffled)
    for transfer, reason in verdicts(history):
        # what an owner's own transaction did is never poison, and a move between own addresses neither
        own_doing = (transfer.chain, transfer.tx) in acquaintance(history, own, ASSETS).acted
        assert not (reason and (own_doing or {transfer.sender, transfer.recipient} <= own))
