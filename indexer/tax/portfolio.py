"""France: the global portfolio (CGI art. 150 VH bis; form 2086).

Gain = net price - total acquisition cost x price / worth of the whole portfolio at the sale; the fraction used up
leaves the total acquisition cost. Exchanging one digital asset for another is no disposal and changes no cost.
Network fees paid in coins leave the portfolio without a disposal of their own.
"""

from indexer.tax.lots import LotKernel
from indexer.tax.plan import Segment
from indexer.tax.pools import AveragePool
from indexer.tax.result import PoolKey, Short
from indexer.tax.section104 import Sale
from indexer.tax.tape import BUY, NO_EXTRA, RECEIVE, REMOVE, SELL, Extra

PORTFOLIO = "portfolio"


class PortfolioKernel(LotKernel):
    """Books all assets of a portfolio together."""

    def _setup(self) -> None:
        self._cost = 0
        """Total acquisition cost, net of what earlier sales used up."""
        self._in_charge = False
        """Whether the cost is kept here, and not yet (or no longer) on the pieces."""

    def _more(self) -> tuple[object, ...]:
        return (self._cost,)

    def _restore_more(self, more: tuple[object, ...]) -> None:
        (cost,) = more
        self._cost = cost if isinstance(cost, int) else 0
        self._in_charge = True

    def enter(self, segment: Segment, position: int) -> None:
        """Lots kept under other rules bring their cost into the portfolio, and so does cost that waited for units."""
        super().enter(segment, position)
        pieces, stranded = self.result.pieces, self.result.stranded
        held = sum(cost for cost, quantity in zip(pieces.cost, pieces.quantity, strict=True) if quantity)
        self._cost = held + sum(stranded.values())
        self._in_charge = True
        stranded.clear()

    def leave(self) -> list[tuple[PoolKey, list[int]]]:
        """Units that go on under other rules take their share of the portfolio's cost along."""
        left = super().leave()
        if self._in_charge:
            self._share()
        return left

    def advance(self, begin: int, end: int) -> None:
        """Book events in their order."""
        unit, pieces = self.unit, self.result.pieces
        for event in range(begin, end):
            kind, place = unit.kind[event], unit.place[event]
            extra = self.tape.extras.get(unit.ref[event], NO_EXTRA)
            if kind in (BUY, RECEIVE):
                self.pool_at(place).add(pieces.add(unit.quantity[event], unit.value[event], event, place))
                if not extra.swap and extra.unknown is None:
                    self._cost += unit.value[event]
            elif kind == SELL:
                self._sell(event, extra)
            elif kind == REMOVE:
                self.remove(event)
            else:
                self.move(event, extra)

    def _sell(self, event: int, extra: Extra) -> None:
        unit = self.unit
        pool = self.pool_at(unit.place[event])
        if not isinstance(pool, AveragePool):
            raise TypeError("a portfolio keeps its units in average-cost pools")
        sale = Sale(self, [event], unit.quantity[event], unit.value[event])
        units, _ = pool.draw(sale.left)
        if extra.swap or extra.reason == "fee":
            missing = sale.left - units
            if missing:
                self.result.shorts.append(Short(event, missing, 0))
            return
        whole, gross = extra.portfolio_value, extra.gross
        if units:
            cost = 0
            if whole and gross is not None and extra.unknown is None:
                price = gross * units // unit.quantity[event]
                cost = min(self._cost, self._cost * price // whole)
                self._cost -= cost
            sale.row("portfolio", (), units, cost)
        if sale.left:
            self.result.shorts.append(Short(event, sale.left, sale.proceeds))

    def remove(self, event: int) -> None:
        """Units leave without a share of the cost: only a sale uses the portfolio's cost up (art. 150 VH bis III B)."""
        super().remove(event)
        removals = self.result.removals
        row = len(removals.event) - 1
        while row >= 0 and removals.event[row] == event:
            removals.cost[row] = 0
            row -= 1

    def _share(self) -> None:
        """Part the portfolio's cost among the open units by what they were worth when they came in.

        The law knows one cost for everything; the shares show where it lies.
        """
        unit, pieces = self.unit, self.result.pieces
        alive = [piece for piece, quantity in enumerate(pieces.quantity) if quantity]
        weights = [
            unit.value[pieces.source[piece]] * pieces.quantity[piece] // unit.quantity[pieces.source[piece]]
            for piece in alive
        ]
        left, weight = self._cost, sum(weights)
        for piece, share in zip(alive, weights, strict=True):
            part = left * share // weight if weight else 0
            pieces.cost[piece] = part
            left -= part
            weight -= share
        self._cost, self._in_charge = 0, False
        if left:
            self.result.stranded[PORTFOLIO] = left
