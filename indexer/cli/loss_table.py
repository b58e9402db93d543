"""The body of `GET /v1/losses` as a table for people."""

from decimal import Decimal
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

MOST_REASONS = 6


def loss_table(body: dict[str, Any]) -> RenderableType:
    """Rows largest loss first, totals, and what is not known."""
    currency = body["currency"]
    table = Table(
        title=f"Unrealized losses by {body['group_by']} ({currency})",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column(body["group_by"], no_wrap=True, min_width=6)
    for name in ("quantity", "price", "cost", "value", "unrealized"):
        table.add_column(name, justify="right", no_wrap=True, min_width=9)
    table.add_column("on", overflow="fold")
    for row in body["data"]:
        table.add_row(
            row["label"],
            _number(row["quantity"], "0.0001"),
            _money(row["price"]),
            _money(row["cost"]),
            _money(row["value"]),
            _colored(row["unrealized"]),
            " ".join(chain.removeprefix("eip155:") for chain in row["chains"]),
        )
    short, long = (
        sum(Decimal(row[f"{term}_loss"]["value"]) for row in body["data"]) for term in ("short", "long")
    )
    totals, realized = body["totals"], body["realized"]
    lines: list[RenderableType] = [
        table,
        Text(
            f"\nHarvestable now: {_money(totals['loss'])} {currency} of losses ({short:,.2f} short-term, {long:,.2f} long-term) "
            f"beside {_money(totals['gain'])} of gains; {Decimal(totals['priced_share_of_cost']):.0%} of the cost is priced."
        ),
        Text(
            f"Realized in {realized['year']}: short-term {_money(realized['short'])}, long-term {_money(realized['long'])}."
        ),
    ]
    because = body["incomplete_because"]
    if because:
        lines.append(Text(f"\nNot complete ({len(because)}):", style="yellow"))
        lines += [Text(f"  {reason}") for reason in because[:MOST_REASONS]]
        if len(because) > MOST_REASONS:
            lines.append(Text(f"  and {len(because) - MOST_REASONS} more in the JSON"))
    return Group(*lines)


def _money(money: dict[str, str] | None) -> str:
    return "?" if money is None else f"{Decimal(money['value']):,.2f}"


def _colored(money: dict[str, str] | None) -> Text:
    text = _money(money)
    return Text(text, style="red" if text.startswith("-") else "green")


def _number(text: str | None, step: str) -> str:
    return "" if text is None else f"{Decimal(text).quantize(Decimal(step)).normalize():,f}"
