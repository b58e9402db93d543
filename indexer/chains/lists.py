"""Read the owner's lists of blocked and trusted contracts and accounts. The format is written down in `docs/spam.md`."""

import re
from pathlib import Path

from indexer.chains.document import Entry, read
from indexer.chains.spam import NO_LISTS, Lists
from indexer.model.errors import ConfigError

_MARK = re.compile(
    r"^(?P<chain>[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32})(?:/(?:erc20|erc721|erc1155|token):|:)(?P<address>[-.%a-zA-Z0-9]{1,128})$"
)
"""An asset without its item (https://chainagnostic.org/CAIPs/caip-19), or an account (.../caip-10)."""
_EVM = re.compile(r"^0x[0-9a-f]{40}$")


def load_lists(path: Path | None) -> Lists:
    """The lists of a file, none without one.

    Raises:
        ConfigError: the file cannot be read or a value is wrong; the text names the file and the line.
    """
    if path is None:
        return NO_LISTS
    if not path.is_file():
        raise ConfigError(
            f"cannot read the spam lists {path}: there is no such file. Correct GLEANER_SPAM_LISTS."
        )
    if not path.read_bytes().strip():
        return NO_LISTS
    top = read(path).fields(("blocked", "trusted"))
    blocked: dict[tuple[str, str], str] = {}
    if "blocked" in top and not top["blocked"].is_null:
        blocked = {_mark(name, entry): entry.text() for name, entry in top["blocked"].fields().items()}
    trusted: set[tuple[str, str]] = set()
    if "trusted" in top and not top["trusted"].is_null:
        for entry in top["trusted"].items():
            mark = _mark(entry.text(), entry)
            if mark in blocked:
                raise entry.error(f"{entry.text()} is blocked and trusted")
            trusted.add(mark)
    return Lists(blocked, frozenset(trusted))


def _mark(text: str, entry: Entry) -> tuple[str, str]:
    """(chain, address) of an asset or an account."""
    found = _MARK.match(text)
    if found is None:
        raise entry.error(
            f"{text!r} is neither an asset such as eip155:1/erc20:0x... nor an account such as eip155:1:0x..."
        )
    chain, address = found["chain"], found["address"]
    if chain.startswith("eip155:"):
        address = address.lower()
        if not _EVM.match(address):
            raise entry.error(f"{address!r} is no address: 0x and 40 hexadecimal digits are needed")
    return chain, address
