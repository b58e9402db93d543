"""Is this instance ready to answer, and what is in its way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from indexer.flows.services import Services
from indexer.model.errors import StorageError

MOST_ERRORS = 200
"""Failing targets looked at: enough to name every chain that has trouble."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `detail` is a sentence for people."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """`ok` when requests can be answered. A chain that is down does not make an instance unready."""

    ok: bool
    checks: tuple[Check, ...]


@runtime_checkable
class TellsEndpoints(Protocol):
    """A reader that knows how its endpoints have answered this process."""

    def endpoints(self) -> Sequence[str]:
        """One line for each, in the order of the chains file, without keys."""
        ...


def endpoints_of(services: Services, chain: str) -> Sequence[str]:
    """How the endpoints of a chain have answered this process, where its reader tells."""
    reader = services.readers[chain]
    return reader.endpoints() if isinstance(reader, TellsEndpoints) else ()


async def ready(services: Services) -> Readiness:
    """Look at the database and at what the chains last said, without reading every wallet."""
    try:
        async with services.ledger.read() as work:
            failing = await work.targets.failing(MOST_ERRORS)
    except StorageError as error:
        return Readiness(ok=False, checks=(Check("database", ok=False, detail=str(error)),))
    said = {target.key.chain: target.error or "" for target in reversed(failing)}
    chains = [
        Check(
            chain,
            ok=chain not in said,
            detail="; ".join([said.get(chain, "no error"), *endpoints_of(services, chain)]),
        )
        for chain in services.readers.chains
    ]
    return Readiness(ok=True, checks=(Check("database", ok=True, detail="answers"), *chains))
