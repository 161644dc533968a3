"""Running the API with uvicorn: its own log settings, so that no path, identifier or query ever reaches a log."""

from __future__ import annotations

import uvicorn

from search_api.app import create_app
from search_api.logs import Format, configuration
from search_api.services import Services


def run(services: Services, *, host: str, port: int, threads: int, logs: Format = "line") -> None:
    """Serve until told to stop. `threads` bounds the requests answered at the same time."""
    app = create_app(services, threads=threads)
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=configuration(logs),
        access_log=False,
        server_header=False,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=20,
        limit_concurrency=threads * 8,
    )
