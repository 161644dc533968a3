"""Records against index: by document, fence and digest. Records are right; the index is made to agree."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from operator import attrgetter
from typing import TypeVar

from access.identifiers import DocumentId
from index.digest import digest_of
from index.port import Index, IndexedDocument, InventoryLine, Removal
from index.projection import Broken, Source
from records import outbox
from records.outbox import Event

_Item = TypeVar("_Item", InventoryLine, Event)


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What differed, and whether it still does. waiting: documents on their way to the index, not compared. broken:
    those whose stored reading cannot be read any more."""

    generation: str
    documents: int
    waiting: int
    missing: tuple[DocumentId, ...]
    different: tuple[DocumentId, ...]
    extra: tuple[DocumentId, ...]
    broken: tuple[DocumentId, ...]
    repaired: bool

    @property
    def clean(self) -> bool:
        """Nothing differs now."""
        return not self.broken and (self.repaired or not (self.missing or self.different or self.extra))

    def as_dict(self) -> dict[str, object]:
        return {
            "generation": self.generation,
            "documents": self.documents,
            "waiting": self.waiting,
            "missing": list(self.missing),
            "different": list(self.different),
            "extra": list(self.extra),
            "broken": list(self.broken),
            "repaired": self.repaired,
            "clean": self.clean,
        }

    def lines(self) -> Iterator[str]:
        """French sentences for a terminal; identifiers only."""
        yield f"Index {self.generation} : {self.documents} document(s) comparé(s)."
        if self.waiting:
            yield f"{self.waiting} document(s) en chemin vers l'index, non comparé(s) : relancez plus tard."
        done = "réparé" if self.repaired else "à réparer"
        for said, found in (
            (f"absent de l'index, {done}", self.missing),
            (f"différent dans l'index, {done}", self.different),
            (f"en trop dans l'index, {done}", self.extra),
            ("lecture illisible : à déposer de nouveau", self.broken),
        ):
            yield from (f"{document} : {said}" for document in found)
        if self.clean and not (self.missing or self.different or self.extra):
            yield "Aucun écart."


def compare(index: Index, source: Source, level: int, *, vectors: bool, repair: bool) -> VerifyReport:
    """Compare every document that no event after number `level` tells of: those are on their way.

    vectors: whether the generation holds this embedder's. Repairs what differs once everything is compared.
    """
    missing: list[Event] = []
    different: list[tuple[InventoryLine, Event]] = []
    extra: list[InventoryLine] = []
    broken: list[DocumentId] = []
    compared = waiting = 0
    for line, event in both(index, source):
        if event is None:
            extra += [line] if line is not None else []
            continue
        if event.seq > level:
            waiting += 1
            continue
        compared += 1
        wanted = source.project(event, vectors=vectors)
        if isinstance(wanted, Broken):
            broken.append(event.document_id)
        if not isinstance(wanted, IndexedDocument):
            continue
        if line is None:
            missing.append(event)
        elif not _agrees(line, wanted):
            different.append((line, event))
    extra = _lasting(extra, source, level)
    if repair:
        for line, event in [*((None, event) for event in missing), *different]:
            wanted = source.project(event, vectors=vectors)
            if isinstance(wanted, IndexedDocument):
                _replace(index, line, wanted)
        if extra:
            index.remove([Removal(line.patient_id, line.document_id, line.fence) for line in extra])
    found = (
        tuple(event.document_id for event in missing),
        tuple(event.document_id for _, event in different),
        tuple(line.document_id for line in extra),
    )
    repaired = repair and _is_level(index, source, level, frozenset(chain(*found)), vectors)
    return VerifyReport(index.generation.name, compared, waiting, *found, tuple(broken), repaired)


def both(index: Index, source: Source) -> Iterator[tuple[InventoryLine | None, Event | None]]:
    """What the index holds of each document, and what records want there, in order of id. Neither is held in memory.

    The index shows one moment; records are read on the way, so a document may have changed since.
    """
    ordered = heapq.merge(
        _ascending(index.inventory_without_scope()), _ascending(source.expected()), key=attrgetter("document_id")
    )
    for _, met in groupby(ordered, key=attrgetter("document_id")):
        pair = list(met)
        line = next((each for each in pair if isinstance(each, InventoryLine)), None)
        yield line, next((each for each in pair if isinstance(each, Event)), None)


def _ascending(items: Iterable[_Item]) -> Iterator[_Item]:
    """The same. An engine or a database that sorts in another order would make every document a difference."""
    before = ""
    for item in items:
        if item.document_id <= before:
            raise RuntimeError("documents come in another order than that of their ids")
        before = item.document_id
        yield item


def _lasting(extra: Sequence[InventoryLine], source: Source, level: int) -> list[InventoryLine]:
    """Those that are not about to leave the index: no event after `level` tells of them."""
    with source.records.read() as tx:
        told = outbox.last_of(tx, [line.document_id for line in extra])
    return [line for line in extra if line.document_id not in told or told[line.document_id].seq <= level]


def _agrees(line: InventoryLine, wanted: IndexedDocument) -> bool:
    return (line.patient_id, line.digest, line.fence) == (wanted.patient_id, digest_of(wanted), wanted.fence)


def _replace(index: Index, line: InventoryLine | None, wanted: IndexedDocument) -> None:
    """Put what records hold. Over a higher fence (records restored from an older copy) only a reindex helps."""
    if line is not None and line.fence > wanted.fence:
        return
    index.put([wanted])


def _is_level(index: Index, source: Source, level: int, touched: frozenset[DocumentId], vectors: bool) -> bool:
    """Read again what was repaired: a repair is believed when it is seen."""
    for line, event in both(index, source):
        document_id = next(each.document_id for each in (line, event) if each is not None)
        if document_id not in touched or (event is not None and event.seq > level):
            continue
        wanted = None if event is None else source.project(event, vectors=vectors)
        if line is None or not isinstance(wanted, IndexedDocument) or not _agrees(line, wanted):
            return False
    return True
