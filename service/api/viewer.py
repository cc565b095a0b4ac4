"""GET / and /viewer/...: the page that shows a run. Files as they are packaged, nothing else."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request, Response
from starlette.exceptions import HTTPException

router = APIRouter(include_in_schema=False)

# Scripts and styles are files of this server; there is nothing inside the page and nothing from
# elsewhere. Figures and downloads are data: and blob:.
POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
MEDIA_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True)
class File:
    """One file of the page."""

    body: bytes
    media_type: str
    tag: str  # its ETag; weak, as compression may change the bytes that travel


def packaged() -> dict[str, File]:
    """Every file of the page by its path on the server."""
    found = dict(below(files("service").joinpath("viewer"), "/viewer"))
    found["/"] = found["/viewer/index.html"]
    return found


def below(folder: Traversable, path: str) -> Iterator[tuple[str, File]]:
    """The files of a folder and of those inside it, each with its path on the server."""
    for entry in folder.iterdir():
        ending = entry.name.rpartition(".")[2]
        if entry.is_dir():
            yield from below(entry, f"{path}/{entry.name}")
        elif ending in MEDIA_TYPES:
            body = entry.read_bytes()
            tag = f'W/"{hashlib.sha256(body).hexdigest()[:32]}"'
            yield f"{path}/{entry.name}", File(body, MEDIA_TYPES[ending], tag)


FILES = packaged()
PATHS = frozenset(FILES)


@router.api_route("/", methods=["GET", "HEAD"])
@router.api_route("/viewer", methods=["GET", "HEAD"])
@router.api_route("/viewer/{name:path}", methods=["GET", "HEAD"])
async def get_file(request: Request) -> Response:
    """A file; 304 to a browser that has it already."""
    file = FILES.get(request.url.path)
    if file is None:
        raise HTTPException(404)
    headers = {"ETag": file.tag, "Cache-Control": "no-cache", "Content-Security-Policy": POLICY}
    known = request.headers.get("if-none-match", "")
    if file.tag in [tag.strip() for tag in known.split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(file.body, headers=headers, media_type=file.media_type)
