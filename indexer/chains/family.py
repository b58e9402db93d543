"""The constant that a family's package exports."""

from collections.abc import Callable
from dataclasses import dataclass

from indexer.chains.spam import Lists
from indexer.model.chain import ChainSpec, Family
from indexer.model.ports import ChainReader, Clock


@dataclass(frozen=True, slots=True)
class ChainFamily:
    """A family of chains and how a reader for one of its chains is made."""

    family: Family
    open: Callable[[ChainSpec, Clock, Lists], ChainReader]
