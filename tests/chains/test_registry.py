"""The chains file: what is read, and that every mistake is reported at its line without a secret."""

import re
from pathlib import Path

import pytest

from indexer.chains.known import KNOWN_CHAINS
from indexer.chains.open import families, open_reader
from indexer.chains.registry import load, variable_of
from indexer.model.chain import ExplorerStyle, Family, FinalityRule, Quirk
from indexer.model.errors import ConfigError, InputError
from tests.chains.clock import FixedClock

SHIPPED = Path(__file__).resolve().parents[2] / "chains.yaml"

GOOD = """\
chains:
  eip155:999:
    name: Mine
    endpoints: [http://a/rpc, "https://b/v2/${KEY_B}"]
    native: {symbol: HYPE, decimals: 18, slip44: 2457}
    finality: {rule: depth, depth: 5}
"""


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "chains.yaml"
    path.write_text(text)
    return path


def test_the_shipped_file_has_every_chain_with_several_endpoints_and_no_key() -> None:
    chains = load(SHIPPED, {})
    assert len(chains) == 14
    names = {spec.name for spec in chains.values()}
    assert {"Ethereum", "Scroll", "Linea", "zkSync Era", "Solana", "Bitcoin", "Litecoin"} <= names
    for spec in chains.values():
        if spec.family is Family.EVM:
            assert len(spec.endpoints) >= 3, spec.name
            assert spec.wrapped_native, spec.name
            assert spec.price_platform, spec.name
        assert not any("$" in url for url in spec.endpoints)
        assert spec.native.price_id, spec.name
    assert Quirk.L1_DATA_FEE in chains["eip155:10"].quirks
    assert chains["eip155:324"].native_token_contract == "0x000000000000000000000000000000000000800a"


def test_a_key_adds_its_endpoints_and_explorers() -> None:
    keys = {"ALCHEMY_API_KEY": "alch", "ETHERSCAN_API_KEY": "scan"}
    spec = load(SHIPPED, keys)["eip155:1"]
    assert spec.endpoints[-1].endswith("/v2/alch")
    assert (spec.explorers[0].style, spec.explorers[0].api_key) == (ExplorerStyle.ETHERSCAN_V2, "scan")


def test_a_new_chain_needs_no_code(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    spec = load(write(tmp_path, GOOD), {})["eip155:999"]
    assert spec.endpoints == ("http://a/rpc",)
    assert (spec.finality.rule, spec.finality.depth) == (FinalityRule.DEPTH, 5)
    assert "KEY_B" in caplog.text
    assert (
        load(write(tmp_path, GOOD), {"KEY_B": "s3cret"})["eip155:999"].endpoints[1] == "https://b/v2/s3cret"
    )


def test_what_is_left_out_takes_one_line_of_the_log(caplog: pytest.LogCaptureFixture) -> None:
    chains = load(SHIPPED, {})
    assert len(caplog.records) == 1
    line = caplog.records[0].getMessage()
    evm = sum(spec.family is Family.EVM for spec in chains.values())
    assert f"ETHERSCAN_API_KEY ({evm} explorers)" in line
    assert "ALCHEMY_API_KEY (" in line
    caplog.clear()
    everything = dict.fromkeys(re.findall(r"\$\{(\w+)\}", SHIPPED.read_text()), "set")
    load(SHIPPED, everything)
    assert not caplog.records


def test_streams_of_heads_stand_among_the_endpoints(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("http://a/rpc", '"wss://a/${KEY_B}", http://a/rpc'))
    spec = load(path, {"KEY_B": "s3cret"})["eip155:999"]
    assert spec.endpoints == ("http://a/rpc", "https://b/v2/s3cret")
    assert spec.streams == ("wss://a/s3cret",)
    bare = load(path, {"GLEANER_RPC_EIP155_999": "ws://x:8546,http://x:8545"})["eip155:999"]
    assert (bare.endpoints, bare.streams) == (("http://x:8545",), ("ws://x:8546",))
    with pytest.raises(ConfigError, match="streams only announce"):
        load(path, {"GLEANER_RPC_EIP155_999": "ws://x:8546"})


def test_the_environment_replaces_explorers(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD)
    pair = "blockscout=http://b/api,etherscan-v2=http://e/v2/api?x=1"
    spec = load(path, {"GLEANER_EXPLORER_EIP155_999": pair})["eip155:999"]
    assert [(e.style, e.url) for e in spec.explorers] == [
        (ExplorerStyle.BLOCKSCOUT, "http://b/api"),
        (ExplorerStyle.ETHERSCAN_V2, "http://e/v2/api?x=1"),
    ]
    assert load(path, {"GLEANER_EXPLORER_EIP155_999": "none"})["eip155:999"].explorers == ()
    with pytest.raises(ConfigError, match="GLEANER_EXPLORER_EIP155_999, entry 1"):
        load(path, {"GLEANER_EXPLORER_EIP155_999": "http://e/s3cret"})


def test_what_is_known_of_a_public_chain_need_not_be_written(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD.replace("eip155:999", "eip155:10"))
    shipped, bare = load(SHIPPED, {})["eip155:10"], load(path, {})["eip155:10"]
    assert (bare.quirks, bare.wrapped_native) == (shipped.quirks, shipped.wrapped_native)
    assert bare.native_token_contract == shipped.native_token_contract
    own = "name: Mine\n    quirks: []\n    wrapped_native: null"
    plain = load(write(tmp_path, GOOD.replace("eip155:999", "eip155:10").replace("name: Mine", own)), {})
    assert (plain["eip155:10"].quirks, plain["eip155:10"].wrapped_native) == (frozenset(), None)
    for spec in load(SHIPPED, {}).values():
        known = KNOWN_CHAINS.get(spec.id)
        if known:  # the two places that say it say the same
            assert (known.wrapped_native, known.quirks) == (spec.wrapped_native, spec.quirks), spec.name
            assert known.native_token_contract == spec.native_token_contract, spec.name


def test_the_environment_replaces_endpoints(tmp_path: Path) -> None:
    assert variable_of("eip155:999") == "GLEANER_RPC_EIP155_999"
    chains = load(write(tmp_path, GOOD), {"GLEANER_RPC_EIP155_999": "http://x/1 , http://y/2"})
    assert chains["eip155:999"].endpoints == ("http://x/1", "http://y/2")
    with pytest.raises(ConfigError, match=r"GLEANER_RPC_EIP155_999, entry 2: ") as refusal:
        load(write(tmp_path, GOOD), {"GLEANER_RPC_EIP155_999": "http://x,ftp://h/s3cret"})
    assert "s3cret" not in str(refusal.value)


@pytest.mark.parametrize(
    ("change", "line", "words"),
    [
        (("name: Mine", "nme: Mine"), 3, "did you mean 'name'"),
        (("symbol: HYPE, ", ""), 5, "'symbol' is missing"),
        (("decimals: 18", "decimals: many"), 5, "not a whole number"),
        (("rule: depth, depth: 5", "rule: deep"), 6, "not one of tag, depth"),
        (("rule: depth, depth: 5", "rule: depth"), 6, "needs 'depth'"),
        (("eip155:999:", "eip155:main:"), 3, "decimal number"),
        (("eip155:999:", "cosmos:hub:"), 3, "unknown family"),
        (("eip155:999:", "'999':"), 3, "CAIP-2"),
        (("http://a/rpc", "ipc://a/rpc"), 4, "http:// or https://"),
        (("[http://a/rpc", "[ws://a/rpc"), 4, "KEY_B"),
        (('[http://a/rpc, "https://b/v2/${KEY_B}"]', "[ws://a/rpc]"), 4, "streams only announce"),
        (('[http://a/rpc, "https://b/v2/${KEY_B}"]', "[http://a, 'wss:///']"), 4, "no host"),
        (('[http://a/rpc, "https://b/v2/${KEY_B}"]', "[]"), 4, "needs 'endpoints'"),
        (("http://a/rpc, ", ""), 4, "KEY_B"),
        (("name: Mine", "name: Mine\n    name: Twice"), 4, "twice"),
        (("name: Mine", "name:"), 3, "value is missing"),
        (("    name: Mine", "   name: Mine"), 4, "not valid YAML"),
        (("name: Mine", "name: Mine\n    quirks: [native_transfer_logs]"), 4, "native_token_contract"),
        (("name: Mine", "name: Mine\n    wrapped_native: 0x12"), 4, "not an address"),
        (("chains:", "chain:"), 1, "did you mean 'chains'"),
    ],
)
def test_a_mistake_is_reported_at_its_line(
    tmp_path: Path, change: tuple[str, str], line: int, words: str
) -> None:
    path = write(tmp_path, GOOD.replace(*change))
    with pytest.raises(ConfigError) as refusal:
        load(path, {})
    assert f"{path}, line {line}" in str(refusal.value)
    assert words in str(refusal.value)


@pytest.mark.parametrize("text", ["", "# nothing\n", "[1]", "chains: {}", "\x00"])
def test_a_file_without_chains_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError):
        load(write(tmp_path, text), {})


def test_a_missing_file_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--chains"):
        load(tmp_path / "none.yaml", {})


def test_families_that_are_not_built_are_refused_by_name() -> None:
    chains = load(SHIPPED, {})
    for spec in chains.values():
        if spec.family in families():
            open_reader(spec, FixedClock())
        else:
            with pytest.raises(InputError, match=spec.name):
                open_reader(spec, FixedClock())
