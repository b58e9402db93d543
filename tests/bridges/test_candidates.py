"""Which halves are a portfolio's own, and what plain transfers suggest."""

from dataclasses import replace

from indexer.bridges.candidates import own_legs, plain_halves
from indexer.model.asset import Asset, SpamVerdict
from indexer.model.facts import BlockRef, Transfer, TransferKind
from indexer.model.links import Side
from tests.bridges.legs import ALICE, ARBITRUM, BOB, ETHEREUM, START, USDC, into, out

CONTRACT, MAKER = "0x" + "cc" * 20, "0x" + "4d" * 20
ETHER = f"{ETHEREUM}/slip44:60"
ASSETS = {
    USDC[ETHEREUM]: Asset(USDC[ETHEREUM], "USDC", 6, group="USDC"),
    USDC[ARBITRUM]: Asset(USDC[ARBITRUM], "USDC", 6, group="USDC"),
    ETHER: Asset(ETHER, "ETH", 18, group="ETH"),
}


def move(
    sender: str, recipient: str, amount: int = 100, asset: str = USDC[ETHEREUM], tx: str = "0x1"
) -> Transfer:
    block = BlockRef(1, "0xb", START)
    kind = TransferKind.NATIVE if asset == ETHER else TransferKind.ERC20
    return Transfer(
        asset.partition("/")[0], tx, f"log:{amount}{sender}", block, sender, recipient, asset, amount, kind
    )


def test_the_sender_of_the_transaction_owns_what_a_wrapper_deposits() -> None:
    leg = out("o", 0, 100, wallet=CONTRACT, tx_sender=ALICE, group=None, decimals=None)
    (mine,) = own_legs([leg], {ALICE}, [move(ALICE, CONTRACT)], ASSETS)
    assert (mine.wallet, mine.group, mine.decimals) == (ALICE, "USDC", 6)
    assert own_legs([leg], {ALICE}, [], ASSETS) == [], "nothing of the sender's left"
    assert own_legs([leg], {BOB}, [move(ALICE, CONTRACT)], ASSETS) == []


def test_what_a_contract_passes_on_is_what_arrived() -> None:
    leg = into("i", 0, 100, wallet=CONTRACT)
    passed = [move(CONTRACT, ALICE, 99, USDC[ARBITRUM])]
    (mine,) = own_legs([leg], {ALICE}, passed, ASSETS)
    assert (mine.wallet, mine.amount, mine.recipient) == (ALICE, 99, CONTRACT)


def test_strangers_in_a_batch_are_left_out() -> None:
    legs = [into("i", 0, 100), into("j", 0, 50, wallet=BOB), into("r", 0, 50, wallet=BOB, refund=True)]
    assert [leg.id for leg in own_legs(legs, {ALICE}, [move(CONTRACT, ALICE)], ASSETS)] == ["i"]


def test_sends_and_receipts_are_halves() -> None:
    halves = plain_halves([move(ALICE, MAKER), move(MAKER, ALICE, tx="0x2")], ASSETS, {ALICE})
    assert [(leg.side, leg.amount, leg.wallet) for leg in halves] == [
        (Side.SOURCE, 100, ALICE),
        (Side.DESTINATION, 100, ALICE),
    ]


def test_what_is_no_half_is_left_out() -> None:
    own = {ALICE, BOB}
    swap = [move(ALICE, MAKER), move(MAKER, ALICE, 5, ETHER)]
    spam = {**ASSETS, USDC[ETHEREUM]: replace(ASSETS[USDC[ETHEREUM]], spam=SpamVerdict(spam=True))}
    assert plain_halves(swap, ASSETS, own) == []
    assert plain_halves([move(ALICE, BOB)], ASSETS, own) == []
    assert plain_halves([move(MAKER, ALICE)], spam, own) == []
    assert plain_halves([move(ALICE, MAKER)], ASSETS, own, {(ETHEREUM, "0x1")}) == []
    gas = move(ALICE, MAKER)._replace(kind=TransferKind.GAS)
    assert plain_halves([gas], ASSETS, own) == []
