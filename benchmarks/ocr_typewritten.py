"""Word errors on typewritten French pages: ours against plain Tesseract, in one run.

    python -m benchmarks.ocr_typewritten ../shared/data/ocr_tapuscorpus_fr [--pages 6]

Truth is the lines of the PAGE/ALTO files, without the marks `_` (underlined), `^` (raised) and `~` (unreadable). The
files list lines in the order in which they were drawn, not read, so truth and readings alike are put in rows, top to
bottom then left to right, before they are compared. A word is a token with a letter or a digit, as written; the error
rate is the edit distance by words over the number of true words. `as shown` compares the text of our page as it is
stored, without that reordering of the reading. Times are processor seconds, so that a busy machine does not matter.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import tempfile
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from lxml import etree
from rapidfuzz.distance import Levenshtein

from ingest.recognised import page_from_ocr
from ingest.render import open_picture
from ocr.build import build_ocr
from ocr.words import mean_confidence

Placed = tuple[float, float, str]  # x and y of a word's middle in pixels, its text
ROW = 22.0  # pixels: half a line of the smallest pages


@dataclass
class Arm:
    """One way of reading: word errors, true words, seconds."""

    name: str
    errors: int = 0
    words: int = 0
    seconds: float = 0.0
    confidences: list[float] = field(default_factory=list)

    def add(self, truth: Sequence[str], reading: Sequence[str]) -> float:
        wrong = Levenshtein.distance(truth, reading)
        self.errors += wrong
        self.words += len(truth)
        return 100 * wrong / max(1, len(truth))

    @property
    def rate(self) -> float:
        return 100 * self.errors / max(1, self.words)


def tokens(text: str) -> list[str]:
    """Words to compare: NFC, marks dropped, straight apostrophes, at least one letter or digit."""
    clean = unicodedata.normalize("NFC", text).translate(str.maketrans("’", "'", "_^~"))
    return [token for token in clean.split() if any(c.isalnum() for c in token)]


def in_rows(words: Sequence[Placed]) -> str:
    """Words top to bottom, left to right; each joins the row of its nearest neighbour, so that a lean is followed."""
    rows: list[list[Placed]] = []
    for word in sorted(words, key=lambda w: w[1]):
        for row in reversed(rows[-6:]):
            nearest = min(row, key=lambda w: abs(w[0] - word[0]))
            if abs(nearest[1] - word[1]) < ROW:
                row.append(word)
                break
        else:
            rows.append([word])
    return "\n".join(" ".join(text for _, _, text in sorted(row)) for row in rows)


def truth_of(path: Path) -> str:
    """The true text of a page, in rows; a word stands on its line's baseline at its share of the letters."""
    words: list[Placed] = []
    for line in etree.parse(str(path)).iter("{*}TextLine"):
        text = " ".join(part.get("CONTENT", "") for part in line.iter("{*}String"))
        baseline = [float(value) for value in line.get("BASELINE", "0 0 0 0").split()]
        at = 0
        for word in text.split():
            at = text.index(word, at)
            share = (at + len(word) / 2) / len(text)
            x = baseline[0] + share * (baseline[-2] - baseline[0])
            words.append((x, baseline[1] + share * (baseline[-1] - baseline[1]), word))
            at += len(word)
    return in_rows(words)


def plain(picture: Path) -> str:
    """Tesseract as installed, with the same languages and nothing else."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["tesseract", str(picture), f"{folder}/page", "-l", "fra+eng", "tsv"]
        subprocess.run(command, check=True, capture_output=True, env={"OMP_THREAD_LIMIT": "1", "PATH": "/usr/bin:/bin"})
        rows = [row.split("\t") for row in Path(folder, "page.tsv").read_text(encoding="utf-8").split("\n")[1:]]
    words = [r for r in rows if len(r) == 12 and r[0] == "5" and r[11].strip()]
    return in_rows([(int(r[6]) + int(r[8]) / 2, int(r[7]) + int(r[9]) * 0.8, r[11]) for r in words])


def spent() -> float:
    """Processor seconds of this process and of the children it has waited for."""
    ours, theirs = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return ours.ru_utime + ours.ru_stime + theirs.ru_utime + theirs.ru_stime


def children() -> float:
    theirs = resource.getrusage(resource.RUSAGE_CHILDREN)
    return theirs.ru_utime + theirs.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--pages", type=int, default=None, help="only the first N")
    options = parser.parse_args()
    engine = build_ocr("tesseract")
    bare, ours, shown = Arm("plain"), Arm("ours"), Arm("as shown")
    inside = 0.0
    for path in sorted(options.folder.glob("*/*.xml"))[: options.pages]:
        picture = path.with_suffix(".jpg")
        truth = tokens(truth_of(path))
        before = spent()
        bare_rate = bare.add(truth, tokens(plain(picture)))
        bare.seconds += spent() - before
        before, child = spent(), children()
        rendered = open_picture(picture.read_bytes())
        read = engine.read(rendered.image, rendered.dpi)
        ours.seconds += spent() - before
        inside += children() - child
        middles = [((w.box[0] + w.box[2]) / 2, w.box[1] + 0.8 * (w.box[3] - w.box[1]), w.text) for w in read.words]
        our_rate = ours.add(truth, tokens(in_rows(middles)))
        page = page_from_ocr(read, 1, *rendered.image.size, scale=1.0)
        shown_rate = shown.add(truth, tokens(page.text))
        sure = mean_confidence(read.words)
        print(f"{path.stem[:24]:24} {bare_rate:6.1f} {our_rate:6.1f} {shown_rate:6.1f}  {sure:.2f} {page.unreadable}")
    for arm in (bare, ours, shown):
        print(f"{arm.name:24} {arm.rate:6.2f} % of {arm.words} words  {arm.seconds:.1f} s")
    print(f"preparation: {100 * (ours.seconds - inside) / max(0.1, inside):.0f} % on top of Tesseract's {inside:.1f} s")


if __name__ == "__main__":
    main()
