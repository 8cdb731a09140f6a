"""The files of the page, as they lie in the package: read once, never from another host."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import PurePosixPath
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

INDEX: Final = "index.html"
CONTENT_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
SECURITY_HEADERS: Final = {
    # A recording that was chosen is played from the browser's memory, which has the scheme blob.
    "Content-Security-Policy": (
        "default-src 'self'; media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Opener-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file of the page."""

    body: bytes
    content_type: str
    etag: str
    """Quoted, as the header has it; of the content, so that all replicas agree."""


def packaged_assets() -> dict[str, Asset]:
    """Returns the page's files by their path below console/static."""
    return dict(_assets(files(__package__) / "static", PurePosixPath()))


def answer(asset: Asset, request: Request) -> Response:
    """Returns the file, or 304 when the browser has it. It asks every time: a new release is seen at once."""
    headers = {"ETag": asset.etag, "Cache-Control": "no-cache", **SECURITY_HEADERS}
    if _has(request.headers.get("if-none-match", ""), asset.etag):
        return Response(status_code=304, headers=headers)
    return Response(asset.body, media_type=asset.content_type, headers=headers)


def _assets(folder: Traversable, path: PurePosixPath) -> Iterator[tuple[str, Asset]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _assets(entry, path / entry.name)
        elif content_type := CONTENT_TYPES.get(PurePosixPath(entry.name).suffix):
            body = entry.read_bytes()
            yield str(path / entry.name), Asset(body, content_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def _has(if_none_match: str, etag: str) -> bool:
    """Whether one of the tags is this one; a proxy that compresses marks them as weak."""
    tags = [tag.strip().removeprefix("W/") for tag in if_none_match.split(",")]
    return etag in tags or tags == ["*"]
