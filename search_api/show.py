"""From a passage to what a reader sees of it: its text, the matched words, where they stand on the page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from access.identifiers import DocumentId, PatientId, passage_id
from clinical.assertion import denials
from clinical.text.allergy_cues import cues
from clinical.text.allergy_words import culprits, reactions
from clinical.text.plain import plain
from clinical.text.sections import Context, context_of, title_of
from clinical.text.vocabulary import drugs
from index.highlight import Span, highlights, merged
from index.passages import bare
from index.port import Question
from records.content import Box, Passage
from search_api.shelf import OpenReading, Places, Sheet, Shelf
from search_api.views import PassageView

MOST_BOXES = 60
"""Boxes in one address: about 25 characters each, so that it stays under the 2,000 that any client takes."""


def show(
    shelf: Shelf, reading: OpenReading, sequence: int, question: Question, patient_id: PatientId
) -> PassageView | None:
    """Passage number `sequence` of a reading, or None when the document has been read anew and has it no more."""
    if sequence >= len(reading.passages):
        return None
    passage = reading.passages[sequence]
    sheet = reading.sheets[passage.page]
    spans = spans_of(shelf.places(reading, sequence), question)
    boxes = boxes_of(sheet, passage, spans)
    document_id = reading.key[0]
    return PassageView(
        passage_id=passage_id(document_id, sequence),
        text=passage.text,
        section=passage.section,
        page=passage.page,
        highlights=list(spans),
        section_highlights=list(highlights(passage.section, question)),
        boxes=boxes,
        page_url=page_url(patient_id, document_id, sheet, boxes),
        page_size=(sheet.width, sheet.height) if sheet.width and sheet.height else None,
        assertion=assertion_of(passage.text, spans),
        corrected_by=sheet.corrected_by or None,
    )


def assertion_of(text: str, spans: tuple[Span, ...]) -> Literal["present", "absent"] | None:
    """absent: the text denies every word that was found in it. None: no word was.

    A title states nothing: under « TRAITEMENT », « aucun anticoagulant » denies. « Allergies » says what it is about,
    but nothing of an allergen that is denied: to who asks for « allergie latex », « Pénicilline : anaphylaxie. Latex :
    tests négatifs » is a denial.
    """
    if not spans:
        return None
    denied = denials(text)
    titles = list(_titles(text))
    said = [span for span in spans if not any(low <= span[0] < high for low, high in titles)] or spans
    stated = [span for span in said if not denied.covers(*span)]
    against = [span for span in said if span not in stated]
    return "absent" if not stated or (against and _tells_of_allergy(text, stated, against)) else "present"


def _tells_of_allergy(text: str, stated: list[Span], against: list[Span]) -> bool:
    """Whether what is stated only says that somebody reacts, while what is denied names an allergen."""
    flat = plain(text)
    reacting = [(cue.start, cue.end) for cue in cues(flat)]
    reacting += [(each.start, each.end) for each in reactions().find(flat, text) if each.entry.allergic]
    allergens = [(each.start, each.end) for each in culprits(flat, text, list(drugs().find(flat, text)))]
    return all(_meets(span, reacting) for span in stated) and any(_meets(span, allergens) for span in against)


def _meets(span: Span, others: list[Span]) -> bool:
    return any(span[0] < end and start < span[1] for start, end in others)


def _titles(text: str) -> Iterator[Span]:
    """Where known titles of sections stand, those of allergies left out."""
    start = 0
    for line in plain(text).splitlines(keepends=True):
        found = title_of(line)
        if found is not None and context_of(found[0]) is not Context.ALLERGY:
            yield start, start + found[1]
        start += len(line)


def spans_of(places: Places, question: Question) -> tuple[Span, ...]:
    """`index.highlight.highlights` of a text analysed already: analysing it again costs thirty times as much."""
    tokens = {bare(token) for token in question.tokens}
    return merged(sorted({span for token in tokens for span in places.get(token, ())}))


def boxes_of(sheet: Sheet, passage: Passage, spans: tuple[Span, ...]) -> list[Box]:
    """A box a matched word; for a passage found by its meaning alone, a box a line of it."""
    if not spans:
        return list(_lines(sheet.boxes_over([(passage.start, passage.end)])))
    return sheet.boxes_over([(passage.start + start, passage.start + end) for start, end in spans])


def page_url(patient_id: PatientId, document_id: DocumentId, page: Sheet, boxes: list[Box]) -> str | None:
    """The picture of the page with these boxes drawn; None for a page without a picture."""
    if not page.width or not page.height:
        return None
    address = f"/v1/patients/{patient_id}/documents/{document_id}/pages/{page.number}.png"
    drawn = ";".join(",".join(f"{side:.1f}" for side in box) for box in boxes[:MOST_BOXES])
    return f"{address}?boxes={drawn}" if drawn else address


def _lines(boxes: list[Box]) -> Iterator[Box]:
    """Boxes of words in reading order, joined while they stand on one line (half their height in common)."""
    line: Box | None = None
    for box in boxes:
        if line is not None and _same_line(line, box):
            line = (min(line[0], box[0]), min(line[1], box[1]), max(line[2], box[2]), max(line[3], box[3]))
            continue
        if line is not None:
            yield line
        line = box
    if line is not None:
        yield line


def _same_line(line: Box, box: Box) -> bool:
    common = min(line[3], box[3]) - max(line[1], box[1])
    return common * 2 > box[3] - box[1] and box[0] >= line[0]
