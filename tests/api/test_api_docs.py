"""docs/api.md says what the code does: every route, every problem, every example."""

import json
import re
from pathlib import Path

import pytest

from api.problems import FRAMEWORK, KINDS
from api.schemas.problem import Problem
from api.schemas.transfers import TransferOut
from api.schemas.wallets import WalletOut
from indexer.model.facts import TransferKind
from tests.api import values
from tests.api.write_openapi import description

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text()


def example(heading: str) -> dict[str, object]:
    """The first JSON block behind a sentence."""
    found = re.search(r"```json\n(.*?)```", TEXT[TEXT.index(heading) :], re.DOTALL)
    assert found
    parsed: dict[str, object] = json.loads(found.group(1))
    return parsed


def test_every_route_is_in_the_table() -> None:
    rows = "\n".join(line for line in TEXT.splitlines() if line.startswith("| `"))
    for path, methods in description()["paths"].items():
        written = re.sub(r"{\w+}", "{id}", path)
        for method in methods:
            assert f"`{method.upper()} {written}`" in rows, (method, path)


@pytest.mark.parametrize(
    "code", sorted({kind.code for kind, _, _ in KINDS} | {code for code, _ in FRAMEWORK.values()})
)
def test_every_problem_is_in_the_table(code: str) -> None:
    rows = [line for line in TEXT.splitlines() if line.startswith("|") and f"`{code}`" in line]
    assert rows, code
    statuses = {str(int(status)) for kind, status, _ in KINDS if kind.code == code}
    statuses |= {str(status) for status, (name, _) in FRAMEWORK.items() if name == code}
    assert all(any(status in row for row in rows) for status in statuses), (code, statuses)


def test_examples_have_the_fields_of_the_answers() -> None:
    wallet = WalletOut.of(values.WALLET)
    shown = example("A wallet while it is collected")
    assert list(shown) == list(wallet.model_dump(mode="json"))
    assert isinstance(shown["chains"], list)
    assert list(shown["chains"][0]) == list(wallet.chains[0].model_dump())
    row = values.transfer(values.COIN, 1_500_000, "log:17", TransferKind.ERC20)
    transfer = example("A transfer:")
    assert list(transfer) == list(TransferOut.of(row).model_dump(by_alias=True))
    assert transfer["amount"] == TransferOut.of(row).amount.model_dump()
    Problem.model_validate(example("Every error is"))
