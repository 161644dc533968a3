"""A signed mail from the deposit to the answer: found like any other, its signature told, nothing decided by it."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.mailbox import _stated
from records.documents import DocumentState
from tests.ingest import pdfs
from tests.ingest import smime_mails as smime
from tests.ingest.test_cda import HEADER, cda, section
from tests.search_api.conftest import DOCTOR, STRANGER
from tests.search_api.test_quarantine import PAULS, decide, document, vigilance
from tests.search_api.test_uploads import send
from tests.search_api.world import World, ins_of

P7M = "application/pkcs7-mime"


@pytest.fixture(scope="module")
def signer() -> smime.Signer:
    return smime.signer()


HEADER_OF_MARIE = HEADER.replace("185037512345641", ins_of("2850375123456").matricule).replace('"R"', '"N"')


def letter(body: str = "Cher confrère, ci-joint.") -> Any:
    return smime.mail(
        ("CR.xml", cda(section("Xanthome éruptif du coude"), header=HEADER_OF_MARIE).encode(), "application/xml"),
        ("CR.pdf", pdfs.simple("Phlegmon amygdalien droit"), "application/pdf"),
        body=body,
    )


def sealed(signer: smime.Signer, plain: Any) -> bytes:
    return smime.around(plain, smime.opaque(smime.entity(plain), [signer]), P7M)


def deposit(world: World, data: bytes) -> dict[str, Any]:
    answer = send(world, world.bearer(DOCTOR), data, name="message.eml")
    assert answer.status_code == 202
    world.work()
    card: dict[str, Any] = world.http.get(answer.json()["url"], headers=world.bearer(DOCTOR)).json()
    return card


def test_what_a_signed_mail_carries_is_found(own_world: World, signer: smime.Signer) -> None:
    card = deposit(own_world, sealed(signer, letter()))
    assert (card["state"], card["media_type"], card["pages"]) == ("searchable", "message/rfc822", 3)
    for words in ("xanthome", "phlegmon", "confrère"):
        (hit,) = own_world.search(words, own_world.bearer(DOCTOR)).json()["hits"]
        assert hit["document"]["id"] == card["id"]
        (signature,) = hit["document"]["signatures"]
        assert (signature["verdict"], signature["whole"]) == ("intact", True)
        assert "qu'aucune autorité n'a confirmé" in signature["message"]
    picture = own_world.http.get(f"{card['url']}/pages/3.png", headers=own_world.bearer(DOCTOR))
    assert picture.status_code == 200


def test_a_broken_signature_is_shown_and_the_mail_is_kept(own_world: World, signer: smime.Signer) -> None:
    plain = letter()
    data = smime.detached(plain, signer, change=lambda content: content.replace(b"ci-joint", b"ci-jOint"))
    card = deposit(own_world, data)
    assert card["state"] == "searchable"
    (hit,) = own_world.search("xanthome", own_world.bearer(DOCTOR)).json()["hits"]
    assert [one["verdict"] for one in hit["document"]["signatures"]] == ["broken"]
    assert hit["document"]["signatures"][0]["message"].startswith("Signature rompue")
    assert own_world.http.get(f"{card['url']}/content", headers=own_world.bearer(DOCTOR)).content == data


def test_a_signature_opens_nothing(own_world: World, signer: smime.Signer) -> None:
    card = deposit(own_world, sealed(signer, letter()))
    stranger = own_world.bearer(STRANGER)
    known, none = (
        own_world.http.get(own_world.url("marie", f"/documents/{name}"), headers=stranger)
        for name in (card["id"], "a" * 26)
    )
    assert (known.status_code, known.content) == (none.status_code, none.content)
    assert smime.ADDRESS not in own_world.search("xanthome", stranger).text


@pytest.mark.parametrize("broken", [False, True])
def test_identity_is_decided_as_if_it_had_been_sent_plain(own_world: World, broken: bool) -> None:
    """A certificate in the name of the record's patient excuses nothing; in quarantine only the break is told."""
    signer = smime.signer("Marie Louise MARTIN 285037512345641", "marie.martin@patient.mssante.fr")
    plain = letter(PAULS)
    data = smime.detached(plain, signer, change=(lambda content: content + b"\r\n ") if broken else bytes)
    own_world.documents["stray"] = own_world.give("message.eml", "marie", data, origin="mssante")
    own_world.documents["plain"] = own_world.give("message.eml", "marie", plain.as_bytes(), origin="mssante")
    own_world.work()
    stray = document(own_world, "stray")
    assert stray.state is DocumentState.QUARANTINED
    assert stray.evidence == document(own_world, "plain").evidence
    shown = own_world.http.get("/v1/quarantine", headers=vigilance(own_world))
    told = {one["document_id"]: one["broken_signature"] for one in shown.json()["documents"]}
    assert told == {own_world.documents["stray"]: broken, own_world.documents["plain"]: False}
    assert "mssante.fr" not in shown.text
    url = own_world.url("marie", f"/documents/{own_world.documents['stray']}")
    card = own_world.http.get(url, headers=own_world.bearer(DOCTOR)).json()
    assert (card["title"], card["signatures"]) == ("Document en quarantaine", [])
    assert decide(own_world, "release").status_code == 200
    own_world.work()
    card = own_world.http.get(url, headers=own_world.bearer(DOCTOR)).json()
    assert [one["verdict"] for one in card["signatures"]] == ["broken" if broken else "intact"]


def test_an_encrypted_mail_is_refused_and_its_bytes_are_kept(own_world: World) -> None:
    nested = smime.element(0x30, bytes.fromhex("06092a864886f70d010703"), smime.element(0xA0, smime.element(0x30)))
    data = smime.around(letter(), nested, P7M)
    card = deposit(own_world, data)
    assert card["state"] == "refused"
    refusal = card["refusal"]
    assert (refusal["stage"], refusal["code"]) == ("parse", "encrypted-mail")
    assert "MSSanté" in refusal["remedy"]
    kept = document_of(own_world, card["id"])
    assert own_world.services.blobs.read(kept.upload) == data


def document_of(world: World, document_id: str) -> Any:
    world.documents["asked"] = document_id  # type: ignore[assignment]
    return document(world, "asked")


def test_the_mailbox_sees_through_a_signature_whose_mail_it_is(own_world: World, signer: smime.Signer) -> None:
    plain = letter()
    stated = [_stated(data, own_world.bench) for data in (plain.as_bytes(), sealed(signer, plain))]
    assert stated[0]
    assert stated[1] == stated[0]


def test_a_message_without_its_mail_is_given_back_as_it_came(own_world: World, signer: smime.Signer) -> None:
    data = smime.opaque(smime.entity(letter()), [signer])
    card = deposit(own_world, data)
    assert (card["state"], card["media_type"]) == ("searchable", P7M)
    answer = own_world.http.get(f"{card['url']}/content", headers=own_world.bearer(DOCTOR))
    assert answer.headers["content-disposition"].endswith('.p7m"')
    assert answer.content == data
