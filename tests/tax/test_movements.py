"""From facts to movements to a book, by hand-made transactions."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from indexer.model.asset import Asset, SpamVerdict
from indexer.model.errors import InputError
from indexer.model.facts import BlockRef, Transfer, TransferKind
from indexer.model.judgment import Judgment, JudgmentKind
from indexer.model.links import BridgeLeg, CrossChainLink, LinkState, ReasonCode, Side, Tier, Treatment
from indexer.model.lots import BookGapCode
from indexer.model.money import FIAT_ONE
from indexer.model.movement import Movement, MovementKind
from indexer.model.prices import PriceNeed, PriceQuote, PriceResult
from indexer.model.profile import TaxProfile
from indexer.tax.engine import build
from indexer.tax.movements import Ownership, classify
from indexer.tax.valuation import needs, value

L1, L2 = "eip155:1", "eip155:10"
ETH, ETH2 = f"{L1}/slip44:60", f"{L2}/slip44:60"
WETH = f"{L1}/erc20:0xc02a"
USDC, USDC2 = f"{L1}/erc20:0xa0b8", f"{L2}/erc20:0x0b2c"
JUNK = f"{L1}/erc20:0xbad"
ME, SAFE, POOL, BRIDGE = "0xme", "0xsafe", "0xpool", "0xbridge"
ASSETS = {
    ETH: Asset(ETH, "ETH", 18, group="ETH"),
    ETH2: Asset(ETH2, "ETH", 18, group="ETH"),
    WETH: Asset(WETH, "WETH", 18, broad_group="ETH"),
    USDC: Asset(USDC, "USDC", 6, group="USDC"),
    USDC2: Asset(USDC2, "USDC", 6, group="USDC"),
    JUNK: Asset(JUNK, "JUNK", 18, spam=SpamVerdict(spam=True, reason="claims to be USDC")),
}
PRICES = {"ETH": Decimal(2000), "WETH": Decimal(2000), "USDC": Decimal(1)}
OWN = Ownership({ME: "main", SAFE: "vault"})
START = datetime(2025, 1, 1, tzinfo=UTC)
WEI = 10**18


def fact(
    tx: str,
    position: str,
    sender: str,
    recipient: str,
    asset: str,
    amount: int,
    *,
    day: int = 0,
    kind: TransferKind = TransferKind.ERC20,
) -> Transfer:
    chain = asset.partition("/")[0]
    block = BlockRef(100 + day, f"0xb{day}", START + timedelta(days=day))
    return Transfer(chain, tx, position, block, sender, recipient, asset, amount, kind)


def gas(tx: str, amount: int, *, payer: str = ME, day: int = 0, asset: str = ETH) -> Transfer:
    return fact(tx, "gas", payer, "0x0", asset, amount, day=day, kind=TransferKind.GAS)


def swap_facts() -> list[Transfer]:
    return [
        fact("0xs", "native", ME, POOL, ETH, WEI, kind=TransferKind.NATIVE),
        fact("0xs", "log:3", POOL, ME, USDC, 2010 * 10**6),
        gas("0xs", WEI // 1000),
    ]


def quoted(movements: list[Movement]) -> list[Movement]:
    asked = needs(movements, ASSETS, "USD")
    results: dict[PriceNeed, PriceResult] = {
        need: PriceQuote(need.asset, "USD", need.instant, PRICES[ASSETS[need.asset].symbol], "test")
        for need in asked
    }
    return value(movements, ASSETS, results)


def judgment(kind: JudgmentKind, subject: str, payload: dict[str, object], *, number: int = 1) -> Judgment:
    return Judgment(f"j{number}", "p", kind, subject, payload, "me", START + timedelta(hours=number))


def link(
    *,
    state: LinkState = LinkState.CONFIRMED,
    treatment: Treatment = Treatment.NOT_TAXABLE,
    half: bool = False,
) -> CrossChainLink:
    source = BridgeLeg("a", Side.SOURCE, "across", L1, "0xout", START, USDC, 1000 * 10**6, ME, group="USDC")
    arrival = BridgeLeg(
        "b", Side.DESTINATION, "across", L2, "0xin", START, USDC2, 999 * 10**6, ME, group="USDC"
    )
    return CrossChainLink(
        id="link1",
        source=source,
        destination=None if half else arrival,
        protocol="across",
        tier=Tier.EXACT_ID,
        confidence=1.0,
        state=state,
        reasons=(ReasonCode.SAME_ASSET_CANONICAL,),
        treatment=treatment,
    )


def bridge_facts() -> list[Transfer]:
    return [
        fact("0xbuy", "log:1", POOL, ME, USDC, 1000 * 10**6),
        fact("0xbuy", "native", ME, POOL, ETH, WEI // 2, kind=TransferKind.NATIVE),
        fact("0xout", "log:1", ME, BRIDGE, USDC, 1000 * 10**6, day=1),
        gas("0xout", WEI // 1000, day=1),
        fact("0xin", "log:1", BRIDGE, ME, USDC2, 999 * 10**6, day=2),
    ]


def test_a_swap_is_one_movement_with_its_gas() -> None:
    (movement,) = classify(swap_facts(), OWN, ASSETS, [], [])
    assert movement.kind is MovementKind.SWAP
    assert movement.id == f"{L1}:0xs"
    assert [(leg.pool_asset, leg.quantity) for leg in movement.out] == [("ETH", WEI)]
    assert [(leg.pool_asset, leg.quantity) for leg in movement.into] == [("USDC", 2010 * WEI)]
    assert [leg.quantity for leg in movement.fee] == [WEI // 1000]


def test_the_order_of_facts_changes_nothing() -> None:
    facts = [*bridge_facts(), *swap_facts()]
    assert classify(facts, OWN, ASSETS, [link()], []) == classify(facts[::-1], OWN, ASSETS, [link()], [])


def test_swap_gas_lowers_the_proceeds_and_is_a_disposal_itself() -> None:
    received = [fact("0xr", "native", POOL, ME, ETH, 3 * WEI, day=-1, kind=TransferKind.NATIVE)]
    book = build(quoted(classify([*received, *swap_facts()], OWN, ASSETS, [], [])), TaxProfile())
    sale, fee = book.disposals
    assert sale.proceeds == (2010 - 2) * FIAT_ONE
    assert sale.cost == 2000 * FIAT_ONE
    assert fee.quantity == WEI // 1000
    assert fee.proceeds == 2 * FIAT_ONE
    assert [lot.cost for lot in book.lots if lot.asset == "USDC"] == [2010 * FIAT_ONE]
    assert [gap.code for gap in book.gaps] == [BookGapCode.UNKNOWN_BASIS]


def test_own_addresses_make_a_self_move_and_the_lot_keeps_its_date() -> None:
    facts = [
        fact("0xr", "native", POOL, ME, ETH, WEI, kind=TransferKind.NATIVE),
        fact("0xm", "native", ME, SAFE, ETH, WEI // 2, day=9, kind=TransferKind.NATIVE),
        gas("0xm", WEI // 1000, day=9),
    ]
    movements = classify(facts, OWN, ASSETS, [], [])
    assert [movement.kind for movement in movements] == [MovementKind.RECEIVE, MovementKind.SELF]
    book = build(quoted(movements), TaxProfile())
    assert {(lot.wallet, lot.acquired_at) for lot in book.lots} == {("main", START), ("vault", START)}
    assert sum(lot.quantity for lot in book.lots) == WEI - WEI // 1000


def test_a_link_moves_lots_and_its_fee_is_a_disposal() -> None:
    book = build(quoted(classify(bridge_facts(), OWN, ASSETS, [link()], [])), TaxProfile(timezone="UTC"))
    (lot,) = [lot for lot in book.lots if lot.asset == "USDC"]
    assert (lot.chain, lot.quantity, lot.acquired_at) == (L2, 999 * WEI, START)
    assert lot.cost == 999 * FIAT_ONE
    (fee,) = [disposal for disposal in book.disposals if disposal.asset == "USDC"]
    assert (fee.quantity, fee.cost) == (WEI, FIAT_ONE)


def test_a_departure_filled_in_parts_moves_all_its_lots() -> None:
    whole = link()
    assert whole.destination is not None
    parts = [
        replace(whole.destination, id=tx, tx=tx, amount=units * 10**6)
        for tx, units in (("0xin", 600), ("0xin2", 300), ("0xin3", 99))
    ]
    filled = replace(whole, destination=parts[0], further=tuple(parts[1:]))
    arrivals = [fact(part.tx, "log:1", BRIDGE, ME, USDC2, part.amount, day=2) for part in parts]
    movements = classify([*bridge_facts()[:4], *arrivals], OWN, ASSETS, [filled], [])
    assert [m.link for m in movements if m.kind is MovementKind.BRIDGE_IN] == ["link1"] * 3
    assert not [m for m in movements if m.kind is MovementKind.RECEIVE and m.id.startswith(L2)]
    book = build(quoted(movements), TaxProfile(timezone="UTC"))
    assert sum(lot.quantity for lot in book.lots if lot.chain == L2) == 999 * WEI
    assert {lot.acquired_at for lot in book.lots if lot.chain == L2} == {START}


def test_a_link_fee_becomes_basis_when_the_profile_says_so() -> None:
    profile = TaxProfile(transfer_fee_is_disposal=False)
    book = build(quoted(classify(bridge_facts(), OWN, ASSETS, [link()], [])), profile)
    (lot,) = [lot for lot in book.lots if lot.asset == "USDC"]
    # 1000 paid for what was bought, plus gas of 0.001 ETH at 2000, on 999 units that arrived.
    assert (lot.quantity, lot.cost) == (999 * WEI, 1002 * FIAT_ONE)
    assert not [disposal for disposal in book.disposals if disposal.asset == "USDC"]


def test_a_rejected_link_leaves_a_send_and_a_receipt() -> None:
    movements = classify(bridge_facts(), OWN, ASSETS, [link(state=LinkState.REJECTED)], [])
    assert [movement.kind for movement in movements] == [
        MovementKind.SWAP,
        MovementKind.SEND,
        MovementKind.RECEIVE,
    ]
    codes = {gap.code for gap in build(quoted(movements), TaxProfile()).gaps}
    assert {BookGapCode.UNREVIEWED_SEND, BookGapCode.UNKNOWN_BASIS} <= codes


def test_a_taxable_link_is_a_sale_and_a_purchase() -> None:
    movements = classify(bridge_facts(), OWN, ASSETS, [link(treatment=Treatment.TAXABLE)], [])
    assert [movement.kind for movement in movements][1:] == [MovementKind.SELL, MovementKind.BUY]


def test_half_a_link_is_a_gap() -> None:
    movements = classify(bridge_facts()[:4], OWN, ASSETS, [link(half=True)], [])
    assert movements[-1].kind is MovementKind.BRIDGE_OUT
    codes = [gap.code for gap in build(quoted(movements), TaxProfile()).gaps]
    assert BookGapCode.UNMATCHED_BRIDGE in codes


def test_half_a_link_is_taxed_when_the_owner_says_so_and_never_by_default() -> None:
    taxable = link(treatment=Treatment.TAXABLE)
    left, came = replace(taxable, destination=None), replace(taxable, source=None)
    facts = bridge_facts()
    for half, content, kinds in (
        (left, facts[:4], (MovementKind.SEND, MovementKind.SELL)),
        (came, facts[4:], (MovementKind.RECEIVE, MovementKind.BUY)),
    ):
        by_default, said = (
            classify(content, OWN, ASSETS, [one], []) for one in (half, replace(half, decision="j"))
        )
        assert (by_default[-1].kind, said[-1].kind) == kinds
    book = build(quoted(classify(facts[:4], OWN, ASSETS, [replace(left, decision="j")], [])), TaxProfile())
    sale = next(row for row in book.disposals if row.asset == "USDC")
    assert (sale.quantity, sale.proceeds + 2 * FIAT_ONE) == (1000 * WEI, 1000 * FIAT_ONE), "less its gas"
    assert not [gap for gap in book.gaps if gap.movement == sale.id and gap.asset == "USDC"]


def test_a_guess_is_not_booked_as_a_move() -> None:
    guess = replace(link(state=LinkState.PROPOSED), confidence=0.55)
    kinds = [movement.kind for movement in classify(bridge_facts(), OWN, ASSETS, [guess], [])]
    assert kinds[1:] == [MovementKind.SEND, MovementKind.RECEIVE]
    likely = replace(guess, confidence=0.9)
    kinds = [movement.kind for movement in classify(bridge_facts(), OWN, ASSETS, [likely], [])]
    assert kinds[1:] == [MovementKind.BRIDGE_OUT, MovementKind.BRIDGE_IN]


def test_wrapping_keeps_the_lot() -> None:
    facts = [
        fact("0xr", "native", POOL, ME, ETH, WEI, kind=TransferKind.NATIVE),
        fact("0xw", "native", ME, "0xc02a", ETH, WEI, day=5, kind=TransferKind.NATIVE),
        fact("0xw", "log:1", "0x0", ME, WETH, WEI, day=5, kind=TransferKind.WRAP),
    ]
    movements = classify(facts, OWN, ASSETS, [], [])
    assert movements[-1].kind is MovementKind.WRAP
    (lot,) = build(quoted(movements), TaxProfile()).lots
    assert (lot.asset, lot.acquired_at, lot.cost) == (WETH, START, 2000 * FIAT_ONE)


def test_spam_is_kept_apart_and_never_priced_or_booked() -> None:
    facts = [fact("0xj", "log:1", "0xjunk", ME, JUNK, WEI)]
    (movement,) = classify(facts, OWN, ASSETS, [], [])
    assert movement.kind is MovementKind.SPAM
    assert needs([movement], ASSETS, "USD") == []
    assert not build([movement], TaxProfile()).lots
    wanted = [judgment(JudgmentKind.SPAM, JUNK, {"spam": False})]
    assert classify(facts, OWN, ASSETS, [], wanted)[0].kind is MovementKind.RECEIVE


def test_a_failed_transaction_is_only_a_fee() -> None:
    (movement,) = classify([gas("0xf", 21_000)], OWN, ASSETS, [], [])
    assert movement.kind is MovementKind.FEE


def test_an_airdrop_becomes_income_only_when_the_owner_says_so_and_may_take_it_back() -> None:
    facts = [fact("0xa", "log:1", POOL, ME, USDC, 10**6)]
    said = judgment(JudgmentKind.MOVEMENT, f"{L1}:0xa", {"kind": "income"})
    (movement,) = quoted(classify(facts, OWN, ASSETS, [], [said]))
    assert [income.value for income in build([movement], TaxProfile()).income] == [FIAT_ONE]
    undo = judgment(JudgmentKind.UNDO, "j1", {}, number=2)
    assert classify(facts, OWN, ASSETS, [], [said, undo])[0].kind is MovementKind.RECEIVE


def test_basis_given_by_hand_counts_from_its_own_day() -> None:
    facts = [fact("0xa", "native", POOL, ME, ETH, WEI, kind=TransferKind.NATIVE)]
    said = judgment(JudgmentKind.BASIS, f"{L1}:0xa", {"cost": "120.5", "acquired_at": "2019-05-01T00:00:00Z"})
    book = build(classify(facts, OWN, ASSETS, [], [said]), TaxProfile())
    (lot,) = book.lots
    assert lot.cost == 120_500_000_000_000_000_000
    assert lot.acquired_at.year == 2019
    assert not book.gaps


def test_a_judgment_that_cannot_be_read_is_named() -> None:
    facts = [fact("0xa", "native", POOL, ME, ETH, WEI, kind=TransferKind.NATIVE)]
    said = judgment(JudgmentKind.BASIS, f"{L1}:0xa", {"cost": "a lot"})
    with pytest.raises(InputError, match="j1: cost"):
        classify(facts, OWN, ASSETS, [], [said])


def test_without_a_price_nothing_is_guessed() -> None:
    movements = classify(swap_facts(), OWN, ASSETS, [], [])
    book = build(movements, TaxProfile())
    assert not book.disposals
    assert {gap.code for gap in book.gaps} == {BookGapCode.UNKNOWN_PRICE, BookGapCode.SOLD_MORE_THAN_HELD}
    assert [lot.basis_known for lot in book.lots] == [False]


def test_movement_order_is_total() -> None:
    movements = classify([*bridge_facts(), *swap_facts()], OWN, ASSETS, [link()], [])
    keys = [(movement.time, movement.order, movement.id) for movement in movements]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    assert all(isinstance(movement, Movement) for movement in movements)


def test_what_a_token_accrues_is_income_and_what_it_takes_waits() -> None:
    gain = fact("rebase:0xa0b8:100:0xme", "erc20", "0x0", ME, USDC, 10 * 10**6)
    loss = fact("rebase:0xa0b8:101:0xme", "erc20", ME, "0x0", USDC, 4 * 10**6, day=1)
    up, down = quoted(classify([gain, loss], OWN, ASSETS, [], []))
    assert (up.kind, down.kind) == (MovementKind.INCOME, MovementKind.SEND)
    book = build([up, down], TaxProfile())
    (income,) = book.income
    assert income.value == 10 * FIAT_ONE
