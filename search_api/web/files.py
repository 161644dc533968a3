"""The page's own files: read once, known by name (no path is ever built from an address), revalidated by digest."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from fastapi import APIRouter, Request
from fastapi.responses import Response

TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",  # pictures of pages: fetched with the token, so never by address
        "connect-src 'self'",
        "manifest-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",  # a string never becomes markup or script, by the browser's own check
        "trusted-types 'none'",
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "geolocation=(), microphone=(), camera=(), usb=(), payment=(), clipboard-read=()",
    "Cache-Control": "no-cache",  # kept by the browser, asked for again each time: it holds nothing of anybody
}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file as it is sent."""

    body: bytes
    media_type: str
    tag: str


@cache
def assets() -> dict[str, Asset]:
    """Every file under `assets/` by its path there, with "/" between folders."""
    found: dict[str, Asset] = {}
    _gather(files("search_api.web") / "assets", "", found)
    return found


def _gather(folder: Traversable, prefix: str, found: dict[str, Asset]) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            _gather(entry, f"{prefix}{entry.name}/", found)
        elif (media_type := TYPES.get(entry.name.rpartition(".")[2])) is not None:
            body = entry.read_bytes()
            found[prefix + entry.name] = Asset(body, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


def router() -> APIRouter:
    """`/` and one route a file: what is not there is the API's own 404."""
    routes = APIRouter(include_in_schema=False)
    for name, asset in assets().items():
        address = "/" if name == "index.html" else f"/web/{name}"
        routes.add_api_route(address, _sender(asset), methods=["GET", "HEAD"])
    return routes


def _sender(asset: Asset) -> Callable[[Request], Response]:
    def send(request: Request) -> Response:
        headers = {**HEADERS, "ETag": asset.tag}
        if request.headers.get("if-none-match") == asset.tag:
            return Response(status_code=304, headers=headers)
        return Response(asset.body, headers={**headers, "Content-Type": asset.media_type})

    return send
