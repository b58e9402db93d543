"""What is not final in a unit, and why: gaps with their place in time."""

from collections.abc import Iterator, Mapping

from indexer.model.lots import BookGap, BookGapCode
from indexer.model.profile import BasisPolicy
from indexer.tax.tape import MOVE, REMOVE, SELL, Extra
from indexer.tax.views import UnitView

Placed = tuple[tuple[int, tuple[int, ...]], BookGap]
"""A gap with its sort key within the portfolio."""


def gaps_of(view: UnitView) -> Iterator[Placed]:
    """What is not final, with its place in time."""
    return _Gaps(view).all()


class _Gaps:
    def __init__(self, view: UnitView) -> None:
        self._view = view

    def all(self) -> Iterator[Placed]:
        view = self._view
        for event, extra in self._noted():
            code = extra.unknown or extra.gap
            if code is not None:
                detail = _assumed(code, extra)
                yield view.order_of(event), self._gap(event, code, view.unit.quantity[event], detail)
        for event, extra in self._noted():
            if view.unit.kind[event] == REMOVE and extra.reason == "send":
                code = BookGapCode.UNREVIEWED_SEND
                yield view.order_of(event), self._gap(event, code, view.unit.quantity[event], _DETAIL[code])
        for short in view.result.shorts:
            yield view.order_of(short.event), self._short(short.event, short.quantity, short.value)
        if view.result.undecided:
            event, units = view.result.undecided
            at, code = min(event, len(view.unit) - 1), BookGapCode.NO_ALLOCATION
            yield view.order_of(at), self._gap(at, code, units, _DETAIL[code])
        yield from self._sold_without_basis()

    def _sold_without_basis(self) -> Iterator[Placed]:
        view = self._view
        rows, sources = view.result.rows, view.result.pieces.source
        for row, piece in enumerate(rows.piece):
            if piece >= 0 and not view.known(piece) and view.note(rows.event[row]).unknown is None:
                event, source = rows.event[row], view.id_of(sources[piece])
                detail = f"sold from {source}, whose basis is not known: proceeds of the sale are not in the totals"
                gap = self._gap(event, BookGapCode.UNKNOWN_BASIS, rows.quantity[row], detail)
                yield view.order_of(event), gap

    def _noted(self) -> Iterator[tuple[int, Extra]]:
        extras = self._view.tape.extras
        if extras:
            for event, ref in enumerate(self._view.unit.ref):
                if ref in extras:
                    yield event, extras[ref]

    def _short(self, event: int, quantity: int, value: int) -> BookGap:
        view = self._view
        kind = view.unit.kind[event]
        what = {SELL: "sold", REMOVE: "sent", MOVE: "moved"}.get(kind, "asked for")
        detail = f"{what} more than the books hold: an acquisition is missing"
        if kind == SELL and view.note(event).unknown is None:
            detail += f"; proceeds of {value} (10^-18 {view.plan.currency}) are not in the totals"
        return self._gap(event, BookGapCode.SOLD_MORE_THAN_HELD, quantity, detail)

    def _gap(self, event: int, code: BookGapCode, quantity: int, detail: str) -> BookGap:
        view = self._view
        asset = view.tape.places[view.unit.place[event]].asset
        return BookGap(view.id_of(event), code, asset, quantity, detail)


def _assumed(code: BookGapCode, extra: Extra) -> str:
    """What is missing and, for units that came in, what the owner's policy puts in its place."""
    if not extra.origin.startswith("gap:") or code not in _ARRIVED:
        return _DETAIL[code]
    policy = extra.origin.removeprefix("gap:")
    if extra.unknown is not None and policy == BasisPolicy.FAIR_VALUE.value:
        policy = "no-price"
    return f"{_ARRIVED[code]}; {_STAND_IN[policy]}"


_ARRIVED: Mapping[BookGapCode, str] = {
    BookGapCode.UNKNOWN_BASIS: "arrived from elsewhere: what it cost is not known",
    BookGapCode.UNMATCHED_BRIDGE: "arrived from another chain and its departure is not known, nor what it cost",
}
_STAND_IN: Mapping[str, str] = {
    "fair-value": "its market value on arrival is taken as its cost until you say what it was",
    "no-price": "its market value on arrival would stand in, and no price is known: a sale of it is not in the totals",
    "zero": "it is taken to have cost nothing until you say what it did: a sale of it is all gain",
    "ask": "until you say, a sale of it is not in the totals",
}
_DETAIL: Mapping[BookGapCode, str] = {
    BookGapCode.UNKNOWN_BASIS: "what it cost is not known, and a sale of it is not in the totals",
    BookGapCode.UNKNOWN_PRICE: "no price is known at that instant: the movement is booked without a figure",
    BookGapCode.MISSING_PORTFOLIO_VALUE: "the value of the whole portfolio at the sale is not known: no gain can be computed",
    BookGapCode.UNREVIEWED_SEND: "sent to a stranger: not realized until you say whether it was a sale, a gift or yours",
    BookGapCode.UNMATCHED_BRIDGE: "left for another chain and its arrival is not known: cost leaves with it",
    BookGapCode.NO_ALLOCATION: "lots were one pool before and are kept per wallet from here on: these units were dealt out "
    "without a recorded allocation (Rev. Proc. 2024-28)",
    BookGapCode.SOLD_MORE_THAN_HELD: "more than the books hold",
}
