"""Reading paper: ways of reading on real scans and on drawn ones with exact truth, in one run.

Each page's reading is kept under `ANAMNESE_BENCH_OCR` (a folder outside the tree) by way and page, so that a run that
was stopped goes on; `ANAMNESE_BENCH_OCR_WAYS` names the ways (by default all, OCRmyPDF only where it is installed),
`ANAMNESE_BENCH_OCR_EVERY` takes every Nth page, `ANAMNESE_BENCH_OCR_HALF` one half of each set ("tune" or "confirm", by
a hash of the page's name).

| set | score |
|---|---|
| tapuscorpus: French typewriting | words wrong: edit distance over true words, in rows; marks `_ ^ ~` dropped |
| funsd: noisy English forms | F1 of the bag of words, without case and punctuation, which is dropped or parts words |
| clean, worn: pages of the samples drawn at 300 dpi, and at 200 dpi with skew, grain, shade | character errors |
| rows: laboratory tables drawn at 200 dpi, worn | rows whose cells stand on one line, read right or wrong |

Seconds are of a processor, of this process and its children: a busy machine does not matter.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from rapidfuzz import fuzz
from rapidfuzz.distance import Levenshtein

from benchmarks.ocr_joins import f1, flawless, parted_as_in, squeezed
from benchmarks.ocr_typewritten import in_rows, spent, tokens, truth_of
from benchmarks.ocr_ways import WAYS, Reading
from benchmarks.report import table
from benchmarks.told_facts import lines_of
from ingest.render import open_picture
from samples.catalogue import drafts
from samples.damage import DAMAGES, render, worn
from samples.forms import produce
from samples.layout import LAYOUTS
from samples.manifest import identities

TITLE = "Reading paper"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
KEPT = Path(os.environ.get("ANAMNESE_BENCH_OCR", Path(tempfile.gettempdir(), "anamnese-bench-ocr")))
EVERY = int(os.environ.get("ANAMNESE_BENCH_OCR_EVERY", "1"))
HALF = os.environ.get("ANAMNESE_BENCH_OCR_HALF", "")
SLACK = 4  # characters
DRAWN = 24  # pages of the samples, each drawn twice


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page to read: its set, a name, its picture as a file or drawn, its truth as the set's score wants it."""

    kind: str
    name: str
    truth: str
    path: Path | None = None
    drawn: Image.Image | None = None
    dpi: float | None = None
    cells: tuple[tuple[str, ...], ...] = ()

    def picture(self) -> tuple[Image.Image, float | None]:
        if self.drawn is not None:
            return self.drawn, self.dpi
        assert self.path is not None
        rendered = open_picture(self.path.read_bytes())
        return rendered.image, rendered.dpi


def measure() -> str:
    """One table: a row a way, a column a score."""
    present = [way for way in WAYS if way != "ocrmypdf" or shutil.which(way)]
    ways = os.environ.get("ANAMNESE_BENCH_OCR_WAYS", ",".join(present)).split(",")
    scores: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    seconds: Counter[tuple[str, str]] = Counter()
    pages: Counter[str] = Counter()
    for sheet in _chosen():
        pages[sheet.kind] += 1
        for way in ways:
            reading = _read(way, sheet)
            seconds[way, sheet.kind] += reading.seconds
            for kind, wrong, of in _scores(sheet, reading):
                scores[way, kind].append((wrong, of))
            print(
                way,
                sheet.kind,
                sheet.name[:40],
                [f"{w / max(1, o):.3f}" for _, w, o in _scores(sheet, reading)],
                file=sys.stderr,
            )
    columns = list(dict.fromkeys(kind for _, kind in scores))
    rows = []
    for way in ways:
        cells = [_summed(kind, scores[way, kind]) for kind in columns]
        rows.append((way, *cells, *(f"{seconds[way, kind] / pages[kind]:.2f}" for kind in pages)))
    scored = table(("way", *columns, *(f"s/page {kind} ({pages[kind]})" for kind in pages)), rows)
    if "funsd" not in pages:
        return scored
    most = flawless(DATA / "ocr_funsd" / "training_data" / "annotations")
    return f"{scored}\n\nA flawless reading of funsd that parts words where the page does: F1 {most:.4f}."


def _summed(kind: str, parts: list[tuple[float, float]]) -> str:
    wrong, of = sum(w for w, _ in parts), sum(o for _, o in parts)
    share = wrong / max(1.0, of)
    if kind.startswith("funsd F1"):
        return f"{sum(w / o for w, o in parts) / len(parts):.4f}" if parts else ""
    return f"{100 * share:.2f} %"


def _chosen() -> Iterator[Sheet]:
    for number, sheet in enumerate(_sheets()):
        half = "tune" if hashlib.sha256(sheet.name.encode()).digest()[0] % 2 else "confirm"
        if number % EVERY == 0 and HALF in ("", half):
            yield sheet


def _sheets() -> Iterator[Sheet]:
    for path in sorted((DATA / "ocr_tapuscorpus_fr").glob("*/*.xml")):
        yield Sheet("tapuscorpus", path.stem, truth_of(path), path.with_suffix(".jpg"))
    for path in sorted((DATA / "ocr_funsd" / "training_data" / "annotations").glob("*.json")):
        form = json.loads(path.read_text(encoding="utf-8"))["form"]
        words = [word["text"] for block in form for word in block["words"]]
        yield Sheet("funsd", path.stem, " ".join(words), path.parents[1] / "images" / f"{path.stem}.png")
    yield from _drawn()


def _drawn() -> Iterator[Sheet]:
    """Born-digital pages of the samples as pictures: their texts are exact."""
    known = identities(drafts())
    chosen = [draft for draft in drafts() if draft.form in LAYOUTS]
    with_lines = [draft for draft in chosen if lines_of(draft)]
    for draft in [*chosen[:: len(chosen) // DRAWN][:DRAWN], *with_lines[:: len(with_lines) // DRAWN][:DRAWN]]:
        drawn = produce(draft, known[draft.document_id])
        cells = tuple(lines_of(draft))
        for kind, dpi in (("clean", 300), ("worn", 200)):
            page = render(drawn.data, dpi)[0]
            if kind == "worn":
                page = worn(page, DAMAGES["scan"], draft.document_id)
            name = f"{draft.document_id}-{kind}{'-rows' if cells else ''}"
            yield Sheet(kind, name, drawn.truths[0], drawn=page, dpi=dpi, cells=cells if len(drawn.truths) == 1 else ())


def _read(way: str, sheet: Sheet) -> Reading:
    kept = KEPT / f"{way}-{sheet.kind}-{hashlib.sha256(sheet.name.encode()).hexdigest()[:16]}.json"
    if kept.exists():
        return Reading(**json.loads(kept.read_text(encoding="utf-8")))
    picture, dpi = sheet.picture()
    before = spent()
    reading = WAYS[way](picture, dpi)
    reading.seconds = spent() - before
    KEPT.mkdir(parents=True, exist_ok=True)
    kept.write_text(json.dumps(reading.__dict__), encoding="utf-8")
    return reading


def _scores(sheet: Sheet, reading: Reading) -> Iterator[tuple[str, float, float]]:
    """Name of the score, what is wrong (or right), of how much."""
    if sheet.kind == "tapuscorpus":
        truth = tokens(sheet.truth)
        placed = [
            ((w[0] + w[2]) / 2, w[1] + 0.8 * (w[3] - w[1]), str(t))
            for t, w in zip(reading.words, reading.boxes, strict=True)
        ]
        yield "tapuscorpus words wrong", Levenshtein.distance(truth, tokens(in_rows(placed))), len(truth)
        yield "as shown", Levenshtein.distance(truth, tokens(reading.text)), len(truth)
    elif sheet.kind == "funsd":
        for name, bag in (("", _bag), (", punctuation parts words", _parted)):
            truth, found = bag(sheet.truth), bag(" ".join(reading.words))
            yield f"funsd F1{name}", *f1(truth, found)
        words = sheet.truth.split()
        yield "funsd F1, parted as the truth is", *f1(_bag(sheet.truth), parted_as_in(words, reading.words))
    else:
        yield f"{sheet.kind} characters wrong", _wrong(sheet.truth, reading.text), len(_letters(sheet.truth))
        truth, read = ("\n".join(map(_squeezed, each.split("\n"))) for each in (sheet.truth, reading.text))
        yield f"{sheet.kind}, blanks left out", _wrong(truth, read), len(_letters(truth))
        if sheet.cells:
            lines = [_squeezed(line) for line in reading.text.split("\n")]
            whole = sum(any(_holds(line, row) for line in lines) for row in sheet.cells)
            yield f"{sheet.kind} rows whole", whole, len(sheet.cells)
            exact = sum(any(_squeezed("".join(row)) in line for line in lines) for row in sheet.cells)
            yield f"{sheet.kind} rows exact", exact, len(sheet.cells)


def _bag(text: str) -> Counter[str]:
    return Counter(word for word in map(squeezed, text.split()) if word)


def _parted(text: str) -> Counter[str]:
    """The same, parted at punctuation: the truth of funsd writes « 9/ 3/ 92 » where the page and we write 9/3/92."""
    return Counter(filter(None, re.split(r"[\W_]+", unicodedata.normalize("NFKC", text).casefold())))


def _letters(text: str) -> str:
    """Characters to compare: NFC, straight apostrophes and dashes, runs of blanks as one."""
    plain = unicodedata.normalize("NFC", text).translate(str.maketrans("’‘–—µ", "''--μ"))
    return " ".join(plain.split())


def _wrong(truth: str, reading: str) -> int:
    """Character errors, whatever the order of lines: what differs in each true line, and what is read too much.

    Beside a patient's block stands a file's: which is first is a matter of taste, and not of reading.
    """
    text = _letters(reading)
    wrong = 0
    for line in filter(None, map(_letters, truth.split("\n"))):
        place = fuzz.partial_ratio_alignment(line, text)
        wrong += len(line) if place is None else _nearest(line, text, place.dest_start, place.dest_end)
    return wrong + max(0, len(text) - len(_letters(truth)))


def _nearest(line: str, text: str, start: int, end: int) -> int:
    """The least distance to a part of `text` about here. What was found is as long as the line: where a blank was not
    read it begins in the line before, which is no error."""
    ends = range(max(start, end - SLACK), min(len(text), end + SLACK) + 1)
    return min(
        Levenshtein.distance(line, text[a:b]) for a in range(max(0, start - SLACK), start + SLACK + 1) for b in ends
    )


def _squeezed(text: str) -> str:
    return re.sub(r"[\s|]+", "", _letters(text))


def _holds(line: str, row: tuple[str, ...]) -> bool:
    """Whether each cell of a row is on this line, two thirds of its characters right, in order."""
    at = 0
    for cell in filter(None, map(_squeezed, row)):
        spots = range(at, max(at + 1, len(line) - len(cell) + 1))
        best = min(spots, key=lambda spot: Levenshtein.distance(line[spot : spot + len(cell)], cell), default=None)
        if best is None or Levenshtein.distance(line[best : best + len(cell)], cell) > len(cell) / 3:
            return False
        at = best + len(cell)
    return True
