"""PDF: text and boxes by pdfium, by pdfminer.six where the layout needs analysis, by OCR where there is no text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as raw
from pdfminer.pdfpage import PDFPage

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.media_type import is_pdf
from ingest.parsers.pdf_file import believable, is_whole
from ingest.parsers.pdf_layout import arrange
from ingest.parsers.pdf_marks import notes_of, rules_of
from ingest.parsers.pdf_miner import agree, pdfminer_words
from ingest.parsers.pdf_page import page_of
from ingest.parsers.pdf_segments import Ink, has_cells, overlapping_runs, segments_of
from ingest.parsers.pdf_words import pdfium_words
from ingest.parsers.port import Kept, KeptPage, Pages
from ingest.pdfium import LOCK, Frame, frame_of
from ingest.regions import complete
from ocr.port import Ocr
from records.content import Metadata, Page

_FLAT = frozenset({raw.FPDF_ANNOT_WIDGET, raw.FPDF_ANNOT_FREETEXT, raw.FPDF_ANNOT_STAMP, raw.FPDF_ANNOT_INK})
"""Annotations that are part of what a page shows: filled fields, typed text, stamps, handwriting."""


class PdfParser:
    def claims(self, head: bytes, name: str) -> float:  # noqa: ARG002
        return 1.0 if is_pdf(head) else 0.0

    def pages(self, data: bytes, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
        """Every page in points. A page that fails is there, unreadable, with a note; a damaged file is a Refusal."""
        sound = believable(data) if is_whole(data) else None
        if sound is None:
            raise _damaged()
        with _opened(sound) as document:
            count = _checked_count(document, limits)
            miner = _Miner(sound)
            with LOCK:
                metadata = _metadata(document)
                attached = document.count_attachments()
            opened = 0
            for index in range(count):
                if kept(index + 1):
                    opened += 1
                    yield KeptPage(index + 1)
                    continue
                page = _page(document, index, miner, ocr)
                opened += page.width > 0 or not page.unreadable
                if attached and index == count - 1:
                    page = _noted(page, f"{attached} fichier(s) joint(s) au PDF n'ont pas été lus.")
                yield page
        if not opened:
            raise _damaged()
        return metadata


@contextmanager
def _opened(data: bytes) -> Iterator[Any]:
    with LOCK:
        try:
            document = pdfium.PdfDocument(data)
            document.init_forms()
        except pdfium.PdfiumError as error:
            if getattr(error, "err_code", None) in (raw.FPDF_ERR_PASSWORD, raw.FPDF_ERR_SECURITY):
                raise Refusal(
                    "parse",
                    "encrypted-pdf",
                    "Le PDF est protégé par un mot de passe.",
                    "Ouvrez-le avec son mot de passe, enregistrez-le sans protection et déposez-le à nouveau.",
                ) from error
            raise _damaged() from error
    try:
        yield document
    finally:
        with LOCK:
            document.close()


def _checked_count(document: Any, limits: Limits) -> int:
    with LOCK:
        count = len(document)
        if document.get_formtype() == raw.FORMTYPE_XFA_FULL:
            raise Refusal(
                "parse",
                "dynamic-form",
                "Ce PDF est un formulaire dynamique (XFA) : ses pages n'existent que dans le logiciel qui l'a fait.",
                "Imprimez-le dans un fichier PDF et déposez celui-ci.",
            )
    if count == 0:
        raise _damaged()
    if count > limits.pages:
        raise Refusal(
            "parse",
            "too-many-pages",
            f"Le PDF a {count} pages ; la limite est de {limits.pages}.",
            "Déposez-le en plusieurs parties.",
        )
    return count


def _damaged() -> Refusal:
    return Refusal(
        "parse",
        "damaged-pdf",
        "Le PDF est abîmé ou incomplet.",
        "Ouvrez-le dans un lecteur pour vérifier, puis exportez-le ou téléchargez-le à nouveau.",
    )


def _page(document: Any, index: int, miner: _Miner, ocr: Ocr) -> Page:
    number = index + 1
    try:
        with LOCK:
            sheet, was_flattened = _flattened(document, index)
            frame = frame_of(sheet)
    except (pdfium.PdfiumError, ValueError, OSError):
        return Page(number, "", unreadable=True, note="La page est abîmée et n'a pas pu être ouverte.")
    try:
        with LOCK:
            page = _text_layer(sheet, frame, number, None if was_flattened else miner)
        return complete(page, sheet, ocr)
    except pdfium.PdfiumError:
        note = "La page est abîmée et n'a pas pu être lue."
        return Page(number, "", frame.width, frame.height, unreadable=True, note=note)
    finally:
        with LOCK:
            sheet.close()


def _flattened(document: Any, index: int) -> tuple[Any, bool]:
    """The page with its filled fields and typed annotations as part of its content, as a reader sees it."""
    sheet = document[index]
    kinds = set()
    for at in range(raw.FPDFPage_GetAnnotCount(sheet)):
        annotation = raw.FPDFPage_GetAnnot(sheet, at)
        kinds.add(raw.FPDFAnnot_GetSubtype(annotation))
        raw.FPDFPage_CloseAnnot(annotation)
    if kinds & _FLAT and raw.FPDFPage_Flatten(sheet, raw.FLAT_NORMALDISPLAY) == raw.FLATTEN_SUCCESS:
        sheet.close()
        sheet = document[index]
        return sheet, True
    return sheet, False


def _text_layer(sheet: Any, frame: Frame, number: int, miner: _Miner | None) -> Page:
    textpage = sheet.get_textpage()
    try:
        words = pdfium_words(textpage, frame)
    finally:
        textpage.close()
    reader = "pdfium"
    segments = segments_of(words)
    overlapping = miner is not None and overlapping_runs(segments)
    rules, is_heavy = rules_of(sheet, frame) if overlapping or has_cells(segments) else ([], False)
    if miner is not None and overlapping and not is_heavy:
        mined = miner.words(number, frame, sheet.get_mediabox())
        if mined and agree(words, mined):
            words, segments, reader = mined, segments_of(mined), "pdfminer"
    return page_of(number, arrange(words, rules, segments), frame, reader, notes_of(sheet, frame))


class _Miner:
    """pdfminer.six on the same bytes, opened when a first page needs it."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._pages: list[PDFPage] | None = None

    def words(self, number: int, frame: Frame, media: tuple[float, float, float, float]) -> list[Ink]:
        """The words of page `number`; none when pdfminer, stricter than pdfium, cannot read it."""
        try:
            if self._pages is None:
                self._pages = list(PDFPage.get_pages(BytesIO(self._data), check_extractable=False))
            return pdfminer_words(self._pages[number - 1], frame, media)
        except Exception:
            return []


def _metadata(document: Any) -> Metadata:
    """The title that the file states, unless it is the name of the file it was made from."""
    title = document.get_metadata_value("Title").replace("\x00", "").strip()
    named = re.search(
        r"\.(docx?|odt|rtf|pdf|xlsx?|txt|indd|tiff?|jpe?g)$|^(microsoft|untitled|sans titre)", title, re.I
    )
    return Metadata(title="" if named else title[:300])


def _noted(page: Page, note: str) -> Page:
    return Page(
        page.number,
        page.text,
        page.width,
        page.height,
        page.words,
        page.regions,
        page.sections,
        page.unreadable,
        f"{page.note} {note}".strip(),
    )
