"""Signed, compressed and encrypted mails (S/MIME): nothing of them is lost, and no signature is taken for more than it
is."""

from __future__ import annotations

import base64
import dataclasses
import email
import email.policy
import io
import os
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from functools import cache
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.media_type import CMS, HEAD, media_type_of
from ingest.parsers.ber import Damaged, element_of
from ingest.pictures import picture_of
from ingest.sandbox.client import Ended, PageRead, Sandbox
from records.content import Metadata, Reading, Signature, Verdict
from records.reading_format import reading_from_bytes, reading_to_bytes
from tests.ingest import pdfs
from tests.ingest import smime_mails as smime
from tests.ingest.smime_mails import ADDRESS, NAME, SIGN, around, by_openssl, compressed, detached, entity, opaque
from tests.ingest.test_cda import cda, section
from tests.ingest.test_containers import _submission

Read = Callable[..., Reading]
Refused = Callable[..., Refusal]
P7M = "application/pkcs7-mime"


@pytest.fixture(scope="module")
def signer() -> smime.Signer:
    return smime.signer()


@pytest.fixture(scope="module")
def with_rsa() -> smime.Signer:
    return smime.signer(key=rsa.generate_private_key(65537, 2048))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    made = Sandbox()
    yield made
    made.close()


@pytest.fixture
def openssl(tmp_path: Path) -> Callable[..., bytes]:
    assert shutil.which("openssl"), "openssl is missing: bash tools/system-packages.sh cluster"
    return lambda content, by, *arguments: by_openssl(tmp_path, content, by, *arguments)


@cache
def pdf() -> bytes:
    """Two pages; another call of `pdfs.pages` may make other bytes: they hold the time."""
    return pdfs.pages(2)


def letter() -> EmailMessage:
    """A letter in two forms, a PDF, a submission with a CDA, a picture of the letterhead."""
    made = smime.mail(body="Cher confrère,\n\nAllergie à l'iode.\n")
    made.add_alternative("<p>Cher confrère, Allergie à l'iode.</p>", subtype="html")
    made.add_attachment(pdf(), maintype="application", subtype="pdf", filename="CR.pdf")
    xdm = _submission(cda(section("Iode")).encode())
    made.add_attachment(xdm, maintype="application", subtype="zip", filename="IHE_XDM.zip")
    return made


def verdicts(reading: Reading) -> list[str]:
    return [one.verdict.value for one in reading.metadata.signatures]


def said(reading: Reading) -> str:
    (signature,) = reading.metadata.signatures
    return signature.message


def inside(content: bytes) -> bytes:
    """`content`, a message of the syntax, as an entity that is signed again."""
    return f"Content-Type: {P7M}\r\nContent-Transfer-Encoding: base64\r\n\r\n".encode() + base64.encodebytes(content)


def ways(signer: smime.Signer) -> dict[str, Callable[[EmailMessage], bytes]]:
    """How a mail may be sent, each with the same content."""

    def sealed(made: Callable[[bytes], bytes], kind: str = P7M, name: str = "smime.p7m") -> Callable[..., bytes]:
        return lambda plain: around(plain, made(entity(plain)), kind, name)

    def once(content: bytes) -> bytes:
        return opaque(content, [signer])

    return {
        "opaque": sealed(once),
        "old name of the type": sealed(once, "application/x-pkcs7-mime"),
        "known by its file's name": sealed(once, "application/octet-stream", "SMIME.P7M"),
        "twice": sealed(lambda content: once(inside(once(content)))),
        "compressed": sealed(compressed),
        "compressed and signed": sealed(lambda content: once(inside(compressed(content)))),
        "nobody signed": sealed(smime.signed_by_nobody),
        "detached": lambda plain: detached(plain, signer),
        "detached, lines end in LF": lambda plain: detached(plain, signer, end=b"\n"),
    }


WAYS = {
    "opaque": ["intact"],
    "old name of the type": ["intact"],
    "known by its file's name": ["intact"],
    "twice": ["intact", "intact"],
    "compressed": [],
    "compressed and signed": ["intact"],
    "nobody signed": ["unchecked"],
    "detached": ["intact"],
    "detached, lines end in LF": ["intact"],
}


@pytest.mark.parametrize("way", WAYS)
def test_a_signed_mail_is_what_it_would_be_sent_plain(read: Read, signer: smime.Signer, way: str) -> None:
    plain, sealed = read(letter().as_bytes()), read(ways(signer)[way](letter()))
    assert len(plain.pages) == 4
    assert "Iode" in plain.pages[-1].text
    assert sealed.pages == plain.pages
    assert dataclasses.replace(sealed.metadata, signatures=()) == plain.metadata
    assert verdicts(sealed) == WAYS[way]
    assert all(one.whole for one in sealed.metadata.signatures)


OPENSSL = {
    "stream": ("smime", "-sign", "-stream", "-nodetach", "-binary", *SIGN),
    "whole": ("smime", "-sign", "-nodetach", "-binary", *SIGN),
    "by the key's identifier": ("cms", "-sign", "-stream", "-keyid", "-nodetach", "-binary", *SIGN),
    "without attributes": ("cms", "-sign", "-stream", "-noattr", "-nodetach", "-binary", *SIGN),
    "sha512": ("cms", "-sign", "-stream", "-md", "sha512", "-nodetach", "-binary", *SIGN),
}


@pytest.mark.parametrize("way", OPENSSL)
def test_what_openssl_writes_is_read_and_holds(
    read: Read, signer: smime.Signer, openssl: Callable[..., bytes], way: str
) -> None:
    data = openssl(entity(letter()), signer, *OPENSSL[way])
    sealed = read(around(letter(), data, P7M))
    assert (sealed.pages, verdicts(sealed)) == (read(letter().as_bytes()).pages, ["intact"])


@pytest.mark.parametrize("more", [(), ("-keyopt", "rsa_padding_mode:pss")])
def test_rsa_in_both_paddings(
    read: Read, with_rsa: smime.Signer, openssl: Callable[..., bytes], more: tuple[str, ...]
) -> None:
    content = entity(smime.mail())
    data = openssl(content, with_rsa, "cms", "-sign", "-nodetach", "-binary", *SIGN, *more)
    assert verdicts(read(around(smime.mail(), data, P7M))) == ["intact"]
    at = data.index(b"CR") if b"CR" in data else data.index(b"Q1I")
    assert verdicts(read(around(smime.mail(), data[:at] + b"X" + data[at + 1 :], P7M))) == ["broken"]


def test_a_sentence_says_who_signed_and_that_nobody_confirmed_it(read: Read, signer: smime.Signer) -> None:
    (signature,) = read(detached(smime.mail(), signer)).metadata.signatures
    assert signature.signer == f"{NAME} <{ADDRESS}>"
    assert signature.message == (
        f"Signature intacte du texte et des pièces jointes, faite avec un certificat au nom de « {NAME} <{ADDRESS}> » "
        "qu'aucune autorité n'a confirmé ici."
    )


def test_another_sender_than_the_certificate_is_said(read: Read, signer: smime.Signer) -> None:
    other = smime.mail(sender="Dr Paul <paul@chu.mssante.fr>")
    assert "Ce n'est pas l'adresse de l'expéditeur." in said(read(detached(other, signer)))
    assert "expéditeur" not in said(read(detached(smime.mail(sender=ADDRESS.upper()), signer)))


def test_what_was_changed_is_read_and_its_signature_is_broken(read: Read, signer: smime.Signer) -> None:
    changed = read(detached(smime.mail(), signer, change=lambda content: content.replace(b"voici", b"voila")))
    assert "voila" in changed.pages[0].text
    assert verdicts(changed) == ["broken"]
    assert said(changed).startswith("Signature rompue : ce qu'elle couvre a été changé")
    content = entity(smime.mail())
    data = opaque(content, [signer])
    forged = read(around(smime.mail(), data.replace(b"voici", b"voila"), P7M))
    assert ("voila" in forged.pages[0].text, verdicts(forged)) == (True, ["broken"])


def test_a_key_that_is_not_the_certificates_breaks_it(read: Read, signer: smime.Signer) -> None:
    """The digest is right, the certificate is the doctor's, and somebody else signed."""
    forger = smime.Signer(smime.signer().key, signer.certificate)
    for data in (detached(smime.mail(), forger), around(smime.mail(), opaque(entity(smime.mail()), [forger]), P7M)):
        forged = read(data)
        assert verdicts(forged) == ["broken"]
        assert "pas été faite avec la clé" in said(forged)


def test_attributes_that_were_changed_break_it(read: Read, signer: smime.Signer) -> None:
    """The content's digest is put right again in the attributes that are signed."""
    content = entity(smime.mail())
    other = content.replace(b"voici", b"voila")
    digests = [_sha256(one) for one in (content, other)]
    data = opaque(content, [signer]).replace(content, other).replace(*digests)
    assert digests[1] in data
    assert "pas été faite avec la clé" in said(read(around(smime.mail(), data, P7M)))


@pytest.mark.parametrize("arguments", [OPENSSL["whole"], OPENSSL["without attributes"]])
def test_a_type_of_content_that_was_not_signed_breaks_it(
    read: Read, signer: smime.Signer, openssl: Callable[..., bytes], arguments: tuple[str, ...]
) -> None:
    """Without attributes only plain data may be signed; with them they name the type (RFC 5652, 5.3 and 11.1)."""
    data = openssl(entity(smime.mail()), signer, *arguments)
    plain, other = (bytes.fromhex(f"06092a864886f70d01070{n}") for n in (1, 5))
    assert verdicts(read(around(smime.mail(), data, P7M))) == ["intact"]
    assert verdicts(read(around(smime.mail(), data.replace(plain, other, 1), P7M))) == ["broken"]


def test_attributes_are_signed_in_the_order_of_der_and_stand_once(read: Read, signer: smime.Signer) -> None:
    content, other = entity(smime.mail()), b"other"
    kind = smime.attribute("06092a864886f70d010903", bytes.fromhex("06092a864886f70d010701"))
    digest, second = (
        smime.attribute("06092a864886f70d010904", smime.element(0x04, _sha256(one))) for one in (content, other)
    )

    def found(stand: list[bytes], signed: list[bytes]) -> list[str]:
        return verdicts(read(around(smime.mail(), smime.by_hand(content, signer, stand, signed), P7M)))

    assert found([kind, digest], [kind, digest]) == ["intact"]
    assert found([digest, kind], [kind, digest]) == ["intact"]
    assert found([digest, kind], [digest, kind]) == ["intact"]  # some senders sort nothing
    assert found([kind, digest], [digest, kind]) == ["broken"]
    assert found([kind, second], [kind, second]) == ["broken"]
    for wrong in ([kind], [digest], [], [kind, digest, second], sorted([kind, kind, digest])):
        assert found(wrong, wrong) == ["broken"]


def test_a_signature_under_another_type_is_no_page(read: Read, signer: smime.Signer) -> None:
    data = detached(letter(), signer).replace(b"Content-Type: application/pkcs7-signature", b"Content-Type: text/x-any")
    reading = read(data)
    assert (reading.pages, verdicts(reading)) == (read(letter().as_bytes()).pages, ["intact"])


def test_more_signatures_than_any_mail_has_are_not_all_checked(read: Read, signer: smime.Signer) -> None:
    data = opaque(entity(smime.mail()), [signer] * 25)
    found = verdicts(read(around(smime.mail(), data, P7M)))
    assert (len(found), found[-1], set(found[:-1])) == (21, "unchecked", {"intact"})


def _sha256(data: bytes) -> bytes:
    made = hashes.Hash(hashes.SHA256())
    made.update(data)
    return made.finalize()


def test_without_its_certificate_a_signature_is_not_checked(read: Read, signer: smime.Signer) -> None:
    data = opaque(entity(smime.mail()), [signer], pkcs7.PKCS7Options.NoCerts)
    assert said(read(around(smime.mail(), data, P7M))) == "Signature non vérifiée : son certificat n'est pas joint."
    changed = data.replace(b"voici", b"voila")
    assert verdicts(read(around(smime.mail(), changed, P7M))) == ["broken"]


def test_weak_algorithms_prove_nothing(read: Read, signer: smime.Signer, openssl: Callable[..., bytes]) -> None:
    data = openssl(entity(smime.mail()), signer, "cms", "-sign", "-md", "sha1", "-nodetach", "-binary", *SIGN)
    assert "trop faibles" in said(read(around(smime.mail(), data, P7M)))
    short = smime.signer(key=rsa.generate_private_key(65537, 1024))
    reading = read(around(smime.mail(), opaque(entity(smime.mail()), [short]), P7M))
    assert (verdicts(reading), "trop faibles" in said(reading)) == (["unchecked"], True)


def test_every_signer_is_named(read: Read, signer: smime.Signer) -> None:
    second = smime.signer("Labo « Conforme » <x>\u202e", "labo@mssante.fr")
    data = opaque(entity(smime.mail()), [signer, second])
    found = read(around(smime.mail(), data, P7M)).metadata.signatures
    assert [one.verdict for one in found] == [Verdict.INTACT, Verdict.INTACT]
    assert {one.signer for one in found} == {f"{NAME} <{ADDRESS}>", "Labo Conforme x <labo@mssante.fr>"}


@pytest.mark.parametrize("signature", [b"", b"bm90IGEgc2lnbmF0dXJl", base64.b64encode(bytes(range(60)))])
def test_what_stands_in_a_signatures_place_is_a_broken_one(read: Read, signer: smime.Signer, signature: bytes) -> None:
    head, _, _ = detached(smime.mail(), signer).rpartition(b'filename="smime.p7s"')
    data = head + b'filename="smime.p7s"\r\n\r\n' + signature + b"\r\n------la limite--\r\n"
    reading = read(data)
    assert reading.pages == read(smime.mail().as_bytes()).pages
    assert said(reading) == "Signature rompue : elle est abîmée."


def test_a_signature_over_a_part_says_so(read: Read, signer: smime.Signer) -> None:
    """A mail around a signed one, a list's footer after it: what is beside may be anybody's."""
    data = detached(smime.mail(body="Allergie iode"), signer)
    _, _, signed = data.partition(b"MIME-Version: 1.0\r\n")
    outer = (
        b"From: a@b.fr\r\nSubject: Tr\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=dehors\r\n\r\n"
        b"--dehors\r\n" + signed + b"\r\n--dehors\r\nContent-Type: text/plain\r\n\r\nPied de liste\r\n--dehors--\r\n"
    )
    reading = read(outer)
    assert "Pied de liste" in reading.pages[0].text
    assert [(one.verdict, one.whole) for one in reading.metadata.signatures] == [(Verdict.INTACT, False)]
    forwarded = EmailMessage()
    forwarded["Subject"], forwarded["From"] = "Tr", "a@b.fr"
    forwarded.set_content("Voir ci-joint")
    forwarded.add_attachment(email.message_from_bytes(data, policy=email.policy.default))
    found = read(forwarded.as_bytes()).metadata.signatures
    assert [(one.verdict, one.whole) for one in found] == [(Verdict.INTACT, False)]


def test_a_forwarded_mail_is_taken_byte_for_byte(read: Read, signer: smime.Signer) -> None:
    """Header lines that no library would fold so again are covered by the signature."""
    odd = detached(smime.mail(), signer)
    content = b'Content-Type:   text/plain;\r\n\tcharset="utf-8"   ;\r\n   x="' + b"y" * 90 + b'"\r\n\r\nAllergie iode'
    signature = base64.encodebytes(opaque(content, [signer], pkcs7.PKCS7Options.DetachedSignature))
    head, limit, _ = odd.partition(b"------la limite\r\n")
    odd = head + limit + content + b"\r\n" + limit + b"Content-Type: application/pkcs7-signature\r\n"
    odd += b"Content-Transfer-Encoding: base64\r\n\r\n" + signature.replace(b"\n", b"\r\n") + b"------la limite--\r\n"
    assert verdicts(read(odd)) == ["intact"]
    outer = b"From: a@b.fr\r\nSubject: Tr\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=d\r\n\r\n"
    outer += b"--d\r\nContent-Type: message/rfc822\r\n\r\n" + odd + b"\r\n--d--\r\n"
    assert verdicts(read(outer)) == ["intact"]


def test_a_message_without_its_mail(read: Read, refusal_of: Refused, signer: smime.Signer) -> None:
    data = opaque(entity(letter()), [signer])
    assert media_type_of(data[:HEAD]) == CMS
    reading = read(data)
    assert reading.pages[0].text.startswith("Cher confrère")
    assert [page.text for page in reading.pages[1:]] == [page.text for page in read(letter().as_bytes()).pages[1:]]
    assert verdicts(reading) == ["intact"]
    alone = opaque(entity(letter()), [signer], pkcs7.PKCS7Options.DetachedSignature)
    assert refusal_of(alone).code == "signature-alone"
    assert refusal_of(smime.signed_by_nobody(None)).code == "signature-alone"


def test_a_signed_file_that_is_no_mail(read: Read, signer: smime.Signer) -> None:
    data = opaque(pdfs.pages(2), [signer])
    mail = smime.mail(("CR.pdf.p7m", data, "application/octet-stream"), ("a.txt", b"Iode", "application/octet-stream"))
    reading = read(mail.as_bytes())
    assert [page.sections[0].title for page in reading.pages[1:]] == ["CR.pdf", "CR.pdf", "a.txt"]
    assert [(one.verdict, one.whole) for one in reading.metadata.signatures] == [(Verdict.INTACT, False)]
    assert "Feuille 2." in read(data).pages[1].text


def test_certificates_beside_a_letter_are_no_page(read: Read) -> None:
    mail = smime.mail(("smime.p7m", smime.signed_by_nobody(None), P7M))
    assert len(read(mail.as_bytes()).pages) == 1


ENCRYPTED = {
    "enveloped": ("cms", "-encrypt", "-aes256"),
    "stream": ("cms", "-encrypt", "-stream", "-aes256"),
    "authenticated": ("cms", "-encrypt", "-aes-256-gcm"),
}


@pytest.mark.parametrize("way", ENCRYPTED)
def test_an_encrypted_mail_is_refused_with_what_to_do(
    read: Read, refusal_of: Refused, with_rsa: smime.Signer, openssl: Callable[..., bytes], way: str
) -> None:
    data = openssl(entity(letter()), with_rsa, *ENCRYPTED[way], "-recip", "certificate.pem")
    for sent in (around(letter(), data, P7M), data, around(letter(), opaque(inside(data), [with_rsa]), P7M)):
        refusal = refusal_of(sent)
        assert (refusal.stage, refusal.code) == ("parse", "encrypted-mail")
        assert "messagerie MSSanté" in refusal.remedy
    beside = read(smime.mail(("smime.p7m", data, P7M)).as_bytes())
    assert [page.unreadable for page in beside.pages] == [False, True]
    assert "chiffré" in beside.pages[1].note


@pytest.mark.parametrize("stream", [False, True])
def test_a_message_cut_anywhere_is_refused(
    read: Read, refusal_of: Refused, signer: smime.Signer, openssl: Callable[..., bytes], stream: bool
) -> None:
    arguments = OPENSSL["stream" if stream else "whole"]
    data = openssl(entity(smime.mail()), signer, *arguments)
    for size in range(40, len(data), 17):
        assert refusal_of(around(smime.mail(), data[:size], P7M)).code == "damaged-signed-mail"
    beside = read(smime.mail(("smime.p7m", data[:-9], P7M), body="Allergie iode").as_bytes())
    assert ("iode" in beside.pages[0].text, beside.pages[1].unreadable) == (True, True)


def test_something_else_under_the_name_of_a_signed_message_is_read_as_what_it_is(
    read: Read, refusal_of: Refused
) -> None:
    assert "Feuille 2." in read(around(smime.mail(), pdfs.pages(2), P7M)).pages[1].text
    assert refusal_of(around(smime.mail(), bytes(range(256)), P7M)).code == "unsupported-type"


def test_a_bomb_is_refused(refusal_of: Refused) -> None:
    bomb = b"Content-Type: text/plain\r\n\r\n" + b"a" * 5_000_000
    assert refusal_of(around(smime.mail(), compressed(bomb), P7M)).code == "suspicious-mail"
    flat = compressed(b"Content-Type: text/plain\r\n\r\n" + base64.encodebytes(os.urandom(1_000)) * 200)
    refusal = refusal_of(around(smime.mail(), flat, P7M), limits=Limits(bytes=100_000))
    assert (refusal.code, refusal.message[:22]) == ("too-large", "Le message décompressé")


def test_several_messages_stay_together_under_one_limit(read: Read) -> None:
    file = compressed(b"Content-Type: text/plain\r\n\r\n" + b"Iode. " * 10_000)
    mail = smime.mail(*((f"{n}.p7m", file, P7M) for n in range(8)))
    reading = read(mail.as_bytes(), limits=Limits(bytes=130_000))
    unread = [page for page in reading.pages if page.unreadable]
    assert sum(page.text.count("Iode.") for page in reading.pages) == 20_000
    assert len(unread) == 6
    assert all("dépasse la taille" in page.note for page in unread)


def test_a_content_cut_in_its_compression_is_refused(refusal_of: Refused) -> None:
    content = b"Content-Type: text/plain\r\n\r\n" + base64.encodebytes(os.urandom(500))
    for cut in (0, 100, -5, -1):
        assert refusal_of(around(smime.mail(), compressed(content, cut), P7M)).code == "damaged-signed-mail"
    wrong = compressed(content).replace(b"\x78\xda", b"\x78\xdb")
    assert refusal_of(around(smime.mail(), wrong, P7M)).code == "damaged-signed-mail"


def test_messages_in_messages_end(read: Read, refusal_of: Refused, signer: smime.Signer) -> None:
    data = opaque(entity(smime.mail(body="Allergie iode")), [signer])
    for _ in range(3):
        data = opaque(inside(data), [signer])
    assert "iode" in read(around(smime.mail(), data, P7M)).pages[0].text
    assert refusal_of(around(smime.mail(), opaque(inside(data), [signer]), P7M)).code == "too-deep"


def test_elements_without_end_or_bottom_are_damaged_at_once() -> None:
    began = time.process_time()
    for data in (
        b"\x30\x80" * 100_000,
        b"\x24\x80" * 50 + b"\x04\x00" * 1_000_001 + b"\x00\x00" * 50,
        b"\x24\x80" * 65 + b"\x00\x00" * 65,
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\xff" + b"\xff" * 200,
        b"\x04\x80\x00\x00",
        b"\x3f" + b"\xff" * 5_000,
        b"\x30\x03\x30\x05\x00\x00\x00\x00",
        b"\x30",
        b"",
    ):
        with pytest.raises(Damaged):
            element_of(data)
    assert time.process_time() - began < 30


def test_a_large_message_in_small_pieces_is_read_in_linear_time() -> None:
    """asn1crypto takes 322 s for 50 MB of it."""
    piece = b"\x04\x82\x10\x00" + b"x" * 4096
    began = time.process_time()
    whole = element_of(b"\x24\x80" + piece * 12_800 + b"\x00\x00")
    assert whole.octets() == b"x" * 4096 * 12_800
    assert time.process_time() - began < 10


def test_pieces_in_pieces_are_joined_in_order() -> None:
    def piece(text: bytes) -> bytes:
        return smime.element(0x04, text)

    nested = smime.endless(0x24, piece(b"a"), smime.endless(0x24, piece(b"b"), smime.element(0x24, piece(b"c"))))
    assert element_of(nested).octets() == b"abc"
    assert element_of(smime.element(0x24, nested, piece(b"d"))).octets() == b"abcd"


def test_the_picture_of_a_page_inside_a_signed_mail_is_found(read: Read, signer: smime.Signer) -> None:
    data = around(letter(), opaque(entity(letter()), [signer]), P7M)
    pictured = [page.number for page in read(data).pages if page.width > 0]
    found = picture_of(data, media_type_of(data[:HEAD]), pictured, 3)
    assert found is not None
    assert (found.data, found.number) == (pdf(), 2)
    lone = opaque(entity(letter()), [signer])
    assert picture_of(lone, CMS, pictured, 3) == found


def test_a_signed_mail_in_an_archive(read: Read, signer: smime.Signer) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("message.eml", detached(smime.mail(body="Allergie iode"), signer))
        archive.writestr("lettre.txt", "Latex")
    reading = read(out.getvalue())
    assert [(one.verdict, one.whole) for one in reading.metadata.signatures] == [(Verdict.INTACT, False)]


@pytest.mark.parametrize("broken", [False, True])
def test_in_the_sandbox(
    read: Read, signer: smime.Signer, sandbox: Sandbox, openssl: Callable[..., bytes], broken: bool
) -> None:
    """Where no library may be opened, no key looked for and nothing asked of the network."""
    data = around(letter(), openssl(entity(letter()), signer, *OPENSSL["stream"]), P7M)
    if broken:
        data = detached(letter(), signer, change=lambda content: content.replace(b"iode", b"IODE"))
    pages, metadata = [], Metadata()
    for one in sandbox.read([data], "message.eml", ocr="none", limits=Limits()):
        if isinstance(one, PageRead):
            pages.append(one.page)
        elif isinstance(one, Ended):
            metadata = one.metadata
    assert [page.text for page in pages] == [page.text for page in read(data).pages]
    assert metadata.signatures == read(data).metadata.signatures
    assert [one.verdict.value for one in metadata.signatures] == ["broken" if broken else "intact"]


def test_a_reading_is_kept_with_its_signatures() -> None:
    signatures = (Signature(Verdict.BROKEN, "Dr É <a@b.fr>", "Rompue.", whole=False),)
    kept = Reading((), Metadata(signatures=signatures))
    assert reading_from_bytes(reading_to_bytes(kept)) == kept
