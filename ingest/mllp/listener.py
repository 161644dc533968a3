"""The sockets of MLLP: a thread a connection, so many at a time, TLS when wished, only peers that are allowed."""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from access.refusal import Refusal
from ingest.mllp.answers import answer
from ingest.mllp.frames import Broken, framed, frames_of
from ingest.workbench import utc_now

log = logging.getLogger("anamnese.mllp")
_REASONS = {
    "too-large": Refusal("receive", "too-large", "Le message dépasse la taille permise.", "Divisez-le."),
    "too-slow": Refusal("receive", "too-slow", "Le message n'est pas arrivé à temps.", "Renvoyez-le en entier."),
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one connection may take. Memory: `connections` × `largest` at most."""

    largest: int = 32 * 1024 * 1024  # bytes of a message
    seconds: float = 60.0  # from the first byte of a message to its last
    idle: float = 600.0  # without a byte
    connections: int = 16
    peers: tuple[str, ...] = ()  # addresses or networks; none: all


class Listener:
    """Listens from its making on; `serve` answers until `close`."""

    def __init__(
        self,
        host: str,
        port: int,
        take: Callable[[bytes], bytes],
        bounds: Bounds = Bounds(),
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._take, self._bounds, self._tls = take, bounds, tls
        self._networks = [ipaddress.ip_network(one, strict=False) for one in bounds.peers]
        self._places = threading.BoundedSemaphore(bounds.connections)
        self._socket = socket.create_server((host, port), backlog=bounds.connections)
        self._closing = threading.Event()

    @property
    def port(self) -> int:
        """Where it listens: the one asked for, or a free one for 0."""
        return int(self._socket.getsockname()[1])

    def serve(self) -> None:
        """Accept connections; each has its thread. One over the limit waits in the backlog."""
        while not self._closing.is_set():
            self._places.acquire()
            try:
                connection, peer = self._socket.accept()
            except OSError:
                self._places.release()
                if self._closing.is_set():
                    return
                time.sleep(0.1)  # out of descriptors: those that end give them back
                continue
            threading.Thread(target=self._talk, args=(connection, peer[0]), daemon=True, name="mllp").start()

    def close(self) -> None:
        """Take no more connections."""
        self._closing.set()
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _talk(self, connection: socket.socket, peer: str) -> None:
        try:
            with connection:
                if not self._admits(peer):
                    log.warning("a peer is not allowed")
                    return
                connection.settimeout(min(self._bounds.seconds, self._bounds.idle))
                if self._tls is None:
                    self._converse(connection)
                    return
                with self._tls.wrap_socket(connection, server_side=True) as secured:
                    self._converse(secured)
        except OSError as error:  # the peer went away, or spoke no TLS
            log.info("connection ended: %s", type(error).__name__)
        finally:
            self._places.release()

    def _converse(self, connection: socket.socket) -> None:
        bounds = self._bounds

        def receive(most: int, within: float | None) -> bytes:
            connection.settimeout(bounds.idle if within is None else within)
            return connection.recv(most)

        try:
            for message in frames_of(receive, largest=bounds.largest, seconds=bounds.seconds, clock=time.monotonic):
                connection.settimeout(bounds.seconds)
                connection.sendall(framed(self._take(message)))
        except Broken as broken:
            log.warning("connection ended: %s", broken.code)
            if broken.code in _REASONS:
                connection.sendall(framed(answer(None, "R", utc_now(), _REASONS[broken.code])))

    def _admits(self, peer: str) -> bool:
        if not self._networks:
            return True
        address = ipaddress.ip_address(peer)
        seen = getattr(address, "ipv4_mapped", None) or address
        return any(seen in network for network in self._networks)


def tls_of(certificate: str, key: str, authorities: str | None) -> ssl.SSLContext:
    """TLS 1.2 or later; with `authorities`, only senders whose certificate they signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate, key)
    if authorities is not None:
        context.load_verify_locations(authorities)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def parse_peers(text: Sequence[str]) -> tuple[str, ...]:
    """Addresses and networks; a Refusal for one that is neither."""
    for one in text:
        try:
            ipaddress.ip_network(one, strict=False)
        except ValueError:
            raise Refusal("start", "bad-peer", "Adresse d'émetteur mal écrite.", "Ex. 10.1.0.0/16.") from None
    return tuple(text)
