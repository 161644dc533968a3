"""A PDF page that remembers what it says: text is drawn line by line and kept, page by page, as the exact truth.

Core fonts only (Helvetica, Times, Courier in Windows-1252): no font file is needed, and every reader knows them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time

from fpdf import FPDF

A4 = (595.28, 841.89)  # points


class Sheet:
    """A document under way; all measures are points from the top left."""

    def __init__(self, family: str, size: float, day: date, title: str, author: str) -> None:
        self.pdf = FPDF(unit="pt", format="A4")
        self.pdf.core_fonts_encoding = "windows-1252"
        self.pdf.set_auto_page_break(False)
        self.pdf.set_creation_date(datetime.combine(day, time(9), UTC))  # else the bytes would change at each run
        self.pdf.set_title(title)
        self.pdf.set_author(author)
        self.pdf.set_lang("fr-FR")
        self.family = family
        self.size = size
        self.texts: list[list[str]] = []

    def new_page(self) -> None:
        """Begin a page."""
        self.pdf.add_page()
        self.texts.append([])

    def font(self, style: str = "", size: float | None = None, family: str = "") -> None:
        """Choose the font of what follows; `style` is "", "B", "I" or "BI"."""
        self.pdf.set_font(family or self.family, style, size or self.size)

    def width(self, text: str) -> float:
        """The width of `text` in the present font."""
        return float(self.pdf.get_string_width(text))

    def put(self, x: float, baseline: float, text: str, align: str = "L", keep: bool = True) -> None:
        """Draw one line; `align` "R" or "C" makes `x` its right end or its middle. `keep` False leaves it out of
        the truth, for a line that `put_row` has already kept."""
        x -= {"L": 0.0, "R": self.width(text), "C": self.width(text) / 2}[align]
        self.pdf.text(x, baseline, text)
        if keep:
            self.texts[-1].append(text)

    def put_row(self, cells: Sequence[tuple[float, str]], baseline: float) -> None:
        """Draw cells side by side; the truth holds them as one line."""
        for x, text in cells:
            self.put(x, baseline, text, keep=False)
        self.texts[-1].append(" ".join(text for _, text in cells if text))

    def wrap(self, text: str, width: float) -> list[str]:
        """`text` cut at spaces into lines of at most `width`."""
        lines: list[str] = []
        for word in text.split():
            if lines and self.width(f"{lines[-1]} {word}") <= width:
                lines[-1] += f" {word}"
            else:
                lines.append(word)
        return lines or [""]

    def rule(self, x0: float, y: float, x1: float, grey: int = 120) -> None:
        """A horizontal line."""
        self.pdf.set_draw_color(grey)
        self.pdf.line(x0, y, x1, y)

    def band(self, x: float, y: float, width: float, height: float, colour: tuple[int, int, int]) -> None:
        """A filled rectangle, to be drawn before the text over it."""
        self.pdf.set_fill_color(*colour)
        self.pdf.rect(x, y, width, height, style="F")

    def finish(self) -> tuple[bytes, list[str]]:
        """The PDF's bytes and the exact text of each page."""
        return bytes(self.pdf.output()), ["\n".join(lines) for lines in self.texts]
