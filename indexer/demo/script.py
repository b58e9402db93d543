"""The owner's two years, cue by cue. Dates, amounts and prices are fixed: every run is the same.

The story is made to show what the books must get right: gains and losses of short and long term, lots bought at
many prices, a loss realized, a repurchase within thirty days of it, coins moved between own wallets and chains,
wages, gifts, gas for nothing, and two kinds of spam.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from indexer.demo.acts import Act, Airdrop, Bridge, Cue, Fill, Pay, Poison, Refund, Reprice, Swap, Wrap
from indexer.demo.prices import INTERVAL, LISTINGS, PRICES, START

HARBOUR = 31337
ISLAND = 31338
NAMES = {HARBOUR: "Harbour (demo)", ISLAND: "Island (demo)"}

_AT = timedelta(hours=10, minutes=17)
_REFUND_AFTER = timedelta(hours=27)
SPAM_SYMBOL = "fern-rewards.example"


def _day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC) + _AT


_LIFE: tuple[tuple[str, int, Act, str], ...] = (
    # 2024: the first coins, bought while everything rises
    ("2024-11-05", HARBOUR, Pay("exchange", "main", "ETH", "12.5"), "12.5 ETH arrive from an exchange"),
    ("2024-11-06", HARBOUR, Pay("exchange", "main", "USDC", "60000"), "60,000 USDC arrive from an exchange"),
    ("2024-11-12", HARBOUR, Swap("main", ("USDC", "FERN"), "6000"), "Buys FERN for 6,000 USDC"),
    ("2024-11-19", HARBOUR, Swap("main", ("USDC", "ETH"), "5000"), "Buys ETH for 5,000 USDC"),
    ("2024-12-03", HARBOUR, Swap("main", ("USDC", "ORE"), "4000"), "Buys ORE for 4,000 USDC"),
    ("2024-12-10", HARBOUR, Pay("main", "vault", "ETH", "4"), "Moves 4 ETH to the vault"),
    ("2024-12-11", HARBOUR, Pay("main", "vault", "FERN", "400"), "Moves 400 FERN to the vault"),
    ("2024-12-12", HARBOUR, Poison("FERN"), "Somebody forges a transfer of nothing to a lookalike of the vault"),
    ("2024-12-20", HARBOUR, Swap("main", ("ETH", "USDC", "KITE"), "1"), "Swaps 1 ETH for KITE"),
    ("2024-12-23", HARBOUR, Swap("main", ("USDC", "ORE"), "9000"), "Buys ORE for 9,000 USDC near the top"),
    # 2025: the top, the crash, the second chain
    ("2025-01-07", HARBOUR, Swap("main", ("USDC", "FERN"), "7500"), "Buys FERN for 7,500 USDC at its top"),
    ("2025-01-14", HARBOUR, Swap("main", ("USDC", "KITE"), "900", fails=True), "A swap fails, gas is gone"),
    ("2025-01-21", HARBOUR, Wrap("main", "3"), "Wraps 3 ETH"),
    ("2025-02-04", HARBOUR, Bridge("main", "ETH", "1.5", "1.4988", 3), "Bridges 1.5 ETH to the island"),
    ("2025-02-05", HARBOUR, Bridge("main", "USDC", "9000", "8994.6", 4), "Bridges 9,000 USDC to the island"),
    ("2025-02-11", ISLAND, Swap("main", ("USDC", "MOSS"), "3600"), "Buys MOSS for 3,600 USDC"),
    ("2025-02-18", ISLAND, Pay("employer", "main", "USDC", "1850"), "Wages of 1,850 USDC"),
    ("2025-03-04", HARBOUR, Swap("main", ("FERN", "USDC", "KITE"), "250"), "Swaps 250 FERN for KITE"),
    ("2025-03-11", HARBOUR, Airdrop("Visit https://fern-rewards.example to claim your reward", SPAM_SYMBOL, "8888"),
     "8,888 tokens named after a website fall from the sky"),
    ("2025-03-18", ISLAND, Pay("employer", "main", "USDC", "1850"), "Wages of 1,850 USDC"),
    ("2025-03-25", ISLAND, Swap("main", ("USDC", "MOSS"), "1500"), "Buys MOSS for 1,500 USDC after its fall"),
    ("2025-04-08", HARBOUR, Swap("main", ("FERN", "USDC"), "300"), "Sells 300 FERN at a loss"),
    ("2025-04-15", HARBOUR, Wrap("main", "1", unwrap=True), "Unwraps 1 WETH"),
    ("2025-04-18", ISLAND, Pay("employer", "main", "USDC", "1850"), "Wages of 1,850 USDC"),
    ("2025-05-06", HARBOUR, Swap("main", ("USDC", "FERN"), "1600"), "Buys FERN for 1,600 USDC at its low"),
    ("2025-05-13", HARBOUR, Swap("main", ("USDC", "ETH"), "3000"), "Buys ETH for 3,000 USDC at its low"),
    ("2025-05-20", ISLAND, Pay("main", "vault", "ETH", "0.3"), "Moves 0.3 ETH to the vault for its gas"),
    ("2025-05-21", ISLAND, Pay("main", "vault", "MOSS", "120"), "Moves 120 MOSS to the vault"),
    ("2025-06-10", ISLAND, Swap("main", ("MOSS", "USDC", "ETH"), "40"), "Sells 40 MOSS for ETH"),
    ("2025-07-02", HARBOUR, Swap("vault", ("ETH", "USDC", "ORE"), "1.1"), "The vault swaps 1.1 ETH for ORE"),
    ("2025-07-15", ISLAND, Swap("main", ("ETH", "USDC"), "0.4"), "Sells 0.4 ETH"),
    ("2025-08-05", HARBOUR, Swap("main", ("USDC", "ORE"), "6000"), "Buys ORE for 6,000 USDC at its top"),
    ("2025-08-12", HARBOUR, Pay("main", "shop", "USDC", "420.5"), "Pays a shop 420.50 USDC"),
    ("2025-09-02", HARBOUR, Bridge("vault", "FERN", "150", "149.4", 6), "The vault bridges 150 FERN"),
    ("2025-09-18", HARBOUR, Swap("main", ("ETH", "USDC"), "2"), "Sells 2 ETH at a gain"),
    ("2025-09-23", HARBOUR, Swap("main", ("WETH", "USDC"), "0.5"), "Sells 0.5 WETH"),
    ("2025-10-07", HARBOUR, Pay("main", "shop", "ETH", "0.25"), "Pays a shop 0.25 ETH"),
    ("2025-10-21", ISLAND, Swap("main", ("USDC", "FERN"), "1800"), "Buys FERN on the island for 1,800 USDC"),
    ("2025-11-11", ISLAND, Swap("main", ("USDC", "ETH"), "2200"), "Buys ETH on the island for 2,200 USDC"),
    ("2025-11-25", HARBOUR, Bridge("main", "USDC", "700", "699.999", None),
     "Bridges 700 USDC for a fee that no relayer takes"),
    ("2025-12-02", HARBOUR, Swap("main", ("KITE", "USDC"), "1200"), "Sells 1,200 KITE at a gain"),
    ("2025-12-09", HARBOUR, Swap("main", ("FERN", "USDC"), "200"), "Sells 200 FERN at a loss before year's end"),
    # 2026: the long decline
    ("2026-01-13", HARBOUR, Swap("main", ("USDC", "ETH"), "4500"), "Buys ETH for 4,500 USDC"),
    ("2026-02-03", ISLAND, Pay("exchange", "vault", "ETH", "0.75"), "0.75 ETH arrive from an exchange"),
    ("2026-02-10", HARBOUR, Swap("main", ("USDC", "KITE"), "2500"), "Buys KITE for 2,500 USDC"),
    ("2026-02-24", ISLAND, Wrap("main", "0.6"), "Wraps 0.6 ETH on the island"),
    ("2026-03-03", ISLAND, Bridge("main", "WETH", "0.6", "0.5991", 12), "Bridges 0.6 WETH home"),
    ("2026-03-17", HARBOUR, Swap("main", ("ORE", "USDC", "ETH"), "0.02"), "Swaps 0.02 ORE for ETH"),
    ("2026-04-14", HARBOUR, Pay("main", "vault", "ORE", "0.05"), "Moves 0.05 ORE to the vault"),
    ("2026-04-21", HARBOUR, Bridge("main", "USDC", "1200", "1199.2", 5, recipient="vault"),
     "Bridges 1,200 USDC to the vault's account on the island"),
    ("2026-05-05", ISLAND, Swap("vault", ("MOSS", "USDC", "FERN"), "30", fails=True),
     "A swap of the vault fails, gas is gone"),
    ("2026-05-12", ISLAND, Swap("vault", ("MOSS", "USDC", "FERN"), "30"), "The vault swaps 30 MOSS for FERN"),
    ("2026-06-02", ISLAND, Bridge("main", "FERN", "200", "199.3", 9), "Bridges 200 FERN home"),
    ("2026-06-16", HARBOUR, Swap("main", ("USDC", "FERN"), "2500"), "Buys FERN for 2,500 USDC"),
    ("2026-07-07", HARBOUR, Swap("vault", ("FERN", "USDC"), "60"), "The vault sells 60 FERN at a loss"),
    ("2026-08-04", HARBOUR, Swap("main", ("USDC", "ETH"), "3500"), "Buys ETH for 3,500 USDC"),
    ("2026-08-18", ISLAND, Pay("main", "shop", "MOSS", "10"), "Gives 10 MOSS away"),
    ("2026-09-01", ISLAND, Swap("main", ("USDC", "MOSS"), "1000"), "Buys MOSS for 1,000 USDC"),
    ("2026-09-15", HARBOUR, Swap("vault", ("ETH", "USDC"), "0.7"), "The vault sells 0.7 ETH"),
    ("2026-10-06", HARBOUR, Swap("main", ("FERN", "USDC"), "500"), "Sells 500 FERN at a loss"),
    ("2026-10-20", HARBOUR, Swap("main", ("USDC", "FERN"), "700"), "Buys FERN back two weeks after"),
    ("2026-11-02", HARBOUR, Pay("main", "vault", "ETH", "0.5"), "Moves 0.5 ETH to the vault"),
)  # fmt: skip


def cues(chain_id: int) -> list[Cue]:
    """Everything that happens on one chain, in order of time: the owner's life, the fills, the market."""
    found = [cue for cue in _owner() if cue.chain_id == chain_id] + _market(chain_id)
    return sorted(found, key=lambda cue: cue.when)


def ends() -> datetime:
    """Time of the last cue of either chain."""
    return max(cue.when for chain_id in LISTINGS for cue in cues(chain_id))


def _owner() -> list[Cue]:
    """The owner's cues and, behind every bridge move, what the bridge answers."""
    made: list[Cue] = []
    deposits = dict.fromkeys(LISTINGS, 0)
    for day, chain_id, act, text in _LIFE:
        when = _day(day)
        made.append(Cue(when, chain_id, act, text))
        if isinstance(act, Bridge):
            made.append(_answer(when, chain_id, act, deposits[chain_id]))
            deposits[chain_id] += 1
    return made


def _answer(when: datetime, chain_id: int, act: Bridge, number: int) -> Cue:
    """What the bridge does about a deposit: a relayer's fill on the other chain, or a refund on its own."""
    if act.minutes is None:
        text = f"{Decimal(act.amount):,} {act.symbol} come back from the bridge"
        return Cue(when + _REFUND_AFTER, chain_id, Refund(number, act.symbol, "2000"), text)
    symbol = "ETH" if act.symbol == "WETH" else act.symbol
    if act.recipient:
        symbol += f" for the {act.recipient}"
    far, source = (ISLAND, "the harbour") if chain_id == HARBOUR else (HARBOUR, "the island")
    text = f"{Decimal(act.arrives):,} {symbol} arrive from {source}"
    return Cue(when + timedelta(minutes=act.minutes), far, Fill(chain_id, number), text)


def _market(chain_id: int) -> list[Cue]:
    steps = len(PRICES["WETH"])
    return [Cue(START + step * INTERVAL, chain_id, Reprice(step)) for step in range(1, steps)]
