"""`gleaner losses`: what could be harvested, largest first."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.opened import Json, with_app
from indexer.cli.root import app, print_json, stdout

if TYPE_CHECKING:
    from indexer.flows.views import LossReport
    from indexer.wiring import App


class GroupBy(StrEnum):
    """What the losses are taken together by."""

    ASSET = "asset"
    CHAIN = "chain"
    WALLET = "wallet"


@app.command()
def losses(
    by: Annotated[GroupBy, typer.Option(help="Take the lots together by.")] = GroupBy.ASSET,
    as_json: Json = False,
) -> None:
    """Show the consolidated unrealized losses of the ledger as it is; `gleaner sync` brings it up to date."""
    from indexer.cli.loss_table import loss_table

    async def work(opened: "App") -> "LossReport":
        from indexer.flows.losses import losses as report

        return await report(opened.services, opened.settings.portfolio, group_by=by.value)

    report = with_app(work)
    from api.schemas.losses import LossesOut

    body = LossesOut.of(report, by.value).model_dump(mode="json")
    if as_json:
        print_json(body)
    else:
        stdout.print(loss_table(body))
