"""The Cryptographic Message Syntax (RFC 5652) as S/MIME mails carry it (RFC 8551): what stands in it unencrypted.

No key is ever used: what is encrypted is a Refusal. Signatures are checked in `cms_signature.py`.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.parsers.ber import OCTETS, OID, SEQUENCE, SET, Damaged, Element, element_of

_PKCS7 = bytes.fromhex("2a864886f70d0107")  # 1.2.840.113549.1.7
_SMIME = bytes.fromhex("2a864886f70d010910")  # 1.2.840.113549.1.9.16
DATA, SIGNED = _PKCS7 + b"\x01", _PKCS7 + b"\x02"
_COMPRESSED, _ZLIB = _SMIME + b"\x01\x09", _SMIME + b"\x03\x08"
_ENCRYPTED = (_PKCS7 + b"\x03", _PKCS7 + b"\x04", _PKCS7 + b"\x06", _SMIME + b"\x01\x17")
"""Enveloped, signed and enveloped, encrypted, authenticated and enveloped data."""
_OCTETS = (OCTETS, OCTETS | 0x20)
_SMALL = 1024 * 1024  # bytes under which a ratio says nothing
_CHUNK = 1024 * 1024

ENCRYPTED = Refusal(
    "parse",
    "encrypted-mail",
    "Le message est chiffré : il ne peut être lu qu'avec la clé de son destinataire.",
    "Ouvrez-le dans votre messagerie MSSanté, puis déposez le message déchiffré ou ses pièces jointes.",
)


@dataclass(frozen=True, slots=True)
class Signed:
    """Signed data. `content` is what was signed, None when it stands elsewhere (a detached signature)."""

    content: bytes | None
    kind: bytes  # the content's type, an OID as it is coded
    certificates: tuple[Element, ...]
    signers: tuple[Element, ...]


def opened(data: bytes, limits: Limits) -> Signed | bytes:
    """What signed data hold, or what compressed data expand to.

    Raises Refusal: "encrypted-mail", "damaged-signed-mail", "unsupported-cms", "too-large", "suspicious-mail".
    """
    try:
        kind, holder = _two(element_of(data), SEQUENCE, OID, 0xA0)
        (content,) = holder.inside
        if kind.content == SIGNED:
            return _signed(content)
        if kind.content in _ENCRYPTED:
            raise ENCRYPTED
        if kind.content == _COMPRESSED:
            return _inflated(content, limits)
    except (Damaged, IndexError, ValueError, zlib.error) as error:
        raise damaged() from error
    raise unsupported()


def damaged() -> Refusal:
    """The Refusal of a signed or compressed message that is cut or wrong."""
    return Refusal(
        "parse",
        "damaged-signed-mail",
        "Le message signé est abîmé ou incomplet.",
        "Demandez-le à nouveau à l'émetteur, ou déposez ses pièces jointes.",
    )


def unsupported() -> Refusal:
    """The Refusal of a kind of message that mails do not use."""
    return Refusal(
        "parse",
        "unsupported-cms",
        "Cette forme de message sécurisé n'est pas lue.",
        "Ouvrez-le dans votre messagerie MSSanté, puis déposez son texte ou ses pièces jointes.",
    )


def nothing_inside() -> Refusal:
    """The Refusal of a signature or of certificates alone."""
    return Refusal(
        "parse",
        "signature-alone",
        "Ce fichier ne porte qu'une signature ou des certificats, pas de document.",
        "Déposez le message entier, ou le document qui est signé.",
    )


def children(element: Element, tag: int) -> list[Element]:
    """What stands in an element that must be of this kind. Raises Damaged."""
    if element.tag != tag:
        raise Damaged
    return element.inside


def _two(element: Element, tag: int, first: int, second: int) -> tuple[Element, Element]:
    inside = children(element, tag)
    if len(inside) < 2 or inside[0].tag != first or inside[1].tag != second:
        raise Damaged
    return inside[0], inside[1]


def _signed(element: Element) -> Signed:
    _, _, encapsulated, *more = children(element, SEQUENCE)
    kind, content = _encapsulated(encapsulated)
    certificates = next((one.inside for one in more if one.tag == 0xA0), [])
    (signers,) = [one for one in more if one.tag == SET]
    return Signed(
        content,
        kind,
        tuple(one for one in certificates if one.tag == SEQUENCE),
        tuple(signers.inside),
    )


def _encapsulated(element: Element) -> tuple[bytes, bytes | None]:
    """Type and content, None when it stands elsewhere."""
    kind, *rest = children(element, SEQUENCE)
    if not rest:
        return kind.content, None
    (content,) = children(rest[0], 0xA0)
    if content.tag not in _OCTETS:
        raise Damaged
    return kind.content, content.octets()


def _inflated(element: Element, limits: Limits) -> bytes:
    _, algorithm, encapsulated = children(element, SEQUENCE)
    if children(algorithm, SEQUENCE)[0].content != _ZLIB:
        raise unsupported()
    packed = _encapsulated(encapsulated)[1] or b""
    stream, out = zlib.decompressobj(), bytearray()
    rest = packed
    while not stream.eof:
        piece = stream.decompress(rest, _CHUNK)
        rest = stream.unconsumed_tail
        if not piece and not rest and not stream.eof:
            raise Damaged
        out += piece
        if len(out) > limits.bytes:
            raise Refusal(
                "parse",
                "too-large",
                "Le message décompressé dépasse la taille permise.",
                "Déposez ses pièces jointes une par une.",
            )
        if len(out) > _SMALL and len(out) > limits.ratio * len(packed):
            raise Refusal(
                "parse",
                "suspicious-mail",
                "Le message se décompresse démesurément.",
                "Déposez ses pièces jointes une par une.",
            )
    return bytes(out)
