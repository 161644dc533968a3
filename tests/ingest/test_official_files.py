"""Official files imported into a home: read as published, used by facts, the card and search, in the sandbox too."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from access.refusal import Refusal
from clinical import official
from clinical.card_medicines import critical_lines, medicine_blocks
from clinical.told_by_text import facts_of
from index.lexicon import medical_thesaurus
from index.thesaurus import Thesaurus, simple_words
from ingest.limits import Limits
from ingest.official_files import Row, read_official, source_of
from ingest.sandbox.client import PageRead, Sandbox
from ingest.told import Joiner
from records.content import Page
from records.fact import Coding, Fact, FactKind, FactSource, Quantity, Quote, Told
from tests.clinical.telling import NOW
from tests.ingest import official_writing as writing


def imported(folder: Path, kind: str, files: dict[str, bytes]) -> list[Row]:
    rows = read_official(kind, files)
    official.file_of(folder, kind).write_bytes(official.written(source_of(kind, files, len(rows), "2026-11-27"), rows))
    return rows


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    official.use(None)


@pytest.fixture
def used(folder: Path) -> Path:
    """All three, in use."""
    imported(folder, "bdpm", writing.bdpm())
    imported(folder, "cim10", {"LIBCIM10MULTI.TXT": writing.atih()})
    imported(folder, "loinc", writing.loinc())
    official.use(folder)
    return folder


def ways_of(thesaurus: Thesaurus, typed: str) -> set[str]:
    return {way.text for idea in thesaurus.ideas(simple_words(typed), typed) for way in idea.ways}


def coded(kind: FactKind, system: str, code: str, label: str = "") -> Fact:
    return Fact(kind, label, Quote(1, 0, 1, "x"), FactSource.STRUCTURED, codes=(Coding(system, code),))


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_brands_substances_and_packs_of_the_bdpm(encoding: str) -> None:
    rows = read_official("bdpm", writing.bdpm(encoding))
    assert [row[1:] for row in rows if row[0] == "brand"] == [
        ("Zorbalix", "apixaban", "B01AF02"),
        ("Melvorane Fort", "inventazol", "J01CA99"),
        ("Duolexir", "inventazol + amlodipine", ""),
        ("inventazol", "inventazol", ""),
    ], "no generic, no everyday word, no vaccine"
    packs = {row[1]: row[2] for row in rows if row[0] == "code"}
    assert packs["3400900000018"] == packs["0000001"] == "ZORBALIX 5 mg, comprimé pelliculé"
    assert len(packs) == 2 * len(writing.MEDICINES)


@pytest.mark.parametrize("data", [writing.atih(), writing.claml(), writing.claml(""), writing.labelled()])
def test_every_form_of_the_cim_10_gives_the_same(data: bytes) -> None:
    assert read_official("cim10", {"cim": data}) == [
        ("code", "A98", "Maladie inventée"),
        ("code", "A981", "Maladie inventée à forme éruptive"),
        ("code", "Z514", "Soins préparatoires"),
    ]


def test_an_entity_of_a_file_opens_nothing(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("mot de passe")
    doctype = f'<!DOCTYPE ClaML [<!ENTITY lire SYSTEM "{secret.as_uri()}">]>'
    data = writing.claml(doctype).replace("Maladie inventée<".encode(), b"Maladie &lire;<")
    assert "passe" not in str(read_official("cim10", {"claml.xml": data}))


def test_the_french_name_of_a_loinc_code_wins() -> None:
    for files in (writing.loinc(), dict(reversed(writing.loinc().items()))):
        assert read_official("loinc", files) == [
            ("code", "99997-3", "Otherin [Mass/volume] in Serum or Plasma"),
            ("code", "99998-1", "Inventine [Masse/Volume] Sérum/Plasma"),
        ]


@pytest.mark.parametrize(
    ("kind", "files"),
    [
        ("bdpm", {"CIS_bdpm.txt": writing.bdpm()["CIS_bdpm.txt"]}),
        ("bdpm", {"autre": b"un\tdeux\n"}),
        ("cim10", {"autre.csv": b"a,b\n1,2\n"}),
        ("cim10", {"coupe.xml": writing.claml()[:-20]}),
        ("cim10", {"vide": b""}),
        ("cim10", {"ouvert.csv": b'code,label\nI10,"' + b"x" * 140_000}),
        ("loinc", {"autre.csv": b"a,b\n1,2\n"}),
        ("loinc", {"vide": b""}),
    ],
)
def test_other_files_are_refused(kind: str, files: dict[str, bytes]) -> None:
    with pytest.raises(Refusal) as refused:
        read_official(kind, files)
    assert refused.value.code == "bad-official-file"


def test_an_imported_brand_is_read_in_text_and_is_on_the_card(folder: Path) -> None:
    page = Page(1, "Traitement : Zorbalix 5 mg matin et soir, Melvorane Fort.")
    assert [fact.label for fact in facts_of(page) if fact.kind is FactKind.MEDICATION] == []
    imported(folder, "bdpm", writing.bdpm())
    official.use(folder)
    first, second = (fact for fact in facts_of(page) if fact.kind is FactKind.MEDICATION)
    assert (first.label, first.concept, first.codes[0].code) == ("Zorbalix", "apixaban", "B01AF02")
    assert (second.label, second.concept) == ("Melvorane Fort", "inventazol")
    (line,) = critical_lines(medicine_blocks([Told(first, "d", NOW)]), "antithrombotics", NOW)
    assert line.text.startswith("Zorbalix (apixaban) 5 mg")


def test_a_code_without_words_gets_its_label_and_one_with_words_keeps_them(used: Path) -> None:
    assert used.is_dir()
    facts = (
        coded(FactKind.DISPENSING, "urn:cip", "3400900000018"),
        coded(FactKind.CONDITION, "http://hl7.org/fhir/sid/icd-10", "A98.1", "A98.1"),
        coded(FactKind.CONDITION, "http://hl7.org/fhir/sid/icd-10", "A98.1", "Éruption"),
        dataclasses.replace(coded(FactKind.LAB_RESULT, "http://loinc.org", "99998-1"), value=Quantity("4")),
        coded(FactKind.CONDITION, "http://snomed.info/sct", "A98.1"),
    )
    named = Joiner().joined(Page(1, "", facts=facts)).facts
    assert [(fact.label, fact.concept) for fact in named] == [
        ("", "ZORBALIX 5 mg, comprimé pelliculé"),
        ("A98.1", "Maladie inventée à forme éruptive"),
        ("Éruption", ""),
        ("Inventine [Masse/Volume] Sérum/Plasma", ""),
        ("", ""),
    ]
    (line,) = critical_lines(medicine_blocks([Told(named[0], "d", NOW)]), "antithrombotics", NOW)
    assert line.group == "anticoagulant", "a delivery that only has a CIP is on the card"


def test_search_finds_the_substance_of_an_imported_brand(folder: Path) -> None:
    before = medical_thesaurus()
    imported(folder, "bdpm", writing.bdpm())
    official.use(folder)
    after = medical_thesaurus()
    assert before is not after
    assert medical_thesaurus() is after
    for typed, meant in (("Zorbalix", "apixaban"), ("Melvorane Fort", "inventazol")):
        assert meant in ways_of(after, typed)
        assert meant not in ways_of(before, typed)


def test_the_sandbox_reads_with_the_same_vocabulary(used: Path) -> None:
    assert used.is_dir()
    sandbox = Sandbox()
    try:
        said = list(sandbox.read([b"Sous Zorbalix 5 mg."], "a.txt", ocr="none", limits=Limits()))
    finally:
        sandbox.close()
    facts = [fact for one in said if isinstance(one, PageRead) for fact in one.page.facts]
    assert [fact.concept for fact in facts] == ["apixaban"]


def test_a_damaged_import_names_its_line(folder: Path) -> None:
    imported(folder, "cim10", {"cim": writing.atih()})
    path = official.file_of(folder, "cim10")
    path.write_text(path.read_text(encoding="utf-8") + "n'importe quoi\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"cim10.tsv, line 5"):
        official.use(folder)
