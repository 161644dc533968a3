"""The journal in plain words: every action has some, in both languages, and no sentence says what is hidden."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from access.acts import Act
from search_api import sentences
from tests.search_api.conftest import BIOLOGIST, DOCTOR, STRANGER, TRAITANT
from tests.search_api.world import World

SOURCES = sorted(Path(sentences.__file__).parent.glob("*.py"))


def actions_in_code() -> set[str]:
    """Every word that is given to `desk.visit` as an action."""
    found = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "visit":
                found |= {a.value for a in node.args[1:2] if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    return found


def test_every_action_has_words() -> None:
    used = actions_in_code()
    assert len(used) >= 15
    assert sorted((used | {act.value for act in Act}) - set(sentences.ACTIONS)) == []


def read(world: World, headers: dict[str, str], lang: str) -> list[str]:
    answer = world.http.get(world.url("marie", f"/journal?lang={lang}&limit=500"), headers=headers)
    return [each["sentence"] for each in answer.json()["entries"]]


@pytest.mark.parametrize("lang", ["fr", "en"])
def test_a_patient_reads_who_looked_and_how(own_world: World, lang: str) -> None:
    own_world.search("biopsie carcinome", own_world.bearer(BIOLOGIST))
    own_world.search("ferritine", own_world.bearer(TRAITANT, system="dpi"))
    own_world.http.post(
        own_world.url("marie", "/break-glass"), json={"reason": "other"}, headers=own_world.bearer(STRANGER)
    )
    own_world.search("ferritine", own_world.bearer(STRANGER))
    own_world.http.get(own_world.url("marie", "/journal"), headers=own_world.bearer(DOCTOR))
    lines = read(own_world, own_world.as_patient("marie"), lang)
    expected = {
        "fr": [
            f"Le 01/03/2026 à 13:00, Dr {DOCTOR} (médecin, RPPS {DOCTOR}) a lu ce journal : refusé.",
            f"Le 01/03/2026 à 13:00, Dr {STRANGER} (médecin, RPPS {STRANGER}) a cherché dans le dossier "
            "par l'accès d'urgence (1 document).",
            f"Le 01/03/2026 à 13:00, Dr {STRANGER} (médecin, RPPS {STRANGER}) a ouvert le dossier en urgence vitale.",
            f"Le 01/03/2026 à 13:00, Dr {TRAITANT} (médecin, RPPS {TRAITANT}), par le système dpi, a cherché "
            "dans le dossier comme médecin traitant (1 document).",
            f"Le 01/03/2026 à 13:00, Dr {BIOLOGIST} (médecin, RPPS {BIOLOGIST}) a cherché dans le dossier.",
        ],
        "en": [
            f"On 2026-03-01 at 13:00, Dr {DOCTOR} (médecin, RPPS {DOCTOR}) read this journal: refused.",
            f"On 2026-03-01 at 13:00, Dr {STRANGER} (médecin, RPPS {STRANGER}) searched the record "
            "by emergency access (1 document).",
            f"On 2026-03-01 at 13:00, Dr {STRANGER} (médecin, RPPS {STRANGER}) opened the record in a "
            "life-threatening emergency.",
            f"On 2026-03-01 at 13:00, Dr {TRAITANT} (médecin, RPPS {TRAITANT}), through the system dpi, searched "
            "the record as family doctor (1 document).",
            f"On 2026-03-01 at 13:00, Dr {BIOLOGIST} (médecin, RPPS {BIOLOGIST}) searched the record.",
        ],
    }[lang]
    assert lines == expected
    again = read(own_world, own_world.as_patient("marie"), lang)[0]
    assert again.endswith({"fr": "le patient a lu ce journal.", "en": "the patient read this journal."}[lang])
    assert not any(word in line for line in lines for word in ("biopsie", "carcinome", "ferritine"))


def test_another_language_is_refused(world: World) -> None:
    answer = world.http.get(world.url("marie", "/journal?lang=de"), headers=world.as_patient("marie"))
    assert answer.status_code == 422
