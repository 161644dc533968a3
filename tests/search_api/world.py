"""A real home with a few people and documents, and clients that speak to the real application over ASGI."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy import event
from starlette.testclient import TestClient

from access.document_types import category_of
from access.identifiers import DocumentId, Ins, PatientId, Rpps, ins_key
from index.embedded import EmbeddedGenerations
from index.embedders.none import NoEmbedder
from index.embedders.port import Embedder
from index.generations import needed
from index.port import Generations
from index.projector import Projector
from ingest.receive import receive
from ingest.workbench import Workbench
from ingest.worker import drain
from ocr.null import NullOcr
from records import documents, grants, outbox, patients, practitioners
from records.blobs import Blobs
from records.content import Metadata
from records.database import Records
from records.keys import KeyStore
from records.patients import Identity
from records.postgres import Server
from records.practitioners import Practitioner
from records.shelf import Place, shelf_of
from records.spool import Spool
from search_api.app import create_app
from search_api.services import Services, ServingIndex
from search_api.tokens import issue_token

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


def ins_of(thirteen: str) -> Ins:
    return Ins(f"{thirteen}{ins_key(thirteen):02d}")


@dataclass
class Clock:
    """A clock that tests move."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass
class World:
    """An open home and what stands in it."""

    home: Path
    services: Services
    generations: Generations
    bench: Workbench
    clock: Clock
    app: FastAPI
    http: TestClient
    patients: dict[str, PatientId] = field(default_factory=dict)
    documents: dict[str, DocumentId] = field(default_factory=dict)
    grants: dict[str, str] = field(default_factory=dict)

    def bearer(self, rpps: str | None = None, **claims: Any) -> dict[str, str]:
        token = issue_token(self.services, rpps=rpps, lifetime=DAY, now=self.clock.now, **claims)
        return {"Authorization": f"Bearer {token}"}

    def as_patient(self, name: str) -> dict[str, str]:
        return self.bearer(patient_id=self.patients[name])

    def url(self, patient: str, rest: str = "") -> str:
        return f"/v1/patients/{self.patients.get(patient, patient)}{rest}"

    def search(self, query: str, headers: dict[str, str], patient: str = "marie", **body: Any) -> Any:
        return self.http.post(self.url(patient, "/search"), json={"query": query, **body}, headers=headers)

    def add_patient(self, name: str, identity: Identity) -> PatientId:
        with self.services.records.write() as tx:
            self.patients[name] = patients.create_patient(tx, identity, self.clock.now)
        return self.patients[name]

    def add_practitioner(self, rpps: str, **more: Any) -> None:
        with self.services.records.write() as tx:
            profession = {"profession": "médecin", "specialty": "Médecine générale"} | more
            practitioners.put_practitioner(tx, Practitioner(Rpps(rpps), f"Dr {rpps}", **profession))

    def grant(self, name: str, patient: str, rpps: str, **more: Any) -> None:
        values: dict[str, Any] = {
            "grantee_kind": "practitioner",
            "kind": "consent",
            "categories": None,
            "valid_from": self.clock.now - 30 * DAY,
            "valid_until": None,
        }
        with self.services.records.write() as tx:
            added = grants.add_grant(
                tx,
                patient_id=self.patients[patient],
                grantee=rpps,
                recorded_by="test",
                now=self.clock.now,
                **(values | more),
            )
        self.grants[name] = added.grant_id

    def revoke(self, name: str, patient: str) -> None:
        with self.services.records.write() as tx:
            assert grants.revoke_grant(tx, self.grants[name], self.patients[patient], self.clock.now, "test")

    def deposit(self, name: str, patient: str, text: str, *, by: str = "test") -> DocumentId:
        """A text document through the real pipeline, up to the outbox."""
        self.documents[name] = self.give(f"{name}.txt", patient, text.encode(), by=by)
        return self.documents[name]

    def give(
        self, file_name: str, patient: str, data: bytes, *, by: str = "test", origin: str = "upload", limit: int = 10**6
    ) -> DocumentId:
        """A file of any kind, received and not read."""
        return receive(
            io.BytesIO(data),
            patient_id=self.patients[patient],
            file_name=file_name,
            origin=origin,
            deposited_by=by,
            deposited_for="",
            blobs=self.services.blobs,
            records=self.services.records,
            now=self.clock.now,
            limit=limit,
        ).document_id

    def describe(self, name: str, type_code: str, day: date, title: str) -> None:
        """Give a read document a type, a date and a title, as a CDA header would."""
        document_id = self.documents[name]
        with self.services.records.write() as tx:
            metadata = Metadata(type_code=type_code, event_date=day, title=title, author="Dr Auteur")
            documents.set_metadata(tx, document_id, metadata, category_of(type_code))
            fence = documents.next_fence(tx, document_id)
            document = documents.document_without_scope(tx, document_id)
            assert document is not None
            outbox.append(tx, document.patient_id, document_id, "put", fence)

    def hide(self, name: str, **columns: bool) -> None:
        """Mask a document, or hide it from its patient, as its row says it: without an act's spreading and journal."""
        from sqlalchemy import update

        from records import tables

        with self.services.records.write() as tx:
            tx.session.execute(
                update(tables.Document).where(tables.Document.document_id == self.documents[name]).values(**columns)
            )

    def work(self) -> None:
        drain(self.bench)

    def states(self) -> dict[str, documents.DocumentState]:
        """How far each document deposited here is."""
        with self.services.records.read() as tx:
            found = {name: documents.document_without_scope(tx, one) for name, one in self.documents.items()}
        return {name: one.state for name, one in found.items() if one is not None}

    def close(self) -> None:
        if isinstance(self.generations, EmbeddedGenerations):
            self.generations.close()
        self.services.records.close()
        self.services.keys.close()


@contextmanager
def before_statements(world: World, hear: Callable[..., None]) -> Iterator[None]:
    """`hear` is called before each statement to the records and to the keys (SQLAlchemy: before_cursor_execute)."""
    engines = [world.services.records._engine, world.services.keys.store().engine]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", hear)
    try:
        yield
    finally:
        for engine in engines:
            event.remove(engine, "before_cursor_execute", hear)


def open_world(
    home: Path,
    embedder: Embedder | None = None,
    engine: Generations | None = None,
    server: Server | None = None,
    place: Place | None = None,
) -> World:
    """A home with the embedded engine, or another, serving. `server`: where its records are, in its file otherwise;
    `place`: where its blobs are, in a folder otherwise."""
    clock = Clock()
    keys = KeyStore.open(home)
    records = Records.open(home / "records.db", keys, server=server)
    blobs = Blobs(home / "blobs", keys, shelf=shelf_of(home / "blobs", place))
    generations = engine or EmbeddedGenerations(home / "index", keys.service_key("index"))
    model = embedder or NoEmbedder()
    projector = Projector(records, blobs, generations, model, "anamnese")
    bench = Workbench(records, blobs, projector, model, NullOcr(), bulk_limit=2_000_000, clock=clock)
    spool = Spool(home / "journal.spool", lambda: keys.service_key("journal"))
    spool.hold()
    services = Services(
        records=records,
        blobs=blobs,
        keys=keys,
        index=ServingIndex(generations, lambda: needed(model)),
        embedder=model,
        ocr_name=lambda: "",
        clock=clock,
        upload_limit=200_000,
        bulk_limit=2_000_000,
        threads=8,
        spool=spool,
    )
    app = create_app(services)
    return World(home, services, generations, bench, clock, app, TestClient(app, raise_server_exceptions=False))
