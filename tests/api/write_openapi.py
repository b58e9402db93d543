"""Write the golden description of the API after a change that is meant: `python -m tests.api.write_openapi`."""

import json
from pathlib import Path
from typing import Any

from tests.api.down import down_app

GOLDEN = Path(__file__).with_name("openapi.json")


def description() -> dict[str, Any]:
    """The description as it is served, without the version, which a release changes."""
    schema: dict[str, Any] = json.loads(json.dumps(down_app().openapi()))
    del schema["info"]["version"]
    return schema


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(description(), indent=1, sort_keys=True) + "\n")
