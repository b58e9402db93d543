"""Every bridge protocol, one file each. A file that exports `PROTOCOL` is found; nothing else registers it."""

import contextlib
import importlib
import pkgutil
from collections.abc import Mapping
from functools import lru_cache

from indexer.bridges.decoding import Decoded
from indexer.bridges.decoding import decode as _decode
from indexer.bridges.protocol import Protocol
from indexer.bridges.solana import SolanaView
from indexer.model.links import BridgeLeg, TransactionView


@lru_cache(maxsize=1)
def all_protocols() -> tuple[Protocol, ...]:
    """Load every module of this package and return their protocols by id.

    Raises:
        TypeError: a module exports no `PROTOCOL`, or two share an id or alias. Loud, because a bridge that is
            not found is a taxable-looking gap in somebody's books.
    """
    found: dict[str, Protocol] = {}
    for module in pkgutil.iter_modules(__path__):
        protocol = getattr(importlib.import_module(f"{__name__}.{module.name}"), "PROTOCOL", None)
        if not isinstance(protocol, Protocol):
            raise TypeError(f"{__name__}.{module.name} exports no PROTOCOL")
        for name in (protocol.id, *protocol.aliases):
            if name in found:
                raise TypeError(f"{module.name} and {found[name].name} are both called {name}")
            found[name] = protocol
    return tuple(protocol for name, protocol in sorted(found.items()) if name == protocol.id)


@lru_cache(maxsize=1)
def by_name() -> Mapping[str, Protocol]:
    """Protocols by id and by alias."""
    return {name: item for item in all_protocols() for name in (item.id, *item.aliases)}


def examine(
    view: TransactionView,
    *,
    extra: Mapping[str, Mapping[str, frozenset[str]]] | None = None,
    natives: Mapping[str, str] | None = None,
) -> Decoded:
    """Decode one transaction by every protocol: the halves, wrappers counted once, and the forgeries.

    `extra` maps a protocol id to further contracts by chain; `natives` maps a chain to its native asset's id.
    """
    return _decode(all_protocols(), view, extra or {}, natives or {})


def decode(
    view: TransactionView,
    *,
    extra: Mapping[str, Mapping[str, frozenset[str]]] | None = None,
    natives: Mapping[str, str] | None = None,
) -> list[BridgeLeg]:
    """The halves alone of `examine`."""
    return list(examine(view, extra=extra, natives=natives).legs)


def decode_solana(view: SolanaView) -> list[BridgeLeg]:
    """The halves of one Solana transaction. What a program wrote in another shape than it is known for is none."""
    found: list[BridgeLeg] = []
    for protocol in all_protocols():
        if protocol.solana is not None:
            with contextlib.suppress(EOFError, IndexError):
                found += list(protocol.solana(view))
    return found
