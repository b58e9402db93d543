"""Logs as a node sends them, read right into objects of fixed fields: half the time and memory of dictionaries."""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec
import orjson

from indexer.model.errors import LyingSourceError

Body = bytes | bytearray
Address = Annotated[str, msgspec.Meta(min_length=42, max_length=42)]
Word = Annotated[str, msgspec.Meta(min_length=66, max_length=66)]


class RawLog(msgspec.Struct, gc=False, rename="camel"):
    """What the collector reads of a log object: https://ethereum.github.io/execution-apis, eth_getLogs."""

    address: Address
    topics: tuple[Word, ...]
    data: str
    block_number: str
    block_hash: Word
    transaction_hash: Word
    log_index: str
    block_timestamp: str | int | None = None
    """Not every node tells it; believed as hexadecimal text."""
    removed: bool | None = False


class _Answer(msgspec.Struct):
    id: Any = None
    error: Any = None
    result: list[RawLog] | dict[str, Any] | str | int | float | bool | msgspec.UnsetType | None = (
        msgspec.UNSET
    )


_answers = msgspec.json.Decoder(list[_Answer] | _Answer).decode


def loads_logs(body: Body) -> Any:
    """The answer to a request for logs as `orjson.loads` gives it, but every log of it a `RawLog`.

    An answer with anything else in a log's place comes as dictionaries, for whoever reads logs to refuse.

    Raises:
        JSONDecodeError: it is no JSON.
    """
    try:
        found = _answers(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return orjson.loads(body)
    return list(map(_as_loaded, found)) if isinstance(found, list) else _as_loaded(found)


def to_raw_logs(logs: Iterable[Mapping[str, Any]]) -> list[RawLog]:
    """Log objects that came in something else, a receipt.

    Raises:
        LyingSourceError: a field is missing or of another type.
    """
    try:
        return msgspec.convert(list(logs), list[RawLog])
    except msgspec.ValidationError as error:
        raise LyingSourceError(f"a log without its fields was answered ({error})") from None


def _as_loaded(answer: _Answer) -> dict[str, Any]:
    loaded = {"id": answer.id, "error": answer.error}
    if answer.result is not msgspec.UNSET:
        loaded["result"] = answer.result
    return loaded
