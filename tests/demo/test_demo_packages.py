"""What the demo needs from npm is locked without addresses; what we compiled matches its source."""

import hashlib
from importlib import resources
from pathlib import Path

import orjson
import pytest

from indexer.demo import artifacts
from indexer.demo.artifacts import call_data, creation_code, results, topic
from indexer.demo.packages import node_modules
from indexer.demo.plays import units
from indexer.model.errors import ConfigError

ROOT = Path(__file__).parents[2]
ANVIL = "node_modules/@foundry-rs/anvil-linux-amd64"


def test_the_lock_names_no_host_and_has_hashes() -> None:
    text = (ROOT / "package-lock.json").read_text()
    assert '"resolved"' not in text
    assert "://" not in text
    packages = orjson.loads(text)["packages"]
    assert all("integrity" in entry for path, entry in packages.items() if path)


def test_the_lock_lets_node_18_install_anvil() -> None:
    """The package asks for Node 20 though it holds a plain binary; npm would leave an optional one out silently."""
    entry = orjson.loads((ROOT / "package-lock.json").read_bytes())["packages"][ANVIL]
    assert entry["optional"] is True
    assert "engines" not in entry


@pytest.mark.parametrize("name", ["DemoToken", "DemoSpokePool"])
def test_committed_builds_come_from_the_committed_sources(name: str) -> None:
    folder = resources.files("indexer.demo").joinpath("contracts")
    source = folder.joinpath(f"{name}.sol").read_bytes()
    artifact = orjson.loads(folder.joinpath("artifacts", f"{name}.json").read_bytes())
    assert artifact["sourceSha256"] == hashlib.sha256(source).hexdigest()
    assert artifact["compiler"]["version"].startswith("0.8.30+")
    assert artifact["bytecode"].startswith("0x60")


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    artifacts._artifact.cache_clear()
    monkeypatch.setattr("indexer.demo.artifacts.node_modules", list)
    with pytest.raises(ConfigError, match=r"npm ci.*GLEANER_NODE_MODULES"):
        creation_code("WETH9")


def test_a_named_folder_of_packages_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLEANER_NODE_MODULES", str(tmp_path))
    assert next(iter(node_modules())) == tmp_path


def test_calls_are_encoded_as_the_abi_says() -> None:
    to = "0x" + "11" * 20
    data = call_data("transfer(address,uint256)", to, 5)
    assert data.hex() == "a9059cbb" + "00" * 12 + "11" * 20 + "00" * 31 + "05"
    assert call_data("deposit()").hex() == "d0e30db0"
    nested = call_data("fill((uint256,bytes),uint256)", (1, b"\x02"), 3)
    assert results(["(uint256,bytes)", "uint256"], nested[4:]) == ((1, b"\x02"), 3)


def test_topics_are_the_well_known_ones() -> None:
    assert topic("Transfer(address,address,uint256)").startswith("0xddf252ad1be2c89b69c2b068fc378daa")


def test_amounts_finer_than_the_token_are_refused() -> None:
    assert units("1.5", 6) == 1_500_000
    with pytest.raises(ValueError, match="6 decimals"):
        units("0.0000001", 6)
