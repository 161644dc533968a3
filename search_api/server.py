"""Running the API with uvicorn: its own log settings, so that no path, identifier or query ever reaches a log."""

from __future__ import annotations

from typing import Any

import uvicorn

from search_api.app import create_app
from search_api.services import Services

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": "ext://sys.stderr"}},
    "loggers": {
        "anamnese": {"handlers": ["stderr"], "level": "INFO", "propagate": False},
        "uvicorn.error": {"handlers": ["stderr"], "level": "WARNING", "propagate": False},
        # Prints paths, which hold patient ids: never on. Border's log has route templates instead.
        "uvicorn.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
    },
}


def run(services: Services, *, host: str, port: int, threads: int) -> None:
    """Serve until told to stop. `threads` bounds the requests answered at the same time."""
    app = create_app(services, threads=threads)
    uvicorn.run(
        app,
        host=host,
        port=port,
        log_config=LOGGING,
        access_log=False,
        server_header=False,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=20,
        limit_concurrency=threads * 8,
    )
