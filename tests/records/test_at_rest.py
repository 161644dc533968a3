"""At rest: no file of a home holds a word of a patient, while it is open and after, in any encoding."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from access.categories import Category
from access.refusal import Refusal
from records import document_pages, documents, grants, jobs, journal, patients, readings
from records.content import Metadata, Page, Passage, Reading
from records.documents import DocumentState
from tests.records.building import DOCTOR, NOW, Home, identity, opened
from tests.records.test_journal import entry

# Words that no library, table name or key holds by chance; each stands in another column or blob.
PLANTED = {
    "family": "Quatrefoilzy",
    "given": "Wenceslavia",
    "title": "Compte-rendu-Xylandre",
    "author": "Docteur-Byzantrofe",
    "organization": "Clinique-Vermozane",
    "file": "bilan-Kryptogene.pdf",
    "unique": "1.2.250.99.Uniqorade",
    "set": "1.2.250.99.Setorade",
    "text": "allergie-Zyxomycine",
    "query": "recherche-Plazmodine",
    "detail": "motif-Ouragandre",
    "refusal": "phrase-Mirlitogre",
    "evidence": "indice-Fulgurine",
    "upload": "contenu-Brontozaure",
    "page": "brouillon-Glyphozate",
    "grantee": "equipe-Dodecafolle",
}


def fill(home: Home) -> None:
    who = identity(1).__class__(
        identity(1).ins, "validated", PLANTED["family"], PLANTED["given"], NOW.date(), "F", "75056"
    )
    with home.records.write() as tx:
        patient_id = patients.create_patient(tx, who, NOW)
        for number in range(2):
            with home.blobs.create(patient_id, "upload") as writer:
                writer.write(f"{PLANTED['upload']} {number} ".encode() * 5000)
                upload = writer.commit()
            made = documents.new_document(
                tx,
                patient_id=patient_id,
                upload=upload,
                content_hash=writer.content_hash,
                size=writer.size,
                media_type="text/plain",
                file_name=PLANTED["file"],
                origin="upload",
                deposited_by=DOCTOR.id,
                deposited_for="",
                now=NOW,
            )
            jobs.enqueue(tx, made.document_id, patient_id, NOW)
        job = jobs.claim(tx, "w", NOW, timedelta(minutes=1))
        refused = jobs.claim(tx, "w", NOW, timedelta(minutes=1))
        assert job is not None
        assert refused is not None
        refusal = Refusal("understand", "other-patient", PLANTED["refusal"], "remède")
        documents.set_state(
            tx, refused.document_id, DocumentState.QUARANTINED, refusal=refusal, evidence=PLANTED["evidence"]
        )
        documents.set_state(tx, job.document_id, DocumentState.READING)
        document = documents.document_without_scope(tx, job.document_id)
        assert document is not None
    text = PLANTED["text"]
    reading = Reading((Page(1, text),), passages=(Passage(0, 1, 0, len(text), text, PLANTED["title"]),), recipe="1")
    readings.save_reading(home.blobs, document, reading)
    readings.save_page_checkpoint(home.blobs, document, "1", Page(1, PLANTED["page"]))
    stated = Metadata(
        unique_id=PLANTED["unique"],
        set_id=PLANTED["set"],
        title=PLANTED["title"],
        author=PLANTED["author"],
        organization=PLANTED["organization"],
    )
    with home.records.write() as tx:
        documents.set_metadata(tx, job.document_id, stated, Category.REPORT)
        document_pages.set_pages(tx, job.document_id, 1, [])
        documents.set_state(tx, job.document_id, DocumentState.SEARCHABLE, now=NOW)
        grants.add_grant(
            tx,
            patient_id=patient_id,
            grantee_kind="team",
            grantee=PLANTED["grantee"],
            kind="consent",
            categories=None,
            valid_from=NOW,
            valid_until=None,
            recorded_by="x",
            now=NOW,
        )
        journal.append(tx, entry(patient_id, query=PLANTED["query"], detail=PLANTED["detail"]))
    with home.records.read() as tx:
        found = documents.document_without_scope(tx, job.document_id)
        assert found is not None
        assert found.title == PLANTED["title"]
        assert readings.reading_without_scope(home.blobs, tx, job.document_id) == reading


def shapes(word: str) -> Iterator[bytes]:
    """A word as it could stand in a file: several encodings, and base64 at each of its three alignments."""
    for encoded in (word.encode(), word.lower().encode(), word.encode("utf-16-le"), word.encode("utf-16-be")):
        yield encoded
        yield encoded.hex().encode()
        for shift in range(3):
            whole = base64.b64encode(b"\0" * shift + encoded)
            yield whole[4 if shift else 0 : -4]


def leaks(home: Path) -> list[tuple[str, str]]:
    found = []
    for path in sorted(home.rglob("*")):
        if path.is_file():
            content = path.read_bytes() + path.name.encode()
            found += [(path.name, name) for name, word in PLANTED.items() if any(s in content for s in shapes(word))]
    return found


def test_no_file_holds_a_planted_word_while_open_or_closed(tmp_path: Path) -> None:
    with opened(tmp_path / "home") as home, contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(home.records.read())
        fill(home)
        names = {path.name for path in home.path.rglob("*")}
        assert {"records.db", "records.db-wal", "records.db-shm", "keys-1.db"} <= names
        assert len([path for path in (home.path / "blobs").rglob("*") if path.is_file()]) == 4
        assert leaks(home.path) == []
    assert leaks(tmp_path / "home") == []


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_the_search_finds_what_would_be_there(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "plain").write_bytes(b"\1\2" + PLANTED["query"].encode(encoding))
    (tmp_path / "coded").write_bytes(base64.b64encode(b"xy" + PLANTED["text"].encode(encoding) + b"z"))
    (tmp_path / PLANTED["file"]).touch()
    assert set(leaks(tmp_path)) == {("plain", "query"), ("coded", "text"), (PLANTED["file"], "file")}


def test_sealed_words_stay_sealed_from_whoever_opens_the_database_alone(home: Home) -> None:
    """Even with the records' key, nothing a person wrote stands in clear: it takes the patient's key too."""
    from sqlalchemy import inspect, text

    fill(home)
    public = {"grantee"}
    with home.records.read() as tx:
        tables = inspect(tx.session.connection()).get_table_names()
        everything = b""
        for table in tables:
            for row in tx.session.execute(text(f'SELECT * FROM "{table}"')):
                everything += b" ".join(v if isinstance(v, bytes) else str(v).encode() for v in row)
    assert len(tables) > 10
    in_clear = {name for name, word in PLANTED.items() if any(shape in everything for shape in shapes(word))}
    assert in_clear == public
