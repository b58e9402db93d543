"""API keys. The secret is in one answer only: the one that made it."""

from typing import Annotated, Literal, Self

from pydantic import Field

from api.schemas.base import Input, Instant, Output, Text
from indexer.model.stored import ApiKey

ScopeName = Literal["read", "write", "admin"]


class NewKey(Input):
    """A key to make for this portfolio."""

    name: Annotated[Text, Field(min_length=1, max_length=100, examples=["accountant"])]
    scope: Annotated[ScopeName, Field(description="`write` includes `read`; `admin` includes both.")] = "read"


class KeyOut(Output):
    """A key as it is listed."""

    id: str
    name: str
    scope: ScopeName
    created_at: Instant
    revoked_at: Instant | None

    @classmethod
    def of(cls, key: ApiKey) -> Self:
        """Write a key."""
        return cls(
            id=key.id,
            name=key.name,
            scope=key.scope.value,
            created_at=key.created_at,
            revoked_at=key.revoked_at,
        )


class KeyMade(KeyOut):
    """A key with its secret, which is not kept and cannot be shown again."""

    secret: str = Field(examples=["glk_..."])
