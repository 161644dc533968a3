"""Readings kept open in memory, the last used ones: decoding ten of them costs more than finding them.

Measured on 2,000 passages of 286 documents: an answer decodes and analyses ten readings in four times what the engine
takes to match; from the shelf, in a tenth of it. A reading is taken from here only for a document that records have
just confirmed inside the caller's Scope, and its key names the very reading, so nothing is served that was replaced.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt

from access.identifiers import DocumentId
from access.scope import Scope
from index.highlight import Span, places_of
from records import readings
from records.blobs import Blobs
from records.content import Box, Page, Passage, Reading, Source
from records.database import Tx
from records.documents import Document

MOST_PAGES = 2_000
"""Of all readings kept: a page of 500 words takes 30 kB here, so 60 MB."""
MOST_ANALYSED = 1_000
"""Passages whose tokens are kept: about 40 kB each, so 40 MB."""

Key = tuple[DocumentId, int | None]
Places = Mapping[str, list[Span]]
"""token → spans of the words that hold it, in order."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page's size and where its words stand: spans (n, 2) in its text, boxes (n, 4) in page units."""

    number: int
    width: float
    height: float
    spans: npt.NDArray[np.int64]
    boxes: npt.NDArray[np.float64]
    corrected_by: str = ""  # who typed its text, when a person did

    def boxes_over(self, spans: Sequence[Span]) -> list[Box]:
        """Boxes of the words that touch one of these spans of the page's text, in reading order."""
        wanted = np.array(spans, np.int64).reshape(-1, 2)
        touches = (self.spans[:, :1] < wanted[:, 1]) & (self.spans[:, 1:] > wanted[:, 0])
        return [(x0, y0, x1, y1) for x0, y0, x1, y1 in self.boxes[touches.any(axis=1)].tolist()]


@dataclass(frozen=True, slots=True)
class OpenReading:
    """What showing passages needs of a reading."""

    key: Key
    passages: tuple[Passage, ...]
    sheets: dict[int, Sheet]
    digest: str  # the same for two readings of the same words, whatever blanks and case


class Shelf:
    """Thread-safe. Two threads may decode the same reading at once; one of the two copies stays."""

    def __init__(self) -> None:
        self._readings: OrderedDict[Key, OpenReading] = OrderedDict()
        self._places: OrderedDict[tuple[Key, int], Places] = OrderedDict()
        self._lock = Lock()

    def take(self, blobs: Blobs, tx: Tx, scope: Scope, document: Document) -> OpenReading | None:
        """The reading of a document that this Scope admits; None when it has none."""
        if not scope.admits(document.patient_id, document.document_id, document.category):
            return None
        key = (document.document_id, document.reading_fence)
        with self._lock:
            if key in self._readings:
                self._readings.move_to_end(key)
                return self._readings[key]
        reading = readings.reading_of(blobs, tx, scope, document)
        if reading is None:
            return None
        opened = _opened(key, reading)
        with self._lock:
            self._readings[key] = opened
            while sum(len(each.sheets) for each in self._readings.values()) > MOST_PAGES:
                self._readings.popitem(last=False)
        return opened

    def places(self, reading: OpenReading, sequence: int) -> Places:
        """Where each token of one of its passages stands."""
        key = (reading.key, sequence)
        with self._lock:
            if key in self._places:
                self._places.move_to_end(key)
                return self._places[key]
        places = places_of(reading.passages[sequence].text)
        with self._lock:
            self._places[key] = places
            while len(self._places) > MOST_ANALYSED:
                self._places.popitem(last=False)
        return places


def _opened(key: Key, reading: Reading) -> OpenReading:
    words = " ".join(" ".join(passage.text for passage in reading.passages).casefold().split())
    digest = hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()
    return OpenReading(key, reading.passages, {page.number: _sheet(page) for page in reading.pages}, digest)


def _sheet(page: Page) -> Sheet:
    boxed = [(word.start, word.end, word.box) for word in page.words if word.box is not None]
    return Sheet(
        number=page.number,
        width=page.width,
        height=page.height,
        spans=np.array([(start, end) for start, end, _ in boxed], np.int64).reshape(-1, 2),
        boxes=np.array([box for _, _, box in boxed], np.float64).reshape(-1, 4),
        corrected_by=next((one.reader for one in page.regions if one.source is Source.PERSON), ""),
    )
