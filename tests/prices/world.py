"""Time that is turned by hand, and assets to be priced."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from indexer.model.asset import Asset

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
PAST = datetime(2024, 3, 5, 15, 30, 20, tzinfo=UTC)

ETH = Asset("eip155:1/slip44:60", "ETH", 18, group="ETH", price_id="coingecko:ethereum")
WETH = Asset("eip155:1/erc20:0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2", "WETH", 18, group="ETH")
USDC = Asset("eip155:1/erc20:0xa0b86991c6218b36c1d19d4a2e9eb0ce3606eb48", "USDC", 6, group="USDC")
VAULT = Asset("eip155:1/erc20:0x83f20f44975d03b1b09e64809b757c47f942beea", "sDAI", 18)
ASSETS = {asset.id: asset for asset in (ETH, WETH, USDC, VAULT)}


@dataclass
class TurnedClock:
    """A clock and a waiter in one: sleeping moves it."""

    at: datetime = NOW
    slept: float = 0.0

    def now(self) -> datetime:
        return self.at

    def pass_(self, step: timedelta) -> None:
        self.at += step


class TurnedWaiter:
    """Monotonic seconds that pass only by sleeping."""

    def __init__(self) -> None:
        self.at = 0.0
        self.sleeps: list[float] = []

    def now(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.at += seconds
