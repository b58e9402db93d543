"""The simulation's own contracts: creation code, calls and topics."""

from functools import cache
from pathlib import Path

import orjson

from indexer.demo.artifacts import call_data, creation_code

FOLDER = Path(__file__).parent / "contracts"
DEMO = {"DemoToken": ("Ore", "ORE", 18), "WETH9": ()}


@cache
def _playground() -> dict[str, str]:
    return dict(orjson.loads((FOLDER / "Playground.json").read_bytes())["bytecode"])


def code_of(name: str) -> str:
    """Creation code of a contract as 0x-prefixed hex."""
    if name in DEMO:
        return "0x" + creation_code(name, *DEMO[name]).hex()
    return _playground()[name]


def call(signature: str, *arguments: object) -> str:
    """The data of a call as 0x-prefixed hex."""
    return "0x" + call_data(signature, *arguments).hex()
