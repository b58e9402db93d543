"""The price sources. Each file of this folder exports one `SOURCE: SourceFactory`; nothing else is needed."""

import importlib
import pkgutil

from indexer.model.errors import ConfigError
from indexer.prices.context import SourceFactory


def discover() -> dict[str, SourceFactory]:
    """Return the factories by name.

    Raises:
        ConfigError: a file exports no `SOURCE`, or two export the same name.
    """
    found: dict[str, SourceFactory] = {}
    for module in pkgutil.iter_modules(__path__):
        source = getattr(importlib.import_module(f"{__name__}.{module.name}"), "SOURCE", None)
        if not isinstance(source, SourceFactory):
            raise ConfigError(f"{__name__}/{module.name}.py exports no SOURCE of type SourceFactory.")
        if source.name in found:
            raise ConfigError(f"two price sources are named {source.name!r}.")
        found[source.name] = source
    return found
