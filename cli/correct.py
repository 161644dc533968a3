"""`correct`: the text of a page that the machine read badly, typed by a person, for the administration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from access.acts import Act
from access.identifiers import DocumentId, is_opaque_id
from access.refusal import Refusal
from cli.acting import ADMINISTRATION, Json, Patient, entry, told
from cli.compose import Home, open_home, resolve_patient
from cli.settings import load_settings
from ingest.correct import LONGEST, corrected, page_of, store
from ingest.worker import project
from records import corrections, documents, journal, readings
from records.corrections import PageCorrection
from records.documents import DocumentState
from search_api.documents import NO_SUCH_DOCUMENT, NOT_FINISHED


def register(app: typer.Typer) -> None:
    app.command()(correct)


def correct(
    patient: Patient,
    document: Annotated[str, typer.Option("--document", help="Identifiant du document.")],
    page: Annotated[int, typer.Option("--page", min=1, help="Page, à partir de 1.")],
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Le texte juste de cette page, en UTF-8.")],
    json: Json = False,
) -> None:
    """Corriger le texte d'une page ; l'ancien est gardé, la page est cherchable sous le nouveau."""
    text = file.read_text(encoding="utf-8")
    if len(text) > LONGEST:
        raise Refusal("act", "too-large", "Ce texte est trop long pour une page.", "Corrigez page par page.")
    with open_home(load_settings()) as home:
        version = _correct(home, patient, document, page, text)
        home.wake()
        if home.settings.profile == "single":
            project(home.bench)
    told(json, f"Page {page} corrigée (version {version}).", document_id=document, page=page, version=version)


def _correct(home: Home, patient: str, name: str, number: int, text: str) -> int:
    patient_id, now, services = resolve_patient(home, patient), home.clock(), home.services
    document_id = DocumentId(name if is_opaque_id(name) else "a" * 26)
    with services.records.read() as tx:
        document = documents.document_without_scope(tx, document_id)
        reading = readings.reading_without_scope(services.blobs, tx, document_id)
        version = corrections.versions_without_scope(tx, document_id, number) + 1
    if document is None or document.patient_id != patient_id:
        raise NO_SUCH_DOCUMENT
    if document.state is not DocumentState.SEARCHABLE or reading is None:
        raise NOT_FINISHED
    before = page_of(reading, number).text
    new = corrected(reading, number, text, ADMINISTRATION, services.embedder)
    made = PageCorrection(number, version, ADMINISTRATION, now, ADMINISTRATION, before, page_of(new, number).text)
    with services.records.write() as tx:
        journal.append(tx, entry(home, patient_id, Act.CORRECT, f"{document_id} page {number}", now))
        store(tx, services.blobs, document, new, made)
    return version
