"""What an error looks like in the description of the API; `api.problems` writes it."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from api.schemas.health import CheckOut


class FieldError(BaseModel):
    """What is wrong with one field of a request."""

    where: Literal["body", "query", "path", "header"] = Field(alias="in")
    field: str
    message: str


class Problem(BaseModel):
    """An error after RFC 9457."""

    model_config = ConfigDict(title="Problem")

    type: str = Field(
        description="`urn:gleaner:problem:<code>`, stable.", examples=["urn:gleaner:problem:not-found"]
    )
    title: str = Field(description="The same for every problem of a type.")
    status: int = Field(description="The HTTP status again.")
    detail: str = Field(description="What is wrong here and what to do about it.")
    instance: str | None = Field(None, description="Of a failure of the server: the id it has in the log.")
    errors: list[FieldError] | None = Field(
        None, description="Of `invalid-request`: every field that is wrong."
    )
    checks: list[CheckOut] | None = Field(None, description="Of `not-ready`: what was looked at.")
