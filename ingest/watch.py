"""Unattended intake: what lands in a folder is deposited, followed to its final state, and only then moved away.

The folder is the only memory. A file stays where it landed until its document is searchable or refused, so a process
killed anywhere finds it again; the same bytes of the same patient are the same document, so nothing is doubled.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal, let_go
from ingest.batch import FINAL, Deposit, Outcome, readable
from ingest.landing import DONE, REFUSED, Landed, Landing, Whole, note_of, opened, write_note
from ingest.receive import Receipt, receive
from ingest.steps import AWAY
from ingest.workbench import Workbench
from records import documents, jobs
from records.documents import DocumentState

log = logging.getLogger("anamnese.watch")
MOST = 500  # files deposited and not final: what a restart reads again at most
LATER = AWAY | {"still-written"}
"""Refusals that are not the file's fault: it stays where it is."""

Resolve = Callable[[str], PatientId]
"""The patient of a folder's name; a Refusal when there is none."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """A landed file whose bytes are stored."""

    landed: Landed
    document_id: DocumentId
    duplicate: bool


class Watch:
    """One watched folder and the home that it feeds. For one thread."""

    def __init__(self, landing: Landing, bench: Workbench, resolve: Resolve, *, whole: PatientId | None, keep: bool):
        """`whole`: the patient of everything in the folder; None when its subfolders are named by patients.
        `keep`: whether what is searchable stays in DONE, or is deleted from there."""
        self._landing, self._bench, self._resolve = landing, bench, resolve
        self._whole, self._keep = whole, keep
        self._taken: dict[Path, _Taken] = {}

    @property
    def idle(self) -> bool:
        """Whether no document is on its way."""
        return not self._taken

    @property
    def settle(self) -> float:
        """Seconds without a change after which a file is taken."""
        return self._landing.settle

    def round(self, wake: Callable[[], None]) -> tuple[list[Outcome], int]:
        """One look: move what is final, deposit what is complete. Returns what was moved, and how many files remain.

        Raises OSError when the folder is away.
        """
        moved = self._follow()
        ready, unsettled = self._landing.look()
        doors = {name: self._door(name) for name in sorted({self._folder(landed) for landed in ready})}
        refused: list[Outcome] = []
        for landed in ready:
            if landed.path in self._taken or len(self._taken) >= MOST:
                continue
            door = doors[self._folder(landed)]
            if not isinstance(door, Refusal):
                refused += self._take(landed, door)
            elif self._folder(landed) == "":
                refused += self._refuse(landed, door)
        if self._taken:
            wake()
        return moved + refused, unsettled + len(ready) - len(refused)

    def _folder(self, landed: Landed) -> str:
        """The patient's folder; empty for a file beside those folders."""
        return landed.inside.parts[0] if self._whole is None and len(landed.inside.parts) > 1 else ""

    def _door(self, folder: str) -> PatientId | Refusal:
        """Whose folder it is. A folder that is nobody's gets a note, and its files stay where they are."""
        if self._whole is not None:
            return self._whole
        if not folder:
            return _no_folder()
        noted = self._landing.root / REFUSED / folder
        try:
            patient = self._resolve(folder)
        except Refusal as refusal:
            if refusal.code not in AWAY:
                write_note(noted, f"Dossier : {readable(Path(folder))}\n{_said(refusal)}{_STAYS}")
            return refusal
        note_of(noted).unlink(missing_ok=True)
        return patient

    def _take(self, landed: Landed, patient_id: PatientId) -> Iterator[Outcome]:
        """Deposit a file; gives an outcome only when it is refused at the door."""
        try:
            receipt = self._receive(landed, patient_id)
        except Refusal as refusal:
            if refusal.code in LATER:
                log.info("a file waits: %s", refusal.code)
                return
            yield from self._refuse(landed, refusal)
            return
        finally:
            let_go()
        if receipt.duplicate:
            self._retry(receipt.document_id)
        self._taken[landed.path] = _Taken(landed, receipt.document_id, receipt.duplicate)

    def _receive(self, landed: Landed, patient_id: PatientId) -> Receipt:
        descriptor = opened(landed)
        try:
            return receive(
                Whole(descriptor, landed),
                patient_id=patient_id,
                file_name=landed.path.name,
                origin="upload",
                deposited_by="watch",
                deposited_for="",
                blobs=self._bench.blobs,
                records=self._bench.records,
                now=self._bench.clock(),
                limit=self._bench.limits.bytes,
                priority=jobs.BULK,
            )
        finally:
            os.close(descriptor)

    def _retry(self, document_id: DocumentId) -> None:
        """A refused document that is deposited again is read again."""
        with self._bench.records.write() as tx:
            if documents.states_without_scope(tx, [document_id]).get(document_id) is DocumentState.REFUSED:
                jobs.retry_failed(tx, [document_id], self._bench.clock())

    def _follow(self) -> list[Outcome]:
        """Move the files whose documents have a final state."""
        with self._bench.records.read() as tx:
            states = documents.states_without_scope(tx, {taken.document_id for taken in self._taken.values()})
            final = [taken for taken in self._taken.values() if states.get(taken.document_id) in FINAL]
            found = {t.document_id: documents.document_without_scope(tx, t.document_id) for t in final}
        moved = []
        for taken in final:
            deposit = Deposit(taken.landed.path, taken.document_id, taken.duplicate)
            outcome = Outcome(deposit, found[taken.document_id])
            if self._move(taken.landed, outcome):
                moved.append(outcome)
            del self._taken[taken.landed.path]
        return moved

    def _refuse(self, landed: Landed, refusal: Refusal) -> Iterator[Outcome]:
        outcome = Outcome(Deposit(landed.path, None, refusal=refusal), None)
        if self._move(landed, outcome):
            yield outcome

    def _move(self, landed: Landed, outcome: Outcome) -> bool:
        """Where a file ends. False when it stays: another version came, or the folder cannot be written now."""
        try:
            if not outcome.searchable:
                return self._landing.move(landed, REFUSED, note(landed, outcome, self._bench.clock()))
            if self._keep:
                return self._landing.move(landed, DONE)
            return self._landing.delete(landed)
        except OSError as error:
            log.error("a file cannot be moved: %s", type(error).__name__)
            return False


def note(landed: Landed, outcome: Outcome, now: datetime) -> str:
    """What the people of the scanner read beside a refused file. Nothing of what the document says."""
    refusal = outcome.refusal or Refusal("store", "unknown", "Le document n'est pas cherchable.", "Redéposez-le.")
    lines = [
        f"Fichier : {readable(Path(landed.path.name)).translate(_ONE_LINE)}",
        f"Date : {now:%Y-%m-%d %H:%M} UTC",
        *([f"Document : {outcome.document.document_id}"] if outcome.document else []),
    ]
    return "\n".join(lines) + "\n" + _said(refusal) + _AGAIN


_ONE_LINE = dict.fromkeys((*range(32), 127), "?")
_STAYS = "Les fichiers de ce dossier restent où ils sont ; ils seront pris dès que le dossier sera corrigé.\n"
_AGAIN = "Ce fichier n'est pas cherchable. Une fois corrigé, redéposez-le dans le dossier du patient.\n"


def _said(refusal: Refusal) -> str:
    return f"Étape : {refusal.stage}\nRaison : {refusal.message} ({refusal.code})\nQue faire : {refusal.remedy}\n"


def _no_folder() -> Refusal:
    return Refusal(
        "identity",
        "no-patient-folder",
        "Ce fichier n'est dans le dossier d'aucun patient.",
        "Déposez-le dans un sous-dossier nommé par l'INS du patient.",
    )
