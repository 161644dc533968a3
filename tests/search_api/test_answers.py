"""What an answer says beside its hits: how the question was read, what is far, what is denied, and where it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from records.patients import Identity
from tests.search_api.world import World, ins_of, open_world

DOCTOR, NURSE = "10000000001", "10000000002"
TEXTS = {
    "allergie": "Consultation.\n\nAllergie à la pénicilline : urticaire en 2014.",
    "sans": "Consultation.\n\nPas d'allergie à la pénicilline.",
    "hta": "Consultation.\n\nHypertension artérielle traitée par amlodipine.",
    "anticoagulant": "Ordonnance.\n\nApixaban 5 mg matin et soir.",
    "sein": "Anatomopathologie.\n\nCancer du sein droit, carcinome canalaire infiltrant.",
    "copie": "Anatomopathologie.\n\nCancer du sein  droit, carcinome canalaire infiltrant. ",
    # Longer than « hta », so that the two never tie: ties go by document ids, which are random.
    "hidden": "Psychiatrie.\n\nHypertension et zolmidexine, à ne pas révéler. Patient reçu seul, calme, orienté, qui "
    "demande que rien de cet entretien ne soit transmis à ses proches ni à son employeur avant la prochaine visite.",
}
MANY = 30


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Zoé's record: the texts above, one of another category, and thirty notes with a cough."""
    world = open_world(tmp_path_factory.mktemp("answers") / "home")
    zoe = Identity(ins_of("2850375123456"), "qualified", "MARTIN", "ZOE", date(1985, 3, 12), "F", "75112")
    with world.http:
        world.add_patient("zoe", zoe)
        for rpps in (DOCTOR, NURSE):
            world.add_practitioner(rpps)
        world.grant("all", "zoe", DOCTOR)
        world.grant("some", "zoe", NURSE, categories=frozenset({"report"}))
        for name, text in TEXTS.items():
            world.deposit(name, "zoe", text)
        for number in range(MANY):
            world.deposit(f"note{number}", "zoe", f"Note {number}.\n\nToux depuis {number + 1} jours.")
        world.work()
        for name in ("allergie", "sans", "hta"):
            world.describe(name, "11488-4", date(2020, 1, 1), name)
        world.describe("anticoagulant", "57833-6", date(2023, 5, 5), "Ordonnance")
        world.describe("sein", "60568-3", date(2022, 2, 2), "Anapath")
        world.describe("hidden", "11502-2", date(2021, 1, 1), "caché")
        for number in range(MANY):
            world.describe(f"note{number}", "11488-4", date(2024, 1, 1) + timedelta(days=number), f"note {number}")
        world.work()
        yield world
    world.close()


def ask(world: World, query: str, who: str = DOCTOR, **body: Any) -> Any:
    response = world.search(query, world.bearer(who), patient="zoe", **body)
    assert response.status_code == 200, response.text
    return response.json()


def names(world: World, answer: Any) -> list[str]:
    of = {document: name for name, document in world.documents.items()}
    return [of[hit["document"]["id"]] for hit in answer["hits"]]


@pytest.mark.parametrize(
    ("query", "first", "relation"),
    [
        ("HTA", "hta", "synonym"),
        ("tension élevée", "hta", "synonym"),
        ("Eliquis", "anticoagulant", "synonym"),
        ("anticoagulants", "anticoagulant", "narrower"),
        ("breast cancer", "sein", "synonym"),
    ],
)
def test_the_vocabulary_finds_and_is_told(world: World, query: str, first: str, relation: str) -> None:
    answer = ask(world, query)
    assert names(world, answer)[0] in {first, "copie"}
    assert relation in {each["relation"] for each in answer["expansions"]}
    assert not answer["hits"][0]["far"]
    assert answer["hits"][0]["passages"][0]["highlights"], "the reason of the match is marked"


def test_what_is_stated_comes_above_what_is_denied_and_both_are_labelled(world: World) -> None:
    answer = ask(world, "allergie pénicilline")
    assert names(world, answer)[:2] == ["allergie", "sans"]
    assert [hit["passages"][0]["assertion"] for hit in answer["hits"][:2]] == ["present", "absent"]
    assert names(world, ask(world, "absent:allergie"))[0] == "sans"
    assert "allergie" not in names(world, ask(world, "absent:allergie"))


def test_what_does_not_answer_is_said_to_be_far(world: World) -> None:
    answer = ask(world, "cancer de la prostate")
    assert answer["hits"]
    assert all(hit["far"] for hit in answer["hits"])
    assert "éloigné" in answer["coverage"]["notice"]
    assert "éloigné" not in ask(world, "cancer du sein")["coverage"]["notice"]


def test_copies_are_folded(world: World) -> None:
    answer = ask(world, "carcinome canalaire")
    (hit,) = answer["hits"]
    assert len(hit["copies"]) == 1
    assert {hit["document"]["id"], *hit["copies"]} == {world.documents["sein"], world.documents["copie"]}


def test_phrases_exclusions_and_fields(world: World) -> None:
    assert set(names(world, ask(world, '"cancer du sein"'))) <= {"sein", "copie"}
    assert ask(world, '"sein du cancer"')["hits"] == []
    assert names(world, ask(world, "allergie -urticaire")) == ["sans"]
    assert names(world, ask(world, "type:ordonnance apixaban")) == ["anticoagulant"]
    assert names(world, ask(world, "depuis:2023 apixaban")) == ["anticoagulant"]
    assert ask(world, "avant:2022 apixaban")["hits"] == []
    assert ask(world, "auteur:personne apixaban")["hits"] == []
    assert ask(world, '"cancer du sein" -famille')["understood"] == [
        "expression exacte : « cancer du sein »",
        "sans : « famille »",
    ]


def test_pages_go_on_without_a_gap_or_a_double(world: World) -> None:
    for sort in ("relevance", "date"):
        seen: list[str] = []
        ranks: list[int] = []
        cursor = None
        while True:
            answer = ask(world, "toux", limit=7, sort=sort, cursor=cursor)
            seen += names(world, answer)
            ranks += [hit["rank"] for hit in answer["hits"]]
            cursor = answer["next"]
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) == MANY
        assert ranks == list(range(1, MANY + 1))
        if sort == "date":
            assert seen == [f"note{number}" for number in reversed(range(MANY))]


def test_a_cursor_is_for_one_caller_and_one_question(world: World) -> None:
    cursor = ask(world, "toux", limit=7)["next"]
    for query, who, body in (("fièvre", DOCTOR, {}), ("toux", NURSE, {}), ("toux", DOCTOR, {"sort": "date"})):
        response = world.search(query, world.bearer(who), patient="zoe", limit=7, cursor=cursor, **body)
        assert (response.status_code, response.json()["code"]) == (400, "bad-cursor")


def test_facets_count_what_the_caller_may_see_and_nothing_else(world: World) -> None:
    everything = ask(world, "hypertension", facets=True)["facets"]
    assert {each["value"]: each["count"] for each in everything["type"]} == {"11488-4": 1, "11502-2": 1}
    some = ask(world, "hypertension", NURSE, facets=True)["facets"]
    assert {each["value"]: each["count"] for each in some["type"]} == {"11488-4": 1}
    assert {each["value"] for each in some["year"]} == {"2020"}
    assert ask(world, "hypertension")["facets"] is None


def test_nothing_outside_the_scope_is_suggested(world: World) -> None:
    """« zolmidexine » stands only in a document that the nurse may not see."""
    assert ask(world, "zolmidexone", DOCTOR)["corrections"] == [{"from": "zolmidexone", "to": "zolmidexine"}]
    hidden = ask(world, "zolmidexone", NURSE)
    assert hidden["corrections"] == hidden["expansions"] == hidden["suggestions"] == []
    assert hidden["hits"] == []


def test_a_misspelt_medical_word_is_suggested_from_the_vocabulary(world: World) -> None:
    assert ask(world, "metformimne")["suggestions"] == [{"from": "metformimne", "to": "metformine"}]


def test_the_last_one_comes_first_when_it_is_asked_for(world: World) -> None:
    assert names(world, ask(world, "dernière toux"))[0] == f"note{MANY - 1}"
    assert names(world, ask(world, "toux"))[0] != f"note{MANY - 1}"


def passage(world: World, name: str) -> str:
    return f"{world.documents[name]}.0"


def like(world: World, named: str, who: str = DOCTOR, **more: Any) -> Any:
    return world.http.post(world.url("zoe", "/search"), json={"like": named, **more}, headers=world.bearer(who))


def test_like_a_passage_finds_its_kind_and_leaves_it_out(world: World) -> None:
    """« cancer du sein » twice: the copy is found from the one, and the one is not shown again."""
    found = like(world, passage(world, "allergie"), limit=3).json()
    names = {document: name for name, document in world.documents.items()}
    shown = [names[hit["document"]["id"]] for hit in found["hits"]]
    assert shown[0] == "sans"
    assert "allergie" not in shown
    assert found["query"].startswith("Consultation. Allergie à la pénicilline")


def test_operators_inside_a_passage_are_only_words(world: World) -> None:
    found = like(world, passage(world, "hta")).json()
    assert found["understood"] == []


def test_like_a_hidden_passage_is_like_none(world: World) -> None:
    """« hidden » is of a category that the nurse may not see."""
    hidden, nothing = (like(world, named, NURSE) for named in (passage(world, "hidden"), f"{'a' * 26}.0"))
    assert hidden.status_code == nothing.status_code == 404
    assert hidden.json() | {"instance": ""} == nothing.json() | {"instance": ""}
    assert like(world, passage(world, "hidden"), DOCTOR).status_code == 200
    for odd in (f"{world.documents['hta']}.99", f"{world.documents['hta']}.x", "..", "é"):
        assert like(world, odd).status_code == 404


def test_one_question_is_asked(world: World) -> None:
    for body in ({}, {"query": "toux", "like": passage(world, "hta")}):
        answer = world.http.post(world.url("zoe", "/search"), json=body, headers=world.bearer(DOCTOR))
        assert answer.status_code == 422


def test_facets_count_where_documents_come_from(world: World) -> None:
    assert ask(world, "hypertension", facets=True)["facets"]["origin"] == [
        {"value": "upload", "label": "upload", "count": 2}
    ]


def test_specialties_are_counted_and_asked_for(world: World) -> None:
    """« sein » is an « Anapath » by its title; its copy and the notes say nothing of theirs."""
    counted = ask(world, "cancer du sein toux", facets=True)["facets"]["specialty"]
    assert {each["value"]: (each["label"], each["count"]) for each in counted} == {
        "anatomie pathologique": ("anatomie pathologique", 1),
        "": ("non précisée", MANY + 1),
    }
    answer = ask(world, 'cancer toux spécialité:"anatomie pathologique"')
    assert names(world, answer) == ["sein"]
    assert answer["understood"] == ["spécialité : anatomie pathologique"]
    assert names(world, ask(world, "cancer toux spécialité:cardiologie")) == []


def test_a_title_alone_answers_and_shows_why(world: World) -> None:
    """« caché » is only in a title that was given to the document."""
    first = ask(world, "caché")["hits"][0]
    assert names(world, {"hits": [first]}) == ["hidden"]
    assert first["far"] is False
    assert [first["document"]["title"][start:end] for start, end in first["title_highlights"]] == ["caché"]
    assert names(world, ask(world, "caché", NURSE)) == []
