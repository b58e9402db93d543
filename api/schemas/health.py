"""Whether the process lives and the instance can answer."""

from typing import Literal, Self

from pydantic import Field

from api.schemas.base import Output
from indexer.flows.health import Check, Readiness


class HealthOut(Output):
    """The process answers."""

    status: Literal["ok"]
    version: str


class CheckOut(Output):
    """One thing that was looked at."""

    name: str = Field(examples=["database"])
    ok: bool
    detail: str | None = Field(description="Told to callers with a key alone, where keys are required.")

    @classmethod
    def of(cls, check: Check, *, told: bool) -> Self:
        """Write a check."""
        return cls(name=check.name, ok=check.ok, detail=check.detail if told else None)


class ReadyOut(Output):
    """Whether requests can be answered. A chain that is down does not make an instance unready."""

    ok: bool
    checks: list[CheckOut]

    @classmethod
    def of(cls, readiness: Readiness, *, told: bool) -> Self:
        """Write the checks."""
        return cls(ok=readiness.ok, checks=[CheckOut.of(check, told=told) for check in readiness.checks])
