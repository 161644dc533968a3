"""The follower of the outbox: what records say, the index holds.

Writing, recovery and reindex are one movement: read the events after a generation's cursor, put or remove what they
name as records hold it now, advance. A cursor is leased, so one projector at a time writes a generation, and replaying
an event changes nothing (fences). `index/projection.py` says what an event becomes, `index/verify.py` compares.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from access.refusal import Refusal
from index.embedders.port import Embedder
from index.generations import needed
from index.port import Generation, Generations, Index, IndexedDocument, Removal
from index.projection import OUTAGES, Broken, Source
from index.verify import VerifyReport, both, compare
from records import documents, outbox
from records.blobs import Blobs
from records.database import Records, Tx
from records.documents import DocumentState
from records.outbox import Event

BATCH = 32
"""Events a step: one write of the engine and one of records; under a second when vectors are stored already."""
STEP = 64
"""Batches of a build aside between two looks at the serving generation: new documents wait for at most that many."""
LEASE = timedelta(minutes=5)
"""How long a cursor stays a projector's without news: above the embedding of one batch without stored vectors."""


@dataclass(frozen=True, slots=True)
class ReindexReport:
    """The generation that serves now, and how many documents it holds."""

    generation: str
    documents: int
    retired: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, object]:
        return {"generation": self.generation, "documents": self.documents, "retired": list(self.retired)}


class Projector:
    """Thread-safe; several processes may each have one, also across a fork."""

    def __init__(
        self, records: Records, blobs: Blobs, generations: Generations, embedder: Embedder, prefix: str = "anamnese"
    ) -> None:
        self._source = Source(records, blobs, embedder)
        self._records, self._generations, self._embedder = records, generations, embedder
        self._prefix = prefix
        self._turn = threading.Lock()
        self._found: Generation | None = None  # what served at the first `renew`
        self._former: list[Generation] = []  # what `renew` replaced

    @property
    def wanted(self) -> Generation:
        """The generation that this code and this embedder write. Another of the same fingerprint is as good."""
        return needed(self._embedder, self._prefix)

    def catch_up(self, now: datetime) -> int:
        """Follow the outbox with the serving generation and with one being built. Returns how many events were new.

        On a home where none serves, builds the wanted one and serves it. Raises the Refusals of an engine or a model
        that is away; what was not followed is followed next time.
        """
        with self._turn:
            serving = self._generations.serving()
            if serving is None:
                target = self._target(None)
                followed = self._follow(target, now, settles=True)
                if self._is_level(target):
                    self._generations.serve(target)
                return followed
            followed = self._follow(serving, now, settles=True)
            for building in self._generations.names():
                if building != serving and building.fingerprint == self.wanted.fingerprint:
                    self._follow(building, now, settles=False, batches=STEP)
            return followed

    def renew(self, now: datetime) -> bool:
        """One step, of STEP batches at most, towards serving what this code and this embedder write. False: call again.

        A long-lived worker calls it when it looks for work, so that a new fingerprint builds aside while the old
        serves, whatever process is killed. It replaces only the generation that it found serving at its first look:
        two workers with different models would replace each other's for ever. What served before is retired at the
        call after the swap, when no question of this process is in it any more. Refuses like `reindex`.
        """
        with self._turn:
            serving = self._generations.serving()
            self._found = self._found or serving
            while self._former:
                self._retire(self._former.pop())
            if serving is None or serving != self._found or serving.fingerprint == self.wanted.fingerprint:
                return True
            target = self._target(serving)
            followed = self._follow(target, now, settles=False, batches=STEP)
            if not self._is_level(target):
                return not followed  # another process has the cursor: it will finish
            self._swap(target, now)
            self._former.append(serving)
            return False

    def recount(self, now: datetime) -> bool:
        """Whether the serving index holds as many documents as records call searchable. One that holds fewer lost its
        last commits (a file put back, a log gone): it follows the outbox again from the start, replacing nothing twice.
        """
        serving = self._generations.serving()
        if serving is None:
            return False
        with self._records.read() as tx:
            expected = documents.count_without_scope(tx, DocumentState.SEARCHABLE)
        held = sum(1 for _ in self._generations.open(serving).inventory_without_scope())
        if held >= expected:
            return True
        with self._records.write() as tx:
            outbox.drop_cursor(tx, serving.name)
        self.catch_up(now)
        return False

    def reindex(self, now: datetime) -> ReindexReport:
        """Build a generation aside while the old serves, count, swap, retire the others. Resumes what was interrupted.

        Refusal "reindex-incomplete" when documents that records call searchable are missing from the new one: the old
        keeps serving. Refusal "reindex-busy" when another process builds it at this moment.
        """
        with self._turn:
            serving = self._generations.serving()
            target = self._target(serving)
            self._follow(target, now, settles=serving is None)
            if not self._is_level(target):
                raise _busy()
            held = self._swap(target, now)
            retired = [other for other in self._generations.names() if other != target and self._is_ours(other)]
            for other in retired:
                self._retire(other)
            return ReindexReport(target.name, held, tuple(other.name for other in retired))

    def verify(self, now: datetime, repair: bool = True) -> VerifyReport:
        """Compare the serving generation with records, document by document; repair what differs when asked.

        Follows the outbox first, so that a document on its way is not a difference.
        """
        self.catch_up(now)
        serving = self._generations.serving()
        if serving is None:
            raise _busy()
        index = self._generations.open(serving)
        with self._records.read() as tx:
            level = outbox.cursor(tx, serving.name)
        return compare(index, self._source, level, vectors=self._has_vectors(serving), repair=repair)

    def _swap(self, target: Generation, now: datetime) -> int:
        """Serve a generation that is level, once counted; returns how many documents it holds."""
        held = self._count_whole(target)
        self._generations.serve(target)
        self._follow(target, now, settles=True)
        return held

    def _target(self, serving: Generation | None) -> Generation:
        """Where to build: a build already begun, else a new name of the wanted fingerprint."""
        present = self._generations.names()
        begun = [g for g in present if g != serving and g.fingerprint == self.wanted.fingerprint]
        if begun:
            return begun[0]
        if self.wanted != serving:
            return self.wanted
        return Generation(f"{self._prefix}-b", self.wanted.fingerprint)

    def _follow(self, generation: Generation, now: datetime, *, settles: bool, batches: int | None = None) -> int:
        """Bring one generation level with the outbox, or `batches` nearer. Returns how many events it followed.

        settles: its documents become searchable in records.
        """
        began = time.monotonic()
        index = self._opened(generation)
        followed = 0
        if self._is_level(generation):
            return 0
        holder = self._records.presence.holder()
        try:
            while batches is None or followed < batches * BATCH:
                moment = now + timedelta(seconds=time.monotonic() - began)
                with self._records.write() as tx:
                    if not outbox.take_cursor(tx, generation.name, holder, moment, LEASE):
                        return followed
                    events = outbox.after(tx, outbox.cursor(tx, generation.name), BATCH)
                if not events:
                    return followed
                settled, broken = self._apply(index, events)
                moment = now + timedelta(seconds=time.monotonic() - began)
                with self._records.write() as tx:
                    outbox.advance(tx, generation.name, events[-1].seq, holder=holder, now=moment)
                    if settles:
                        _settle(tx, settled, broken, moment)
                followed += len(events)
            return followed
        finally:
            with self._records.write() as tx:
                outbox.release_cursor(tx, generation.name, holder)

    def _apply(self, index: Index, events: Sequence[Event]) -> tuple[list[Event], list[Broken]]:
        """Write what the last event of each document asks. Returns the events now held, and those that cannot be."""
        puts: list[tuple[Event, IndexedDocument]] = []
        removals: list[Removal] = []
        broken: list[Broken] = []
        vectors = self._has_vectors(index.generation)
        for event in {event.document_id: event for event in events}.values():
            wanted = self._source.project(event, vectors=vectors)
            if isinstance(wanted, IndexedDocument):
                puts.append((event, wanted))
            elif isinstance(wanted, Removal):
                removals.append(wanted)
            elif isinstance(wanted, Broken):
                broken.append(wanted)
                removals.append(Removal(event.patient_id, event.document_id, event.fence))
        if removals:
            index.remove(removals)
        refused = _put(index, puts)
        lost = {each.event.document_id for each in refused}
        return [event for event, _ in puts if event.document_id not in lost], broken + refused

    def _opened(self, generation: Generation) -> Index:
        """Open a generation. One that is absent starts from the first event, whatever an older namesake had read."""
        if generation not in self._generations.names():
            with self._records.write() as tx:
                outbox.drop_cursor(tx, generation.name)
        return self._generations.open(generation)

    def _is_level(self, generation: Generation) -> bool:
        with self._records.read() as tx:
            return outbox.cursor(tx, generation.name) >= outbox.last(tx)

    def _has_vectors(self, generation: Generation) -> bool:
        return generation.fingerprint == self.wanted.fingerprint

    def _is_ours(self, generation: Generation) -> bool:
        return generation.prefix in {self._prefix, f"{self._prefix}-b"}

    def _retire(self, generation: Generation) -> None:
        self._generations.retire(generation)
        with self._records.write() as tx:
            outbox.drop_cursor(tx, generation.name)

    def _count_whole(self, target: Generation) -> int:
        """How many documents it holds; a Refusal when one is missing of those that it was told of."""
        with self._records.read() as tx:
            level = outbox.cursor(tx, target.name)
        held = missing = 0
        for line, event in both(self._generations.open(target), self._source):
            held += line is not None
            missing += line is None and event is not None and event.seq <= level
        if missing:
            raise Refusal(
                "index",
                "reindex-incomplete",
                f"Le nouvel index ne contient pas {missing} document(s) attendu(s) ; l'ancien reste en service.",
                "Relancez « anamnese reindex » ; si cela persiste, lancez « anamnese verify ».",
            )
        return held


def _put(index: Index, puts: Sequence[tuple[Event, IndexedDocument]]) -> list[Broken]:
    """Write these together; when the engine refuses the whole for another reason than being away, one by one."""
    if not puts:
        return []
    try:
        index.put([document for _, document in puts])
        return []
    except Refusal as refusal:
        if refusal.code in OUTAGES:
            raise
        if len(puts) == 1:
            return [Broken(puts[0][0], refusal)]
    return [broken for one in puts for broken in _put(index, [one])]


def _settle(tx: Tx, held: Sequence[Event], broken: Sequence[Broken], now: datetime) -> None:
    """Documents in the index become searchable, those that cannot be there refused; later fences are left alone."""
    outcomes: list[tuple[Event, DocumentState, Refusal | None]] = [
        *((event, DocumentState.SEARCHABLE, None) for event in held),
        *((each.event, DocumentState.REFUSED, each.refusal) for each in broken),
    ]
    for event, state, refusal in outcomes:
        document = documents.document_without_scope(tx, event.document_id)
        if document is not None and document.fence == event.fence and document.state is DocumentState.READING:
            documents.set_state(tx, event.document_id, state, refusal=refusal, fence=event.fence, now=now)


def _busy() -> Refusal:
    return Refusal(
        "index",
        "reindex-busy",
        "L'index est en cours de construction par un autre processus.",
        "Attendez qu'il ait fini, puis relancez la commande.",
    )
