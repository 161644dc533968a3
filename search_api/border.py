"""The outermost layer: security headers on every answer, an access log without health data, and a no that takes as
long whatever is recorded.

Pure ASGI, so that streams stay streams.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable

import anyio
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from access.refusal import let_go
from ingest.meter import instruments
from search_api.deprecation import headers_of

log = logging.getLogger("anamnese.access")

HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"x-frame-options": b"DENY",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-resource-policy": b"same-origin",
    b"cross-origin-opener-policy": b"same-origin",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; sandbox",
    b"cache-control": b"no-store",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
}
"""An endpoint may set its own; these fill what it leaves out. `no-store`: no copy of a record on a shared machine."""
HTTPS = {b"strict-transport-security": b"max-age=63072000; includeSubDomains"}
"""Only where the request came by https, here or at the proxy: over http a browser must not heed it (RFC 6797)."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BODY_LIMIT = 64 * 1024
"""Bytes of a body; a question has at most 2,000 characters. An upload is bounded where it is streamed."""

REFUSED = frozenset({403, 404})
"""Answers that must not tell by their time what they do not tell by their words (docs/decisions/045)."""

_DOORS = frozenset({"/fhir", "/fhir/", "/fhir/DocumentReference", "/v1/bulks"})
"""Where documents come in beside a record's own address: FHIR (IHE ITI-65), and files of them."""


class Border:
    """Adds HEADERS, bounds bodies, and writes one log line a request: method, route template, status, milliseconds.

    An answer of REFUSED leaves a whole multiple of `Services.refusal_beat` after its request came.
    """

    def __init__(
        self,
        app: ASGIApp,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._app = app
        self._clock = clock
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = self._clock()
        status = 0

        async def guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if status in REFUSED:
                    await self._sleep(rest_of_beat(self._clock() - start, scope["app"].state.services.refusal_beat))
                present = {name.lower() for name, _ in message["headers"]}
                ours = HEADERS | (HTTPS if scope.get("scheme") == "https" else {}) | headers_of(scope.get("route"))
                message["headers"] = [
                    *message["headers"],
                    *((name, value) for name, value in ours.items() if name not in present),
                ]
            await send(message)

        bounded = receive if _is_upload(scope) else _bounded(receive)
        try:
            await self._app(scope, bounded, guarded)
        finally:
            let_go()
            milliseconds = (self._clock() - start) * 1000
            method = scope["method"] if scope["method"] in _METHODS else "other"
            log.info("%s %s %d %.0f ms", method, template_of(scope), status, milliseconds)
            instruments().requests.labels(method, template_of(scope), str(status)).observe(milliseconds / 1000)


def rest_of_beat(seconds: float, beat: float) -> float:
    """Seconds until the next whole multiple of `beat`; none where it is 0."""
    return -seconds % beat if beat else 0.0


def _is_upload(scope: Scope) -> bool:
    return bool(scope["method"] == "POST" and (scope["path"].endswith("/documents") or scope["path"] in _DOORS))


def _bounded(receive: Receive) -> Receive:
    """`receive`, raising 413 (which becomes a problem) once BODY_LIMIT is passed, whatever Content-Length said."""
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > BODY_LIMIT:
            raise HTTPException(413)
        return message

    return counted


def template_of(scope: Scope) -> str:
    """The route's template ("/v1/patients/{patient_id}/search"), never the path; "-" when no route matched."""
    route = scope.get("route")
    return str(getattr(route, "path", "-"))
