"""`gleaner explain` on the ledger: one disposal down to its transactions."""

from typing import TYPE_CHECKING, Any

from indexer.cli.opened import with_app
from indexer.cli.root import print_json, stderr, stdout

if TYPE_CHECKING:
    from indexer.wiring import App


def explain_kept(disposal: str, *, as_json: bool) -> None:
    """Explain a disposal of the book that is kept."""

    async def work(opened: "App") -> dict[str, Any]:
        from api.schemas.disposals import ExplainedOut
        from indexer.flows.disposals import explain_disposal

        found = await explain_disposal(opened.services, opened.settings.portfolio, disposal)
        return ExplainedOut.of(found).model_dump(mode="json")

    body = with_app(work)
    if as_json:
        print_json(body)
        return
    _line(f"{body['id']}: gain {_money(body['gain'])}")
    for sale in body["sales"]:
        _line(f"  sold by {sale['kind']} at {sale['timestamp']} in {sale['tx']} on {sale['chain']}")
    for step in body["steps"]:
        _line(
            f"  {step['quantity']} {step['symbol'] or step['asset']}: proceeds {_money(step['proceeds'])} "
            f"- cost {_money(step['cost'])} + disallowed {_money(step['disallowed'])} = {_money(step['gain'])}, "
            f"{step['term']} ({step['rule']})"
        )
        for note in step["notes"]:
            _line(f"    {note}")
        for source in step["acquisitions"]:
            _line(
                f"    from {source['kind']} at {source['timestamp']} in {source['tx']} on {source['chain']}"
            )
    for reason in body["incomplete_because"]:
        stderr.print(f"not final: {reason}", highlight=False, soft_wrap=True)


def _line(text: str) -> None:
    stdout.print(text, highlight=False, soft_wrap=True, markup=False)


def _money(money: dict[str, str]) -> str:
    return f"{money['value']} {money['currency']}"
