"""Which regions of a PDF page need OCR, and one page made of both readings.

How a parser calls it:

    1. read the text layer with pdfium or pdfminer into a `records.content.Page`: NFC text in reading order, `words`
       with boxes in page units (points, origin top left, as displayed: use `ingest.pdfium.frame_of(page).box(...)`),
       `regions` naming the reader. Lines end with a line feed; every visible character belongs to a Word; a character
       without a Unicode value is U+FFFD. An empty page is Page(number, "", width, height).
    2. page = complete(page, pdf_page, ocr)
       returns the very same object when the text layer says everything (no OCR call is made); otherwise the page
       whose missing regions were read by OCR and merged in reading order. Words of the text layer that are garbage
       (no Unicode value, gibberish) or a bad invisible layer are replaced, never doubled.
       It takes ingest.pdfium.LOCK itself for its pdfium calls (reentrant): hold it around neither step's OCR.

For an image (PNG, JPEG, one TIFF frame):

       rendered = ingest.render.open_picture(data, frame)
       page = page_from_ocr(ocr.read(rendered.image, rendered.dpi), number, *rendered.image.size, scale=1.0)

A page from which no trustworthy text came has unreadable=True and a French note. Refusals of the engine (missing
Tesseract, timeout) come through unchanged: stage "read".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ingest.drawn import Drawn, Picture, drawn_on, ink_map, unexplained
from ingest.gibberish import is_garbled, is_gibberish
from ingest.legible import PARTLY, UNREAD, UNREADABLE, trustworthy
from ingest.merge import merge
from ingest.place import Segment, around, segment_of, segments_of
from ingest.recognised import page_from_ocr
from ingest.render import render_pdf_page
from ocr.port import Ocr
from ocr.prepare import LARGEST_SIDE
from records.content import Box, Page, Word

__all__ = ["Missing", "complete", "missing", "page_from_ocr"]

# A picture smaller than a postage stamp (half an inch a side, 1 % of A4) is a logo, a bullet or a bar code.
SMALLEST_SIDE, SMALLEST_SHARE = 36.0, 0.01
LEAST_UNEXPLAINED = 0.3  # of a picture's ink: a letterhead drawn behind digital text stays under it
LAYER_UNEXPLAINED = 0.7  # over a good OCR layer: the borders and stamps of a scan are ink without words
WHOLE = 0.6  # of the page: beyond, the page is read whole, in one layout
FEWEST_OUTLINES = 40  # filled shapes of the size of letters; a chart has a dozen
OCR_DPI, LEAST_DPI = 300.0, 150.0
MATTERS = 0.2  # of the page: an unread region from this size on makes the page unreadable


@dataclass(frozen=True, slots=True)
class Missing:
    """What the text layer lacks: areas to read (page units, disjoint), and its words that are not to be kept."""

    areas: tuple[Box, ...]
    dropped: frozenset[int]  # places in page.words
    dpi: float = OCR_DPI


def complete(page: Page, pdf_page: Any, ocr: Ocr) -> Page:
    """`page` with what its text layer lacks read by OCR; the same object when nothing lacks."""
    lack = missing(page, pdf_page)
    if not lack.areas:
        return page
    sound = [word for place, word in enumerate(page.words) if place not in lack.dropped]
    dropped = set(lack.dropped)
    found: list[tuple[Box, list[Segment]]] = []
    unread = 0.0
    for area in lack.areas:
        segments, read_well = _read(pdf_page, area, lack.dpi, ocr, sound)
        replaced = {place for place in lack.dropped if _stands_in(page.words[place], area)}
        if not read_well and replaced:
            dropped -= replaced  # a text layer that looks odd is worth more than an OCR that failed
            segments = []
        if read_well or (segments and _share(area, page) >= MATTERS and not _covered(area, sound)):
            found.append((area, segments))
        if not read_well and (replaced or not _covered(area, sound)):
            unread += 1.0 if replaced else _share(area, page)
    merged = merge(page, frozenset(dropped), found, ocr.name) if found else page
    # A logo or a small photograph on a page whose text is all there takes nothing from the reader.
    return merged if unread < MATTERS else replace(merged, unreadable=True, note=_note(merged, unread, ocr.name))


def _note(page: Page, unread: float, reader: str) -> str:
    if page.words and unread < WHOLE:
        return PARTLY
    return UNREAD if reader == "none" else UNREADABLE


def missing(page: Page, pdf_page: Any) -> Missing:
    """The decision, without reading anything: a digital page with all its text has no area."""
    drawn = drawn_on(pdf_page)
    dropped = _garbage(page) | _bad_hidden(page, drawn)
    boxes = _boxes(page, dropped)
    areas = [around(boxes)] if boxes else []
    candidates = _pictures(drawn)
    bare = not page.words and drawn.marked and not candidates
    if candidates or bare or len(drawn.outlines) >= FEWEST_OUTLINES:
        ink, scale = ink_map(pdf_page)
        known = [w.box for place, w in enumerate(page.words) if w.box is not None and place not in dropped]
        if bare:
            candidates = [Picture((0.0, 0.0, drawn.width, drawn.height), OCR_DPI)]
        elif len(drawn.outlines) >= FEWEST_OUTLINES:
            candidates.append(Picture(around(drawn.outlines), OCR_DPI))
        areas += [p.box for p in candidates if unexplained(ink, scale, p.box, known) > _bound(p, page, drawn, dropped)]
    joined = _joined(areas, drawn)
    sharpest = max((p.dpi for p in candidates), default=OCR_DPI)
    return Missing(tuple(joined), frozenset(dropped), min(OCR_DPI, max(LEAST_DPI, sharpest)))


def _garbage(page: Page) -> set[int]:
    """Words of the text layer that say nothing: all of them when the whole page is gibberish."""
    texts = [page.text[w.start : w.end] for w in page.words]
    garbled = {place for place, text in enumerate(texts) if is_garbled(text)}
    rest = [text for place, text in enumerate(texts) if place not in garbled]
    if is_gibberish(rest) or len(garbled) > len(texts) / 2:
        return set(range(len(texts)))
    return garbled


def _bad_hidden(page: Page, drawn: Drawn) -> set[int]:
    """Words drawn invisibly, unless they are a good OCR layer, which is kept and not done twice."""
    if not drawn.unseen:
        return set()
    hidden = {
        place
        for place, word in enumerate(page.words)
        if word.box is not None and any(_inside(word.box, box) for box in drawn.unseen)
    }
    texts = [page.text[page.words[place].start : page.words[place].end] for place in sorted(hidden)]
    good = len(texts) >= 8 and not is_gibberish(texts, fewest=8)
    return set() if good else hidden


def _bound(picture: Picture, page: Page, drawn: Drawn, dropped: set[int]) -> float:
    """The unexplained share from which a picture is read: higher over a good OCR layer, whose boxes are loose."""
    layer = sum(
        word.box is not None and _inside(word.box, picture.box) and any(_inside(word.box, b) for b in drawn.unseen)
        for place, word in enumerate(page.words)
        if place not in dropped
    )
    return LAYER_UNEXPLAINED if layer >= 8 else LEAST_UNEXPLAINED


def _pictures(drawn: Drawn) -> list[Picture]:
    """Pictures large enough to hold text, the strips and tiles of one scan put together."""
    tiles = list(drawn.pictures)
    merged: list[Picture] = []
    for tile in sorted(tiles, key=lambda p: (p.box[1], p.box[0])):
        for place, other in enumerate(merged):
            if _touch(tile.box, other.box, 2.0):
                merged[place] = Picture(around([tile.box, other.box]), max(tile.dpi, other.dpi))
                break
        else:
            merged.append(tile)
    smallest = SMALLEST_SHARE * drawn.width * drawn.height
    return [
        p
        for p in merged
        if min(p.box[2] - p.box[0], p.box[3] - p.box[1]) >= min(SMALLEST_SIDE, drawn.height / 4)
        and _size(p.box) >= smallest
        and p.dpi >= 40
    ]


def _joined(areas: Sequence[Box], drawn: Drawn) -> list[Box]:
    """Disjoint areas: what touches is read together, and a page nearly all missing is read whole."""
    joined: list[Box] = []
    for area in areas:
        touching = [other for other in joined if _touch(area, other, 6.0)]
        while touching:
            joined = [other for other in joined if other not in touching]
            area = around([area, *touching])
            touching = [other for other in joined if _touch(area, other, 6.0)]
        joined.append(area)
    page = (0.0, 0.0, drawn.width, drawn.height)
    if any(_size(area) >= WHOLE * _size(page) for area in joined):
        return [page]
    return [
        (max(0.0, a[0] - 3), max(0.0, a[1] - 3), min(drawn.width, a[2] + 3), min(drawn.height, a[3] + 3))
        for a in joined
    ]


def _read(pdf_page: Any, area: Box, dpi: float, ocr: Ocr, kept: Sequence[Word]) -> tuple[list[Segment], bool]:
    """OCR of one area in page units, without the words that the text layer already gives, and whether it is sound."""
    rendered = render_pdf_page(pdf_page, dpi=dpi, max_side=LARGEST_SIDE, area=area)
    read = ocr.read(rendered.image, rendered.dpi)
    sound = trustworthy([w.text for w in read.words], [w.confidence for w in read.words])
    known = [w.box for w in kept if w.box is not None and _touch(w.box, area, 0.0)]
    segments = []
    for segment in segments_of(read, rendered.scale, (area[0], area[1])):
        pieces = tuple(p for p in segment.pieces if not any(_same_place(p.box, box) for box in known))
        if pieces:
            segments.append(segment_of(pieces, segment.block))
    return segments, sound


def _covered(area: Box, kept: Sequence[Word]) -> bool:
    """Whether known words stand all down an area (4 of 10 strips): the picture under them is a ground or a graph.

    A scan under a fax's header line has words in one strip.
    """
    step = (area[3] - area[1]) / 10
    middles = [(w.box[1] + w.box[3]) / 2 for w in kept if w.box is not None and _inside(w.box, area)]
    return step > 0 and len({int((y - area[1]) / step) for y in middles}) >= 4


def _share(area: Box, page: Page) -> float:
    return _size(area) / max(1.0, page.width * page.height)


def _stands_in(word: Word, area: Box) -> bool:
    return word.box is None or _inside(word.box, area)


def _boxes(page: Page, places: set[int]) -> list[Box]:
    return [box for place in places if (box := page.words[place].box) is not None]


def _size(box: Box) -> float:
    return max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])


def _touch(one: Box, other: Box, gap: float) -> bool:
    return (
        one[0] <= other[2] + gap and other[0] <= one[2] + gap and one[1] <= other[3] + gap and other[1] <= one[3] + gap
    )


def _inside(box: Box, outer: Box) -> bool:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return outer[0] - 1 <= x <= outer[2] + 1 and outer[1] - 1 <= y <= outer[3] + 1


def _same_place(box: Box, other: Box) -> bool:
    """Whether two words stand in one place: half of the smaller is under the other."""
    across = min(box[2], other[2]) - max(box[0], other[0])
    down = min(box[3], other[3]) - max(box[1], other[1])
    return across > 0 and down > 0 and across * down >= 0.5 * min(_size(box), _size(other))
