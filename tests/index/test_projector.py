"""The follower: from records to the index, through crashes, rewrites, outages and rebuilds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

from access.categories import Category
from access.identifiers import DocumentId, PatientId, passage_id
from access.refusal import Refusal
from index.embedded import EmbeddedGenerations
from index.embedders.none import NoEmbedder
from index.embedders.port import Embedder, FloatMatrix
from index.port import Generation, IndexedDocument, Removal
from index.projection import Source
from index.projector import Projector
from index.question import build_question, query_vector
from index.verify import compare
from records import document_pages, documents, outbox, readings
from records.content import Metadata, Page, Passage, Reading
from records.documents import DocumentState
from tests.records.building import NOW, Home, deposit, opened, patient, scope


@dataclass
class Sums:
    """A deterministic embedder: each word is a fixed random direction, a text their sum. Counts what it is asked."""

    fingerprint: str = "sums-1"
    dimensions: int = 32
    scale: float = 127.0
    window: int = 10_000
    embedded: list[str] = field(default_factory=list)
    away: bool = False

    def count_tokens(self, text: str) -> int:
        return len(text.split())

    def embed_passages(self, texts: Sequence[str]) -> FloatMatrix:
        if self.away:
            raise Refusal("embed", "embedder-unavailable", "Le modèle ne répond pas.", "Réessayez.")
        if any("indigeste" in text for text in texts):
            raise Refusal("embed", "passage-too-long", "Un passage est trop long.", "Signalez ce document.")
        self.embedded.extend(texts)
        return np.stack([self._one(text) for text in texts])

    def embed_query(self, text: str) -> FloatMatrix:
        return self._one(text)

    def _one(self, text: str) -> FloatMatrix:
        seeds = [int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big") for word in text.lower().split()]
        total = np.sum([np.random.default_rng(seed).normal(size=self.dimensions) for seed in seeds], axis=0)
        return np.asarray(total / np.linalg.norm(total), np.float32)


@dataclass
class World:
    """A home, an engine and a projector."""

    home: Home
    generations: EmbeddedGenerations
    embedder: Embedder
    one: PatientId

    @property
    def projector(self) -> Projector:
        """A new one each time, as a new process would have."""
        return Projector(self.home.records, self.home.blobs, self.generations, self.embedder)

    def store(self, *texts: str, of: DocumentId | None = None, event: bool = True) -> DocumentId:
        """What the recipe does for a document, or for a new reading of one: READING, its text, an outbox event."""
        with self.home.records.write() as tx:
            document = of or deposit(self.home, tx, self.one, repr(texts).encode()).document_id
            fence = documents.next_fence(tx, document)
            documents.set_state(tx, document, DocumentState.READING, fence=fence)
            held = documents.document_without_scope(tx, document)
        assert held is not None
        pages = tuple(Page(n + 1, text) for n, text in enumerate(texts))
        passages = tuple(Passage(n, n + 1, 0, len(text), text) for n, text in enumerate(texts))
        readings.save_reading(self.home.blobs, held, Reading(pages, passages=passages))
        with self.home.records.write() as tx:
            documents.set_metadata(tx, document, Metadata(type_code="11488-4"), Category.REPORT, fence=fence)
            document_pages.set_pages(tx, document, len(pages), (), fence=fence)
            if event:
                outbox.append(tx, self.one, document, "put", fence)
        return document

    def remove(self, document: DocumentId) -> None:
        with self.home.records.write() as tx:
            fence = documents.next_fence(tx, document)
            documents.set_state(tx, document, DocumentState.QUARANTINED, fence=fence)
            outbox.append(tx, self.one, document, "remove", fence)

    def state(self, document: DocumentId) -> DocumentState:
        with self.home.records.read() as tx:
            return documents.states_without_scope(tx, [document])[document]

    def found(self, text: str) -> list[str]:
        """Documents found by words in the serving generation."""
        serving = self.generations.serving()
        assert serving is not None
        index = self.generations.open(serving)
        asked = build_question(text, index.forms(scope(self.one)))
        return [c.document_id for c in index.match(scope(self.one), asked.question).words]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with opened(tmp_path / "home") as home:
        with home.records.write() as tx:
            one = patient(tx)
        generations = EmbeddedGenerations(tmp_path / "index", key=bytes(range(32)))
        yield World(home, generations, Sums(), one)
        generations.close()


def test_a_new_home_serves_an_empty_index(world: World) -> None:
    assert world.projector.catch_up(NOW) == 0
    assert world.generations.serving() == world.projector.wanted
    assert world.found("fièvre") == []


def test_what_is_stored_becomes_searchable(world: World) -> None:
    document = world.store("Allergie à la pénicilline", "Fièvre depuis hier")
    assert world.state(document) is DocumentState.READING
    assert world.projector.catch_up(NOW) == 1
    assert world.state(document) is DocumentState.SEARCHABLE
    assert world.found("penicilline") == [document]
    index = world.generations.open(world.projector.wanted)
    question = build_question("", frozenset(), query_vector(world.embedder, "fièvre depuis hier")).question
    assert index.match(scope(world.one), question).meaning[0].passage_id == passage_id(document, 1)
    assert world.projector.catch_up(NOW) == 0


def test_stored_vectors_are_not_computed_again(world: World) -> None:
    world.store("fièvre")
    world.projector.catch_up(NOW)
    world.projector.reindex(NOW)
    assert isinstance(world.embedder, Sums)
    assert world.embedder.embedded == ["fièvre"]


def test_words_only_mode_needs_no_model(world: World) -> None:
    world.embedder = NoEmbedder()
    document = world.store("fièvre")
    world.projector.catch_up(NOW)
    assert world.found("fievre") == [document]


def test_a_new_reading_replaces_and_a_removal_removes(world: World) -> None:
    document = world.store("fièvre")
    world.projector.catch_up(NOW)
    world.store("toux", of=document)
    world.projector.catch_up(NOW)
    assert (world.found("fièvre"), world.found("toux")) == ([], [document])
    world.remove(document)
    world.projector.catch_up(NOW)
    assert world.found("toux") == []
    assert world.state(document) is DocumentState.QUARANTINED


def test_a_quarantine_without_an_event_still_keeps_the_document_out(world: World) -> None:
    document = world.store("fièvre")
    with world.home.records.write() as tx:
        documents.set_state(tx, document, DocumentState.QUARANTINED)
    world.projector.catch_up(NOW)
    assert world.found("fièvre") == []
    assert world.state(document) is DocumentState.QUARANTINED


def test_a_quarantined_document_leaves_on_whatever_event_comes_next(world: World) -> None:
    document = world.store("fièvre")
    world.projector.catch_up(NOW)
    with world.home.records.write() as tx:
        fence = documents.next_fence(tx, document)
        documents.set_state(tx, document, DocumentState.QUARANTINED, fence=fence)
        outbox.append(tx, world.one, document, "put", fence)
    world.projector.catch_up(NOW)
    assert world.found("fièvre") == []


def test_a_document_that_is_being_read_again_waits_for_its_new_reading(world: World) -> None:
    document = world.store("fièvre")
    with world.home.records.write() as tx:  # a second job claims it before the first event is followed
        documents.set_state(tx, document, DocumentState.READING, fence=documents.next_fence(tx, document))
    assert world.projector.catch_up(NOW) == 1
    assert world.state(document) is DocumentState.READING


def test_a_crash_between_index_and_cursor_is_replayed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    document = world.store("fièvre")
    with monkeypatch.context() as broken:
        broken.setattr(outbox, "advance", _crash)
        with pytest.raises(KeyboardInterrupt):
            world.projector.catch_up(NOW)
    assert world.state(document) is DocumentState.READING
    assert world.projector.catch_up(NOW) == 1
    assert world.state(document) is DocumentState.SEARCHABLE
    assert world.found("fièvre") == [document]


def _crash(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def test_one_projector_at_a_time_follows(world: World) -> None:
    world.projector.catch_up(NOW)
    world.store("fièvre")
    name = world.projector.wanted.name
    with world.home.records.write() as tx:
        assert outbox.take_cursor(tx, name, "another process", NOW, timedelta(minutes=5))
    assert world.projector.catch_up(NOW) == 0
    assert world.projector.catch_up(NOW + timedelta(minutes=6)) == 1


def test_a_model_that_is_away_delays_and_refuses_nobody(world: World) -> None:
    assert isinstance(world.embedder, Sums)
    world.embedder.away = True
    document = world.store("fièvre")
    with pytest.raises(Refusal) as refused:
        world.projector.catch_up(NOW)
    assert refused.value.code == "embedder-unavailable"
    assert world.state(document) is DocumentState.READING
    world.embedder.away = False
    assert world.projector.catch_up(NOW) == 1
    assert world.state(document) is DocumentState.SEARCHABLE


def test_a_document_that_cannot_be_indexed_stops_no_other(world: World) -> None:
    before, bad, after = world.store("fièvre"), world.store("indigeste"), world.store("toux")
    assert world.projector.catch_up(NOW) == 3
    states = [world.state(each) for each in (before, bad, after)]
    assert states == [DocumentState.SEARCHABLE, DocumentState.REFUSED, DocumentState.SEARCHABLE]
    with world.home.records.read() as tx:
        held = documents.document_without_scope(tx, bad)
    assert held is not None
    assert held.refusal is not None
    assert held.refusal.code == "passage-too-long"


def test_many_documents_are_followed_in_batches(world: World) -> None:
    stored = [world.store(f"fièvre mot{n}") for n in range(70)]
    assert world.projector.catch_up(NOW) == 70
    assert sorted(world.found("fièvre")) == sorted(stored)


def test_reindex_builds_aside_swaps_and_retires(world: World) -> None:
    document = world.store("fièvre")
    world.projector.catch_up(NOW)
    old = world.projector.wanted
    report = world.projector.reindex(NOW)
    serving = world.generations.serving()
    assert serving is not None
    assert serving != old
    assert serving.fingerprint == old.fingerprint
    assert (report.generation, report.documents, report.retired) == (serving.name, 1, (old.name,))
    assert list(world.generations.names()) == [serving]
    assert world.found("fièvre") == [document]
    later = world.store("toux")
    world.projector.catch_up(NOW)
    assert world.found("toux") == [later]
    assert world.projector.reindex(NOW).generation == old.name
    assert sorted(world.found("toux fièvre")) == sorted([document, later])


def test_another_model_serves_words_until_its_generation_is_built(world: World) -> None:
    first = world.store("fièvre")
    world.projector.catch_up(NOW)
    world.embedder = Sums(fingerprint="sums-2", dimensions=16)
    second = world.store("toux")
    world.projector.catch_up(NOW)
    assert world.generations.serving() != world.projector.wanted
    assert (world.found("fièvre"), world.found("toux")) == ([first], [second])
    world.projector.reindex(NOW)
    assert world.generations.serving() == world.projector.wanted
    index = world.generations.open(world.projector.wanted)
    question = build_question("", frozenset(), query_vector(world.embedder, "toux")).question
    assert index.match(scope(world.one), question).meaning[0].document_id == second


def test_a_worker_builds_what_its_model_writes_while_the_old_serves(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("index.projector.STEP", 1)
    stored = [world.store(f"fièvre mot{n}") for n in range(70)]
    world.projector.catch_up(NOW)
    old = world.generations.serving()
    world.embedder = Sums(fingerprint="sums-2", dimensions=16)
    worker = world.projector
    steps = 0
    while not worker.renew(NOW):
        steps += 1
        assert len(world.found("fièvre")) == 70  # at each step, whichever serves
        if world.generations.serving() == old:
            late = world.store(f"fièvre tardive{steps}")
            worker.catch_up(NOW)
            assert world.state(late) is DocumentState.SEARCHABLE
            stored.append(late)
            world.remove(stored.pop())
            worker.catch_up(NOW)
    assert steps >= 2
    assert list(world.generations.names()) == [world.projector.wanted] == [world.generations.serving()]
    assert worker.verify(NOW, repair=False).clean
    assert world.projector.renew(NOW)  # another process: nothing to do


def test_a_killed_worker_leaves_the_old_serving_and_the_next_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = world.store("fièvre")
    world.projector.catch_up(NOW)
    old = world.generations.serving()
    world.embedder = Sums(fingerprint="sums-2", dimensions=16)
    for place in ("records.outbox.advance", "index.embedded.EmbeddedGenerations.serve"):
        with monkeypatch.context() as broken:
            broken.setattr(place, _crash)
            with pytest.raises(KeyboardInterrupt):
                world.projector.renew(NOW)
        assert world.generations.serving() == old
        assert world.found("fièvre") == [document]
    assert not world.projector.renew(NOW)
    assert world.generations.serving() == world.projector.wanted
    assert world.found("fièvre") == [document]


def test_two_workers_with_different_models_do_not_replace_each_other_for_ever(world: World) -> None:
    world.store("fièvre")
    world.projector.catch_up(NOW)
    one = world.projector
    world.embedder = Sums(fingerprint="sums-2", dimensions=16)
    other = world.projector
    assert one.renew(NOW)  # its own serves
    while not other.renew(NOW):
        pass
    assert one.renew(NOW)
    assert world.generations.serving() == other.wanted


def test_an_interrupted_reindex_resumes_while_the_old_serves(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    document = world.store("fièvre")
    world.projector.catch_up(NOW)
    old = world.generations.serving()
    with monkeypatch.context() as broken:
        broken.setattr(outbox, "advance", _crash)
        with pytest.raises(KeyboardInterrupt):
            world.projector.reindex(NOW)
    assert world.generations.serving() == old
    assert world.found("fièvre") == [document]
    building = [g for g in world.generations.names() if g != old]
    assert len(building) == 1
    world.projector.catch_up(NOW)  # the worker's look goes on with the build, and does not serve it
    with world.home.records.read() as tx:
        assert outbox.cursor(tx, building[0].name) == outbox.last(tx)
    assert world.generations.serving() == old
    assert world.projector.reindex(NOW).generation == building[0].name
    assert world.found("fièvre") == [document]


def test_a_generation_rebuilt_under_an_old_name_starts_from_the_first_event(world: World) -> None:
    document = world.store("fièvre")
    world.projector.catch_up(NOW)
    serving = world.generations.serving()
    assert serving is not None
    (world.generations._folder / f"{serving.name}.index").unlink()  # a lost file, its cursor still in records
    fresh = EmbeddedGenerations(world.generations._folder, key=bytes(range(32)))
    world.generations.close()
    world.generations = fresh
    assert world.projector.catch_up(NOW) == 1
    assert world.found("fièvre") == [document]


def test_reindex_refuses_to_swap_when_documents_are_missing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.store("fièvre")
    world.projector.catch_up(NOW)
    old = world.generations.serving()

    def forgets(self: object, documents: Sequence[IndexedDocument]) -> None:
        """An engine that accepts everything and holds nothing."""

    with monkeypatch.context() as broken:
        broken.setattr("index.embedded.EmbeddedIndex.put", forgets)
        with pytest.raises(Refusal) as refused:
            world.projector.reindex(NOW)
    assert refused.value.code == "reindex-incomplete"
    assert world.generations.serving() == old


def test_verify_of_a_true_index_is_clean(world: World) -> None:
    world.store("fièvre")
    report = world.projector.verify(NOW)
    assert report.clean
    assert (report.documents, report.missing, report.different, report.extra) == (1, (), (), ())
    assert list(report.lines())[-1] == "Aucun écart."


def test_verify_finds_and_repairs_each_difference(world: World) -> None:
    missing, different, right = world.store("fièvre"), world.store("toux"), world.store("angine")
    world.projector.catch_up(NOW)
    index = world.generations.open(world.projector.wanted)
    held = {line.document_id: line for line in index.inventory_without_scope()}
    stray = DocumentId("z" * 26)
    empty = IndexedDocument(world.one, different, Category.REPORT, "", None, held[different].fence, ())
    index.put([empty, IndexedDocument(world.one, stray, Category.REPORT, "", None, 1, ())])
    _lose(world, missing)
    for repair, clean in ((False, False), (True, True)):
        report = world.projector.verify(NOW, repair=repair)
        assert (report.missing, report.different, report.extra) == ((missing,), (different,), (stray,))
        assert report.clean is clean
        assert report.as_dict()["clean"] is clean
        assert len(list(report.lines())) == 4
    again = world.projector.verify(NOW)
    assert (again.missing, again.different, again.extra, again.clean) == ((), (), (), True)
    assert [world.found(text) for text in ("fièvre", "toux", "angine")] == [[missing], [different], [right]]


@pytest.mark.parametrize("repair", [False, True])
def test_verify_leaves_alone_what_others_write_meanwhile(world: World, repair: bool) -> None:
    """A service goes on during it: a new document, a new reading and a withdrawal that the index has not followed yet
    are no difference, and are neither put nor taken away."""
    kept, read_again, withdrawn = (world.store(text) for text in ("angine", "toux", "fièvre"))
    world.projector.catch_up(NOW)
    index = world.generations.open(world.projector.wanted)
    with world.home.records.read() as tx:
        level = outbox.cursor(tx, index.generation.name)
    before = list(index.inventory_without_scope())
    new = world.store("nouvelle")
    world.store("toux sèche", of=read_again)
    world.remove(withdrawn)
    with world.home.records.write() as tx:
        for document in (new, read_again):
            documents.set_state(tx, document, DocumentState.SEARCHABLE)
    source = Source(world.home.records, world.home.blobs, world.embedder)
    report = compare(index, source, level, vectors=True, repair=repair)
    assert (report.missing, report.different, report.extra, report.clean) == ((), (), (), True)
    assert (report.documents, report.waiting) == (1, 2)
    assert any("en chemin" in line for line in report.lines())
    assert list(index.inventory_without_scope()) == before
    late = compare(index, source, 10**9, vectors=True, repair=False)
    assert (late.missing, late.different, late.extra, late.waiting) == ((new,), (read_again,), (withdrawn,), 0)
    assert kept not in {*late.missing, *late.different, *late.extra}


def test_verify_reads_documents_a_page_at_a_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = [world.store(f"texte {number}") for number in range(7)]
    world.projector.catch_up(NOW)
    world.remove(stored[3])
    monkeypatch.setattr("index.projection._STEP", 2)
    source = Source(world.home.records, world.home.blobs, world.embedder)
    assert [event.document_id for event in source.expected()] == sorted({*stored} - {stored[3]})
    assert world.projector.verify(NOW).documents == 6


def test_an_engine_that_sorts_otherwise_is_not_emptied(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("fièvre", "toux", "angine"):
        world.store(text)
    world.projector.catch_up(NOW)
    index = world.generations.open(world.projector.wanted)
    lines = list(index.inventory_without_scope())
    with monkeypatch.context() as otherwise:
        otherwise.setattr("index.embedded.EmbeddedIndex.inventory_without_scope", lambda _: reversed(lines))
        with pytest.raises(RuntimeError, match="order"):
            world.projector.verify(NOW)
    assert list(index.inventory_without_scope()) == lines


def _lose(world: World, document: DocumentId) -> None:
    """Drop a document from the file behind the engine's back, tombstone included."""
    index = world.generations.open(world.projector.wanted)
    with index._file.write() as connection:
        connection.execute("DELETE FROM documents WHERE document_id = ?", (document,))


def test_verify_tells_what_only_a_reindex_mends(world: World) -> None:
    """Records restored from an older copy: the index buried the document under a later fence."""
    document = world.store("fièvre")
    world.projector.catch_up(NOW)
    world.generations.open(world.projector.wanted).remove([Removal(world.one, document, 99)])
    assert not world.projector.verify(NOW).clean
    world.projector.reindex(NOW)
    assert world.projector.verify(NOW).clean
    assert world.found("fièvre") == [document]


def test_the_wanted_generation_follows_the_embedder(world: World) -> None:
    first = world.projector.wanted
    world.embedder = Sums(fingerprint="sums-2")
    assert world.projector.wanted != first
    assert Generation.parse(first.name) == first
