"""`gleaner profile` and `gleaner group`: by which law, and with which addresses together, the books are kept."""

from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.table import Table

from indexer.cli.opened import Json, with_app
from indexer.cli.root import app, print_json, stderr, stdout
from indexer.model.errors import InputError
from indexer.model.profile import BasisPolicy, Method, Scope, WashSales

if TYPE_CHECKING:
    from indexer.flows.profile import Profiles
    from indexer.model.profile import TaxProfile
    from indexer.wiring import App

profiles = typer.Typer(no_args_is_help=True, help="Show and change the tax profile.")
app.add_typer(profiles, name="profile")

ANOTHER_COUNTRY = ("currency", "method", "scope", "filing_status", "methods_by_year", "methods_by_pool")
"""What a new country chooses anew where you do not."""


@profiles.command("show")
def show(as_json: Json = False) -> None:
    """Show the dated profiles; each holds until the next."""

    async def work(opened: "App") -> "Profiles":
        from indexer.flows.profile import show_profiles

        return await show_profiles(opened.services, opened.settings.portfolio)

    _print(with_app(work), as_json=as_json)


@profiles.command("set")
def set_(
    *,
    jurisdiction: Annotated[
        str | None, typer.Option(help="US, UK, CA, DE, AU, IE, FR, or - for none.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(help="First day it holds, as YYYY-MM-DD; left out: the present one changes.")
    ] = None,
    timezone: Annotated[str | None, typer.Option(help="IANA name, such as Europe/London.")] = None,
    currency: Annotated[str | None, typer.Option(help="ISO 4217 code.")] = None,
    filing_status: Annotated[str | None, typer.Option(help="As the law names it, such as single.")] = None,
    method: Annotated[Method | None, typer.Option(help="How a sale picks lots.")] = None,
    method_of_year: Annotated[
        list[str] | None, typer.Option(help="YEAR=METHOD, may be repeated; replaces those set before.")
    ] = None,
    method_of_pool: Annotated[
        list[str] | None,
        typer.Option(help="ASSET=METHOD, WALLET=METHOD or WALLET/ASSET=METHOD, may be repeated; replaces."),
    ] = None,
    scope: Annotated[Scope | None, typer.Option(help="Which lots a sale may take.")] = None,
    pool_by_chain: Annotated[bool | None, typer.Option(help="Keep the lots of each chain apart.")] = None,
    wash_sales: Annotated[
        str | None, typer.Option(help="off, as-if, never, or from:YYYY-MM-DD for from that day on.")
    ] = None,
    wash_group: Annotated[str | None, typer.Option(help="strict or broad.")] = None,
    unknown_basis: Annotated[
        BasisPolicy | None, typer.Option(help="What an unknown basis counts as.")
    ] = None,
    transfer_fee_is_disposal: Annotated[bool | None, typer.Option(help="Gas of own transfers.")] = None,
    as_json: Json = False,
) -> None:
    """Change the profile; what you leave out stays. The books are derived anew."""
    given: dict[str, Any] = {
        "timezone": timezone,
        "currency": currency,
        "filing_status": filing_status,
        "method": method,
        "methods_by_year": None if method_of_year is None else dict(map(_method_of_year, method_of_year)),
        "methods_by_pool": None if method_of_pool is None else dict(map(_method_of_pool, method_of_pool)),
        "scope": scope,
        "pool_by_chain": pool_by_chain,
        "wash_group": wash_group,
        "unknown_basis": unknown_basis,
        "transfer_fee_is_disposal": transfer_fee_is_disposal,
        "since": None if since is None else _day(since, "--since"),
    }
    if wash_sales is not None:
        given |= _wash(wash_sales)
    changes = {name: value for name, value in given.items() if value is not None or name == "wash_from"}

    async def work(opened: "App") -> "Profiles":
        from indexer.flows.profile import set_profile, show_profiles
        from indexer.flows.refresh import refresh_portfolio

        services, portfolio = opened.services, opened.settings.portfolio
        current = (await show_profiles(services, portfolio)).current.profile
        found = await set_profile(services, portfolio, _changed(current, jurisdiction, changes))
        await refresh_portfolio(services, portfolio)
        return found

    _print(with_app(work), as_json=as_json)


@profiles.command("remove")
def remove(
    since: Annotated[str, typer.Argument(help="The day it holds from.")], as_json: Json = False
) -> None:
    """Forget a dated profile; the one before it holds on. The books are derived anew."""
    day = _day(since, "SINCE")

    async def work(opened: "App") -> "Profiles":
        from indexer.flows.profile import remove_profile
        from indexer.flows.refresh import refresh_portfolio

        found = await remove_profile(opened.services, opened.settings.portfolio, day)
        await refresh_portfolio(opened.services, opened.settings.portfolio)
        return found

    _print(with_app(work), as_json=as_json)


@app.command()
def group(
    name: Annotated[str, typer.Argument(help="Name of the tax wallet; empty takes the addresses out again.")],
    wallets: Annotated[list[str], typer.Argument(help="Ids that `wallet list` shows.")],
    as_json: Json = False,
) -> None:
    """Keep the lots of several addresses together as one tax wallet."""

    async def work(opened: "App") -> list[Any]:
        from api.schemas.wallets import WalletOut
        from indexer.flows.groups import change_wallet
        from indexer.flows.refresh import refresh_portfolio

        services, portfolio = opened.services, opened.settings.portfolio
        changed = [await change_wallet(services, portfolio, wallet, group=name) for wallet in wallets]
        await refresh_portfolio(services, portfolio)
        return [WalletOut.of(status).model_dump(mode="json") for status in changed]

    bodies = with_app(work)
    if as_json:
        print_json({"data": bodies, "next_cursor": None})
        return
    for body in bodies:
        stderr.print(f"{body['address']} is in the tax wallet {body['group']}", highlight=False)


def _changed(current: "TaxProfile", country: str | None, changes: dict[str, Any]) -> "TaxProfile":
    from dataclasses import replace

    from indexer.flows.profile import default_for

    base = current
    if country is not None and country != current.jurisdiction:
        default = default_for(country)
        base = replace(
            current,
            jurisdiction=country,
            **{name: getattr(default, name) for name in ANOTHER_COUNTRY},
        )
    return replace(base, **changes)


def _day(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{name} must be a day as YYYY-MM-DD") from error


def _method_of_year(text: str) -> tuple[int, Method]:
    year, _, name = text.partition("=")
    try:
        return int(year), Method(name)
    except ValueError as error:
        known = ", ".join(method.value for method in Method)
        raise InputError(f"--method-of-year takes YEAR=METHOD with a method of {known}") from error


def _method_of_pool(text: str) -> tuple[str, Method]:
    pool, _, name = text.rpartition("=")
    if not pool or name not in {method.value for method in Method}:
        known = ", ".join(method.value for method in Method)
        raise InputError(f"--method-of-pool takes POOL=METHOD with a method of {known}")
    return pool, Method(name)


def _wash(text: str) -> dict[str, Any]:
    name, _, day = text.partition(":")
    try:
        choice = WashSales(name)
    except ValueError as error:
        raise InputError("--wash-sales takes off, as-if, never or from:YYYY-MM-DD") from error
    return {"wash_sales": choice, "wash_from": _day(day, "--wash-sales from:") if day else None}


def _print(found: "Profiles", *, as_json: bool) -> None:
    from api.schemas.profile import ProfilesOut

    body = ProfilesOut.of(found).model_dump(mode="json")
    if as_json:
        print_json(body)
        return
    table = Table("since", "country", "zone", "currency", "status", "method", "scope", "wash sales", box=None)
    for one in body["profiles"]:
        wash = f"from {one['wash_from']}" if one["wash_from"] else one["wash_sales"]
        years = "".join(f", {year} {name}" for year, name in one["methods_by_year"].items())
        pools = "".join(f", {pool} {name}" for pool, name in one["methods_by_pool"].items())
        table.add_row(
            one["since"],
            one["country"],
            one["timezone"],
            one["currency"],
            one["filing_status"],
            one["method"] + years + pools,
            one["scope"],
            wash,
        )
    stdout.print(table)
    for note in body["current"]["notes"]:
        stderr.print(f"note: {note}", highlight=False, soft_wrap=True)
