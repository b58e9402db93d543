"""What every flow is given: the ports, opened by `indexer.wiring`."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from indexer.chains.spam import NO_LISTS, Lists
from indexer.flows.halves import DecodedHalves
from indexer.flows.kept_books import KeptBooks
from indexer.flows.pairing import Pairings
from indexer.model.chain import ChainSpec
from indexer.model.errors import InputError
from indexer.model.ledger import Ledger
from indexer.model.ports import ChainReader, Clock, PriceService


class Readers:
    """Chain readers by CAIP-2 id. Families that are not built yet are refused by name."""

    def __init__(
        self, specs: Mapping[str, ChainSpec], readers: Mapping[str, ChainReader], refused: Mapping[str, str]
    ) -> None:
        self.specs = specs
        self._readers = readers
        self._refused = refused

    def __getitem__(self, chain: str) -> ChainReader:
        """The reader of a chain.

        Raises:
            InputError: the chain is unknown, or its family is not built; the text says which are there.
        """
        if chain in self._readers:
            return self._readers[chain]
        if chain in self._refused:
            raise InputError(self._refused[chain])
        known = ", ".join(sorted(self._readers))
        raise InputError(
            f"unknown chain {chain!r}: use a CAIP-2 id such as eip155:1. This instance serves {known}. "
            "Add a block to chains.yaml to serve another one."
        )

    def __contains__(self, chain: str) -> bool:
        return chain in self._readers

    @property
    def chains(self) -> tuple[str, ...]:
        """CAIP-2 ids of the chains that are served."""
        return tuple(sorted(self._readers))

    async def close(self) -> None:
        """Close every reader."""
        for reader in self._readers.values():
            await reader.close()


@dataclass(frozen=True, slots=True)
class Services:
    """The ports a flow works through."""

    ledger: Ledger
    readers: Readers
    prices: PriceService
    clock: Clock
    bridge_contracts: Mapping[str, Mapping[str, frozenset[str]]]
    """Contracts beyond the well-known ones, per protocol and chain (local chains, new deployments)."""
    halves: DecodedHalves = field(default_factory=DecodedHalves)
    """What raw transactions said, so that each is decoded once while the process runs."""
    pairings: Pairings = field(default_factory=Pairings)
    """What was linked of each portfolio, so that a change is linked and not everything."""
    books: KeptBooks = field(default_factory=KeptBooks)
    """What was booked of each portfolio, so that a change books the assets it touches and not everything."""
    lists: Lists = NO_LISTS
    """Contracts and accounts that the owner of this instance blocks or trusts."""
