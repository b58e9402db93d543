"""Short ways to write halves in tests."""

from datetime import UTC, datetime, timedelta
from typing import Any

from indexer.model.links import BridgeLeg, Mechanism, Side

START = datetime(2024, 5, 1, tzinfo=UTC)
ALICE = "0x" + "a1" * 20
BOB = "0x" + "b0" * 20
ETHEREUM, ARBITRUM, BASE = "eip155:1", "eip155:42161", "eip155:8453"
USDC = {
    chain: f"{chain}/erc20:0x{index:040x}" for index, chain in enumerate((ETHEREUM, ARBITRUM, BASE), start=1)
}


def after(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def leg(name: str, side: Side, chain: str, minutes: float | None, amount: int, **values: Any) -> BridgeLeg:
    made: dict[str, Any] = {
        "protocol": "across",
        "asset": USDC[chain],
        "wallet": ALICE,
        "group": "USDC",
        "decimals": 6,
        "mechanism": Mechanism.LIQUIDITY,
        **values,
    }
    return BridgeLeg(
        id=name,
        side=side,
        chain=chain,
        tx=f"0x{name}",
        time=None if minutes is None else after(minutes),
        amount=amount,
        **made,
    )


def out(name: str, minutes: float | None, amount: int, **values: Any) -> BridgeLeg:
    """A departure from Ethereum, to Arbitrum and Alice unless told otherwise."""
    values = {"recipient": ALICE, "other_chain": ARBITRUM, **values}
    return leg(name, Side.SOURCE, values.pop("chain", ETHEREUM), minutes, amount, **values)


def into(name: str, minutes: float | None, amount: int, **values: Any) -> BridgeLeg:
    """An arrival on Arbitrum unless told otherwise."""
    return leg(name, Side.DESTINATION, values.pop("chain", ARBITRUM), minutes, amount, **values)
