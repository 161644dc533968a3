"""What a text denies: marked sentences, pseudo-denials, hostile text, and two judged sets."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinical.assertion import denials

MARKED = """
Pas de [-fièvre] ni de [-toux].
Pas d'[-allergie] à la [-pénicilline] mais [+intolérance] aux macrolides.
Patient sans [-antécédent], victime d'un [+traumatisme].
Absence d'[-embolie] pulmonaire. [+Thrombose] poplitée.
Ne décrit pas de [-palpitations].
Le scanner élimine une [-dissection].
[-Méningite] éliminée.
Sérologie [-VIH] négative.
[-Tabac] : non. [+Alcool] : 3 verres par jour.
On ne peut pas exclure une [+phlébite].
L'examen ne permet pas d'éliminer une [+fracture].
[+Lésions] non spécifiques, [+grossesse] non suivie.
Sans doute une [+angine].
[+Asthme] non allergique évoluant depuis l'enfance.
N'a jamais eu de [-transfusion].
Ni [-hépatomégalie] ni [-splénomégalie].
No [-fever], [-chills] or [-cough].
Patient denies [-chest] pain but reports [+dyspnea].
No change in the [+nodule].
[-Pneumonia] was ruled out.
Negative for [-malignancy].
Cannot rule out [+pneumonia].
""".strip().splitlines()
_MARK = re.compile(r"\[([-+])([^]]+)\]")


@pytest.mark.parametrize("marked", MARKED)
def test_marked_sentences(marked: str) -> None:
    text, expected = "", []
    last = 0
    for found in _MARK.finditer(marked):
        text += marked[last : found.start()]
        expected.append((len(text), len(text) + len(found[2]), found[1] == "-"))
        text += found[2]
        last = found.end()
    text += marked[last:]
    assert expected
    denied = denials(text)
    assert [(text[a:b], denied.covers(a, b)) for a, b, _ in expected] == [(text[a:b], c) for a, b, c in expected]


@given(st.text(max_size=200))
def test_any_text_is_accepted_and_spans_stay_inside(text: str) -> None:
    assert all(0 <= start < end <= len(text) for start, end in denials(text).spans)


@given(
    st.lists(st.sampled_from(["pas de ", "sans ", "fièvre", ", ", ". ", "ni ", "mais ", " : non", "é"]), max_size=40)
)
def test_a_full_stop_closes_every_denial(parts: list[str]) -> None:
    text = "".join(parts) + ". Fièvre"
    assert not denials(text).covers(len(text) - 6, len(text))


def f1(rows: list[tuple[str, int, int, bool]]) -> float:
    found = [(denials(text).covers(start, end), negated) for text, start, end, negated in rows]
    true = sum(ours and gold for ours, gold in found)
    return 2 * true / (sum(ours for ours, _ in found) + sum(gold for _, gold in found))


@pytest.mark.realdata
def test_french_denials_against_judges(shared_data: Path) -> None:
    path = shared_data / "e3c" / "negation_fr_train.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rows = [
        (x["sentence"], x["entity_start"], x["entity_start"] + len(x["entity"]), x["polarity"] == "NEG") for x in lines
    ]
    assert len(rows) >= 450
    assert f1(rows) >= 0.90


@pytest.mark.realdata
def test_english_denials_against_judges(shared_data: Path) -> None:
    path = shared_data / "negex_en" / "annotations_dev.tsv"
    with path.open(encoding="utf-8", newline="") as file:
        cells = list(csv.reader(file, delimiter="\t"))[1:]
    rows = []
    for _, condition, sentence, negation, *_ in cells:
        text, wanted = sentence.strip().strip('"'), condition.strip()
        start = text.upper().find(wanted.upper())
        if start >= 0:
            rows.append((text, start, start + len(wanted), negation == "Negated"))
    assert len(rows) >= 900
    assert f1(rows) >= 0.95
