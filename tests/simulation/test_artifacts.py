"""The committed bytecode is that of the source beside it."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.simulation.contracts_of import FOLDER

LOAD = Path(__file__).parents[2] / "bench" / "collecting" / "contracts"


@pytest.mark.parametrize("path", [FOLDER / "Playground.sol", LOAD / "Load.sol"], ids=lambda path: path.stem)
def test_the_artifact_was_compiled_from_this_source(path: Path) -> None:
    artifact = json.loads(path.with_suffix(".json").read_text())
    assert artifact["sourceSha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert all(code.startswith("0x60") for code in artifact["bytecode"].values())
