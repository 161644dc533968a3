"""The embedded engine: one encrypted SQLite file a generation, exact integers by numpy. See `index/port.py`.

Postings and vectors are kept by document inside a patient's own range. Nothing here depends on documents outside the
Scope: its filter bounds each statement, and the weights come with the question.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Lock

from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from access.scope import Scope
from index.embedded_file import EncryptedFile
from index.embedded_match import admitted, match
from index.embedded_rows import bury, forget, held, store
from index.generations import refuse_retiring, refuse_unknown
from index.port import Candidates, Filters, Generation, IndexedDocument, InventoryLine, Question, Removal
from records.disk import on_disk
from records.home import make_private_directory, sync_directory

FORMS_KEPT = 16
"""Vocabularies kept decoded, the last used ones: 20,000 forms of a large record take about 2 MB."""
_SUFFIX = ".index"
_POINTER = "serving"


class EmbeddedIndex:
    """One generation, open. Thread-safe; several processes may read and write the same file."""

    def __init__(self, generation: Generation, file: EncryptedFile) -> None:
        self._generation = generation
        self._file = file
        self._forms: OrderedDict[tuple[tuple[int, ...], tuple[str, ...]], frozenset[str]] = OrderedDict()
        self._lock = Lock()

    @property
    def generation(self) -> Generation:
        return self._generation

    def put(self, documents: Sequence[IndexedDocument]) -> None:
        """See the port. One transaction: all of them or none."""
        with self._file.write() as connection:
            for document in documents:
                before = held(connection, document.document_id)
                if before and (before.fence > document.fence or (before.removed and before.fence == document.fence)):
                    continue
                forget(connection, before)
                store(connection, document)

    def remove(self, removals: Sequence[Removal]) -> None:
        """See the port. A row stays as the tombstone: id and fence, no content."""
        with self._file.write() as connection:
            for gone in removals:
                before = held(connection, gone.document_id)
                if before and before.fence > gone.fence:
                    continue
                forget(connection, before)
                bury(connection, gone.patient_id, gone.document_id, gone.fence)

    def match(self, scope: Scope, question: Question) -> Candidates:
        """See the port. Both arms see the same moment."""
        if scope.is_empty:
            return Candidates((), (), 0)
        with self._file.read() as connection:
            return match(connection, scope, question)

    def match_each(self, questions: Sequence[tuple[Scope, Question]]) -> list[Candidates]:
        """See the port. Nothing is gained by asking together: no network lies between."""
        return [self.match(scope, question) for scope, question in questions]

    def forms_each(self, scopes: Sequence[Scope]) -> list[frozenset[str]]:
        """See the port."""
        return [self.forms(scope) for scope in scopes]

    def forms(self, scope: Scope) -> frozenset[str]:
        """See the port. Decoded vocabularies are kept by the exact documents (and contents) that they come from."""
        if scope.is_empty:
            return frozenset()
        with self._file.read() as connection:
            inside = admitted(connection, scope, Filters())
            key = (inside.numbers, inside.digests)
            with self._lock:
                if key in self._forms:
                    self._forms.move_to_end(key)
                    return self._forms[key]
            found: set[str] = set()
            for number in inside.numbers:
                forms = connection.execute("SELECT forms FROM contents WHERE number = ?", (number,)).get
                found.update(forms.split("\n"))
        found.discard("")
        with self._lock:
            self._forms[key] = frozenset(found)
            while len(self._forms) > FORMS_KEPT:
                self._forms.popitem(last=False)
            return self._forms[key]

    def inventory_without_scope(self) -> Iterator[InventoryLine]:
        """See the port. Read in one go, so that no transaction stays open between two lines."""
        with self._file.read() as connection:
            rows = list(
                connection.execute(
                    "SELECT patient, document_id, fence, passages, digest FROM documents WHERE removed = 0"
                    " ORDER BY document_id"
                )
            )
        for patient, document, fence, passages, digest in rows:
            yield InventoryLine(PatientId(patient), DocumentId(document), fence, passages, digest)

    def close(self) -> None:
        """Close the idle connections and forget the kept vocabularies."""
        self._file.close()
        with self._lock:
            self._forms.clear()


class EmbeddedGenerations:
    """The generations of one folder: a file each, and a pointer file that names the one that serves."""

    def __init__(self, folder: Path, key: bytes) -> None:
        self._folder = folder
        self._key = key
        self._open: dict[Generation, EmbeddedIndex] = {}
        self._lock = Lock()
        make_private_directory(folder)

    def names(self) -> Sequence[Generation]:
        """See the port. In order of name."""
        found = (Generation.parse(path.stem) for path in self._folder.glob(f"*{_SUFFIX}"))
        return sorted((g for g in found if g is not None), key=lambda g: g.name)

    def serving(self) -> Generation | None:
        """See the port. None when its file is gone: an empty one in its place would answer that there is nothing."""
        try:
            named = Generation.parse((self._folder / _POINTER).read_text().strip())
        except FileNotFoundError:
            return None
        return named if named is not None and self._path(named).exists() else None

    def open(self, generation: Generation) -> EmbeddedIndex:
        """See the port. The same object each time in one process, so that its connections are shared."""
        with self._lock:
            index = self._open.get(generation)
            if index is None or not self._path(generation).exists():
                file = EncryptedFile(self._path(generation), self._key)
                index = self._open[generation] = EmbeddedIndex(generation, file)
                with file.read():  # creates the file and its schema, and proves the key, before anyone relies on it
                    pass
            return index

    def serve(self, generation: Generation) -> None:
        """See the port. The pointer is replaced by one rename."""
        if not self._path(generation).exists():
            refuse_unknown()
        pending = self._folder / f".{_POINTER}.{os.getpid()}"
        with on_disk():
            with pending.open("w") as file:
                file.write(generation.name)
                file.flush()
                os.fsync(file.fileno())
            pending.replace(self._folder / _POINTER)
            sync_directory(self._folder)

    def retire(self, generation: Generation) -> None:
        """See the port."""
        if self.serving() == generation:
            refuse_retiring()
        with self._lock:
            index = self._open.pop(generation, None)
        if index is not None:
            index.close()
        for suffix in ("", "-wal", "-shm"):
            path = self._path(generation)
            path.with_name(path.name + suffix).unlink(missing_ok=True)

    def ping(self) -> None:
        """See the port: reads one row of the serving generation, so that a wrong key or a damaged file shows."""
        if not self._folder.is_dir() or not os.access(self._folder, os.R_OK | os.W_OK):
            raise Refusal(
                "index",
                "index-unavailable",
                "Le dossier de l'index n'est pas accessible.",
                "Vérifiez que le dossier de données existe et que le service peut y écrire.",
            )
        serving = self.serving()
        if serving is not None and self._path(serving).exists():
            next(self.open(serving).inventory_without_scope(), None)

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            opened, self._open = list(self._open.values()), {}
        for index in opened:
            index.close()

    def _path(self, generation: Generation) -> Path:
        return self._folder / f"{generation.name}{_SUFFIX}"
