"""Recorded mainnet traffic and the server that answers out of it, where a checkout has them beside it.

`GLEANER_RECORDINGS` names the folder; by default it is looked for beside the project. Nothing of it is part of
the project, so the suite stands without it.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

FOLDER = Path(
    os.environ.get("GLEANER_RECORDINGS", Path(__file__).resolve().parents[3] / "shared" / "recorded")
)
PRESENT = (FOLDER / "recorded_node.py").is_file()

NAMES = {
    1: ("Ethereum", "ETH", 60),
    10: ("OP Mainnet", "ETH", 60),
    56: ("BNB Smart Chain", "BNB", 714),
    100: ("Gnosis", "XDAI", 700),
    137: ("Polygon", "POL", 966),
    143: ("Monad", "MON", 268435779),
    999: ("HyperEVM", "HYPE", 2457),
    8453: ("Base", "ETH", 60),
    42161: ("Arbitrum One", "ETH", 60),
    534352: ("Scroll", "ETH", 60),
}
WRAPPED = {
    1: "0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2",
    10: "0x4200000000000000000000000000000000000006",
    56: "0xbb4cdb9cbd36b01bd1cbaebf2de08d9173bc095c",
    100: "0xe91d153e0b41518a2ce8dd3d7944fa863463a97d",
    137: "0x0d500b1d8e8ef31e21c99d1db9a6444d3adf1270",
    999: "0x5555555555555555555555555555555555555555",
    8453: "0x4200000000000000000000000000000000000006",
    42161: "0x82af49447d8a07e3bd95bd0d56f35241523fbab1",
    534352: "0x5300000000000000000000000000000000000004",
}
L1_FEE = {10, 8453, 534352}
MIRRORS = {
    10: "0xdeaddeaddeaddeaddeaddeaddeaddeaddead0000",
    137: "0x0000000000000000000000000000000000001010",
}


@asynccontextmanager
async def recorded_node(*options: str, data: str = "data/dev") -> AsyncIterator[str]:
    """Start the server on a free port; it is ended with the test."""
    port = _free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "recorded_node.py", "--data", data, "--port", str(port), *options,
        cwd=FOLDER,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        line = await asyncio.wait_for(process.stdout.readline(), 60)
        assert b"recorded node" in line, line
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def chains_yaml(url: str, chains: list[int], *, explorer: str = "both") -> str:
    """A chains file whose every endpoint is the recorded server."""
    blocks = []
    for chain in chains:
        name, symbol, slip44 = NAMES[chain]
        quirks = [
            *(["l1_data_fee"] if chain in L1_FEE else []),
            *(["native_transfer_logs"] if chain in MIRRORS else []),
        ]
        explorers = {
            "etherscan-v2": f"{{style: etherscan-v2, url: '{url}/v2/api', api_key: test}}",
            "blockscout": f"{{style: blockscout, url: '{url}/blockscout/{chain}/api'}}",
        }
        chosen = list(explorers.values()) if explorer == "both" else [explorers[explorer]]
        lines = [
            f"  eip155:{chain}:",
            f"    name: {name}",
            f"    endpoints: ['{url}/rpc/{chain}']",
            f"    explorers: [{', '.join(chosen)}]",
            f"    native: {{symbol: {symbol}, decimals: 18, slip44: {slip44}}}",
            "    finality: {rule: tag, depth: 64}",
            "    log_window: 100000",
            "    poll_seconds: 3600",
        ]
        if chain in WRAPPED:
            lines.append(f"    wrapped_native: '{WRAPPED[chain]}'")
        if chain in MIRRORS:
            lines.append(f"    native_token_contract: '{MIRRORS[chain]}'")
        if quirks:
            lines.append(f"    quirks: [{', '.join(quirks)}]")
        blocks.append("\n".join(lines))
    return "chains:\n" + "\n".join(blocks) + "\n"


def expected() -> dict[str, Any]:
    """The ground truth of set dev."""
    truth: dict[str, Any] = json.loads((FOLDER / "expected_dev.json").read_text())
    return truth


def key_of_expected(row: dict[str, Any]) -> tuple[Any, ...]:
    """What identifies a recorded transfer: enough to tell it from every other, nothing that is our choice."""
    kind = row["kind"]
    token = row["token"].lower()
    if row.get("native_mirror"):  # the log of a native movement that has no transaction value of its own
        kind, token = "internal", "native"
    if row.get("event"):
        kind = "wrap"
    return (row["tx"].lower(), kind, token, row["from"].lower(), row["to"].lower(), int(row["amount"]))


def key_of_row(row: dict[str, Any]) -> tuple[Any, ...]:
    """The same of a row of `GET /v1/transfers`."""
    contract = re.search(r"/erc(?:20|721|1155):(0x[0-9a-fA-F]{40})", row["asset"])
    return (
        row["tx"].lower(),
        row["kind"],
        contract.group(1).lower() if contract else "native",
        row["from"].lower(),
        row["to"].lower(),
        int(row["amount"]["raw"]),
    )
