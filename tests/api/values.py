"""Values as flows answer them, built by hand."""

from datetime import UTC, date, datetime
from decimal import Decimal

from indexer.flows.views import (
    ChainStatus,
    Freshness,
    GapView,
    LinkView,
    LossReport,
    LossRow,
    RealizedTotals,
    UnpricedHolding,
    ValuedLot,
    WalletStatus,
)
from indexer.model.asset import Asset, SpamVerdict
from indexer.model.facts import BlockRef, GapCode, Transfer, TransferKind
from indexer.model.links import BridgeLeg, CrossChainLink, LinkState, ReasonCode, Side, Tier, Treatment
from indexer.model.lots import BookGap, BookGapCode, Lot, Term
from indexer.model.prices import PriceQuote, PriceStatus
from indexer.model.stored import SyncState, TransferRow, Wallet

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ALICE = "0xd8da6bf26964af9d7eed9e03e53415d37aa96045"
ALICE_SHOWN = "0xd8dA6BF26964aF9D7eEd9e03E53415D37aA96045"
BOB = "0x00000000219ab540356cbb839cbe05303d7705fa"
BOB_SHOWN = "0x00000000219ab540356cBB839Cbe05303d7705Fa"
TX = "0x" + "ab" * 32

ETHER = Asset("eip155:1/slip44:60", "ETH", 18, "Ether", group="ETH")
COIN = Asset("eip155:1/erc20:0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "USDC", 6, "USD Coin", group="USDC")
ODD = Asset("eip155:1/erc20:0x1111111111111111111111111111111111111111", "ODD", None)
PICTURE = Asset(
    "eip155:1/erc721:0x2222222222222222222222222222222222222222/77",
    "PIC",
    0,
    spam=SpamVerdict(spam=True, reason="its name is a web address"),
)

FRESH = Freshness({"eip155:1": 21_000_000, "eip155:10": 130}, NOW, complete=True)
STALE = Freshness({}, None, complete=False, incomplete_because=("eip155:1: balance_unverified",))


def transfer(asset: Asset, amount: int, position: str, kind: TransferKind) -> TransferRow:
    fact = Transfer(
        chain="eip155:1",
        tx=TX,
        position=position,
        block=BlockRef(21_000_000, "0x" + "cd" * 32, NOW),
        sender=ALICE,
        recipient=BOB,
        asset=asset.id,
        amount=amount,
        kind=kind,
        execution_fee=amount - 5 if kind is TransferKind.GAS else None,
        l1_fee=5 if kind is TransferKind.GAS else None,
    )
    return TransferRow(f"eip155:1/{TX}/{position}", fact, asset)


WALLET = WalletStatus(
    Wallet("w_1", "default", ALICE, ("eip155:1", "eip155:10"), "main", ALICE, NOW),
    (
        ChainStatus("eip155:1", SyncState.SYNCED, 21_000_000, complete=True, gaps=(), progress=1.0),
        ChainStatus(
            "eip155:10",
            SyncState.ERROR,
            None,
            complete=False,
            gaps=(GapView(GapCode.RECEIPT_UNAVAILABLE, "rpc", "a receipt is refused", 2, 5, 9, (TX,)),),
            progress=0.25,
            error="the endpoint serves chain 1; give one of chain 10",
        ),
    ),
)

LOT = ValuedLot(
    lot=Lot(
        "eip155:1:" + TX, "ETH", ALICE, 15 * 10**17, 4500 * 10**18, NOW, date(2026, 1, 2), "eip155:1", ALICE
    ),
    asset=ETHER,
    quantity=Decimal("1.5"),
    cost=Decimal(4500),
    quote=PriceQuote(ETHER.id, "USD", NOW, Decimal("2000.10"), "defillama"),
    missing=None,
    value=Decimal("3000.15"),
    unrealized=Decimal("-1499.85"),
    term=Term.SHORT,
    long_from=date(2027, 1, 3),
)
UNPRICED_LOT = ValuedLot(
    lot=Lot(
        "eip155:1:0x02", ODD.id, ALICE, 7, 0, NOW, date(2026, 1, 2), origin="gap:zero", basis_known=False
    ),
    asset=ODD,
    quantity=Decimal(7),
    cost=Decimal(0),
    quote=None,
    missing=PriceStatus.UNKNOWN,
    value=None,
    unrealized=None,
    term=Term.SHORT,
)

LINK = LinkView(
    CrossChainLink(
        id="across:1:2",
        source=BridgeLeg(
            "s", Side.SOURCE, "across", "eip155:1", TX, NOW, COIN.id, 1_000_000, ALICE, recipient=ALICE
        ),
        destination=None,
        protocol="across",
        tier=Tier.EXACT_ID,
        confidence=0.5,
        state=LinkState.PROPOSED,
        reasons=(ReasonCode.UNMATCHED_SOURCE,),
        treatment=Treatment.REVIEW,
        evidence=("deposit 7 was not seen filled",),
        fee=250,
    ),
    {COIN.id: COIN},
)


def report(rows: tuple[LossRow, ...]) -> LossReport:
    return LossReport(
        currency="USD",
        group_by="wallet",
        rows=rows,
        total_cost=Decimal(4500),
        total_value=Decimal("3000.15"),
        total_unrealized=Decimal("-1499.85"),
        total_loss=Decimal("1499.85"),
        total_gain=Decimal(0),
        priced_share_of_cost=Decimal(2) / Decimal(3),
        realized=RealizedTotals(2026, Decimal("-10.5"), Decimal(0), Decimal(0)),
        unpriced=(UnpricedHolding(ODD, Decimal(7), Decimal(0), PriceStatus.UNKNOWN, "no source knows it"),),
        book_gaps=(
            BookGap("eip155:1:0x02", BookGapCode.UNKNOWN_BASIS, ODD.id, 7, "received from a stranger"),
        ),
        freshness=STALE,
        fingerprint="f" * 64,
    )


def row(value: Decimal | None) -> LossRow:
    return LossRow(
        key=ALICE,
        label=ALICE,
        quantity=None,
        cost=Decimal(4500),
        value=value,
        unrealized=None if value is None else value - 4500,
        loss=Decimal("1499.85"),
        gain=Decimal(0),
        short_loss=Decimal("1499.85"),
        long_loss=Decimal(0),
        price=None,
        price_source=None,
        lots=2,
        lots_without_basis=0,
        unpriced_lots=1,
        chains=("eip155:1",),
        wallets=(ALICE,),
    )
