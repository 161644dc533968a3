"""`mllp`: HL7 v2 messages over MLLP, acknowledged when their bytes are durable."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from cli.compose import Home, open_home
from cli.console import err
from cli.settings import Settings, load_settings
from ingest.mllp.listener import Bounds, Listener, parse_peers, tls_of
from ingest.mllp.reception import Reception


def register(app: typer.Typer) -> None:
    app.command()(mllp)


def mllp(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port ; 0 : un port libre.")] = 2575,
    host: Annotated[str, typer.Option(help="Adresse d'écoute.")] = "127.0.0.1",
) -> None:
    """Recevoir des messages HL7 v2 (MLLP) : accusé positif quand ils sont à l'abri, négatif avec la raison sinon."""
    with open_home(load_settings(), serving=True) as home:
        listener = listening(home, host, port)
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: _stop(listener))
        err.print(f"MLLP : {host}:{listener.port}", highlight=False)
        listener.serve()


def listening(home: Home, host: str, port: int) -> Listener:
    """A listener of this home, bound already."""
    settings = home.settings
    reception = Reception(home.bench, settings.mllp_senders, home.wake)
    tls = None
    if settings.mllp_certificate is not None and settings.mllp_key is not None:
        authorities = settings.mllp_authorities
        tls = tls_of(str(settings.mllp_certificate), str(settings.mllp_key), str(authorities) if authorities else None)
    return Listener(host, port, reception.take, _bounds(settings), tls)


def _bounds(settings: Settings) -> Bounds:
    return Bounds(
        largest=min(settings.mllp_limit, settings.upload_limit),
        seconds=settings.mllp_seconds,
        idle=settings.mllp_idle,
        connections=settings.mllp_connections,
        peers=parse_peers(settings.mllp_peers),
    )


def _stop(listener: Listener) -> None:
    threading.Thread(target=listener.close, daemon=True).start()
