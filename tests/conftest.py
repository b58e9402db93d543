"""Fixtures that every folder shares live in `tests/fixtures`, one file each."""

pytest_plugins = ["tests.fixtures.anvil", "tests.fixtures.database"]
