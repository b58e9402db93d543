"""API keys: shown once, kept as a digest, scoped to a portfolio.

A key is 256 random bits, so a plain SHA-256 is enough: there is nothing to guess that a salt or a slow hash
would protect.
"""

import hashlib
import secrets
import uuid

from indexer.flows.services import Services
from indexer.model.errors import AuthenticationError, InputError, NotFoundError
from indexer.model.stored import ApiKey, KeyScope

PREFIX = "glk_"
LONGEST_NAME = 100


def digest(secret: str) -> str:
    """What is stored of a key."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def create_key(services: Services, portfolio: str, name: str, scope: KeyScope) -> tuple[ApiKey, str]:
    """Make a key; the second value is the secret, which is never to be had again.

    Raises:
        InputError: the name is empty or too long.
    """
    if not 0 < len(name.strip()) <= LONGEST_NAME:
        raise InputError(f"give the key a name of 1 to {LONGEST_NAME} characters, so that you know it later")
    secret = PREFIX + secrets.token_urlsafe(32)
    now = services.clock.now()
    key = ApiKey(f"k_{uuid.uuid4().hex}", portfolio, name.strip(), digest(secret), scope, now)
    async with services.ledger.write() as work:
        await work.tenants.ensure_portfolio(portfolio, now)
        await work.tenants.add_key(key)
    return key, secret


async def authenticate(services: Services, secret: str) -> ApiKey:
    """The key that belongs to a secret.

    Raises:
        AuthenticationError: unknown or revoked.
    """
    async with services.ledger.read() as work:
        key = await work.tenants.key_by_digest(digest(secret))
    if key is None:
        raise AuthenticationError(
            "this API key is unknown or revoked: make one with `gleaner key create NAME`"
        )
    return key


async def list_keys(services: Services, portfolio: str) -> tuple[ApiKey, ...]:
    """Every key of the portfolio, revoked ones too."""
    async with services.ledger.read() as work:
        return await work.tenants.keys(portfolio)


async def revoke_key(services: Services, portfolio: str, key_id: str) -> None:
    """Make a key useless from now on.

    Raises:
        NotFoundError: there is no such key in this portfolio.
    """
    async with services.ledger.write() as work:
        if not await work.tenants.revoke_key(portfolio, key_id, services.clock.now()):
            raise NotFoundError(f"there is no key {key_id}: GET /v1/keys lists the ids")
