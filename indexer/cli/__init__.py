"""The `gleaner` command. Each module of this package adds its commands to `root.app`."""

import importlib
import pkgutil

from indexer.cli.root import run


def main() -> None:
    """Entry point of the `gleaner` script: load the command modules and run."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    run()
