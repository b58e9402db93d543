"""`gleaner links`: cross-chain moves, what each reading would cost, and the owner's word about them."""

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from indexer.cli.opened import Json, with_app
from indexer.cli.root import app, print_json, stderr, stdout
from indexer.model.judgment import LinkDecision
from indexer.model.links import LinkFilter, LinkState, ReasonCode, Treatment

if TYPE_CHECKING:
    from indexer.flows.decide import Decided
    from indexer.flows.link import LinkPage
    from indexer.flows.link_detail import LinkDetail
    from indexer.flows.link_summary import LinkSummary
    from indexer.wiring import App

links = typer.Typer(no_args_is_help=True, help="Cross-chain moves: look, decide, undo.")
app.add_typer(links, name="links")

PAGE = 500


class Treated(StrEnum):
    """How a confirmed move is taxed."""

    NOT_TAXABLE = "not_taxable"
    TAXABLE = "taxable"


Link = Annotated[str, typer.Argument(help="Id of a link, as `gleaner links list` shows it.")]
As = Annotated[
    Treated | None,
    typer.Option("--as", help="How the move is taxed; left out, the default of your jurisdiction stays."),
]
Why = Annotated[str, typer.Option(help="For your own records.")]


@links.command("list")
def list_(
    *,
    state: Annotated[LinkState | None, typer.Option(help="Only links in this state.")] = None,
    protocol: Annotated[str | None, typer.Option(help="Only this protocol, such as across.")] = None,
    chain: Annotated[str | None, typer.Option(help="CAIP-2 id of the chain of either half.")] = None,
    wallet: Annotated[str | None, typer.Option(help="Id or address of a wallet.")] = None,
    reason: Annotated[ReasonCode | None, typer.Option(help="Only links of this kind.")] = None,
    only_open: Annotated[bool, typer.Option("--open", help="Only what waits for you.")] = False,
    as_json: Json = False,
) -> None:
    """Show the links, newest departure first."""
    where = LinkFilter(state, protocol, chain, None, reason, only_open)

    async def work(opened: "App") -> "list[LinkPage]":
        from indexer.flows.link import list_links

        pages: list[LinkPage] = []
        while not pages or pages[-1].next_cursor is not None:
            cursor = pages[-1].next_cursor if pages else None
            pages.append(
                await list_links(
                    opened.services,
                    opened.settings.portfolio,
                    where=where,
                    wallet=wallet,
                    cursor=cursor,
                    limit=PAGE,
                )
            )
        return pages

    pages = with_app(work)
    from api.schemas.links import LinkOut

    rows = [LinkOut.of(view).model_dump(mode="json") for page in pages for view in page.items]
    if as_json:
        print_json({"data": rows, "next_cursor": None})
    else:
        _print_rows(rows)


@links.command()
def show(link: Link, as_json: Json = False) -> None:
    """Show one link: transactions, events, rivals, both readings, decisions."""

    async def work(opened: "App") -> "LinkDetail":
        from indexer.flows.link_detail import link_detail

        return await link_detail(opened.services, opened.settings.portfolio, link)

    detail = with_app(work)
    from api.schemas.link_detail import LinkDetailOut

    body = LinkDetailOut.of(detail).model_dump(mode="json")
    if as_json:
        print_json(body)
    else:
        _print_detail(body)


@links.command()
def summary(as_json: Json = False) -> None:
    """Show what waits for you, and how much is at stake."""

    async def work(opened: "App") -> "LinkSummary":
        from indexer.flows.link_summary import link_summary

        return await link_summary(opened.services, opened.settings.portfolio)

    found = with_app(work)
    from api.schemas.link_detail import LinkSummaryOut

    body = LinkSummaryOut.of(found).model_dump(mode="json")
    if as_json:
        print_json(body)
        return
    table = Table("protocol", "open", "at stake", "unpriced", box=None, pad_edge=False)
    for name, moves in (*body["by_protocol"].items(), ("all", body["open"])):
        table.add_row(name, str(moves["links"]), _money(moves["value_at_stake"]), str(moves["unpriced"]))
    stdout.print(table)


@links.command()
def confirm(
    link: Annotated[str | None, typer.Argument(help="Id of a link.")] = None,
    protocol: Annotated[str | None, typer.Option(help="Every open link of this protocol instead.")] = None,
    treatment: As = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Say that it is one move of yours, and how it is taxed."""
    _one_or_all(LinkDecision.CONFIRM, link, protocol, treatment, why, as_json=as_json)


@links.command()
def reject(
    link: Annotated[str | None, typer.Argument(help="Id of a link.")] = None,
    protocol: Annotated[str | None, typer.Option(help="Every open link of this protocol instead.")] = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Say that it is no move between chains: an ordinary send and receipt."""
    _one_or_all(LinkDecision.REJECT, link, protocol, None, why, as_json=as_json)


@links.command()
def split(link: Link, why: Why = "", as_json: Json = False) -> None:
    """Say that the two halves do not belong together; each waits for its own other side."""
    _one_or_all(LinkDecision.SPLIT, link, None, None, why, as_json=as_json)


@links.command()
def pair(
    source: Annotated[str, typer.Argument(help="What left: a link's id or a transfer's id.")],
    destination: Annotated[str, typer.Argument(help="What arrived: a link's id or a transfer's id.")],
    treatment: As = None,
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Say that two halves are one move, whatever the evidence says."""

    async def work(opened: "App") -> "Decided":
        from indexer.flows.decide import Word
        from indexer.flows.decide import pair as pair_halves

        word = Word(LinkDecision.PAIR, _treatment(treatment), why=why)
        return await pair_halves(opened.services, opened.settings.portfolio, source, destination, word)

    _decided(work, as_json=as_json)


@links.command()
def undo(
    name: Annotated[str, typer.Argument(help="Id of a link, of a decision, or of a batch of them.")],
    why: Why = "",
    as_json: Json = False,
) -> None:
    """Take a decision back."""

    async def work(opened: "App") -> "Decided":
        from indexer.flows.decide import undo as take_back

        return await take_back(opened.services, opened.settings.portfolio, name, why=why)

    _decided(work, as_json=as_json)


def _treatment(chosen: Treated | None) -> Treatment | None:
    return None if chosen is None else Treatment(chosen.value)


def _one_or_all(
    decision: LinkDecision,
    link: str | None,
    protocol: str | None,
    treatment: Treated | None,
    why: str,
    *,
    as_json: bool,
) -> None:
    if (link is None) == (protocol is None):
        raise typer.BadParameter("name one link, or a protocol with --protocol")

    async def work(opened: "App") -> "Decided":
        from indexer.flows import decide

        word = decide.Word(decision, _treatment(treatment), why=why)
        services, portfolio = opened.services, opened.settings.portfolio
        if link is not None:
            return await decide.decide(services, portfolio, link, word)
        return await decide.decide_protocol(services, portfolio, protocol or "", word)

    _decided(work, as_json=as_json)


def _decided(work: "Callable[[App], Awaitable[Decided]]", *, as_json: bool) -> None:
    """Decide, and derive the book anew, since no worker may be running."""

    async def whole(opened: "App") -> "Decided":
        from indexer.flows.refresh import refresh_portfolio

        decided = await work(opened)
        await refresh_portfolio(opened.services, opened.settings.portfolio)
        return decided

    decided = with_app(whole)
    from api.schemas.link_decisions import DecidedOut

    body = DecidedOut.of(decided).model_dump(mode="json")
    if as_json:
        print_json(body)
        return
    names = body["batch"] or " ".join(body["decisions"]) or "nothing was open"
    stderr.print(f"written down: {names}", highlight=False)
    _print_rows(body["links"])


def _print_rows(rows: list[dict[str, Any]]) -> None:
    table = Table(
        "id", "left", "from", "to", "protocol", "state", "sure", "treatment", box=None, pad_edge=False
    )
    for row in rows:
        half = row["source"] or row["destination"]
        table.add_row(
            row["id"],
            f"{half['amount']['value'] or half['amount']['raw']} {half['symbol'] or half['asset']}",
            row["source"]["chain"] if row["source"] else "?",
            row["destination"]["chain"] if row["destination"] else "?",
            row["protocol"],
            row["state"] + (" *" if row["open"] else ""),
            f"{row['confidence']:.2f}",
            row["treatment"],
        )
    stdout.print(table)
    if any(row["open"] for row in rows):
        stdout.print("* waits for you: `gleaner links show ID`", highlight=False)


def _print_detail(body: dict[str, Any]) -> None:
    _print_rows([body["link"]])
    for reason in body["reasons"]:
        stdout.print(f"  {reason['sentence']} ({reason['code']}: {reason['treatment']})", highlight=False)
    for one in body["transactions"]:
        stdout.print(f"  {one['side']} {one['timestamp']} {one['event']}", highlight=False, soft_wrap=True)
        stdout.print(f"      {one['url'] or one['tx']}", highlight=False, soft_wrap=True)
    both = body["outcomes"]
    table = Table("reading", "proceeds", "cost", "gain", "basis afterwards", box=None, pad_edge=False)
    for name, reading in (("a disposal", both["if_disposal"]), ("no disposal", both["if_not"])):
        if reading is not None:
            figures = [_money(reading[key]) for key in ("proceeds", "cost", "gain", "basis")]
            table.add_row(name, *figures)
    stdout.print(table)
    reasons = [both["because"], *(both["if_disposal"] or {}).get("unknown", ())]
    for text in dict.fromkeys([*reasons, *(both["if_not"] or {}).get("unknown", ())]):
        if text:
            stdout.print(f"  ? {text}", highlight=False)
    for said in body["decisions"]:
        stdout.print(f"  {said['when']} {said['who']}: {said['decision']} {said['why']}", highlight=False)


def _money(value: dict[str, str] | None) -> str:
    from decimal import Decimal

    return "?" if value is None else f"{Decimal(value['value']):,.2f} {value['currency']}"
