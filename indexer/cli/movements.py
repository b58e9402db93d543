"""`gleaner movement`, `gleaner decision`, `gleaner spam`, `gleaner year`: look at the books and have your word."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from indexer.cli.opened import Json, with_app
from indexer.cli.root import app, print_json, stderr, stdout
from indexer.model.errors import InputError
from indexer.model.movement import MovementKind

if TYPE_CHECKING:
    from indexer.flows.judge import Decision, Said
    from indexer.flows.services import Services
    from indexer.wiring import App

movements = typer.Typer(no_args_is_help=True, help="What each transaction was, and your word about it.")
decisions = typer.Typer(no_args_is_help=True, help="Everything you decided, and taking it back.")
app.add_typer(movements, name="movement")
app.add_typer(decisions, name="decision")

MovementArgument = Annotated[str, typer.Argument(help="The id that `movement list` shows.")]
Why = Annotated[str, typer.Option(help="Why; kept with the decision.")]
PAGE = 1_000


class Order(StrEnum):
    """Which lots go first into a wallet."""

    FIFO = "fifo"
    LIFO = "lifo"
    HIFO = "hifo"
    LOFO = "lofo"


@movements.command("list")
def list_(
    *,
    kind: Annotated[MovementKind | None, typer.Option(help="Only this kind.")] = None,
    wallet: Annotated[str | None, typer.Option(help="Id, address, or name of a tax wallet.")] = None,
    review: Annotated[bool | None, typer.Option("--review/--settled", help="Only what asks for you.")] = None,
    as_json: Json = False,
) -> None:
    """Show movements, oldest first; unreviewed sends with what they realize if they were sales."""

    async def work(opened: "App") -> list[dict[str, Any]]:
        from api.schemas.movements import MovementOut
        from indexer.flows.movements import list_movements

        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = await list_movements(
                opened.services,
                opened.settings.portfolio,
                kind=kind,
                wallet=wallet,
                needs_review=review,
                cursor=cursor,
                limit=PAGE,
            )
            found += [MovementOut.of(view).model_dump(mode="json") for view in page.items]
            cursor = page.next_cursor
            if cursor is None:
                return found

    rows = with_app(work)
    if as_json:
        print_json({"data": rows, "next_cursor": None})
        return
    table = Table("time", "kind", "out", "in", "if sold", "review", "id", box=None, pad_edge=False)
    for row in rows:
        sold = row["if_sold"]
        table.add_row(
            row["timestamp"][:16],
            row["kind"],
            _legs(row["out"]),
            _legs(row["into"]),
            "" if sold is None else f"{Decimal(sold['gain']['value']):.2f}",
            ", ".join(gap["code"] for gap in row["gaps"]),
            row["id"],
        )
    stdout.print(table, soft_wrap=True)


@movements.command("show")
def show(movement: MovementArgument) -> None:
    """Show one movement as JSON; an unreviewed send with the outcome of each decision."""

    async def work(opened: "App") -> dict[str, Any]:
        from api.schemas.movements import MovementDetailOut
        from indexer.flows.movements import show_movement

        found = await show_movement(opened.services, opened.settings.portfolio, movement)
        return MovementDetailOut.detailed(found).model_dump(mode="json")

    print_json(with_app(work))


@movements.command("decide")
def decide(
    movement: MovementArgument,
    kind: Annotated[MovementKind, typer.Argument(help="What it was.")],
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Say what a movement was; the books are derived anew."""

    async def work(services: "Services", portfolio: str, said: "Said") -> "Decision":
        from indexer.flows.judge import reclassify

        return await reclassify(services, portfolio, movement, kind, said)

    _say(work, why, as_json=as_json)


@movements.command("basis")
def basis(
    movement: MovementArgument,
    cost: Annotated[str, typer.Argument(help="What all of it cost, in the profile's currency.")],
    acquired_at: Annotated[str | None, typer.Option(help="When, as 2021-05-04T10:00:00Z.")] = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Say what units that came from elsewhere cost; the books are derived anew."""
    amount, when = _number(cost, "COST"), None if acquired_at is None else _instant(acquired_at)

    async def work(services: "Services", portfolio: str, said: "Said") -> "Decision":
        from indexer.flows.judge import Basis, give_basis

        return await give_basis(services, portfolio, movement, Basis(amount, when), said)

    _say(work, why, as_json=as_json)


@movements.command("lots")
def lots(
    movement: MovementArgument,
    named: Annotated[list[str], typer.Argument(help="LOT=QUANTITY, in the order they are taken.")],
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Name the lots of one sale (specific identification); the books are derived anew."""
    chosen = []
    for part in named:
        lot, _, quantity = part.rpartition("=")
        chosen.append((lot, _number(quantity, "QUANTITY")))

    async def work(services: "Services", portfolio: str, said: "Said") -> "Decision":
        from indexer.flows.judge import choose_lots

        return await choose_lots(services, portfolio, movement, chosen, said)

    _say(work, why, as_json=as_json)


@app.command()
def spam(
    subject: Annotated[
        str, typer.Argument(help="An asset (CAIP-19) or an account (CAIP-10: eip155:1:0x...).")
    ],
    *,
    is_spam: Annotated[bool, typer.Option("--yes/--no", help="Whether it is spam.")] = True,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Overrule the verdict whether an asset, or what an account sends, is spam; the books are derived anew."""

    async def work(services: "Services", portfolio: str, said: "Said") -> "Decision":
        from indexer.flows.judge import mark_account, mark_spam

        mark = mark_spam if "/" in subject else mark_account
        return await mark(services, portfolio, subject, spam=is_spam, said=said)

    _say(work, why, as_json=as_json)


@decisions.command("list")
def list_decisions(as_json: Json = False) -> None:
    """Show every decision, undone ones and the undoing too."""

    async def work(opened: "App") -> "tuple[Decision, ...]":
        from indexer.flows.judge import decisions as everything

        return await everything(opened.services, opened.settings.portfolio)

    from api.schemas.movements import JudgmentOut

    rows = [JudgmentOut.of(one).model_dump(mode="json") for one in with_app(work)]
    if as_json:
        print_json({"data": rows, "next_cursor": None})
        return
    table = Table("when", "kind", "state", "who", "why", "id", "subject", box=None, pad_edge=False)
    for row in rows:
        state = "undone" if not row["stands"] else "waiting" if row["waiting"] else "stands"
        table.add_row(row["when"][:16], row["kind"], state, row["who"], row["why"], row["id"], row["subject"])
    stdout.print(table, soft_wrap=True)


@decisions.command("undo")
def undo(
    decision: Annotated[str, typer.Argument(help="The id that `decision list` shows.")],
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Take a decision back; what it replaced holds again."""

    async def work(services: "Services", portfolio: str, said: "Said") -> "Decision":
        from indexer.flows.judge import undo as take_back

        return await take_back(services, portfolio, decision, said)

    _say(work, why, as_json=as_json)


@decisions.command("allocate")
def allocate(
    wallets: Annotated[
        list[str] | None, typer.Argument(help="Global allocation: tax wallets in the order they are filled.")
    ] = None,
    order: Annotated[Order, typer.Option(help="Global allocation: which lots go first.")] = Order.FIFO,
    unit: Annotated[
        list[str] | None, typer.Option(help="Specific units, repeated: LOT,WALLET,QUANTITY in tokens.")
    ] = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Allocate unused basis where one pool becomes one a wallet (US: Rev. Proc. 2024-28 s.4.02, s.4.03)."""
    if bool(unit) == bool(wallets):
        raise InputError(
            "name either wallets in the order they are filled, or units: --unit LOT,WALLET,QUANTITY"
        )
    allocation: dict[str, object] = (
        {"units": [_unit(one) for one in unit]} if unit else {"wallets": wallets, "order": order.value}
    )

    async def work(services: "Services", portfolio: str, said: "Said") -> "Decision":
        from indexer.flows.judge import allocate as record

        return await record(services, portfolio, allocation, said)

    _say(work, why, as_json=as_json)


def _unit(text: str) -> dict[str, str]:
    lot, _, rest = text.partition(",")
    wallet, _, quantity = rest.rpartition(",")
    if not (lot and wallet and quantity):
        raise InputError(f"--unit takes LOT,WALLET,QUANTITY, not {text!r}")
    return {"lot": lot, "wallet": wallet, "qty": quantity}


@app.command()
def year(
    number: Annotated[int | None, typer.Argument(help="Tax year, as the country names it.")] = None,
    as_json: Json = False,
) -> None:
    """Show the tax years: realized by term, netted, limited and carried forward as the law says."""

    async def work(opened: "App") -> dict[str, Any]:
        from api.schemas.years import YearDetailOut, YearsOut
        from indexer.flows import year as flow

        services, portfolio = opened.services, opened.settings.portfolio
        if number is None:
            return YearsOut.of(await flow.years(services, portfolio)).model_dump(mode="json")
        return YearDetailOut.of(await flow.year(services, portfolio, number)).model_dump(mode="json")

    body = with_app(work)
    if as_json:
        print_json(body)
        return
    shown = body["data"] if number is None else [body["totals"]]
    stdout.print(_years_table(shown))
    for reason in body["incomplete_because"]:
        stderr.print(f"not final: {reason}", highlight=False, soft_wrap=True)


def _years_table(rows: list[dict[str, Any]]) -> Table:
    table = Table("", *(f"{row['label']} {row['jurisdiction']}" for row in rows), box=None, pad_edge=False)
    names = (
        "proceeds",
        "cost",
        "short_gains",
        "short_losses",
        "long_gains",
        "long_losses",
        "disallowed",
        "deducted",
        "exempt",
        "taxable_short",
        "taxable_long",
        "lost",
        "income",
    )
    for name in names:
        table.add_row(name.replace("_", " "), *(_cents(row[name]) for row in rows))
    for way in ("carried_in", "carried_out"):
        for term in ("short", "long"):
            table.add_row(f"{way.replace('_', ' ')}, {term}", *(_cents(row[way][term]) for row in rows))
    return table


def _cents(money: dict[str, str]) -> str:
    return f"{Decimal(money['value']):,.2f} {money['currency']}"


def _say(work: "Callable[[Services, str, Said], Awaitable[Decision]]", why: str, *, as_json: bool) -> None:
    """Append a decision, derive the books anew, and show it."""

    async def run(opened: "App") -> dict[str, Any]:
        from api.schemas.movements import JudgmentOut
        from indexer.flows.judge import Said
        from indexer.flows.refresh import refresh_portfolio

        services, portfolio = opened.services, opened.settings.portfolio
        decision = await work(services, portfolio, Said("owner", why))
        await refresh_portfolio(services, portfolio)
        return JudgmentOut.of(decision).model_dump(mode="json")

    body = with_app(run)
    if as_json:
        print_json(body)
    else:
        stdout.print(f"{body['id']}: the books are derived anew", highlight=False)
        stderr.print(f"to take it back: gleaner decision undo {body['id']}", highlight=False, soft_wrap=True)


def _legs(legs: list[dict[str, Any]]) -> str:
    return ", ".join(f"{leg['quantity'][:14]} {leg['symbol'] or leg['asset']}" for leg in legs)


def _number(text: str, name: str) -> Decimal:
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise InputError(f"{name} must be a number such as 1234.56") from error


def _instant(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError("--acquired-at takes an instant such as 2021-05-04T10:00:00Z") from error
