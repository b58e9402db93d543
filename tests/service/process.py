"""`gleaner serve` as a user runs it: its own process, its own database, talked to over HTTP alone."""

import asyncio
import contextlib
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

SERVES = re.compile(rb"http://127\.0\.0\.1:[0-9]+")
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Service:
    """A running service and a client for it."""

    url: str
    client: httpx.AsyncClient
    process: asyncio.subprocess.Process

    async def get(self, path: str, **query: Any) -> Any:
        """A GET that must succeed."""
        answer = await self.client.get(path, params=query)
        assert answer.status_code == 200, (path, answer.status_code, answer.text)
        return answer.json()

    async def register(self, address: str, chains: list[str]) -> dict[str, Any]:
        """Watch an address."""
        answer = await self.client.post("/v1/wallets", json={"address": address, "chains": chains})
        assert answer.status_code in {200, 201}, answer.text
        body: dict[str, Any] = answer.json()
        return body

    async def synced(self, wallet_id: str, seconds: float) -> dict[str, Any]:
        """Poll a wallet until every chain has ended its sync; the deadline is a safeguard, not a measurement."""
        deadline = time.monotonic() + seconds
        while True:
            wallet: dict[str, Any] = await self.get(f"/v1/wallets/{wallet_id}")
            proven = all(
                chain["state"] == "synced" and (chain["complete"] or chain["gaps"])
                for chain in wallet["chains"]
            )
            if proven:
                return wallet
            states = {chain["chain"]: (chain["state"], chain["error"]) for chain in wallet["chains"]}
            assert time.monotonic() < deadline, states
            await asyncio.sleep(0.25)

    async def transfers(self, **query: Any) -> list[dict[str, Any]]:
        """Every row, over all pages."""
        rows: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = await self.get(
                "/v1/transfers", limit=200, **query, **({"cursor": cursor} if cursor else {})
            )
            rows += page["data"]
            cursor = page["next_cursor"]
            if cursor is None:
                return rows


@asynccontextmanager
async def serving(
    folder: Path, chains: Path, database_url: str, env: Mapping[str, str]
) -> AsyncIterator[Service]:
    """Start the service on a free port; end it as a service manager would."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "indexer", "serve", "--chains", str(chains), "--port", "0",
        cwd=folder,
        env={**os.environ, "GLEANER_DATABASE_URL": database_url, **env},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        url = await asyncio.wait_for(_url(process.stderr), START_SECONDS)
        drain = asyncio.create_task(_drain(process.stderr))
        async with httpx.AsyncClient(base_url=url, timeout=60) as client:
            yield Service(url, client, process)
        drain.cancel()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            await process.wait()


async def _url(output: asyncio.StreamReader) -> str:
    said = b""
    async for line in output:
        said += line
        found = SERVES.search(line)
        if found:
            return found.group().decode()
    raise AssertionError(f"the service ended before it served: {said.decode()}")


async def _drain(output: asyncio.StreamReader) -> None:
    while await output.read(65_536):
        pass


@contextlib.contextmanager
def chains_file(folder: Path, text: str) -> Iterator[Path]:
    """A chains file for one test."""
    path = folder / "chains.yaml"
    path.write_text(text)
    yield path
