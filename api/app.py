"""Put the application together: routes, problems, the description of the API, and what runs beside it."""

import importlib
import pkgutil
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from typing import Any

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute

from api import problems, routes
from api.deps import Instance, one_of_each
from api.edge import Edge
from api.routes.health import VERSION
from api.schemas.problem import Problem
from indexer.flows.services import Services
from indexer.settings import Settings

DESCRIPTION = """
One ledger for every chain you use, and the losses in it that are worth harvesting.

Lists are `{data, next_cursor}`. Amounts and money are text, exact to the last digit. Every computed answer says how far
it reaches (`as_of_block`), how old its prices are (`price_as_of`) and whether it is proven (`complete`, with
`incomplete_because`). Unknown is `null`, never zero. Errors are `application/problem+json`. Answers to GET carry an
`ETag`.
"""

TAGS = [
    {"name": "wallets", "description": "Addresses to watch and how far each is known."},
    {"name": "ledger", "description": "What the chains say: transfers, and moves between chains."},
    {"name": "books", "description": "What it means: lots and unrealized losses."},
    {"name": "taxes", "description": "Your word: the tax profile, tax wallets, decisions."},
    {"name": "keys", "description": "Who may ask."},
    {"name": "health", "description": "For whoever runs this."},
]

# The framework's own tracing hooks would report paths with addresses to whatever collector the process finds.
NO_TELEMETRY: Any = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "operation_spans": False,
    "auto_configure": False,
}


def create_app(
    services: Services,
    settings: Settings,
    background: AbstractAsyncContextManager[object] | None = None,
    wake: Callable[[], None] | None = None,
) -> FastAPI:
    """Make the application over opened services; whoever opened them closes them.

    Args:
        services: the ports that every flow works through.
        settings: decides whether keys are required and which portfolio a caller without a key has.
        background: entered when the server starts and left when it stops; the worker, where one runs in this process.
        wake: called after a request that makes work, so that the worker looks at once.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with background if background is not None else nullcontext():
            yield

    app = FastAPI(
        title="Gleaner",
        version=VERSION,
        description=DESCRIPTION.strip(),
        openapi_tags=TAGS,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
        dependencies=[Depends(one_of_each)],
        responses={"default": {"description": "A problem.", **problems.PROBLEM_CONTENT}},
        telemetry=NO_TELEMETRY,
    )
    app.state.instance = Instance(services, settings, wake or _nothing)
    app.add_middleware(Edge)
    problems.install(app)
    for router in discovered():
        app.include_router(router)
    _describe(app)
    return app


def discovered() -> list[APIRouter]:
    """The `router` of every module in `api.routes`.

    Raises:
        TypeError: a module exports none.
    """
    found = []
    for module in sorted(pkgutil.iter_modules(routes.__path__), key=lambda module: module.name):
        name = f"{routes.__name__}.{module.name}"
        router = getattr(importlib.import_module(name), "router", None)
        if not isinstance(router, APIRouter):
            raise TypeError(f"{name} must export `router`, an APIRouter")
        found.append(router)
    return found


def _nothing() -> None:
    """Wake nobody: another process collects, and looks by itself."""


def _operation_id(route: APIRoute) -> str:
    """The function's name, so that generated clients read well; a test keeps them unique."""
    return route.name


def _describe(app: FastAPI) -> None:
    """Add the shape of problems to the description of the API, which FastAPI knows nothing of."""
    framework = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = framework()
            parts = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
            components = schema["components"]["schemas"]
            components.update(parts.pop("$defs"))
            components["Problem"] = parts
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]  # FastAPI's documented way to extend it
