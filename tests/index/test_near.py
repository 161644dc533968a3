"""Near or far: shares of a question that a passage holds."""

from __future__ import annotations

import pytest

from access.identifiers import DocumentId, PassageId
from index.highlight import places_of
from index.lexicon import medical_thesaurus
from index.near import NEAR, is_far, share_held
from index.question import build_question
from index.rank import RankedDocument

TEXTS = {
    "prostate": "Biopsies : cancer de la prostate Gleason 7.",
    "sein": "Cancer du sein droit opéré en 2019. Toucher rectal : prostate souple, d'allure bénigne, de 30 grammes.",
    "hta": "Hypertension artérielle équilibrée.",
    "autre": "Le patient se plaint de son sommeil.",
}
FORMS = frozenset(form for text in TEXTS.values() for form in places_of(text) if form.startswith("="))
KNOWN = frozenset(form[1:] for form in FORMS)


@pytest.mark.parametrize(
    ("question", "near", "far"),
    [
        ("cancer de la prostate", ["prostate"], ["sein", "hta", "autre"]),
        ("cancer du sein", ["sein"], ["prostate"]),
        ("HTA", ["hta"], ["sein", "autre"]),
        ("tension élevée", ["hta"], ["autre"]),
    ],
)
def test_a_part_of_an_idea_is_another_idea(question: str, near: list[str], far: list[str]) -> None:
    asked = build_question(question, KNOWN, thesaurus=medical_thesaurus()).question
    shares = {name: share_held(asked, places_of(text)) for name, text in TEXTS.items()}
    assert [name for name in near if shares[name] < NEAR] == []
    assert [name for name in far if shares[name] >= NEAR] == []


def test_a_document_is_near_by_one_passage_or_by_its_meaning() -> None:
    asked = build_question("cancer de la prostate", KNOWN, thesaurus=medical_thesaurus()).question
    passages = (PassageId("d.00000"), PassageId("d.00001"))

    def places(passage: PassageId) -> dict[str, list[tuple[int, int]]] | None:
        return places_of(TEXTS["prostate"]) if passage == passages[1] else None

    assert not is_far(RankedDocument(DocumentId("d"), passages), asked, places)
    assert is_far(RankedDocument(DocumentId("d"), passages[:1]), asked, places)
    assert not is_far(RankedDocument(DocumentId("d"), passages[:1], close=True), asked, places)
