"""Where `npm ci` has put the packages that the local chains need."""

import os
from collections.abc import Iterator
from pathlib import Path

FOLDER_VARIABLE = "GLEANER_NODE_MODULES"
"""Environment variable naming a `node_modules` folder elsewhere."""


def node_modules() -> Iterator[Path]:
    """Yield the `node_modules` folders that exist, in the order in which they are searched.

    The named one, the working folder's, and the one beside a source checkout.
    """
    named = os.environ.get(FOLDER_VARIABLE)
    candidates = [Path(named)] if named else []
    candidates += [Path.cwd() / "node_modules", Path(__file__).resolve().parents[2] / "node_modules"]
    seen: set[Path] = set()
    for folder in candidates:
        if folder not in seen and folder.is_dir():
            seen.add(folder)
            yield folder
