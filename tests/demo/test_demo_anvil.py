"""A local node starts on a free port and leaves nothing behind, however its user ends."""

import asyncio
import os
import signal
import stat
import sys
import tempfile
from pathlib import Path

import aiohttp
import pytest

from indexer.demo.anvil import AnvilOptions, find_anvil, run_anvil
from indexer.demo.node import Node
from indexer.model.errors import ConfigError, RefusedError, RetryableError

USER = """
import asyncio
from indexer.demo.anvil import run_anvil

async def main():
    async with run_anvil() as url:
        print(url, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.fixture
def own_temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path


def _left(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


async def _answers(url: str) -> bool:
    async with aiohttp.ClientSession() as session:
        try:
            await Node(url, session).ask("eth_blockNumber")
        except RetryableError:
            return False
        return True


async def _falls_silent(url: str) -> None:
    async with asyncio.timeout(20):
        while await _answers(url):  # noqa: ASYNC110 - another process tells us nothing
            await asyncio.sleep(0.02)


async def test_two_nodes_run_side_by_side_and_stop(own_temp: Path) -> None:
    async with (
        run_anvil() as first,
        run_anvil(AnvilOptions(chain_id=5, genesis_time=1_700_000_000)) as second,
        aiohttp.ClientSession() as session,
    ):
        assert first != second
        assert int(await Node(first, session).ask("eth_chainId"), 16) == 31337
        assert int(await Node(second, session).ask("eth_chainId"), 16) == 5
        genesis = await Node(second, session).ask("eth_getBlockByNumber", "0x0", False)
        assert int(genesis["timestamp"], 16) == 1_700_000_000
        with pytest.raises(RefusedError, match="eth_noSuchThing"):
            await Node(first, session).ask("eth_noSuchThing")
    assert not await _answers(first)
    assert not await _answers(second)
    assert _left(own_temp) == []


async def test_an_error_in_the_body_stops_the_node(own_temp: Path) -> None:
    url = ""
    with pytest.raises(ZeroDivisionError):
        async with run_anvil() as url:
            raise ZeroDivisionError
    assert not await _answers(url)
    assert _left(own_temp) == []


async def test_cancelling_the_user_stops_the_node(own_temp: Path) -> None:
    started: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def user() -> None:
        async with run_anvil() as url:
            started.set_result(url)
            await asyncio.Event().wait()

    task = asyncio.create_task(user())
    url = await started
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not await _answers(url)
    assert _left(own_temp) == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
async def test_a_killed_user_takes_the_node_along(how: signal.Signals, own_temp: Path) -> None:
    user = await asyncio.create_subprocess_exec(
        sys.executable, "-c", USER, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    assert user.stdout is not None
    url = (await user.stdout.readline()).decode().strip()
    assert await _answers(url)
    user.send_signal(how)
    await user.wait()
    await _falls_silent(url)
    async with asyncio.timeout(20):
        while _left(own_temp):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.02)


async def test_a_node_that_does_not_start_says_its_last_words(
    tmp_path: Path, own_temp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "bin" / "anvil"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho 'error: no such option'\nexit 2\n")
    broken.chmod(stat.S_IRWXU)
    monkeypatch.setenv("GLEANER_ANVIL", str(broken))
    with pytest.raises(RetryableError, match="no such option"):
        async with run_anvil():
            pass
    assert _left(own_temp) == ["bin"]


def test_a_named_binary_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLEANER_ANVIL", "/nowhere/anvil")
    with pytest.raises(ConfigError, match="GLEANER_ANVIL=/nowhere/anvil"):
        find_anvil()


def test_without_any_anvil_the_error_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GLEANER_ANVIL", raising=False)
    monkeypatch.setenv("PATH", os.devnull)
    monkeypatch.setattr("indexer.demo.anvil.node_modules", list)
    with pytest.raises(ConfigError, match=r"npm ci.*getfoundry"):
        find_anvil()


def test_on_other_systems_the_one_on_the_path_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GLEANER_ANVIL", raising=False)
    monkeypatch.setattr(sys, "platform", "darwin")
    own = tmp_path / "anvil"
    own.write_text("#!/bin/sh\n")
    own.chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert find_anvil() == own
