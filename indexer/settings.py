"""Settings from the environment (`GLEANER_*`) and the command line. Secrets never appear in a repr.

Endpoints and explorer keys of chains are read by `indexer.chains.registry`; everything else is here.
"""

from datetime import timedelta
from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from indexer.model.errors import ConfigError
from indexer.model.prices import Granularity

ROOT = Path(__file__).resolve().parent.parent


class Settings(BaseSettings):
    """What a running Gleaner needs to know. Every field is an environment variable `GLEANER_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="GLEANER_", env_file=".env", extra="ignore")

    database_url: SecretStr = SecretStr("sqlite:///gleaner.db")
    """`sqlite:///path` or `postgresql://user:password@host/database`"""

    chains: Path = ROOT / "chains.yaml"
    """The chains file."""

    spam_lists: Path | None = None
    """A file of contracts and accounts that are blocked or trusted, see `docs/spam.md`."""

    host: str = "127.0.0.1"
    port: int = Field(default=8421, ge=0, le=65535)

    require_key: bool | None = None
    """API keys required; by default on every address but loopback."""

    portfolio: str = "default"
    """The portfolio of the embedded mode."""

    concurrency: int = Field(default=8, ge=1, le=256)
    """Targets collected at the same time in one process."""

    lease_seconds: int = Field(default=120, ge=5)
    """A worker that has not renewed its lease for this long has lost its target."""

    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")

    price_order: tuple[str, ...] = ("manual", "uniswap_v2", "defillama", "underlying")
    """Price sources in the order they are asked."""

    price_granularity: Granularity = Granularity.NEAREST
    """`nearest` quote within the bound, `daily` close, or `minute` where a source has it; part of the book's fingerprint."""

    price_within_hours: float = Field(default=6.0, gt=0)
    """A quote further away than this is stale."""

    price_urls: dict[str, str] = {}
    """Other base URLs of price sources by name, as JSON: `{"defillama": "http://localhost:8700/llama"}`"""

    price_keys: dict[str, SecretStr] = {}
    """API keys of price sources by name, as JSON: `{"coingecko": "..."}`"""

    log_level: str = Field(default="INFO", pattern="^(DEBUG|INFO|WARNING|ERROR)$")

    @property
    def price_within(self) -> timedelta:
        """The bound of `price_within_hours`."""
        return timedelta(hours=self.price_within_hours)

    @property
    def keys_required(self) -> bool:
        """Whether requests need an API key on the address that is served."""
        if self.require_key is not None:
            return self.require_key
        return self.host not in {"127.0.0.1", "localhost", "::1"}


def load_settings(**overrides: object) -> Settings:
    """Read the settings; an override that is not None wins over the environment.

    Raises:
        ConfigError: naming the variable at fault and what it takes, never its value.
    """
    try:
        return Settings(**_given(overrides))
    except ValidationError as error:
        faults = "; ".join(
            f"GLEANER_{'_'.join(str(part) for part in fault['loc']).upper()}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise ConfigError(f"the settings are wrong: {faults}") from None


def _given(overrides: dict[str, object]) -> dict[str, Any]:
    return {name: value for name, value in overrides.items() if value is not None}
