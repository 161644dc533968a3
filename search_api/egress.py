"""One POST to an address that an administrator registered, without being led anywhere else.

https with a verified certificate; no redirection is followed, no proxy used; the address that the name resolves to is
looked at and is the one that is connected to; nothing of the answer is read but its status; all is over in DEADLINE.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from access.refusal import Refusal

STEP, DEADLINE = 5.0, 15.0  # seconds: of one wait for the network, of the whole
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class _Elsewhere(OSError):
    """A name that resolves to no address that may be connected to."""


@dataclass(frozen=True, slots=True)
class Egress:
    """Where may be posted to: the public Internet, and these networks (of the establishments, of this machine).

    `plain`: http is let through, for development. `authorities`: PEM of who signs the receivers' certificates, besides
    those of the machine.
    """

    networks: tuple[Network, ...] = ()
    plain: bool = False
    authorities: Path | None = None

    def check(self, url: str) -> None:
        """Refusal "bad-webhook" for an address that nothing would be sent to."""
        try:
            parts = urlsplit(url)
            _ = parts.port
        except ValueError:
            raise _bad("ne se lit pas") from None
        if parts.scheme != "https" and not (parts.scheme == "http" and self.plain):
            raise _bad("doit commencer par https://")
        if not parts.hostname or parts.username is not None or parts.fragment or not url.isascii() or " " in url:
            raise _bad("doit nommer un serveur, sans compte ni fragment")
        literal = _literal(parts.hostname)
        if literal is not None and not self.lets(literal):
            raise _bad("est une adresse interne qui n'est pas dans ANAMNESE_WEBHOOK_NETWORKS")

    def lets(self, address: Address) -> bool:
        """Whether this address may be connected to."""
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        real = mapped or address
        if any(real.version == network.version and real in network for network in self.networks):
            return True
        return real.is_global and not real.is_multicast

    def post(self, url: str, headers: Mapping[str, str], body: bytes) -> str:
        """Send; "" when the receiver answered 2xx, else a code for why not, in which nothing of the answer stands."""
        parts = urlsplit(url)
        try:
            self.check(url)
            connection = self._connection(parts)
        except Refusal:
            return "address-refused"
        except (OSError, ValueError) as error:
            return _code(error)
        over = threading.Timer(DEADLINE, lambda: _break(connection))
        over.daemon = True
        over.start()
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body, dict(headers) | {"Connection": "close"})
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException, ValueError) as error:
            return _code(error)
        finally:
            over.cancel()
            over.join()
            connection.close()
        return "" if 200 <= status < 300 else f"status-{status}"

    def _connection(self, parts: SplitResult) -> http.client.HTTPConnection:
        host = parts.hostname or ""
        secure = parts.scheme == "https"
        port = parts.port or (443 if secure else 80)
        connection = http.client.HTTPConnection(host, port, timeout=STEP)
        plain = self._connected(host, port)
        if not secure:
            connection.sock = plain
            return connection
        try:
            context = ssl.create_default_context()
            if self.authorities is not None:
                context.load_verify_locations(self.authorities)
            connection.sock = context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        return connection

    def _connected(self, host: str, port: int) -> socket.socket:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        allowed = [each for each in found if self.lets(ipaddress.ip_address(str(each[4][0]).partition("%")[0]))]
        last: OSError = _Elsewhere()
        for family, kind, protocol, _, place in allowed:
            made = socket.socket(family, kind, protocol)
            try:
                made.settimeout(STEP)
                made.connect(place)
            except OSError as error:
                made.close()
                last = error
            else:
                return made
        raise last


def networks(written: list[str]) -> tuple[Network, ...]:
    """Networks as settings write them ("10.0.0.0/8"). ValueError for what is none."""
    return tuple(ipaddress.ip_network(each) for each in written)


def _literal(host: str) -> Address | None:
    with suppress(ValueError):
        return ipaddress.ip_address(host.partition("%")[0])
    return None


def _break(connection: http.client.HTTPConnection) -> None:
    with suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)


def _code(error: Exception) -> str:
    if isinstance(error, _Elsewhere):
        return "address-refused"
    if isinstance(error, ssl.SSLError):
        return "tls"
    return "timeout" if isinstance(error, TimeoutError) else "unreachable"


def _bad(why: str) -> Refusal:
    return Refusal("event", "bad-webhook", f"L'adresse d'écoute {why}.", "Corrigez l'adresse.")
