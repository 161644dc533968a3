"""What one keeps for one's questions: lists and searches, called by name; nobody else's, sealed, and said in words."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from access.scope import Caller, CallerKind
from records import journal, saved_searches, tables
from tests.search_api.conftest import DOCTOR, TRAITANT
from tests.search_api.test_search import found
from tests.search_api.world import World

MINE = {"name": "Mes-Allergènes", "terms": ["pénicilline", "latex naturel"]}


def save(world: World, body: dict[str, Any], rpps: str = DOCTOR) -> Any:
    return world.http.post("/v1/searches", json=body, headers=world.bearer(rpps))


def test_a_list_answers_by_any_of_its_terms_and_is_said(own_world: World) -> None:
    assert own_world.search("@mes-allergenes", own_world.bearer(DOCTOR)).json()["understood"] == []
    assert save(own_world, MINE).status_code == 200
    answer = own_world.search("@Mes-Allergènes", own_world.bearer(DOCTOR)).json()
    assert [hit["document"]["id"] for hit in answer["hits"]] == [own_world.documents["lettre"]]
    passage = answer["hits"][0]["passages"][0]
    assert [passage["text"][start:end] for start, end in passage["highlights"]] == ["pénicilline"]
    assert answer["hits"][0]["far"] is False
    assert answer["understood"] == ["un terme de la liste « mes-allergenes » : pénicilline, latex naturel"]
    assert "lettre" not in found(own_world, "allergie -@Mes-Allergènes", own_world.bearer(DOCTOR))


def test_the_journal_says_what_the_list_held(own_world: World) -> None:
    save(own_world, MINE)
    found(own_world, "@mes-allergenes", own_world.bearer(DOCTOR))
    with own_world.services.records.read() as tx:
        entries = journal.entries_for_audit_without_scope(tx, own_world.patients["marie"], 50)
        asked = [entry.query for entry in entries if entry.action == "search"]
    assert asked[0] == "@mes-allergenes ; @mes-allergenes = pénicilline, latex naturel"


def test_a_saved_search_stands_for_its_text(own_world: World) -> None:
    save(own_world, {"name": "fer", "query": "type:biologie ferritine"})
    answer = own_world.search("@fer depuis:2024", own_world.bearer(DOCTOR)).json()
    assert [hit["document"]["id"] for hit in answer["hits"]] == [own_world.documents["bilan"]]
    assert answer["query"] == "type:biologie ferritine depuis:2024"
    assert answer["understood"] == [
        "recherche gardée « fer » : type:biologie ferritine",
        "type : biologie",
        "à partir du 01/01/2024",
    ]


def test_a_class_of_the_vocabulary_is_a_list_of_everybodys(own_world: World) -> None:
    answer = own_world.search("@antibiotiques", own_world.as_patient("marie")).json()
    assert answer["understood"][0].startswith("un terme de la liste « antibiotiques » : antibiotiques,")
    assert own_world.documents["ordonnance"] in [hit["document"]["id"] for hit in answer["hits"]]


def test_a_list_is_its_owners_alone_and_is_replaced_and_forgotten(own_world: World) -> None:
    kept = save(own_world, MINE).json()
    headers, others = own_world.bearer(DOCTOR), own_world.bearer(TRAITANT)
    assert own_world.http.get("/v1/searches", headers=others).json() == {"searches": []}
    assert own_world.search("@mes-allergenes", others).json()["understood"] == []
    gone = own_world.http.delete(f"/v1/searches/{kept['search_id']}", headers=others)
    nobody = own_world.http.delete("/v1/searches/zyxwvutsrqponmlkjihgfedcba", headers=others)
    assert (gone.status_code, gone.content) == (404, nobody.content)
    again = save(own_world, {"name": "MES-ALLERGENES", "terms": ["prurit"]}).json()
    assert again["search_id"] == kept["search_id"]
    assert own_world.http.get("/v1/searches", headers=headers).json()["searches"] == [again]
    assert own_world.http.delete(f"/v1/searches/{kept['search_id']}", headers=headers).status_code == 204
    assert own_world.http.get("/v1/searches", headers=headers).json() == {"searches": []}


def test_only_professionals_keep_searches(own_world: World) -> None:
    answer = own_world.http.post("/v1/searches", json=MINE, headers=own_world.as_patient("marie"))
    assert (answer.status_code, answer.json()["code"]) == (403, "act-not-allowed")


@pytest.mark.parametrize(
    "body",
    [
        {"name": "x"},
        {"name": "x", "query": "a", "terms": ["b"]},
        {"name": "x", "query": " "},
        {"name": "x", "terms": ["  "]},
        {"name": "deux mots", "query": "a"},
        {"name": "x", "query": "a", "owner": "1"},
    ],
)
def test_what_is_neither_a_search_nor_a_list_is_refused(world: World, body: dict[str, Any]) -> None:
    assert save(world, body).status_code == 422


def test_one_keeps_so_many_and_no_more(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_searches, "MOST", 1)
    assert save(own_world, MINE).status_code == 200
    assert save(own_world, {"name": "autre", "query": "x"}).json()["code"] == "too-many-searches"
    assert save(own_world, {"name": MINE["name"], "query": "x"}).status_code == 200


def test_nothing_of_it_is_readable_in_the_table(own_world: World) -> None:
    save(own_world, {"name": "secret", "query": "Mme Durand VIH"})
    with own_world.services.records.read() as tx:
        row = tx.session.scalars(select(tables.SavedSearch)).one()
        written = b"|".join((row.search_id.encode(), row.owner_blind, row.sealed))
        mine = saved_searches.saved_by(tx, Caller(CallerKind.PRACTITIONER, DOCTOR))
    for word in (b"secret", b"Durand", b"VIH", DOCTOR.encode()):
        assert word not in written
    assert [each.query for each in mine] == ["Mme Durand VIH"]


def test_a_question_does_not_grow_without_end_by_what_it_calls(own_world: World) -> None:
    save(own_world, {"name": "a", "query": "fer " + "-ab " * 490})
    answer = own_world.search("@a " * 600, own_world.bearer(DOCTOR))
    assert (answer.status_code, answer.json()["code"]) == (422, "query-too-long")
    assert own_world.search("@a @a", own_world.bearer(DOCTOR)).status_code == 200
    save(own_world, MINE)
    own_world.search("@mes-allergenes " * 50, own_world.bearer(DOCTOR))
    with own_world.services.records.read() as tx:
        entries = journal.entries_for_audit_without_scope(tx, own_world.patients["marie"], 50)
    (query,) = [entry.query for entry in entries if "latex" in (entry.query or "")]
    assert query.count("latex naturel") == 1
