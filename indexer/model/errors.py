"""Errors split by what the caller should do next: retry, fix the input, or report.

The class's docstring says when it is raised; the instance's text is shown to users and says what to do.
Neither may hold a secret. HTTP status codes live in `api.problems` alone.
"""


class GleanerError(Exception):
    """Base of every error that a user may see."""

    code = "error"
    """Stable machine-readable name, the last part of a problem's `type`."""


class InputError(GleanerError):
    """Something the user gave is wrong and must be changed before trying again."""

    code = "invalid-input"


class ConfigError(InputError):
    """A setting or `chains.yaml` is wrong; the text names the file and the line."""

    code = "invalid-configuration"


class NotFoundError(InputError):
    """What was asked for does not exist in this portfolio."""

    code = "not-found"


class ConflictError(InputError):
    """The request contradicts something that already exists."""

    code = "conflict"


class RetryableError(GleanerError):
    """The other side failed in a way that time may heal: time-outs, 5xx, rate limits, truncated answers.

    `retry_after` is in seconds, None when the other side did not say.
    """

    code = "temporarily-unavailable"

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class TornChainError(RetryableError):
    """A page and the ledger know one block by two hashes: a reorg under way, another fork, or a lie told before."""

    code = "torn-chain"

    def __init__(self, message: str, block: int) -> None:
        super().__init__(message)
        self.block = block


class RefusedError(GleanerError):
    """The other side understood and will not answer (method missing, pruned history, plan too small)."""

    code = "refused"


class LyingSourceError(GleanerError):
    """A node or explorer contradicts itself, another source, or the chain it should serve."""

    code = "inconsistent-source"


class StorageError(GleanerError):
    """The database cannot be used: disk full, locked by another process, wrong schema version."""

    code = "storage"


class FencedError(GleanerError):
    """Another worker has taken over this target; what this one fetched is discarded."""

    code = "fenced"


class AuthenticationError(InputError):
    """No API key, or one that is unknown or revoked."""

    code = "unauthenticated"


class ForbiddenError(InputError):
    """The API key is known but its scope does not allow this."""

    code = "forbidden"
