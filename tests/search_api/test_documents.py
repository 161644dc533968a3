"""Lists, cards, bytes: inside the Scope; and nothing is told of what is outside it."""

from __future__ import annotations

from typing import Any

import pytest

from records import document_pages
from tests.ingest import test_containers as containers
from tests.ingest import test_fhir as fhir
from tests.search_api.conftest import BIOLOGIST, DOCTOR, TEXTS, TRAITANT
from tests.search_api.test_uploads import send
from tests.search_api.world import World

NO_DOCUMENT = "zyxwvutsrqponmlkjihgfedcba"


def names(world: World, answer: Any) -> list[str]:
    known = {document: name for name, document in world.documents.items()}
    return [known[each["id"]] for each in answer.json()["documents"]]


def test_a_list_is_newest_first_and_holds_the_scope_only(world: World) -> None:
    listed = {
        who: names(world, world.http.get(world.url("marie", "/documents"), headers=headers))
        for who, headers in (
            ("doctor", world.bearer(DOCTOR)),
            ("traitant", world.bearer(TRAITANT)),
            ("biologist", world.bearer(BIOLOGIST)),
            ("marie", world.as_patient("marie")),
        )
    }
    assert listed == {
        "doctor": ["biopsie", "ordonnance", "bilan", "lettre"],
        "traitant": ["biopsie", "ordonnance", "bilan", "lettre", "vih"],
        "biologist": ["biopsie", "bilan"],
        "marie": ["ordonnance", "bilan", "lettre", "vih"],
    }


def test_a_list_pages_through_without_loss(world: World) -> None:
    headers = world.bearer(TRAITANT)
    seen: list[str] = []
    url = world.url("marie", "/documents?limit=2")
    for _ in range(5):
        answer = world.http.get(url, headers=headers)
        seen += names(world, answer)
        if (following := answer.json()["next"]) is None:
            break
        url = world.url("marie", f"/documents?limit=2&cursor={following}")
    assert seen == ["biopsie", "ordonnance", "bilan", "lettre", "vih"]


def cursor_of(world: World, headers: dict[str, str], rest: str = "") -> str:
    cursor = world.http.get(world.url("marie", f"/documents?limit=1{rest}"), headers=headers).json()["next"]
    assert isinstance(cursor, str)
    return cursor


def test_a_cursor_is_good_for_its_caller_patient_list_and_right_only(own_world: World) -> None:
    mine = own_world.bearer(TRAITANT)
    cursor = cursor_of(own_world, mine)

    def refused(patient: str, headers: dict[str, str], cursor: str, rest: str = "") -> bool:
        answer = own_world.http.get(own_world.url(patient, f"/documents?cursor={cursor}{rest}"), headers=headers)
        return bool(answer.status_code == 400 and answer.json()["code"] == "bad-cursor")

    assert not refused("marie", mine, cursor)
    assert refused("marie", own_world.bearer(DOCTOR), cursor)
    assert refused("marie", own_world.as_patient("marie"), cursor)
    assert refused("marie", own_world.bearer(TRAITANT, system="dpi"), cursor)
    assert refused("paul", mine, cursor)
    assert refused("marie", mine, cursor, "&state=refused")
    first = "B" if cursor[0] == "A" else "A"
    for forged in ("", "A", "AAAA", cursor[:-1], first + cursor[1:], first * 2 + cursor[2:], "é", "%00"):
        assert forged == "" or refused("marie", mine, forged), forged
    own_world.grant("more", "marie", TRAITANT)
    assert refused("marie", mine, cursor)


def test_a_list_does_not_seem_to_end_where_a_document_left_the_scope(own_world: World) -> None:
    headers = own_world.bearer(DOCTOR)
    cursor = cursor_of(own_world, headers)
    own_world.hide("biopsie", masked=True)
    answer = own_world.http.get(own_world.url("marie", f"/documents?cursor={cursor}"), headers=headers)
    assert answer.json()["code"] == "bad-cursor"


def told(answer: Any) -> tuple[int, list[tuple[str, str]], bytes]:
    return answer.status_code, sorted(answer.headers.multi_items()), answer.content


@pytest.mark.parametrize("rest", ["", "/content", "/pages/1.png"])
def test_a_hidden_document_another_patients_and_none_are_the_same(world: World, rest: str) -> None:
    doctor = world.bearer(DOCTOR)
    expected = told(world.http.get(world.url("marie", f"/documents/{NO_DOCUMENT}{rest}"), headers=doctor))
    assert expected[0] == 404
    for name in (world.documents["vih"], world.documents["paul"], "pas-un-identifiant", "A" * 26):
        assert told(world.http.get(world.url("marie", f"/documents/{name}{rest}"), headers=doctor)) == expected
    traitant = world.bearer(TRAITANT)  # with access to both records: still not through the wrong one
    crossed = told(world.http.get(world.url("marie", f"/documents/{world.documents['paul']}{rest}"), headers=traitant))
    assert crossed == expected
    patient = world.as_patient("marie")
    hidden = told(world.http.get(world.url("marie", f"/documents/{world.documents['biopsie']}{rest}"), headers=patient))
    assert hidden == expected


def test_a_card_says_what_and_in_which_state(world: World) -> None:
    card = world.http.get(world.url("marie", f"/documents/{world.documents['bilan']}"), headers=world.bearer(DOCTOR))
    assert card.json() | {"searchable_at": None} == {
        "id": world.documents["bilan"],
        "title": "Bilan martial",
        "type_code": "11502-2",
        "type": "Compte rendu d'examens biologiques",
        "category": "biology",
        "event_date": "2025-01-09",
        "author": "Dr Auteur",
        "organization": "",
        "origin": "upload",
        "version": 1,
        "status": "approved",
        "masked": None,
        "hidden_from_representatives": False,
        "by_patient": False,
        "warning": "",
        "state": "searchable",
        "pages": 1,
        "unreadable_pages": [],
        "media_type": "text/plain",
        "size": len(TEXTS["bilan"].encode()),
        "received_at": "2026-03-01T12:00:00Z",
        "searchable_at": None,  # some milliseconds after the reception
        "refusal": None,
        "url": world.url("marie", f"/documents/{world.documents['bilan']}"),
        "new": False,
        "signatures": [],
        "notes": [],
        "receipts": [{"origin": "upload", "received_at": "2026-03-01T12:00:00Z"}],
        "appends": None,
        "appended_by": [],
    }


def test_what_was_not_read_of_a_document_is_said_wherever_it_is_named(own_world: World) -> None:
    """A letter that is found must not hide that its second and third attachments could not be read."""
    bearer = own_world.bearer(DOCTOR)
    binary = ("plan.dwg", bytes(range(256)), "application/octet-stream")
    mail = containers._mail(("note.txt", b"Xanthome du coude", "text/plain"), binary, binary, html="<p>Bonjour</p>")
    sent = send(own_world, bearer, mail, name="message.eml")
    own_world.work()
    card = own_world.http.get(sent.json()["url"], headers=bearer).json()
    (note,) = card["notes"]
    assert note["pages"] == card["unreadable_pages"] == [3, 4]
    assert note["message"].startswith("Pièce jointe non lue : ")
    (hit,) = own_world.search("xanthome", bearer).json()["hits"]
    assert hit["document"]["notes"] == card["notes"]
    claim = {"resourceType": "Claim", "text": {"div": "<div>Soins du 3 mai</div>"}}
    sent = send(own_world, bearer, fhir._bundle(claim, fhir.HAEMOGLOBIN), name="lot.json")
    own_world.work()
    (note,) = own_world.http.get(sent.json()["url"], headers=bearer).json()["notes"]
    assert note == {"pages": [1], "message": "Ressources FHIR dont seul le texte est repris : Claim (1)."}


def test_content_is_the_bytes_received_and_cannot_run(world: World) -> None:
    url = world.url("marie", f"/documents/{world.documents['lettre']}/content")
    answer = world.http.get(url, headers=world.bearer(DOCTOR))
    assert answer.content == TEXTS["lettre"].encode()
    headers = answer.headers
    assert headers["content-disposition"] == f'attachment; filename="document-{world.documents["lettre"]}.txt"'
    assert headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"
    assert headers["content-type"] == "text/plain"  # no charset: the bytes may be in any
    assert headers["content-length"] == str(len(answer.content))


def test_a_document_in_quarantine_says_nothing_of_itself(own_world: World) -> None:
    with own_world.services.records.write() as tx:
        document_pages.set_pages(tx, own_world.documents["lettre"], 1, [1], notes={"Page illisible.": [1]})
    own_world.hide("lettre", state="quarantined")  # type: ignore[arg-type]
    headers = own_world.bearer(DOCTOR)
    url = own_world.url("marie", f"/documents/{own_world.documents['lettre']}")
    card = own_world.http.get(url, headers=headers).json()
    assert (card["state"], card["title"], card["author"]) == ("quarantined", "Document en quarantaine", "")
    assert (card["notes"], card["unreadable_pages"]) == ([], [])
    for rest in ("/content", "/pages/1.png"):
        answer = own_world.http.get(url + rest, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (409, "document-quarantined")


@pytest.mark.parametrize(
    "boxes", ["1,2,3", "a,b,c,d", "nan,0,1,1", "5,0,1,1", "0,0,1e300,1", ";".join(["0,0,1,1"] * 501)]
)
def test_boxes_that_are_none_are_refused(world: World, boxes: str) -> None:
    url = world.url("marie", f"/documents/{world.documents['lettre']}/pages/1.png?boxes={boxes}")
    answer = world.http.get(url, headers=world.bearer(DOCTOR))
    assert (answer.status_code, answer.json()["code"]) == (400, "bad-boxes")


def test_a_page_is_a_picture_and_a_page_that_is_not_there_is_said(world: World) -> None:
    url = world.url("marie", f"/documents/{world.documents['lettre']}/pages")
    answer = world.http.get(f"{url}/1.png?boxes=10,10,60,30", headers=world.bearer(DOCTOR))
    assert answer.headers["content-type"] == "image/png"
    assert answer.content.startswith(b"\x89PNG")
    beyond = world.http.get(f"{url}/2.png", headers=world.bearer(DOCTOR))
    assert (beyond.status_code, beyond.json()["code"]) == (404, "no-such-page")
