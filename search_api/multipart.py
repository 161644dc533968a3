"""The file part of a multipart request as a readable stream: pulled from the socket, never on disk in clear.

request ── chunks ──> python-multipart's parser ──> file bytes ──> read(n) of the receiver
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import anyio.from_thread
from fastapi import Request
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect

from access.refusal import Refusal
from search_api.desk import PROBLEM

PATIENCE = 30.0  # seconds without a byte before an upload is given up: a stalled sender must not hold a thread
LONGEST_FIELD = 500  # bytes
MOST_FIELDS = 10
OVERHEAD = 64 * 1024  # bytes of boundaries, headers and small fields beside the file

NOT_MULTIPART = Refusal(
    "receive", "not-multipart", "L'envoi n'est pas un formulaire multipart.", "Envoyez le fichier dans un champ `file`."
)
BAD_UPLOAD = Refusal(
    "receive", "bad-upload", "L'envoi est mal formé.", "Envoyez un seul fichier, dans un champ nommé `file`."
)
INTERRUPTED = Refusal("receive", "upload-interrupted", "L'envoi s'est interrompu.", "Recommencez l'envoi.")
TOO_LARGE = Refusal(
    "receive", "too-large", "Le fichier dépasse la taille permise.", "Divisez le document ou réduisez-le."
)


BUSY = Refusal("receive", "busy", "Trop d'envois en cours.", "Réessayez dans un instant.")
FORM_PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {**PROBLEM, "description": "envoi mal formé ou interrompu"},
    415: {**PROBLEM, "description": "pas un formulaire multipart"},
}
"""What every form may be answered with."""


def form(fields: dict[str, str], file: str = "") -> dict[str, Any]:
    """The request body in OpenAPI: `fields` before the file, by name with their description, and `file`'s own."""
    told = {"description": file} if file else {}
    properties = {name: {"type": "string", "description": text} for name, text in fields.items()}
    properties["file"] = {"type": "string", "format": "binary", **told}
    schema = {"type": "object", "required": ["file"], "properties": properties}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


@contextmanager
def place_in(slots: threading.BoundedSemaphore) -> Iterator[None]:
    """One of the uploads received at a time; Refusal "busy" when there are too many."""
    if not slots.acquire(blocking=False):
        raise BUSY
    try:
        yield
    finally:
        slots.release()


def chunks_of(request: Request) -> Callable[[], bytes]:
    """A function that waits for the request's next bytes from a worker thread; b"" at the end."""
    stream = request.stream().__aiter__()

    async def pull() -> bytes:
        try:
            with anyio.fail_after(PATIENCE):
                while True:
                    chunk = await anext(stream)
                    if chunk:
                        return chunk
        except StopAsyncIteration:
            return b""
        except (TimeoutError, ClientDisconnect):
            raise INTERRUPTED from None

    return lambda: anyio.from_thread.run(pull)


class FilePart(io.RawIOBase):
    """The bytes of the one part named `file`. `file_name`, and the `fields` sent before it, are known after `open()`.

    What comes after the file is read to its end and passed over.
    """

    def __init__(self, content_type: str, pull: Callable[[], bytes], limit: int) -> None:
        kind, options = parse_options_header(content_type)
        if kind != b"multipart/form-data" or not options.get(b"boundary"):
            raise NOT_MULTIPART
        self.file_name = ""
        self.fields: dict[str, str] = {}
        self._field: tuple[str, bytearray] | None = None
        self._pull = pull
        self._left = limit + OVERHEAD
        self._ready = bytearray()
        self._header: tuple[bytearray, bytearray] = (bytearray(), bytearray())
        self._in_file = self._seen = self._ended = False
        try:
            self._parser = MultipartParser(
                options[b"boundary"],
                {
                    "on_part_begin": self._part_begins,
                    "on_header_field": lambda data, start, end: self._header[0].extend(data[start:end]),
                    "on_header_value": lambda data, start, end: self._header[1].extend(data[start:end]),
                    "on_header_end": self._header_ends,
                    "on_part_data": self._data,
                    "on_part_end": self._part_ends,
                    "on_end": self._all_ends,
                },
            )
        except FormParserError:
            raise NOT_MULTIPART from None

    def open(self) -> FilePart:
        """Read up to the file part, so that its name is known. Refusal when there is none."""
        while not self._seen and self._feed():
            pass
        if not self._seen:
            raise BAD_UPLOAD
        return self

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        """Fill `buffer` with what has come; 0 only when the file and the whole request are over."""
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        while not self._ready and self._feed():
            pass
        count = min(len(view), len(self._ready))
        view[:count] = self._ready[:count]
        del self._ready[:count]
        return count

    def _feed(self) -> bool:
        """Parse the next bytes; False at a well-formed end. A request cut short is a Refusal: no half file is kept."""
        chunk = self._pull()
        if not chunk:
            if not self._ended:
                raise INTERRUPTED if self._seen else BAD_UPLOAD
            return False
        self._left -= len(chunk)
        if self._left < 0:
            raise TOO_LARGE
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise BAD_UPLOAD from None
        return True

    def _part_begins(self) -> None:
        self._in_file = False

    def _header_ends(self) -> None:
        header, value = bytes(self._header[0]).lower(), bytes(self._header[1])
        for part in self._header:
            part.clear()
        if header != b"content-disposition":
            return
        _, options = parse_options_header(value)
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if name != "file":
            self._field = None if self._seen else (name, bytearray())
            return
        if self._seen:
            raise BAD_UPLOAD  # two files would be two documents, or half of one
        self._in_file = self._seen = True
        raw = options.get(b"filename", b"")
        self.file_name = raw.decode("utf-8", "replace").replace("\\", "/").rsplit("/", 1)[-1][:255]

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._ready += data[start:end]
        elif self._field is not None:
            self._field[1].extend(data[start:end])
            if len(self._field[1]) > LONGEST_FIELD:
                raise BAD_UPLOAD

    def _part_ends(self) -> None:
        self._in_file = False
        if self._field is not None:
            name, value = self._field
            self.fields[name] = value.decode("utf-8", "replace")
            self._field = None
            if len(self.fields) > MOST_FIELDS:
                raise BAD_UPLOAD

    def _all_ends(self) -> None:
        self._ended = True
