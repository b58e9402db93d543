"""`gleaner explain`: follow one figure to the transactions it was made of."""

from pathlib import Path
from typing import Annotated

import typer

from indexer.cli.compute import Currency, Jurisdiction, MethodOption, ScopeOption, book_file
from indexer.cli.root import app, print_json, stdout
from indexer.model.errors import InputError


@app.command()
def explain(
    disposal: Annotated[
        str, typer.Argument(help="Id of the disposal, as `gleaner compute` or `GET /v1/disposals` gives it.")
    ],
    *,
    file: Annotated[
        Path | None, typer.Option(help="The JSON or CSV of trades; left out: the ledger's own book.")
    ] = None,
    jurisdiction: Jurisdiction = None,
    currency: Currency = None,
    method: MethodOption = None,
    scope: ScopeOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say which lots a disposal took, by which rule, and what had changed them before."""
    from indexer.tax.explain import explain as explained

    options = {"jurisdiction": jurisdiction, "currency": currency, "method": method, "scope": scope}
    if file is None:
        from indexer.cli.explain_ledger import explain_kept

        if any(value is not None for value in options.values()):
            raise InputError("the ledger's book follows its own profile: see `gleaner profile show`")
        explain_kept(disposal, as_json=as_json)
        return
    book, answer = book_file(file, options)
    found = answer.explained(explained(book, disposal))
    if as_json:
        print_json(found)
        return
    stdout.print(f"{found['disposal']}: gain {found['gain']} {book.currency}", highlight=False)
    for step in found["steps"]:
        stdout.print(
            f"  {step['qty']} {step['asset']} from {step['matched'] or 'the pool'}: proceeds {step['proceeds']} "
            f"- cost {step['cost']} + disallowed {step['disallowed']} = {step['gain']}",
            highlight=False,
            soft_wrap=True,
        )
        for note in step["notes"]:
            stdout.print(f"    {note}", highlight=False, soft_wrap=True)
