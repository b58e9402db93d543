"""The reference of this API as a page. Everything it needs is in this package, so it works without a network."""

from importlib.resources import files

from fastapi import APIRouter, Depends
from starlette.responses import Response

from api.deps import no_parameters
from indexer.model.errors import NotFoundError

router = APIRouter(prefix="/docs", include_in_schema=False, dependencies=[Depends(no_parameters)])

# Scripts and styles of this origin alone; nothing may frame the page or be loaded from elsewhere.
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; frame-ancestors 'none'"

TYPES = {"index.html": "text/html", "reference.css": "text/css", "reference.js": "text/javascript"}
CONTENT = {name: files("api.web").joinpath("reference", name).read_bytes() for name in TYPES}


@router.get("")
async def page() -> Response:
    """The page."""
    return await part("index.html")


@router.get("/{name}")
async def part(name: str) -> Response:
    """Its style and script."""
    if name not in CONTENT:
        raise NotFoundError("the reference has no such part: open /docs")
    headers = {"Content-Security-Policy": POLICY, "Cache-Control": "no-cache"}
    return Response(CONTENT[name], headers=headers, media_type=TYPES[name])
