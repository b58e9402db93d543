"""What a move is before a bridge writes it down."""

from collections.abc import Callable
from dataclasses import dataclass

from tests.bridges.synthetic.ledger import Tx, World
from tests.bridges.synthetic.money import usdc_decimals

RELAYER = "0x" + "4e" * 20


@dataclass(slots=True)
class Move:
    """One move before it is written. Amounts are in the source token's units."""

    sender: str
    recipient: str
    source: int
    target: int
    amount: int
    """USDC at 6 decimals, ether at 18."""
    leaves: float
    number: int
    """Unique; bridges derive their ids from it."""
    fee_ppm: int = 0
    twin: int = 0
    """Equal for moves that must be told apart by nothing (the bridge has no id)."""


Writer = Callable[[World, Move], tuple[Tx, Tx]]


def usdc_units(chain: int, amount: int) -> int:
    """From 6 decimals to the chain's."""
    return amount * (10**12 if usdc_decimals(chain) == 18 else 1)


def net(move: Move) -> int:
    return move.amount - move.amount * move.fee_ppm // 1_000_000
