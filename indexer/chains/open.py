"""Find the family of a chain and open a reader for it."""

import importlib
import pkgutil
from functools import cache

import indexer.chains
from indexer.chains.family import ChainFamily
from indexer.chains.spam import NO_LISTS, Lists
from indexer.model.chain import ChainSpec, Family
from indexer.model.errors import InputError
from indexer.model.ports import ChainReader, Clock


@cache
def families() -> dict[Family, ChainFamily]:
    """Every package below `indexer.chains` that has a `family` module, by its family.

    A package that fails to import, exports no `FAMILY`, or claims a family twice stops the program: a chain
    that silently is not there would be history that silently is missing.
    """
    found: dict[Family, ChainFamily] = {}
    for package in pkgutil.iter_modules(indexer.chains.__path__):
        if not package.ispkg:
            continue
        module = importlib.import_module(f"indexer.chains.{package.name}.family")
        offered = module.FAMILY
        if not isinstance(offered, ChainFamily) or offered.family in found:
            raise TypeError(f"{module.__name__}.FAMILY is not a chain family of its own")
        found[offered.family] = offered
    return found


def open_reader(spec: ChainSpec, clock: Clock, lists: Lists = NO_LISTS) -> ChainReader:
    """A reader for a chain that judges tokens by `lists`, too. Nothing is asked before its first question.

    Raises:
        InputError: the chain's family is not built yet.
    """
    offered = families().get(spec.family)
    if offered is None:
        built = ", ".join(sorted(family.name for family in families()))
        raise InputError(
            f"{spec.name} ({spec.id}) belongs to the family {spec.family.name}, which this version cannot read yet; "
            f"built are: {built}. Register the wallet on other chains."
        )
    return offered.open(spec, clock, lists)
