"""`gleaner db` as a user types it."""

import subprocess
import sys
from pathlib import Path

from typer.testing import CliRunner, Result

from indexer.cli.db import db
from indexer.model.errors import StorageError
from indexer.store.schema import REVISIONS


def run(url: str, *arguments: str) -> Result:
    return CliRunner().invoke(db, arguments, env={"GLEANER_DATABASE_URL": url})


def test_the_schema_goes_up_and_down(empty_database_url: str) -> None:
    url = empty_database_url
    refused = run(url, "check")
    assert isinstance(refused.exception, StorageError)
    assert "gleaner db upgrade" in str(refused.exception)
    assert run(url, "upgrade").exit_code == 0
    assert run("sqlite:///nowhere.db", "current", "--url", url).stdout == f"{REVISIONS[-1]}\n"
    assert run(url, "check").exit_code == 0
    assert run(url, "downgrade", "base").exit_code == 1  # nobody said yes
    assert run(url, "current").stdout == f"{REVISIONS[-1]}\n"
    assert run(url, "downgrade", "base", "--yes").exit_code == 0
    assert run(url, "current").stdout == "none\n"


def test_a_wrong_url_is_the_users_to_mend(tmp_path: Path) -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "indexer", "db", "check"],
        cwd=tmp_path,
        env={"GLEANER_DATABASE_URL": "mysql://me:s3cret@host/db", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert refused.returncode == 2
    assert "mysql" in refused.stderr
    assert "s3cret" not in refused.stderr
    assert "Traceback" not in refused.stderr
