"""`gleaner demo`: the whole service on two local chains, in a minute, with nothing to configure."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from indexer.cli.opened import Json
from indexer.cli.root import app, configure_logging, print_json, stderr, stdout

if TYPE_CHECKING:
    from indexer.demo.run import Demo
    from indexer.flows.progress import Progress as Page


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="End after printing instead of serving on.")] = False,
    as_json: Json = False,
    port: Annotated[int, typer.Option(help="Port of the API; 0 takes a free one.")] = 0,
) -> None:
    """Play two years of a wallet owner on two local EVM chains and show the losses worth harvesting.

    Needs anvil, which `npm ci` installs on Linux (elsewhere: `anvil` on PATH or `GLEANER_ANVIL`). Everything it
    starts is ended with it, and nothing is left behind.
    """
    configure_logging("ERROR")
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_demo(once=once, as_json=as_json, port=port))


async def _demo(*, once: bool, as_json: bool, port: int) -> None:
    from indexer.cli.progress import ChainBars
    from indexer.demo.run import DemoListener, run_demo

    with contextlib.ExitStack() as bars:
        story = bars.enter_context(ChainBars("playing two years"))
        collecting: list[ChainBars] = []

        def collected(page: "Page") -> None:
            if not collecting:
                story.stop()
                collecting.append(bars.enter_context(ChainBars("collecting")))
            collecting[0].page(page)

        listener = DemoListener(story=story.step, collected=collected)
        async with run_demo(port, listener) as shown:
            bars.close()
            _show(shown, as_json=as_json)
            if not once:
                stderr.print(
                    f"\nServing [bold]{shown.url}[/bold]: try {shown.url}/v1/losses or {shown.url}/docs. Ctrl-C ends it.",
                    soft_wrap=True,
                )
                await shown.stopped


def _show(shown: "Demo", *, as_json: bool) -> None:
    from indexer.cli.loss_table import loss_table

    if as_json:
        print_json(shown.document)
        return
    for chain in shown.document["chains"]:
        proof = "proven complete" if chain["complete"] else "not complete"
        stdout.print(f"{chain['chain']}: {proof} at block {chain['as_of_block']}", highlight=False)
    for link in shown.document["links"]:
        source, destination = link["source"], link["destination"]
        stdout.print(
            f"moved by {link['protocol']}: {source['chain'] if source else '?'} -> "
            f"{destination['chain'] if destination else '?'} ({link['state']}, {link['treatment']})",
            highlight=False,
        )
    stdout.print(loss_table(shown.document["losses"]))
