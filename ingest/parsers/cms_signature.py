"""Whether the signatures of a mail hold (RFC 5652, RFC 8551), and whose certificate says so.

One that holds proves that the content is what was signed with the key of the certificate that came with it. Who that is
nobody confirmed: no authority, no revocation and no date is looked at (decision 095), and each sentence says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID, SignatureAlgorithmOID

from ingest.parsers.ber import INTEGER, OCTETS, OID, SEQUENCE, SET, Damaged, Element
from ingest.parsers.cms import DATA, Signed, children
from ingest.parsers.narrative import clean
from records.content import Signature, Verdict

_MOST = 20  # signatures, and certificates that come with them
_SMALLEST = 2048  # bits of an RSA key, as the ANSSI asks
_LONGEST = 120  # characters of a name, of an address
_Id = x509.ObjectIdentifier
_HASHES: dict[_Id, hashes.HashAlgorithm] = {
    _Id("1.2.840.113549.2.5"): hashes.MD5(),
    _Id("1.3.14.3.2.26"): hashes.SHA1(),
    _Id("2.16.840.1.101.3.4.2.4"): hashes.SHA224(),
    _Id("2.16.840.1.101.3.4.2.1"): hashes.SHA256(),
    _Id("2.16.840.1.101.3.4.2.2"): hashes.SHA384(),
    _Id("2.16.840.1.101.3.4.2.3"): hashes.SHA512(),
}
_KEY_ALONE = (_Id("1.2.840.113549.1.1.1"), _Id("1.2.840.10045.2.1"))
"""rsaEncryption, ecPublicKey: the hash is the signer's digest algorithm."""
_WITH_HASH: dict[_Id, hashes.HashAlgorithm] = {
    SignatureAlgorithmOID.RSA_WITH_MD5: hashes.MD5(),
    SignatureAlgorithmOID.RSA_WITH_SHA1: hashes.SHA1(),
    SignatureAlgorithmOID.RSA_WITH_SHA224: hashes.SHA224(),
    SignatureAlgorithmOID.RSA_WITH_SHA256: hashes.SHA256(),
    SignatureAlgorithmOID.RSA_WITH_SHA384: hashes.SHA384(),
    SignatureAlgorithmOID.RSA_WITH_SHA512: hashes.SHA512(),
    SignatureAlgorithmOID.ECDSA_WITH_SHA1: hashes.SHA1(),
    SignatureAlgorithmOID.ECDSA_WITH_SHA224: hashes.SHA224(),
    SignatureAlgorithmOID.ECDSA_WITH_SHA256: hashes.SHA256(),
    SignatureAlgorithmOID.ECDSA_WITH_SHA384: hashes.SHA384(),
    SignatureAlgorithmOID.ECDSA_WITH_SHA512: hashes.SHA512(),
}
_WEAK = (hashes.MD5, hashes.SHA1)
_CONTENT_TYPE, _MESSAGE_DIGEST = _Id("1.2.840.113549.1.9.3"), _Id("1.2.840.113549.1.9.4")

_CHANGED = "ce qu'elle couvre a été changé après la signature"
_FOREIGN = "elle n'a pas été faite avec la clé de son certificat"
_DAMAGED = "elle est abîmée"


class _Unchecked(Exception):
    """Why a signature cannot be checked, in French."""


class _Broken(Exception):
    """Why it does not hold, in French."""


def signatures_of(signed: Signed, contents: Sequence[bytes], senders: Sequence[str], *, whole: bool) -> list[Signature]:
    """One for each signer. `contents`: the forms in which what they cover may have been signed; `senders`: the mail's
    From addresses; `whole`: whether they cover all of it."""
    if not signed.signers:
        return [_unchecked("le message se dit signé, mais personne ne l'a signé", whole)]
    found = [_checked(one, signed, contents, senders, whole) for one in signed.signers[:_MOST]]
    if len(signed.signers) > _MOST:
        found.append(_unchecked("le message porte trop de signatures", whole))
    return found


def damaged_signature(*, whole: bool) -> Signature:
    """Of what stands in a signature's place and is none."""
    return Signature(Verdict.BROKEN, "", f"Signature rompue : {_DAMAGED}.", whole)


def _unchecked(why: str, whole: bool, signer: str = "") -> Signature:
    return Signature(Verdict.UNCHECKED, signer, f"Signature non vérifiée : {why}.", whole)


def _checked(
    element: Element, signed: Signed, contents: Sequence[bytes], senders: Sequence[str], whole: bool
) -> Signature:
    certificate, signer = None, ""
    try:
        certificate = _certificate(element, signed)
        signer = "" if certificate is None else _signer(certificate)
        _check(element, signed, contents, certificate)
    except _Unchecked as why:
        return _unchecked(str(why), whole, signer)
    except _Broken as why:
        said = f" Elle se dit de « {signer} »." if signer else ""
        return Signature(Verdict.BROKEN, signer, f"Signature rompue : {why}.{said}", whole)
    except Exception:  # what a library raises on hostile bytes has no documented bounds
        return Signature(Verdict.BROKEN, signer, f"Signature rompue : {_DAMAGED}.", whole)
    addresses = [] if certificate is None else [one.casefold() for one in _addresses(certificate)]
    other = bool(senders) and not any(one.casefold() in addresses for one in senders)
    return Signature(
        Verdict.INTACT,
        signer,
        "Signature intacte du texte et des pièces jointes, faite avec un certificat au nom de "
        f"« {signer} » qu'aucune autorité n'a confirmé ici."
        + (" Ce n'est pas l'adresse de l'expéditeur." if other else ""),
        whole,
    )


def _check(element: Element, signed: Signed, contents: Sequence[bytes], certificate: x509.Certificate | None) -> None:
    """Returns when it holds. Raises _Broken, _Unchecked, Damaged and what libraries raise."""
    _, _, digest, *rest = children(element, SEQUENCE)
    attributes = rest.pop(0) if rest[0].tag == 0xA0 else None
    algorithm, signature = rest[0], rest[1]
    if not contents:
        raise _Unchecked("ce qu'elle couvre n'a pas été retrouvé")
    hashed = _HASHES.get(_id(children(digest, SEQUENCE)[0]))
    if hashed is None:
        raise _Unchecked("son algorithme n'est pas connu")
    if attributes is not None:
        kind, stated = _attribute(attributes, _CONTENT_TYPE), _attribute(attributes, _MESSAGE_DIGEST)
        if kind.tag != OID or kind.content != signed.kind or stated.tag != OCTETS:
            raise _Broken(_DAMAGED)
        if stated.content not in (_digest(hashed, one) for one in contents):
            raise _Broken(_CHANGED)
        messages: Sequence[bytes] = _as_signed(attributes)
    elif signed.kind != DATA:  # RFC 5652, 5.3: attributes must be there
        raise _Broken(_DAMAGED)
    else:
        messages = contents
    if certificate is None:
        raise _Unchecked("son certificat n'est pas joint")
    try:
        key = certificate.public_key()
        used = _hash_of(algorithm, hashed)
        holds = any(_verifies(key, algorithm, used, signature.octets(), one) for one in messages)
    except (UnsupportedAlgorithm, ValueError, KeyError) as error:
        raise _Unchecked("son algorithme n'est pas connu") from error
    if not holds:
        raise _Broken(_FOREIGN if attributes is not None else _CHANGED)
    if isinstance(hashed, _WEAK) or isinstance(used, _WEAK) or _is_short(key):
        raise _Unchecked("son algorithme ou sa clé sont trop faibles pour faire foi")


def _is_short(key: object) -> bool:
    return isinstance(key, rsa.RSAPublicKey) and key.key_size < _SMALLEST


def _hash_of(algorithm: Element, digest: hashes.HashAlgorithm) -> hashes.HashAlgorithm:
    name = _id(children(algorithm, SEQUENCE)[0])
    if name == SignatureAlgorithmOID.RSASSA_PSS:
        return _pss(algorithm)[0]
    if name in (*_KEY_ALONE, SignatureAlgorithmOID.ED25519):
        return digest
    if name not in _WITH_HASH:
        raise UnsupportedAlgorithm("signature")
    return _WITH_HASH[name]


def _verifies(key: object, algorithm: Element, used: hashes.HashAlgorithm, signature: bytes, message: bytes) -> bool:
    name = _id(children(algorithm, SEQUENCE)[0])
    try:
        if isinstance(key, rsa.RSAPublicKey):
            pss = name == SignatureAlgorithmOID.RSASSA_PSS
            key.verify(signature, message, _pss(algorithm)[1] if pss else padding.PKCS1v15(), used)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(used))
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, message)
        else:
            raise UnsupportedAlgorithm("key")
    except InvalidSignature:
        return False
    return True


def _pss(algorithm: Element) -> tuple[hashes.HashAlgorithm, padding.PSS]:
    """RFC 4055: hash, mask and salt, each SHA-1 or 20 when it is not said."""
    _, *parameters = children(algorithm, SEQUENCE)
    said = {one.tag: one.inside[0] for one in children(parameters[0], SEQUENCE)} if parameters else {}
    used = _HASHES[_id(children(said[0xA0], SEQUENCE)[0])] if 0xA0 in said else hashes.SHA1()
    mask: hashes.HashAlgorithm = hashes.SHA1()
    if 0xA1 in said:
        mask = _HASHES[_id(children(children(said[0xA1], SEQUENCE)[1], SEQUENCE)[0])]
    salt = int.from_bytes(said[0xA2].content, "big") if 0xA2 in said else 20
    return used, padding.PSS(padding.MGF1(mask), salt)


def _attribute(attributes: Element, name: _Id) -> Element:
    """The one value of an attribute that must be there once."""
    found = [one for one in attributes.inside if _id(children(one, SEQUENCE)[0]) == name]
    values = children(found[0].inside[1], SET) if len(found) == 1 else []
    if len(values) != 1:
        raise _Broken(_DAMAGED)
    return values[0]


def _as_signed(attributes: Element) -> list[bytes]:
    """The attributes as a SET OF, in the order of DER, which is what is signed, and as they stand."""
    stand = [one.raw for one in attributes.inside]
    orders = [sorted(stand), stand] if sorted(stand) != stand else [stand]
    return [bytes([SET]) + _length(sum(map(len, order))) + b"".join(order) for order in orders]


def _length(size: int) -> bytes:
    width = (size.bit_length() + 7) // 8
    return bytes([size]) if size < 0x80 else bytes([0x80 | width]) + size.to_bytes(width, "big")


def _digest(algorithm: hashes.HashAlgorithm, content: bytes) -> bytes:
    made = hashes.Hash(algorithm)
    made.update(content)
    return made.finalize()


def _certificate(element: Element, signed: Signed) -> x509.Certificate | None:
    """The one that a signer names, by issuer and number or by the identifier of its key."""
    named = children(element, SEQUENCE)[1]
    for one in signed.certificates[:_MOST]:
        issuer, number = _issued(one)
        if named.tag == SEQUENCE:
            if [each.raw for each in named.inside] == [issuer, number]:
                return x509.load_der_x509_certificate(one.raw)
        elif named.tag == 0x80:
            certificate = x509.load_der_x509_certificate(one.raw)
            if named.content == _key_identifier(certificate):
                return certificate
    return None


def _issued(certificate: Element) -> tuple[bytes, bytes]:
    """Issuer and number of a certificate, as they stand in it."""
    stated = children(children(certificate, SEQUENCE)[0], SEQUENCE)
    number, _, issuer = stated[1:4] if stated[0].tag == 0xA0 else stated[0:3]
    if number.tag != INTEGER or issuer.tag != SEQUENCE:
        raise Damaged
    return issuer.raw, number.raw


def _key_identifier(certificate: x509.Certificate) -> bytes:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value.digest
    except x509.ExtensionNotFound:
        return b""


def _id(element: Element) -> _Id:
    if element.tag != OID:
        raise Damaged
    return asn1.decode_der(_Id, element.raw)


def _signer(certificate: x509.Certificate) -> str:
    """Name and address as the certificate states them."""
    name = next(_subject(certificate, NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME), "")
    address = next((shown for one in _addresses(certificate) if (shown := _shown(one))), "")
    return f"{name} <{address}>".strip() if address and address != name else name or "sans nom"


def _addresses(certificate: x509.Certificate) -> list[str]:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        stated = names.get_values_for_type(x509.RFC822Name)
    except x509.ExtensionNotFound:
        stated = []
    return [*stated, *_subject(certificate, NameOID.EMAIL_ADDRESS)]


def _subject(certificate: x509.Certificate, *kinds: _Id) -> Iterator[str]:
    for kind in kinds:
        for one in certificate.subject.get_attributes_for_oid(kind):
            if isinstance(one.value, str) and (shown := _shown(one.value)):
                yield shown


def _shown(text: str) -> str:
    """A stranger's words inside our sentence: no quote ends it, no character turns it around."""
    return clean("".join(one if one.isprintable() and one not in "«»<>" else " " for one in text))[:_LONGEST]
