"""The owner's lists of contracts and accounts: read strictly, with the line of every mistake."""

from pathlib import Path

import pytest

from indexer.chains.lists import load_lists
from indexer.chains.spam import NO_LISTS
from indexer.model.errors import ConfigError

TOKEN, ACCOUNT = "eip155:1/erc20:0x" + "AB" * 20, "eip155:137:0x" + "c" * 40


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "lists.yaml"
    path.write_text(text)
    return path


def test_assets_and_accounts_are_read(tmp_path: Path) -> None:
    lists = load_lists(
        written(tmp_path, f'blocked:\n  "{TOKEN}": a false reward\ntrusted:\n  - "{ACCOUNT}"\n')
    )
    assert lists.blocked == {("eip155:1", "0x" + "ab" * 20): "a false reward"}
    assert lists.trusted == {("eip155:137", "0x" + "c" * 40)}


@pytest.mark.parametrize("text", ["", "\n", "blocked:\n", "trusted: []\n"])
def test_an_empty_file_lists_nothing(tmp_path: Path, text: str) -> None:
    assert load_lists(written(tmp_path, text)) == NO_LISTS
    assert load_lists(None) == NO_LISTS


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("block:\n  x: y\n", r"line 1 .*unknown key 'block'; did you mean 'blocked'"),
        ('blocked:\n  "0x12": scam\n', r"line 2 .*neither an asset"),
        ('blocked:\n  "eip155:1/erc20:0x12": scam\n', r"line 2 .*40 hexadecimal digits"),
        (f'blocked:\n  "{TOKEN}":\n', r"line 2 .*a value is missing"),
        (f'trusted:\n  "{TOKEN}": yes\n', r"line 2 .*a list is needed"),
        (f'blocked:\n  "{TOKEN}": scam\ntrusted: ["{TOKEN.lower()}"]\n', r"line 3 .*blocked and trusted"),
    ],
)
def test_a_mistake_is_reported_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load_lists(written(tmp_path, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="GLEANER_SPAM_LISTS"):
        load_lists(tmp_path / "none.yaml")
