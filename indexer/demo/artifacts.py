"""Compiled contracts and the bytes to deploy and call them.

Our own contracts travel inside the package (`contracts/artifacts/`, made by `contracts/compile.mjs`). Uniswap's
and WETH9 are read from the published builds that `npm ci` installs: they are GPL-3.0 and not part of this
package.
"""

from functools import cache
from importlib import resources
from typing import Any

import orjson
from eth_abi.abi import decode, encode
from eth_utils.abi import collapse_if_tuple, function_signature_to_4byte_selector
from eth_utils.crypto import keccak

from indexer.demo.packages import node_modules
from indexer.model.errors import ConfigError

_PUBLISHED = {
    "UniswapV2Factory": "@uniswap/v2-core/build/UniswapV2Factory.json",
    "UniswapV2Router02": "@uniswap/v2-periphery/build/UniswapV2Router02.json",
    "WETH9": "@uniswap/v2-periphery/build/WETH9.json",
}
_OWN = ("DemoToken", "DemoSpokePool")


@cache
def _artifact(name: str) -> dict[str, object]:
    if name in _OWN:
        text = resources.files("indexer.demo").joinpath(f"contracts/artifacts/{name}.json").read_bytes()
        return dict(orjson.loads(text))
    for folder in node_modules():
        path = folder / _PUBLISHED[name]
        if path.is_file():
            return dict(orjson.loads(path.read_bytes()))
    raise ConfigError(
        f"The published build of {name} was not found: run `npm ci` in the project's folder, or set "
        "GLEANER_NODE_MODULES to a node_modules folder that holds @uniswap/v2-core and @uniswap/v2-periphery."
    )


def creation_code(name: str, *arguments: object) -> bytes:
    """Bytecode of a contract followed by its ABI-encoded constructor arguments."""
    artifact = _artifact(name)
    abi = artifact["abi"]
    code = artifact["bytecode"]
    if not isinstance(abi, list) or not isinstance(code, str):
        raise ConfigError(f"The build of {name} holds no ABI or bytecode: reinstall it with `npm ci`.")
    inputs: list[dict[str, Any]] = next(
        (entry["inputs"] for entry in abi if entry["type"] == "constructor"), []
    )
    types = [collapse_if_tuple(each) for each in inputs]
    return bytes.fromhex(code.removeprefix("0x")) + encode(types, arguments)


def call_data(signature: str, *arguments: object) -> bytes:
    """Selector and arguments of a call, for example `call_data("transfer(address,uint256)", to, 1)`."""
    return function_signature_to_4byte_selector(signature) + encode(_types(signature), arguments)


def topic(signature: str) -> str:
    """The first topic of an event, 0x-prefixed hex."""
    return "0x" + keccak(text=signature).hex()


def results(types: list[str], data: bytes) -> tuple[object, ...]:
    """Decode what a call returned."""
    return decode(types, data)


def _types(signature: str) -> list[str]:
    """Split the parameter list at the commas outside of tuples."""
    inner = signature[signature.index("(") + 1 : -1]
    parts: list[str] = []
    depth = 0
    for char in inner:
        if char == "," and depth == 0:
            parts.append("")
            continue
        depth += {"(": 1, ")": -1}.get(char, 0)
        if not parts:
            parts.append("")
        parts[-1] += char
    return parts
