"""Worked examples of tax authorities and of other calculators, where the folder that holds them lies beside us."""

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from indexer.tax.answer import Answer
from indexer.tax.document import read_json
from indexer.tax.engine import build

FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "tax-cases"
CASES = sorted(FOLDER.glob("*.json"))


def checker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("tax_case_checker", FOLDER / "check.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not CASES, reason="the worked examples are not beside this repository")
def test_every_worked_example_comes_out() -> None:
    check = checker()
    failed: dict[str, Any] = {}
    for path in CASES:
        case = json.loads(path.read_text())
        if not case.get("expected") and not case.get("expected_totals"):
            continue
        document = read_json(json.dumps(check.document(case)))
        book = build(document.movements, document.profiles)
        errors = check.compare(case, Answer(book, document.scales).document())
        if errors:
            failed[path.stem] = errors
    assert not failed
