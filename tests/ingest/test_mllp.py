"""MLLP: frames in any pieces, bounds on size, time, peers and places, TLS."""

from __future__ import annotations

import contextlib
import io
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access.refusal import Refusal
from ingest.mllp.frames import END, START, Broken, framed, frames_of
from ingest.mllp.listener import Bounds, Listener, parse_peers, tls_of
from tests.services.certificates import write_certificate


class _Pieces:
    """A connection that gives its bytes in these pieces, then its end."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def __call__(self, most: int, within: float | None) -> bytes:  # noqa: ARG002
        return self.pieces.pop(0) if self.pieces else b""


MESSAGES = st.lists(st.binary(max_size=300).filter(lambda one: END not in one + b"\r" and START not in one), max_size=4)


@given(MESSAGES, st.lists(st.integers(1, 50), max_size=40), st.sampled_from([b"", b"\r\n", b"bruit"]))
def test_frames_in_any_pieces_are_the_messages(messages: list[bytes], cuts: list[int], between: bytes) -> None:
    stream = b"".join(between + framed(one) for one in messages) + between
    pieces = []
    for size in cuts:
        pieces.append(stream[:size])
        stream = stream[size:]
    pieces.append(stream)
    found = frames_of(_Pieces([one for one in pieces if one]), largest=1000, seconds=9.0, clock=lambda: 0.0)
    assert list(found) == messages


@pytest.mark.parametrize(
    ("stream", "code"),
    [([START + b"x" * 1001], "too-large"), ([START + b"x" * 1001 + END], "too-large"), ([framed(b"a") + START], "cut")],
)
def test_what_goes_over_a_bound_ends_the_connection(stream: list[bytes], code: str) -> None:
    found = frames_of(_Pieces(stream), largest=1000, seconds=9.0, clock=lambda: 0.0)
    with pytest.raises(Broken) as broken:
        list(found)
    assert broken.value.code == code


def test_a_message_that_trickles_is_cut_off() -> None:
    now = iter(range(0, 1000, 4))
    found = frames_of(_Pieces([START] + [b"x"] * 99), largest=1000, seconds=9.0, clock=lambda: float(next(now)))
    with pytest.raises(Broken) as broken:
        list(found)
    assert broken.value.code == "too-slow"


@contextmanager
def listening(
    take: Callable[[bytes], bytes], bounds: Bounds = Bounds(), tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    listener = Listener("127.0.0.1", 0, take, bounds, tls)
    thread = threading.Thread(target=listener.serve, daemon=True)
    thread.start()
    yield listener.port
    listener.close()
    thread.join(timeout=10)
    assert not thread.is_alive()


def talk(port: int, *data: bytes, context: ssl.SSLContext | None = None) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=20) as plain:
        connection = plain if context is None else context.wrap_socket(plain, server_hostname="localhost")
        with connection:
            for one in data:
                connection.sendall(one)
            stream = io.BytesIO()
            while stream.getvalue().count(END) < len(data):
                piece = connection.recv(4096)
                if not piece:
                    break
                stream.write(piece)
            return stream.getvalue()


def echo(message: bytes) -> bytes:
    return b"ACK " + message


def test_several_messages_on_one_connection_are_answered_in_order() -> None:
    with listening(echo) as port:
        assert talk(port, framed(b"1"), framed(b"2")) == framed(b"ACK 1") + framed(b"ACK 2")


def test_a_message_over_the_limit_is_refused_by_name_and_others_are_served() -> None:
    with listening(echo, Bounds(largest=1000)) as port:
        assert b"too-large" in talk(port, framed(b"x" * 5000))
        assert talk(port, framed(b"1")) == framed(b"ACK 1")


def test_a_peer_that_is_not_allowed_gets_nothing() -> None:
    with listening(echo, Bounds(peers=parse_peers(["10.0.0.0/8"]))) as port, contextlib.suppress(ConnectionError):
        assert talk(port, framed(b"1")) == b""
    with listening(echo, Bounds(peers=parse_peers(["127.0.0.1"]))) as port:
        assert talk(port, framed(b"1")) == framed(b"ACK 1")
    with pytest.raises(Refusal):
        parse_peers(["labo.local"])


def test_a_silent_connection_gives_its_place_to_others() -> None:
    with listening(echo, Bounds(idle=0.2, connections=1)) as port, socket.create_connection(("127.0.0.1", port)):
        assert talk(port, framed(b"1")) == framed(b"ACK 1")


def test_tls(certificate: tuple[Path, Path]) -> None:
    server, key = certificate
    trusting = ssl.create_default_context(cafile=str(server))
    with listening(echo, tls=tls_of(str(server), str(key), None)) as port:
        assert talk(port, framed(b"1"), context=trusting) == framed(b"ACK 1")
        with contextlib.suppress(ConnectionError):
            assert b"ACK" not in talk(port, framed(b"en clair, sans TLS"))
    with listening(echo, tls=tls_of(str(server), str(key), str(server))) as port:
        with contextlib.suppress(OSError):
            assert talk(port, framed(b"1"), context=trusting) == b""
        trusting.load_cert_chain(str(server), str(key))
        assert talk(port, framed(b"1"), context=trusting) == framed(b"ACK 1")


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    return write_certificate(tmp_path)
