"""Fixtures that every folder shares live in `tests/fixtures`, one file each."""

import os

from hypothesis import settings

pytest_plugins = ["tests.fixtures.anvil", "tests.fixtures.database"]

# CI tries the same examples every time; a developer's runs go on looking for new ones.
settings.register_profile("ci", derandomize=True)
if os.environ.get("CI"):
    settings.load_profile("ci")
