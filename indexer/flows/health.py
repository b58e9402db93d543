"""Is this instance ready to answer, and what is in its way."""

from dataclasses import dataclass

from indexer.flows.services import Services
from indexer.model.errors import StorageError
from indexer.model.ledger import SyncState


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at; `detail` is a sentence for people."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Readiness:
    """`ok` when requests can be answered. A chain that is down does not make an instance unready."""

    ok: bool
    checks: tuple[Check, ...]


async def ready(services: Services) -> Readiness:
    """Look at the database and at what the chains last said."""
    try:
        async with services.ledger.read() as work:
            wallets = [w for p in await work.tenants.portfolios() for w in await work.wallets.all(p)]
            targets = await work.targets.of({wallet.address for wallet in wallets})
    except StorageError as error:
        return Readiness(ok=False, checks=(Check("database", ok=False, detail=str(error)),))
    checks = [Check("database", ok=True, detail="answers")]
    for chain in services.readers.chains:
        mine = [target for target in targets if target.key.chain == chain]
        errors = [target.error for target in mine if target.state is SyncState.ERROR and target.error]
        checks.append(
            Check(
                chain,
                ok=not errors,
                detail=errors[0] if errors else f"{len(mine)} targets" if mine else "no wallet watches it",
            )
        )
    return Readiness(ok=True, checks=tuple(checks))
