"""What the image and compose.yaml promise, as far as it can be seen without building them.

`ops/build-container.sh` builds the image and `ops/check-container.sh` runs it; both need root and buildah.
"""

import http.server
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SECRET_NAME = re.compile(r"(?i)(password|passwd|secret|token|api_?key|private)")


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions in order, continuation lines joined, comments dropped."""
    text = "\n".join(
        line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")
    )
    lines = re.sub(r"\\\n", " ", text).splitlines()
    split = (line.split(None, 1) for line in lines if line.strip())
    return [(name.upper(), " ".join(rest.split())) for name, rest in split]


def final_stage() -> list[tuple[str, str]]:
    every = instructions()
    last = max(index for index, (name, _) in enumerate(every) if name == "FROM")
    return every[last:]


def compose() -> dict[str, Any]:
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return parsed


def test_stages_stand_on_one_base_that_can_be_given() -> None:
    every = instructions()
    assert every[0] == ("ARG", "BASE=debian:bookworm-slim")
    assert [rest.split()[0] for name, rest in every if name == "FROM"] == ["${BASE}", "${BASE}"]


def test_it_runs_as_a_numeric_user_that_is_not_root() -> None:
    users = [rest for name, rest in final_stage() if name == "USER"]
    assert users
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", users[-1])


def test_dependencies_come_by_hash_alone() -> None:
    installs = [
        command
        for name, rest in instructions()
        if name == "RUN"
        for command in rest.split("&&")
        if re.search(r"pip\S* install", command)
    ]
    assert installs
    for command in installs:
        words = shlex.split(command)
        assert "--require-hashes" in words or {"--no-deps", "--no-index"} <= set(words), command


def test_what_the_program_needs_is_copied_and_not_ignored() -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line[1:].removesuffix("/**") for line in ignored if line.startswith("!")}
    assert next(line for line in ignored if not line.startswith("#")) == "*"
    sources: set[str] = set()
    for name, rest in instructions():
        if name == "COPY" and not rest.startswith("--from="):
            *these, _ = shlex.split(rest)
            sources.update(these)
    assert {"migrations", "chains.yaml", "indexer", "api", "pyproject.toml"} <= sources
    assert sources == kept
    for source in sources:
        assert (ROOT / source).exists(), source
    assert "ADD" not in {name for name, _ in instructions()}  # it fetches and unpacks


def test_no_secret_is_baked_in() -> None:
    for name, rest in instructions():
        if name in {"ENV", "ARG"}:
            assert not SECRET_NAME.search(rest), rest
    text = (ROOT / "compose.yaml").read_text()
    for service in compose()["services"].values():
        for key, value in service["environment"].items():
            if SECRET_NAME.search(key) or "://" in str(value):
                assert "${" in str(value), f"{key} is written into compose.yaml"
    assert ".env" not in {
        line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    assert not re.search(r"glk_[A-Za-z0-9_-]{20}", text)


def test_it_has_a_healthcheck_and_takes_signals() -> None:
    stage = dict(final_stage())
    assert stage["HEALTHCHECK"].endswith('CMD ["python3", "/app/ops/healthcheck.py"]')
    assert stage["ENTRYPOINT"] == '["/app/ops/entrypoint.sh"]'
    assert stage["VOLUME"] == '["/data"]'
    assert "curl" not in (ROOT / "Dockerfile").read_text()


def test_compose_services_are_locked_down() -> None:
    services = compose()["services"]
    assert set(services) == {"database", "gleaner"}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["healthcheck"]["test"][0] == "CMD", name
        assert not service.get("privileged"), name
    gleaner = services["gleaner"]
    assert gleaner["cap_drop"] == ["ALL"]
    assert gleaner["depends_on"]["database"]["condition"] == "service_healthy"
    assert gleaner["environment"]["GLEANER_REQUIRE_KEY"] == "true"
    assert all(port.startswith("127.0.0.1:") for port in gleaner["ports"])
    assert gleaner["environment"]["GLEANER_DATABASE_URL"].startswith("postgresql://")


def test_the_database_is_on_no_network_but_its_own() -> None:
    parsed = compose()
    assert "ports" not in parsed["services"]["database"]
    assert parsed["services"]["database"]["networks"] == ["inside"]
    assert parsed["networks"]["inside"]["internal"] is True


@pytest.mark.parametrize("name", ["entrypoint.sh", "build-container.sh", "check-container.sh"])
def test_scripts_are_shell_and_may_be_run(name: str) -> None:
    script = ROOT / "ops" / name
    assert os.access(script, os.X_OK)
    subprocess.run(["sh", "-n", script], check=True)


@pytest.mark.parametrize(
    ("arguments", "calls"),
    [
        ([], ["db upgrade", "serve"]),
        (["serve"], ["db upgrade", "serve"]),
        (["serve", "--port", "9"], ["db upgrade", "serve --port 9"]),
        (["wallet", "list"], ["wallet list"]),
    ],
)
def test_the_entrypoint_migrates_before_it_serves(
    tmp_path: Path, arguments: list[str], calls: list[str]
) -> None:
    recorded = tmp_path / "calls"
    command = tmp_path / "gleaner"
    command.write_text(f'#!/bin/sh\necho "$*" >> {shlex.quote(str(recorded))}\n')
    command.chmod(0o755)
    subprocess.run(
        [ROOT / "ops/entrypoint.sh", *arguments], check=True, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}
    )
    assert recorded.read_text().splitlines() == calls


def test_the_entrypoint_serves_nothing_when_migrating_fails(tmp_path: Path) -> None:
    recorded = tmp_path / "calls"
    command = tmp_path / "gleaner"
    command.write_text(f'#!/bin/sh\necho "$*" >> {shlex.quote(str(recorded))}\ntest "$1" != db\n')
    command.chmod(0o755)
    ended = subprocess.run(
        [ROOT / "ops/entrypoint.sh", "serve"], check=False, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}
    )
    assert ended.returncode == 1
    assert recorded.read_text().splitlines() == ["db upgrade"]


@contextmanager
def answering(status: int) -> Iterator[int]:
    """A server on loopback that answers everything with one status; yields its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def healthcheck(port: int) -> int:
    command = [sys.executable, str(ROOT / "ops/healthcheck.py")]
    return subprocess.run(
        command, check=False, env={"GLEANER_PORT": str(port)}, capture_output=True
    ).returncode


def test_the_healthcheck_asks_the_service() -> None:
    with answering(200) as port:
        assert healthcheck(port) == 0
    assert healthcheck(port) == 1
    with answering(503) as port:
        assert healthcheck(port) == 1
