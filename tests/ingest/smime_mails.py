"""S/MIME mails for the tests: signed by `cryptography`, and by the `openssl` command as it writes them to a stream."""

from __future__ import annotations

import base64
import subprocess
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

ADDRESS = "e.haddad@chu.mssante.fr"
NAME = "Dr Émile HADDAD"
_SIGNED, _DATA = bytes.fromhex("06092a864886f70d010702"), bytes.fromhex("06092a864886f70d010701")
_COMPRESSED = bytes.fromhex("060b2a864886f70d0109100109")
_ZLIB = bytes.fromhex("060b2a864886f70d0109100308")


@dataclass(frozen=True)
class Signer:
    """A key and its certificate, signed by itself."""

    key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )


def signer(name: str = NAME, address: str = ADDRESS, key: rsa.RSAPrivateKey | None = None) -> Signer:
    made = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(made.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.RFC822Name(address)]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(made.public_key()), critical=False)
        .sign(made, hashes.SHA256())
    )
    return Signer(made, certificate)


def mail(
    *attached: tuple[str, bytes, str], body: str = "Cher confrère, voici le CR.", sender: str = f"{NAME} <{ADDRESS}>"
) -> EmailMessage:
    """A mail that is not signed. Attachments: name, bytes, type."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, "cabinet@medecin.mssante.fr", "Compte rendu de sortie – été"
    made["Date"] = "Fri, 10 May 2024 08:30:00 +0200"
    made.set_content(body)
    for name, data, kind in attached:
        made.add_attachment(data, maintype=kind.split("/")[0], subtype=kind.split("/")[1], filename=name)
    return made


def _divided(plain: EmailMessage) -> tuple[bytes, bytes]:
    """The headers of the mail itself; its content with the headers that describe it. Lines end in CR LF."""
    headers, _, body = plain.as_bytes().replace(b"\r\n", b"\n").partition(b"\n\n")
    of_mail, of_content = [], []
    into = of_mail
    for line in headers.split(b"\n"):
        if line[:1] not in (b" ", b"\t"):
            into = of_content if line.lower().startswith(b"content-") else of_mail
        into.append(line + b"\r\n")
    return b"".join(of_mail), b"".join(of_content) + b"\r\n" + body.replace(b"\n", b"\r\n")


def entity(plain: EmailMessage) -> bytes:
    """What is signed of a mail."""
    return _divided(plain)[1]


def around(plain: EmailMessage, content: bytes, kind: str, name: str = "smime.p7m") -> bytes:
    """A mail with the headers of `plain` that holds `content` alone."""
    made = EmailMessage()
    for header in ("From", "To", "Subject", "Date"):
        made[header] = plain[header]
    made.set_content(content, maintype=kind.split("/")[0], subtype=kind.split("/")[1], filename=name)
    return made.as_bytes()


def opaque(content: bytes, by: Sequence[Signer], *options: pkcs7.PKCS7Options, hashed: object = None) -> bytes:
    """Signed data in DER. `hashed`: SHA-256 when not given."""
    builder = pkcs7.PKCS7SignatureBuilder().set_data(content)
    for one in by:
        builder = builder.add_signer(one.certificate, one.key, hashed or hashes.SHA256())  # type: ignore[arg-type]
    return builder.sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary, *options])


def detached(
    plain: EmailMessage, by: Signer, *, change: Callable[[bytes], bytes] = bytes, end: bytes = b"\r\n"
) -> bytes:
    """A multipart/signed mail. `change` is done to what is covered after it was signed; `end` ends its lines."""
    headers, content = _divided(plain)
    content = content.removesuffix(b"\r\n")
    signature = opaque(content, [by], pkcs7.PKCS7Options.DetachedSignature)
    whole = (
        headers
        + b'Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n'
        + b' micalg="sha-256"; boundary="----la limite"\r\n\r\n------la limite\r\n'
        + change(content)
        + b'\r\n------la limite\r\nContent-Type: application/pkcs7-signature; name="smime.p7s"\r\n'
        + b'Content-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename="smime.p7s"\r\n\r\n'
        + base64.encodebytes(signature).replace(b"\n", b"\r\n")
        + b"\r\n------la limite--\r\n"
    )
    return whole.replace(b"\r\n", end)


def by_openssl(folder: Path, content: bytes, by: Signer, *arguments: str) -> bytes:
    """What `openssl ARGUMENTS` makes of `content`: DER or BER."""
    (folder / "content").write_bytes(content)
    (folder / "certificate.pem").write_bytes(by.pem())
    (folder / "key.pem").write_bytes(by.key_pem())
    run = subprocess.run(
        ["openssl", *arguments, "-in", "content", "-outform", "DER"], cwd=folder, capture_output=True, check=True
    )
    return run.stdout


SIGN = ("-signer", "certificate.pem", "-inkey", "key.pem")


def element(tag: int, *inside: bytes) -> bytes:
    """DER."""
    content = b"".join(inside)
    size = len(content)
    width = (size.bit_length() + 7) // 8
    length = bytes([size]) if size < 0x80 else bytes([0x80 | width]) + size.to_bytes(width, "big")
    return bytes([tag]) + length + content


def endless(tag: int, *inside: bytes) -> bytes:
    """BER of indefinite length."""
    return bytes([tag, 0x80]) + b"".join(inside) + b"\x00\x00"


def compressed(content: bytes, cut: int | None = None) -> bytes:
    """Compressed data; `cut`: only so many bytes of the compressed stream."""
    packed = element(0x04, zlib.compress(content, 9)[:cut])
    inner = element(0x30, _DATA, element(0xA0, packed))
    data = element(0x30, b"\x02\x01\x00", element(0x30, _ZLIB), inner)
    return element(0x30, _COMPRESSED, element(0xA0, data))


def attribute(name: str, value: bytes) -> bytes:
    """A signed attribute by the hexadecimal of its type's coded name."""
    return element(0x30, bytes.fromhex(name), element(0x31, value))


def by_hand(content: bytes, by: Signer, stand: Sequence[bytes], signed: Sequence[bytes]) -> bytes:
    """Signed data whose attributes stand in one order and are signed in another."""
    assert isinstance(by.key, ec.EllipticCurvePrivateKey)
    signature = by.key.sign(element(0x31, *signed), ec.ECDSA(hashes.SHA256()))
    identifier = by.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    signer_info = element(
        0x30,
        b"\x02\x01\x03",
        element(0x80, identifier),
        element(0x30, bytes.fromhex("0609608648016503040201")),
        element(0xA0, *stand),
        element(0x30, bytes.fromhex("06082a8648ce3d040302")),
        element(0x04, signature),
    )
    data = element(
        0x30,
        b"\x02\x01\x03",
        element(0x31),
        element(0x30, _DATA, element(0xA0, element(0x04, content))),
        element(0xA0, by.certificate.public_bytes(serialization.Encoding.DER)),
        element(0x31, signer_info),
    )
    return element(0x30, _SIGNED, element(0xA0, data))


def signed_by_nobody(content: bytes | None) -> bytes:
    """Signed data without signature nor certificate; without content, "certs-only"."""
    inner = (_DATA,) if content is None else (_DATA, element(0xA0, element(0x04, content)))
    data = element(0x30, b"\x02\x01\x01", element(0x31), element(0x30, *inner), element(0x31))
    return element(0x30, _SIGNED, element(0xA0, data))
