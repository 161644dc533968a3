"""Where events may be sent: to no other place than was registered, to no inner address, by nothing but https."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from access.refusal import Refusal
from search_api import egress
from search_api.egress import Egress
from tests.events.conftest import HERE
from tests.events.receiver import receiving


@pytest.mark.parametrize(
    "url",
    [
        "http://hopital.example/evenements",
        "ftp://hopital.example/",
        "https://compte:secret@hopital.example/",
        "https://hopital.example/#morceau",
        "https:///rien",
        "https://hopital.example:port/",
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://[::ffff:10.0.0.1]/",
        "https://169.254.169.254/latest/meta-data/",
        "https://10.0.0.1/",
        "https://0.0.0.0/",
        "https://224.0.0.1/",
        "https://hopital.example/é",
        "https://hopital.example/a b",
    ],
)
def test_an_address_that_is_refused_is_refused_when_it_is_registered_and_when_it_is_sent_to(url: str) -> None:
    with pytest.raises(Refusal) as refused:
        Egress().check(url)
    assert refused.value.code == "bad-webhook"
    assert Egress().post(url, {}, b"{}") == "address-refused"


def test_an_address_that_is_let_through() -> None:
    Egress().check("https://hopital.example:8443/evenements?de=anamnese")
    Egress().check("https://9.9.9.9/")
    Egress((ipaddress.ip_network("10.1.0.0/16"),)).check("https://10.1.2.3/")
    with pytest.raises(Refusal):
        Egress((ipaddress.ip_network("10.1.0.0/16"),)).check("https://10.2.2.3/")


def test_a_name_that_resolves_to_an_inner_address_is_not_connected_to() -> None:
    with receiving() as receiver:
        named = receiver.url.replace("127.0.0.1", "localhost")
        assert Egress(plain=True).post(named, {}, b"{}") == "address-refused"
        assert receiver.got == []
        inner = Egress((ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")), plain=True)
        assert inner.post(named, {}, b"{}") == ""
        assert len(receiver.got) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirection_is_a_failure_and_is_not_followed(status: int) -> None:
    with receiving() as elsewhere, receiving() as receiver:
        receiver.status, receiver.headers = status, {"Location": elsewhere.url}
        assert HERE.post(receiver.url, {}, b"{}") == f"status-{status}"
        assert (len(receiver.got), elsewhere.got) == (1, [])


@pytest.mark.parametrize("status", [400, 404, 410, 429, 500, 503])
def test_anything_but_2xx_is_a_failure(status: int) -> None:
    with receiving() as receiver:
        receiver.status = status
        assert HERE.post(receiver.url, {}, b"{}") == f"status-{status}"


def test_nobody_there_is_a_failure() -> None:
    with receiving() as receiver:
        gone = receiver.url
    assert HERE.post(gone, {}, b"{}") == "unreachable"


@pytest.mark.parametrize("drip", [b"HTTP/1.1 2", b"HTTP/1.1 100 Continue\r\n\r\n"])
def test_an_answer_that_never_ends_is_given_up(drip: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Drop by drop, each within the time of one wait: the whole has a limit too."""
    monkeypatch.setattr(egress, "DEADLINE", 1.0)
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            client, _ = server.accept()
            with client:
                client.recv(65536)
                try:
                    client.sendall(drip)
                    while not over.wait(0.05):
                        client.sendall(drip if drip.endswith(b"\r\n\r\n") else b"x")
                except OSError:
                    return

        thread = threading.Thread(target=answer)
        thread.start()
        port = server.getsockname()[1]
        assert HERE.post(f"http://127.0.0.1:{port}/", {}, b"{}") in ("timeout", "unreachable")
        over.set()
        thread.join()


def test_a_large_answer_is_not_read() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sent = []

        def answer() -> None:
            client, _ = server.accept()
            with client:
                client.recv(65536)
                try:
                    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
                    for _ in range(1000):
                        client.sendall(b"x" * 1_000_000)
                        sent.append(1)
                except OSError:
                    return

        thread = threading.Thread(target=answer)
        thread.start()
        assert HERE.post(f"http://127.0.0.1:{server.getsockname()[1]}/", {}, b"{}") == ""
        thread.join()
    assert len(sent) < 100


def test_https_needs_a_certificate_that_is_trusted_and_names_the_server(tmp_path: Path) -> None:
    authority, context = certified(tmp_path, "127.0.0.1")
    networks = HERE.networks
    with receiving(context) as receiver:
        assert Egress(networks).post(receiver.url, {}, b"{}") == "tls"
        assert receiver.got == []
        assert Egress(networks, authorities=authority).post(receiver.url, {}, b"{}") == ""
        assert Egress(networks, authorities=tmp_path / "absent.pem").post(receiver.url, {}, b"{}") == "unreachable"
        assert len(receiver.got) == 1
    other, wrong = certified(tmp_path, "127.0.0.2")
    with receiving(wrong) as receiver:
        assert Egress(networks, authorities=other).post(receiver.url, {}, b"{}") == "tls"
        assert receiver.got == []


def certified(folder: Path, address: str) -> tuple[Path, ssl.SSLContext]:
    """A self-signed certificate for an address, as authority and as a server's."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, secret = folder / f"{address}.pem", folder / f"{address}.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, secret)
    return pem, context
