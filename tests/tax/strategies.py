"""Random portfolios: few assets, wallets and days, so that equal times, wash windows and shortages are common."""

import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from indexer.model.movement import Leg, Movement, MovementKind
from indexer.model.profile import BasisPolicy, Method, Scope, TaxProfile, WashSales
from indexer.tax.jurisdiction import Effect
from indexer.tax.rules import jurisdictions

START = datetime(2022, 1, 1, tzinfo=UTC)
ASSETS = ("X", "Y")
WALLETS = ("A", "B")
KINDS = (
    *(MovementKind.BUY,) * 4,
    *(MovementKind.SELL,) * 4,
    MovementKind.INCOME,
    MovementKind.SELF,
    MovementKind.SEND,
    MovementKind.RECEIVE,
    MovementKind.GIFT_OUT,
    MovementKind.LOST,
)
IN = (MovementKind.BUY, MovementKind.INCOME, MovementKind.RECEIVE)


@st.composite
def movement(draw: st.DrawFn, wallets: tuple[str, ...] = WALLETS) -> Movement:
    kind = draw(st.sampled_from(KINDS))
    asset, wallet = draw(st.sampled_from(ASSETS)), draw(st.sampled_from(wallets))
    quantity = draw(st.one_of(st.integers(1, 12), st.integers(10**17, 10**19), st.integers(10**29, 10**31)))
    unknown = draw(st.integers(0, 11)) == 0 and kind is not MovementKind.SELF
    leg = Leg(wallet, asset, asset, quantity, None if unknown else draw(st.integers(0, 10**22)))
    other = Leg(draw(st.sampled_from(wallets)), asset, asset, quantity)
    days = draw(st.one_of(st.integers(0, 40), st.integers(0, 1200)))
    return Movement(
        id="",
        time=START + timedelta(days=days, hours=draw(st.sampled_from((0, 9, 23)))),
        order=(0,),
        kind=kind,
        out=() if kind in IN else (leg,),
        into=(leg,) if kind in IN else (other,) if kind is MovementKind.SELF else (),
        fee_value=draw(st.sampled_from((0, 0, 5, 10**18)))
        if kind in (MovementKind.BUY, MovementKind.SELL)
        else 0,
        portfolio_value=draw(st.sampled_from((None, 10**20, 10**24))) if kind is MovementKind.SELL else None,
    )


def numbered(movements: list[Movement]) -> list[Movement]:
    """Give every movement an id and a place in the order."""
    return [replace(one, id=f"m{number}", order=(number,)) for number, one in enumerate(movements)]


def portfolios(max_size: int = 25, wallets: tuple[str, ...] = WALLETS) -> st.SearchStrategy[list[Movement]]:
    return st.lists(movement(wallets), min_size=1, max_size=max_size).map(numbered)


def _allowed(code: str, method: Method, wash: WashSales) -> bool:
    effects = {window.effect for window in jurisdictions()[code].windows}
    pooled = method in (Method.AVERAGE, Method.POOLED)
    return not (pooled and wash is WashSales.AS_IF and effects & {Effect.DEFER, Effect.RING_FENCE})


PROFILES = [
    TaxProfile(
        jurisdiction=code,
        currency="EUR",
        timezone=zone,
        method=method,
        scope=scope,
        wash_sales=wash,
        unknown_basis=policy,
        methods_by_year=years,
    )
    for (code, zone), method, scope, (wash, policy, years) in itertools.product(
        zip(sorted(jurisdictions()), itertools.cycle(("UTC", "America/New_York", "Pacific/Auckland"))),
        Method,
        Scope,
        (
            (WashSales.AS_IF, BasisPolicy.ASK, {}),
            (WashSales.NEVER, BasisPolicy.FAIR_VALUE, {}),
            (WashSales.NEVER, BasisPolicy.ZERO, {2023: Method.HIFO, 2024: Method.LIFO}),
        ),
    )
    if _allowed(code, method, wash)
]
PROFILES += [
    replace(profile, methods_by_pool={"X": Method.LIFO, "A": Method.HIFO, "B/Y": Method.LOFO})
    for profile in PROFILES
    if profile.method is Method.FIFO
]
"""Every country that discovery finds, under every method and scope that it can be asked for; some pools by another."""

profiles = st.sampled_from(PROFILES)
