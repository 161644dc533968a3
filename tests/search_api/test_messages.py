"""What messages do to documents, from the bytes to the answer: cancelled, replaced, completed, received again."""

from __future__ import annotations

import pytest

from tests.search_api.conftest import TRAITANT
from tests.search_api.world import World

HEAD = "MSH|^~\\&|RIS|CHU|DPI|CHU|20240510{}||MDM^{}|{}|P|2.6|||||FRA|UNICODE UTF-8\r"


def mdm(event: str, number: str, text: str, parent: str = "", at: str = "0830") -> str:
    obx = f"OBX|1|TX|18748-4^Compte rendu^LN||{text}||||||F\r" if text else ""
    return HEAD.format(at, event, number) + f"TXA|1|18748-4|TX|20240510||||||||{number}|{parent}\r" + obx


ORIGINAL = ("original", mdm("T02", "D1", "scanner xanthome original"))
REPLACEMENT = ("replacement", mdm("T10", "D2", "scanner xanthome corrigé", "D1", "0900"))
CANCELLATION = ("cancellation", mdm("T11", "D1", "", at="1000"))


def put(world: World, *messages: tuple[str, str]) -> None:
    for name, text in messages:
        world.deposit(name, "marie", text)
        world.work()


def found(world: World, query: str = "xanthome", path: str = "/search") -> set[str]:
    answer = world.http.post(world.url("marie", path), json={"query": query}, headers=world.bearer(TRAITANT)).json()
    names = {document: name for name, document in world.documents.items()}
    return {names[hit["document"]["id"]] for hit in answer["hits"]}


def card(world: World, name: str) -> dict[str, object]:
    path = world.url("marie", f"/documents/{world.documents[name]}?all_states=true")
    answer = world.http.get(path, headers=world.bearer(TRAITANT))
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


@pytest.mark.parametrize("cancelled_first", [True, False])
def test_a_cancelled_document_leaves_every_search_and_stays_in_history(own_world: World, cancelled_first: bool) -> None:
    order = (CANCELLATION, ORIGINAL) if cancelled_first else (ORIGINAL, CANCELLATION)
    put(own_world, *order)
    assert found(own_world) == set()
    assert found(own_world, path="/search?all_states=true") == set()
    assert card(own_world, "original")["status"] == "cancelled"
    said = card(own_world, "cancellation")
    assert said["state"] == "refused"
    assert said["refusal"]["code"] == "cancellation"  # type: ignore[index]
    listed = own_world.http.get(own_world.url("marie", "/documents"), headers=own_world.bearer(TRAITANT)).json()[
        "documents"
    ]
    assert own_world.documents["original"] not in {one["id"] for one in listed}


def test_a_cancellation_does_not_tell_whether_its_document_is_here(own_world: World) -> None:
    nothing = ("nothing", mdm("T11", "D9", "", at="1000"))
    put(own_world, ORIGINAL, CANCELLATION, nothing)
    assert card(own_world, "original")["status"] == "cancelled"
    assert card(own_world, "cancellation")["refusal"] == card(own_world, "nothing")["refusal"]


def test_what_a_patient_deposits_cancels_their_own_deposits_and_no_carers_document(own_world: World) -> None:
    """An allergy must not leave every search, and the emergency card, by a file that anybody can write."""
    put(own_world, ORIGINAL)
    mine = mdm("T02", "D5", "scanner xanthome du patient")
    for text in (mine, mdm("T11", "D1", "", at="1000"), mdm("T11", "D5", "", at="1100")):
        own_world.give("cr.hl7", "marie", text.encode(), by=own_world.patients["marie"], origin="own")
        own_world.work()
    assert found(own_world) == {"original"}
    put(own_world, ("cancellation", mdm("T11", "D1", "", at="1200")))
    assert found(own_world) == set()


def test_a_replaced_document_is_found_only_when_asked_for(own_world: World) -> None:
    put(own_world, REPLACEMENT, ORIGINAL)
    assert found(own_world) == {"replacement"}
    assert found(own_world, path="/search?all_states=true") == {"replacement", "original"}
    assert card(own_world, "original")["status"] == "deprecated"


def test_when_a_replacement_is_cancelled_the_original_stands_again(own_world: World) -> None:
    put(own_world, ORIGINAL, REPLACEMENT, ("cancellation", mdm("T11", "D2", "", at="1000")))
    assert found(own_world) == {"original"}


def test_an_addendum_is_linked_to_what_it_completes(own_world: World) -> None:
    put(own_world, ORIGINAL, ("addendum", mdm("T06", "D3", "complément xanthome", "D1")))
    assert found(own_world) == {"original", "addendum"}
    assert card(own_world, "addendum")["appends"] == own_world.documents["original"]
    assert card(own_world, "original")["appended_by"] == [own_world.documents["addendum"]]


def oru(value: str, state: str, at: str) -> str:
    head = f"MSH|^~\\&|SIL|LABO|DPI|CHU|20240510{at}||ORU^R01|{at}|P|2.5\r"
    order = "OBR|1||A17|718-7^Numération^LN|||20240510|||||||||||||||||HM|F\r"
    return head + order + f"OBX|1|NM|718-7^Hémoglobine xanthome^LN||{value}|g/dL|||||{state}\r"


def test_a_corrected_result_replaces_the_same_result_and_no_other(own_world: World) -> None:
    other = oru("13", "F", "0700").replace("718-7", "2276-4")
    put(own_world, ("corrected", oru("12", "C", "0900")), ("first", oru("8", "F", "0800")), ("ferritin", other))
    assert found(own_world) == {"corrected", "ferritin"}


def test_a_withdrawn_result_takes_the_result_along(own_world: World) -> None:
    put(own_world, ("first", oru("8", "F", "0800")), ("gone", oru("8", "D", "0900")))
    assert found(own_world) == set()
    assert card(own_world, "first")["status"] == "cancelled"


def test_the_same_bytes_from_elsewhere_are_another_receipt(own_world: World) -> None:
    put(own_world, ORIGINAL)
    for origin in ("mssante", "dmp", "mssante"):
        own_world.give("cr.hl7", "marie", ORIGINAL[1].encode(), by="mailbox", origin=origin)
    receipts = card(own_world, "original")["receipts"]
    assert [one["origin"] for one in receipts] == ["upload", "mssante", "dmp"]  # type: ignore[attr-defined]
