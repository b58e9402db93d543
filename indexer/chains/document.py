"""YAML with the line of every value, so that a mistake in `chains.yaml` is reported where it stands."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml

from indexer.model.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Entry:
    """One YAML node with the file it came from; the readers raise `ConfigError` naming file and line."""

    file: Path
    node: yaml.Node
    path: str

    @property
    def line(self) -> int:
        """Line of the node, counted from 1."""
        return self.node.start_mark.line + 1

    def error(self, message: str) -> ConfigError:
        """An error that points at this value."""
        where = f" ({self.path})" if self.path else ""
        return ConfigError(f"{self.file}, line {self.line}{where}: {message}")

    def fields(self, allowed: Iterable[str] | None = None) -> "dict[str, Entry]":
        """The mapping's entries by key; `allowed` rejects every other key and suggests the nearest one."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error("a mapping of `key: value` lines is needed here")
        known = None if allowed is None else tuple(allowed)
        found: dict[str, Entry] = {}
        for key_node, value_node in self.node.value:
            key = Entry(self.file, key_node, self.path).text()
            at = f"{self.path}.{key}" if self.path else key
            if key in found:
                raise Entry(self.file, key_node, at).error("this key appears twice")
            if known is not None and key not in known:
                near = difflib.get_close_matches(key, known, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
                raise Entry(self.file, key_node, at).error(f"unknown key {key!r}{hint}")
            found[key] = Entry(self.file, value_node, at)
        return found

    def items(self) -> "list[Entry]":
        """The sequence's entries."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error("a list is needed here")
        return [Entry(self.file, node, f"{self.path}[{index}]") for index, node in enumerate(self.node.value)]

    def text(self) -> str:
        """The scalar as it is written; empty and null are errors."""
        if not isinstance(self.node, yaml.ScalarNode):
            raise self.error("a single value is needed here")
        if not self.node.value.strip() or self.is_null:
            raise self.error("a value is missing here")
        return str(self.node.value).strip()

    @property
    def is_null(self) -> bool:
        """Whether the value was left out (`key:` or `key: null`)."""
        return self.node.tag == "tag:yaml.org,2002:null"

    def integer(self, minimum: int = 0, maximum: int = 2**63 - 1) -> int:
        """A whole number within bounds; underscores may group digits."""
        text = self.text().replace("_", "")
        if not text.isdecimal():
            raise self.error(f"{text!r} is not a whole number")
        value = int(text)
        if not minimum <= value <= maximum:
            raise self.error(f"{value} is not between {minimum} and {maximum}")
        return value

    def choice(self, options: Iterable[str]) -> str:
        """One of a few words."""
        text, known = self.text(), tuple(options)
        if text not in known:
            near = difflib.get_close_matches(text, known, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise self.error(f"{text!r} is not one of {', '.join(known)}{hint}")
        return text


def read(path: Path) -> Entry:
    """Parse a YAML file without building objects.

    Raises:
        ConfigError: the file is missing, unreadable, empty or no YAML.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"cannot read the chains file {path}: {error.strerror}. "
            "Give another one with --chains or GLEANER_CHAINS."
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text") from None
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}, line {line}: not valid YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from None
    if node is None:
        raise ConfigError(f"{path} is empty: it needs a `chains:` mapping")
    return Entry(path, node, "")
