"""Countries: one file each, exporting `RULES`. Found here, loudly: a file without it is an error."""

import importlib
import pkgutil
from functools import cache

from indexer.model.errors import InputError
from indexer.tax.jurisdiction import Jurisdiction


@cache
def jurisdictions() -> dict[str, Jurisdiction]:
    """Every country's rules by code."""
    found: dict[str, Jurisdiction] = {}
    for module in pkgutil.iter_modules(__path__):
        rules = importlib.import_module(f"{__name__}.{module.name}").RULES
        if not isinstance(rules, Jurisdiction) or rules.code in found:
            raise TypeError(
                f"indexer.tax.rules.{module.name} must export one Jurisdiction of its own as RULES"
            )
        found[rules.code] = rules
    return found


def jurisdiction(code: str) -> Jurisdiction:
    """The rules of a country.

    Raises:
        InputError: there is no rule file for it; the text says which there are.
    """
    known = jurisdictions()
    if code not in known:
        raise InputError(f"unknown jurisdiction {code!r}: this version knows {', '.join(sorted(known))}")
    return known[code]
