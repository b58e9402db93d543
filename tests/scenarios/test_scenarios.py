"""Every scenario beside this file: acts in, figures out."""

from pathlib import Path

import pytest

from indexer.tax.answer import Answer
from indexer.tax.document import read_document
from indexer.tax.engine import build
from tests.scenarios.reading import check, read

SCENARIOS = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_scenario(path: Path) -> None:
    text = path.read_text()
    assert "# Source:" in text
    scenario = read(text)
    document = read_document(scenario.document)
    answer = Answer(
        build(document.movements, document.profiles), document.scales, document.figures
    ).document()
    assert scenario.claims
    assert [error for claim in scenario.claims for error in check(claim, answer)] == []
