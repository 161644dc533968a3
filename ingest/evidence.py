"""What a person who decides on a quarantined document is shown: the statements, where they stand, and no more of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from clinical.identity import Evidence, Mismatch
from clinical.stated import spoken
from records.content import Box, Page

_LONGEST = 160  # characters of a quote: the pieces of one identity, joined


@dataclass(frozen=True, slots=True)
class Shown:
    """A statement as found: `page` None is the structured header. Boxes in page units, origin top left."""

    key: str
    page: int | None
    found: tuple[str, ...]
    reasons: tuple[str, ...]
    quote: str
    boxes: tuple[Box, ...]


def to_json(doubt: Mismatch, pages: Sequence[Page]) -> str:
    """For the sealed column of the document."""
    by_number = {page.number: page for page in pages}
    return shown_json([_shown(one, by_number.get(one.stated.page or 0)) for one in doubt.evidence])


def shown_json(shown: Sequence[Shown]) -> str:
    """The same for statements that are ready to show."""
    return json.dumps([asdict(one) for one in shown])


def from_json(text: str) -> tuple[Shown, ...]:
    """Inverse of `to_json`; nothing for a document quarantined before evidence had this form."""
    try:
        values = json.loads(text)
    except ValueError:
        return ()
    return tuple(
        Shown(
            value["key"],
            value["page"],
            tuple(value["found"]),
            tuple(value["reasons"]),
            value["quote"],
            tuple((box[0], box[1], box[2], box[3]) for box in value["boxes"]),
        )
        for value in values
    )


def _shown(one: Evidence, page: Page | None) -> Shown:
    spans = one.stated.spans if page is not None else ()
    text = "" if page is None else page.text
    quote = " … ".join(" ".join(text[start:end].split()) for start, end in spans)
    words = () if page is None else page.words
    boxes = tuple(w.box for w in words if w.box is not None and any(w.start < e and s < w.end for s, e in spans))
    return Shown(
        key=one.key,
        page=one.stated.page,
        found=tuple(spoken(one.stated)),
        reasons=tuple(reason.value for reason in one.reasons),
        quote=quote[:_LONGEST],
        boxes=boxes,
    )
