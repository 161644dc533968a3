"""Facts of an older version of the rules: told again by today's, resumably, corrections kept, the card always there."""

from __future__ import annotations

import dataclasses
import shutil
import time
from pathlib import Path

import pytest
from sqlalchemy import update

from access.scope import CallerKind
from clinical.text import edition
from clinical.text.edition import edition_of, rules_edition
from ingest import retell
from ingest.retell import Retelling
from ingest.worker import Workers
from records import facts, readings, tables
from records.documents import DocumentState, document_without_scope
from records.fact import Fact, FactKind, FactSource, Quote
from tests.search_api.conftest import DOCTOR, TRAITANT, closed_home, own_world
from tests.search_api.world import World

__all__ = ["closed_home", "own_world"]
STRUCTURED = Fact(FactKind.CONDITION, "asthme", Quote(1, 0, 7, ""), FactSource.STRUCTURED)
CORRECTED = "Lettre de liaison.\n\nContre-indication aux AINS. Hépatite à l'Augmentin en 2015."


def older(world: World) -> None:
    """Every document as an older version left it: an edition of its own, and of its text nothing but one condition."""
    with world.services.records.write() as tx:
        for document_id in world.documents.values():
            reading = readings.reading_without_scope(world.bench.blobs, tx, document_id)
            document = document_without_scope(tx, document_id)
            assert reading is not None
            assert document is not None
            pages = tuple(dataclasses.replace(page, facts=(STRUCTURED,)) for page in reading.pages)
            readings.save_reading(world.bench.blobs, document, dataclasses.replace(reading, pages=pages))
            facts.keep(tx, document_id, pages, rules="older")


def behind(world: World) -> int:
    with world.services.records.read() as tx:
        return facts.count_behind_without_scope(tx, rules_edition())


def card(world: World) -> tuple[str, str]:
    """The section of allergies, and the notice."""
    answer = world.http.get(world.url("marie", "/emergency"), headers=world.bearer(DOCTOR))
    assert answer.status_code == 200
    said = answer.json()
    section = next(each for each in said["sections"] if each["key"] == "allergies")
    return " ".join(line["text"] for line in section["lines"]), said["notice"]


def test_new_rules_reach_old_documents_and_nothing_is_lost(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    url = own_world.url("marie", f"/documents/{own_world.documents['lettre']}/pages/1/text")
    typed = {"text": CORRECTED, "version": 0}
    assert own_world.http.put(url, json=typed, headers=own_world.bearer(TRAITANT)).status_code == 200
    own_world.work()
    assert behind(own_world) == 0
    older(own_world)
    total = len(own_world.documents)
    assert behind(own_world) == total
    before, notice = card(own_world)
    assert "acide clavulanique" not in before
    assert "règles antérieures" in notice
    monkeypatch.setattr(retell, "BATCH", 2)
    assert len(Retelling(own_world.bench).batch()) == 2  # then the process dies
    assert behind(own_world) == total - 2
    card(own_world)
    after_it = Retelling(own_world.bench)
    while after_it.batch():
        with own_world.services.records.read() as tx:
            states = [document_without_scope(tx, one) for one in own_world.documents.values()]
            assert {one.state for one in states if one is not None} == {DocumentState.SEARCHABLE}
    assert behind(own_world) == 0
    after, notice = card(own_world)
    assert "Contre-indication : anti-inflammatoire non stéroïdien" in after
    assert "Intolérance : amoxicilline acide clavulanique ; réaction : Hépatite" in after
    assert "règles antérieures" not in notice
    told = own_world.http.get(own_world.url("marie", "/facts?kind=condition"), headers=own_world.bearer(DOCTOR)).json()
    assert "asthme" in [each["label"] for each in told["facts"]]  # of an entry: no rule of text tells it again


def test_a_service_does_it_by_itself_and_says_how_much_is_left(own_world: World) -> None:
    older(own_world)
    keeper = own_world.bearer(role=CallerKind.ADMINISTRATOR)
    work = own_world.http.get("/v1/service/work", headers=keeper).json()
    assert work["told_by_earlier_rules"] == len(own_world.documents)
    with Workers(own_world.bench, count=1):
        give_up = time.monotonic() + 120
        while behind(own_world) and time.monotonic() < give_up:
            time.sleep(0.05)
    assert own_world.http.get("/v1/service/work", headers=keeper).json()["told_by_earlier_rules"] == 0


def test_what_cannot_be_told_again_is_left_counted_and_stops_nobody(own_world: World) -> None:
    older(own_world)
    with own_world.services.records.write() as tx:
        lost = update(tables.Document).where(tables.Document.document_id == own_world.documents["bilan"])
        tx.session.execute(lost.values(reading_fence=999))
    retelling = Retelling(own_world.bench)
    while retelling.batch():
        pass
    assert behind(own_world) == 1
    assert retelling.batch() == []


def test_any_change_of_a_rule_is_another_edition(tmp_path: Path) -> None:
    copy = tmp_path / "clinical"
    shutil.copytree(edition._CLINICAL, copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert edition_of(copy) == rules_edition()
    for name in ("rules/facts.txt", "vocabulary/codes/drugs.txt", "text/boxes.py", "asserted.py"):
        before = edition_of(copy)
        with (copy / name).open("a", encoding="utf-8") as file:
            file.write("# more\n")
        assert edition_of(copy) != before, name
