"""A page's text as a person types it, in place of what was read: split, embedded and indexed again, the old text kept.

Words that stay keep their box and confidence, and a word that was replaced by one word takes its box, so what is found
is still shown on the picture. Sections keep what they hold. Nothing of the uploaded bytes changes.
"""

from __future__ import annotations

import dataclasses
import re
import unicodedata
from bisect import bisect_left
from collections.abc import Sequence
from difflib import SequenceMatcher

from access.refusal import Refusal
from clinical.text.edition import rules_edition
from index.embedders.port import Embedder, fits
from ingest.split import split
from ingest.told import told_again
from records import corrections, document_pages, documents, facts, outbox, readings
from records.blobs import Blobs
from records.content import Page, Reading, Region, Section, Source, Word
from records.corrections import PageCorrection
from records.database import Tx
from records.documents import Document, DocumentState
from records.fact import Fact, FactSource, Quote

LONGEST = 100_000  # characters of a page; the densest real ones have 10,000
_WORD = re.compile(r"\S+")

CHANGED = Refusal(
    "act",
    "page-changed",
    "Cette page a été corrigée ou relue entre-temps.",
    "Relisez son texte, puis corrigez-le de nouveau.",
)
NO_SUCH_PAGE = Refusal("show", "no-such-page", "Ce document n'a pas cette page.", "Vérifiez le nombre de pages.")


def page_of(reading: Reading | None, number: int) -> Page:
    """A page of a reading; Refusal "no-such-page"."""
    found = next((page for page in (reading.pages if reading else ()) if page.number == number), None)
    if found is None:
        raise NO_SUCH_PAGE
    return found


def corrected(reading: Reading, number: int, text: str, by: str, embedder: Embedder) -> Reading:
    """The reading with another text on one page, its passages cut anew. `by`: who is shown to have typed it."""
    page = page_of(reading, number)
    new = _retyped(page, _typed(text), by)
    pages = told_again(new if one.number == number else one for one in reading.pages)
    return dataclasses.replace(reading, pages=pages, passages=split(pages, lambda part: fits(embedder, part)))


def store(tx: Tx, blobs: Blobs, document: Document, reading: Reading, correction: PageCorrection) -> None:
    """Make a corrected reading the document's, and queue it for the index. `document` as it was when it was corrected.

    In a writing transaction, the blob too: two people who correct at once must not write each other's. Refusal
    "page-changed" when the document moved on.
    """
    current = documents.document_without_scope(tx, document.document_id)
    if current is None or (current.state, current.fence) != (DocumentState.SEARCHABLE, document.fence):
        raise CHANGED
    corrections.add(tx, document.patient_id, document.document_id, correction)
    fence = documents.next_fence(tx, document.document_id)
    readings.save_reading(blobs, dataclasses.replace(document, state=DocumentState.READING, fence=fence), reading)
    document_pages.set_read(tx, document.document_id, reading.pages, fence=fence)
    facts.keep(tx, document.document_id, reading.pages, fence=fence, rules=rules_edition())
    documents.set_state(tx, document.document_id, DocumentState.READING, fence=fence)
    outbox.append(tx, document.patient_id, document.document_id, "put", fence)


def _typed(text: str) -> str:
    """What a person typed as a page's text: NFC, its lines, without control characters."""
    lines = unicodedata.normalize("NFC", text.replace("\r\n", "\n").replace("\r", "\n")).split("\n")
    shown = ("".join(one if one.isprintable() else " " for one in line).rstrip() for line in lines)
    return "\n".join(shown).strip("\n")


def _retyped(page: Page, text: str, by: str) -> Page:
    old = [(found.start(), found.end()) for found in _WORD.finditer(page.text)]
    new = [(found.start(), found.end()) for found in _WORD.finditer(text)]
    pairs = _pairs([page.text[a:b] for a, b in old], [text[a:b] for a, b in new])
    stood = {now: old[was] for now, was in pairs.items()}
    words = tuple(_word(page, stood.get(at), span) for at, span in enumerate(new)) if page.words else ()
    return dataclasses.replace(
        page,
        text=text,
        words=words,
        regions=(Region(0, len(text), Source.PERSON, by),) if text else (),
        sections=tuple(_moved(page.sections, old, new, pairs, len(text))),
        unreadable=page.unreadable and not text,
        note="" if text else page.note,
        facts=tuple(_anchored(fact, text) for fact in page.facts if fact.source is FactSource.STRUCTURED),
    )


def _anchored(fact: Fact, text: str) -> Fact:
    """An entry's fact stays true whatever a person types over its words; it quotes them where they still stand."""
    start = text.find(fact.quote.text) if fact.quote.text else -1
    end = start + len(fact.quote.text)
    where = dataclasses.replace(fact.quote, start=start, end=end) if start >= 0 else Quote(fact.quote.page, 0, 0, "")
    return dataclasses.replace(fact, quote=where)


def _pairs(old: Sequence[str], new: Sequence[str]) -> dict[int, int]:
    """New word → the old one that it stands for: the same, or the only one in its place."""
    found: dict[int, int] = {}
    for what, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal" or (what == "replace" and b - a == d - c):
            found.update(zip(range(c, d), range(a, b), strict=True))
    return found


def _word(page: Page, stood: tuple[int, int] | None, span: tuple[int, int]) -> Word:
    """The word at `span`; its box is that of the one which stood there before."""
    if stood is None:
        return Word(*span)
    start, end = stood
    word = next((one for one in page.words if one.start < end and start < one.end), None)
    return Word(*span, None if word is None else word.box)


def _moved(
    sections: Sequence[Section],
    old: Sequence[tuple[int, int]],
    new: Sequence[tuple[int, int]],
    pairs: dict[int, int],
    length: int,
) -> list[Section]:
    """Sections over the same words. One whose words are all gone goes with them."""
    places = sorted((old[was][0], old[was][1], new[now][0], new[now][1]) for now, was in pairs.items())
    starts = [place[0] for place in places]
    moved = []
    for one in sections:
        inside = places[bisect_left(starts, one.start) : bisect_left(starts, one.end)]
        if inside:
            end = length if one.end >= (old[-1][1] if old else 0) else max(place[3] for place in inside)
            moved.append(dataclasses.replace(one, start=min(place[2] for place in inside), end=end))
    return moved
