"""Records against index: by document, fence and digest. Records are right; the index is made to agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from access.identifiers import DocumentId
from index.digest import digest_of
from index.port import Index, IndexedDocument, InventoryLine, Removal
from index.projection import Broken, Source
from records import documents
from records.documents import DocumentState
from records.outbox import Event


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What differed, and whether it still does. `broken`: documents whose stored reading cannot be read any more."""

    generation: str
    documents: int
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


def compare(index: Index, source: Source, *, vectors: bool, repair: bool) -> VerifyReport:
    """Compare every document. `vectors`: whether the generation holds this embedder's. Repairs one by one."""
    held = {line.document_id: line for line in index.inventory_without_scope()}
    expected = _expected(source)
    missing: list[DocumentId] = []
    different: list[DocumentId] = []
    broken: list[DocumentId] = []
    for document_id, event in expected.items():
        wanted = source.project(event, vectors=vectors)
        if isinstance(wanted, Broken):
            broken.append(document_id)
        if not isinstance(wanted, IndexedDocument):
            continue
        line = held.get(document_id)
        if line is not None and _agrees(line, wanted):
            continue
        (missing if line is None else different).append(document_id)
        if repair:
            _replace(index, line, wanted)
    extra = [line for document_id, line in held.items() if document_id not in expected]
    if repair and extra:
        index.remove([Removal(line.patient_id, line.document_id, line.fence) for line in extra])
    repaired = repair and _is_level(index, source, expected, different + missing, vectors)
    ids = tuple(line.document_id for line in extra)
    found = (tuple(missing), tuple(different), ids, tuple(broken))
    return VerifyReport(index.generation.name, len(expected), *found, repaired)


def _expected(source: Source) -> dict[DocumentId, Event]:
    """The last put of every document that records call searchable, in order of id."""
    puts = {d: event for d, event in sorted(source.last_events().items()) if event.operation == "put"}
    with source.records.read() as tx:
        states = documents.states_without_scope(tx, puts.keys())
    return {d: event for d, event in puts.items() if states.get(d) is DocumentState.SEARCHABLE}


def _agrees(line: InventoryLine, wanted: IndexedDocument) -> bool:
    return (line.patient_id, line.digest, line.fence) == (wanted.patient_id, digest_of(wanted), wanted.fence)


def _replace(index: Index, line: InventoryLine | None, wanted: IndexedDocument) -> None:
    """Put what records hold. Over a higher fence (records restored from an older copy) only a reindex helps."""
    if line is not None and line.fence > wanted.fence:
        return
    index.put([wanted])


def _is_level(
    index: Index, source: Source, expected: dict[DocumentId, Event], touched: list[DocumentId], vectors: bool
) -> bool:
    """Read again what was repaired: a repair is believed when it is seen."""
    held = {line.document_id: line for line in index.inventory_without_scope()}
    if any(document_id not in expected for document_id in held):
        return False
    for document_id in touched:
        wanted = source.project(expected[document_id], vectors=vectors)
        line = held.get(document_id)
        if not isinstance(wanted, IndexedDocument) or line is None or not _agrees(line, wanted):
            return False
    return True
