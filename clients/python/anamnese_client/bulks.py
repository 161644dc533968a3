"""Imports of many documents: ZIP archives and files of FHIR NDJSON that a hospital's system sends, and what becomes of
each file or line."""

from __future__ import annotations

import base64
import json
import tempfile
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from anamnese_client.model import Model
from anamnese_client.records import ReadingRefusal
from anamnese_client.wire import Wire

INS = "urn:oid:1.2.250.1.213.1.4.8"
"""The system of an INS made of a NIR."""
MOST_BYTES = 48 * 1024 * 1024
MOST_LINES = 20_000
"""Of a file; the service takes no more lines, and no more bytes than its settings say."""
Whose = Callable[[Path], str]
"""The patient of a file, by its path under the folder: an INS, or "system|value"."""


class Bulk(Model):
    """How far an import is. `kept`: deposited and read; whose they are, or whether they are found, is not said. `total`
    is 1 for an archive until the service has looked through it."""

    bulk_id: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    total: int
    waiting: int
    reading: int
    kept: int
    refused: int
    url: str


class BulkLine(Model):
    """What became of a line, or of a file of an archive: waiting, reading, kept or refused. `name`: of an archive that
    was refused whole, its own."""

    number: int
    name: str
    state: str
    refusal: ReadingRefusal | None


class BulkReport(Model):
    """The lines in order. `next` continues the list."""

    bulk_id: str
    lines: tuple[BulkLine, ...]
    next: int | None


class Bulks:
    """For a system with its own token, and the administrator: each sees the imports that they sent."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def send(self, *files: Path, organization: str = "", key: str = "") -> Bulk:
        """Send a file of FHIR NDJSON, or several as one (those of a `$export`, whose lines refer to each other).

        It is stored durably when this returns, and imported afterwards (`follow`). `key` makes it one import however
        often it is sent; one is made when none is given.
        """
        with tempfile.TemporaryFile() as whole:
            for each in files:
                for line in _lines_of(each):
                    whole.write(line)
            return self._sent(whole, files[0].name, organization, key or str(uuid.uuid4()))

    def send_archive(self, archive: Path, *, organization: str = "", key: str = "") -> Bulk:
        """Send a ZIP archive of documents, and of NDJSON files. Each document goes to the patient whose INS names a
        folder on its way, else to the one that it names itself. The archive may be larger than one upload.

        It is stored durably when this returns, and imported afterwards (`follow`). A damaged archive is refused whole,
        in the report.
        """
        with archive.open("rb") as content:
            return self._sent(content, archive.name, organization, key or str(uuid.uuid4()))

    def send_folder(
        self, folder: Path, whose: Whose = lambda path: path.parts[0], *, organization: str = "", most: int = MOST_BYTES
    ) -> Iterator[Bulk]:
        """Send the documents of a folder, without hidden files and links, in as many imports as they need of at most
        `most` bytes; one larger document goes alone. `whose`: by default the folder's first folders are named by INS.

        Sent again, nothing is doubled: the same bytes of the same patient are one document.
        """
        with tempfile.TemporaryFile() as batch:
            count = 0
            for line in folder_lines(folder, whose):
                if count and (batch.tell() + len(line) > most or count == MOST_LINES):
                    yield self._sent(batch, f"{folder.name}.ndjson", organization, str(uuid.uuid4()))
                    batch.seek(0)
                    batch.truncate()
                    count = 0
                batch.write(line)
                count += 1
            if count:
                yield self._sent(batch, f"{folder.name}.ndjson", organization, str(uuid.uuid4()))

    def _sent(self, content: BinaryIO, name: str, organization: str, key: str) -> Bulk:
        def made() -> Mapping[str, Any]:
            content.seek(0)
            data = {"organization": organization} if organization else {}
            return {"data": data, "files": {"file": (name, content)}}

        answer = self._wire.ask("POST", "/v1/bulks", headers={"Idempotency-Key": key}, again=True, made=made)
        content.seek(0, 2)
        return Bulk.model_validate_json(answer.content)

    def state(self, bulk_id: str) -> Bulk:
        """How far it is."""
        answer = self._wire.ask("GET", f"/v1/bulks/{quote(bulk_id, safe='')}", again=True)
        return Bulk.model_validate_json(answer.content)

    def report(self, bulk_id: str) -> Iterator[BulkLine]:
        """What became of each line, with the reason of a refusal, page after page."""
        after: int | None = None
        while True:
            asked = {"after": after, "limit": 1000}
            answer = self._wire.ask("GET", f"/v1/bulks/{quote(bulk_id, safe='')}/report", params=asked, again=True)
            page = BulkReport.model_validate_json(answer.content)
            yield from page.lines
            if page.next is None:
                return
            after = page.next

    def pause(self, bulk_id: str) -> Bulk:
        """Stop after the line or file in hand. `Conflict` when it is not running."""
        return Bulk.model_validate_json(self._wire.ask("POST", f"/v1/bulks/{quote(bulk_id, safe='')}/pause").content)

    def resume(self, bulk_id: str) -> Bulk:
        """Go on. `Conflict` when it is done: what was refused is sent again, corrected, in another file."""
        return Bulk.model_validate_json(self._wire.ask("POST", f"/v1/bulks/{quote(bulk_id, safe='')}/resume").content)

    def follow(self, bulk_id: str, *, every: float = 2.0, within: float = 24 * 3600.0) -> Iterator[Bulk]:
        """The import each time that its figures are others, until each line is kept or refused. TimeoutError after
        `within` seconds."""
        until, before = time.monotonic() + within, None
        while True:
            now = self.state(bulk_id)
            if now != before:
                before = now
                yield now
            if now.state == "done" and not now.reading:
                return
            if time.monotonic() > until:
                raise TimeoutError(f"still {now.waiting + now.reading} lines after {within:.0f} s")
            time.sleep(every)


def folder_lines(folder: Path, whose: Whose) -> Iterator[bytes]:
    """A DocumentReference with its bytes for each file, by path."""
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not path.is_symlink() and not any(part.startswith(".") for part in inside.parts):
            yield document_line(path.read_bytes(), whose(inside), title=path.stem)


def document_line(data: bytes, patient: str, *, title: str = "", type_code: str = "") -> bytes:
    """A line of NDJSON: a document and whose it is, by INS or "system|value". `type_code`: LOINC."""
    system, _, value = patient.rpartition("|")
    attachment = {"contentType": "application/octet-stream", "data": base64.b64encode(data).decode(), "title": title}
    kind = {"coding": [{"system": "http://loinc.org", "code": type_code}]}
    resource = {
        "resourceType": "DocumentReference",
        "status": "current",
        **({"type": kind} if type_code else {}),
        "subject": {"identifier": {"system": system or INS, "value": value}},
        "content": [{"attachment": {name: one for name, one in attachment.items() if one}}],
    }
    return json.dumps(resource, ensure_ascii=False).encode() + b"\n"


def _lines_of(file: Path) -> Iterable[bytes]:
    """The bytes of a file, ended by a line's end, so that another may follow."""
    last = b"\n"
    with file.open("rb") as stream:
        while chunk := stream.read(1024 * 1024):
            yield chunk
            last = chunk[-1:]
    if last != b"\n":
        yield b"\n"
