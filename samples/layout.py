"""Drawing a document as a PDF: the layouts, and the flow of blocks through columns and pages."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from PIL import Image

from samples import heading
from samples.heading import Context
from samples.sheet import A4, Sheet
from samples.story import Block, Kind

Picture = Callable[[Block], tuple[Image.Image, str]]
"""Turns a table into a picture and the text that stands in it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One way of setting a page."""

    family: str
    size: float
    head: Callable[[Sheet, Context], float]
    left: float = 50
    columns: int = 1
    repeat_head: bool = False
    foot: bool = True
    title_size: float = 13
    centred_title: bool = False
    capitals: bool = False
    grid: bool = True


LAYOUTS: dict[str, Layout] = {
    "letter": Layout("Times", 11, heading.letterhead, 60),
    "banner": Layout("Helvetica", 10, heading.banner, 40, repeat_head=True, capitals=True),
    "columns": Layout("Helvetica", 9.5, heading.letterhead, 50, columns=2),
    "lab": Layout("Helvetica", 9, heading.laboratory, 40, grid=False),
    "form": Layout("Helvetica", 11, heading.prescription, 60, centred_title=True, foot=False),
    "table": Layout("Helvetica", 9.5, heading.letterhead, 50, title_size=14),
    "note": Layout("Courier", 11, heading.letterhead, 60, foot=False),
}
_BOTTOM = A4[1] - 50
_GAP = 22.0


def lines_of_head(about: Context) -> str:
    """What a plain text file writes above the text, as a software's export does."""
    sender = f"{about.carer.name} ({about.carer.specialty})" if about.carer else "Document du patient"
    return f"{about.patient_line}\n{about.ins_line}\n{sender}\nLe {about.draft.day:%d/%m/%Y}"


def draw(about: Context, layout: Layout, picture: Picture | None = None) -> tuple[bytes, list[str], set[int]]:
    """The PDF, the text of each page, and the numbers (from 1) of the pages that hold a picture of text.

    `picture` pastes the tables as pictures. Drawn twice, because the footer must know the number of pages.
    """
    bottom = _balanced(about, layout) if layout.columns > 1 else _BOTTOM
    total = _Flow(about, layout, picture, 1, bottom).run().pages
    flow = _Flow(about, layout, picture, total, bottom).run()
    data, texts = flow.sheet.finish()
    return data, texts, flow.pictured


def _balanced(about: Context, layout: Layout) -> float:
    """Where the columns must end for a short text to fill them all alike."""
    endless = _Flow(about, layout, None, 1, float("inf")).run()
    return min(_BOTTOM, endless.top + (endless.y - endless.top) / layout.columns + 2.5 * endless.leading)


class _Flow:
    """The state of one drawing: the page, the column and how far down."""

    def __init__(self, about: Context, layout: Layout, picture: Picture | None, total: int, bottom: float) -> None:
        author = about.carer.name if about.carer else about.person.family_name
        self.about, self.layout, self.picture, self.total = about, layout, picture, total
        self.sheet = Sheet(layout.family, layout.size, about.draft.day, about.draft.title, author)
        self.leading = layout.size * 1.32
        self.bottom = bottom
        self.pages = 0
        self.column = 0
        self.top = self.y = 0.0
        self.pictured: set[int] = set()
        self.width = (A4[0] - 2 * layout.left - _GAP * (layout.columns - 1)) / layout.columns

    @property
    def x(self) -> float:
        return self.layout.left + self.column * (self.width + _GAP)

    def run(self) -> _Flow:
        self._page()
        self._title()
        for block in self.about.draft.blocks:
            self._block(block)
        self._signature()
        self._foot()
        return self

    def _page(self) -> None:
        if self.pages:
            self._foot()
        self.pages += 1
        self.sheet.new_page()
        first = self.pages == 1
        self.top = self.layout.head(self.sheet, self.about) if first or self.layout.repeat_head else 60.0
        self.column, self.y = 0, self.top

    def _foot(self) -> None:
        if self.layout.foot:
            heading.footer(self.sheet, self.about, self.pages, self.total)

    def _room(self, height: float) -> None:
        if self.y + height <= self.bottom:
            return
        if self.column + 1 < self.layout.columns:
            self.column, self.y = self.column + 1, self.top
        else:
            self._page()

    def _title(self) -> None:
        sheet, layout = self.sheet, self.layout
        sheet.font("B", layout.title_size)
        for line in sheet.wrap(self.about.draft.title, A4[0] - 2 * layout.left):
            if layout.centred_title:
                sheet.put(A4[0] / 2, self.y, line, "C")
            else:
                sheet.put(layout.left, self.y, line)
            self.y += layout.title_size * 1.3
        self.y += 8
        self.top = self.y  # the columns start under the title

    def _block(self, block: Block) -> None:
        if block.kind is Kind.TABLE:
            self._picture(block) if self.picture else self._table(block.rows)
            return
        text = block.text
        if block.kind is Kind.HEADING:
            self._room(self.leading * 3)
            self.y += self.leading * 0.45
            self._lines(text.upper() if self.layout.capitals else text, "B", self.layout.size + 0.5, 0)
            return
        self._lines(
            f"• {text}" if block.kind is Kind.BULLET else text, "", self.layout.size, 10 * (block.kind is Kind.BULLET)
        )
        self.y += self.leading * 0.25

    def _lines(self, text: str, style: str, size: float, indent: float) -> None:
        self.sheet.font(style, size)
        for line in self.sheet.wrap(text, self.width - indent):
            self._room(self.leading)
            self.sheet.font(style, size)
            self.sheet.put(self.x + indent, self.y, line)
            self.y += self.leading

    def _table(self, rows: Sequence[Sequence[str]]) -> None:
        self.sheet.font("", self.layout.size)
        widths = self._widths(rows)
        for number, row in enumerate(rows):
            style = "B" if number == 0 else ""
            self.sheet.font(style)
            cells = [self.sheet.wrap(cell, width - 8) for cell, width in zip(row, widths, strict=False)]
            height = self.leading * max(map(len, cells)) + 3
            self._room(height)
            self._row(cells, widths, height, style, shaded=number == 0)
        self.y += self.leading * 0.6

    def _row(self, cells: list[list[str]], widths: list[float], height: float, style: str, shaded: bool) -> None:
        sheet, top = self.sheet, self.y - self.leading * 0.78
        if shaded:
            sheet.band(self.x, top, sum(widths), height, (228, 232, 238))
        starts = [self.x + sum(widths[:at]) for at in range(len(cells))]
        sheet.pdf.set_draw_color(150)
        for start, width in zip(starts, widths, strict=False):
            if self.layout.grid:
                sheet.pdf.rect(start, top, width, height)
        if not self.layout.grid:
            sheet.rule(self.x, top + height, self.x + sum(widths), 190)
        sheet.font(style)
        for line in range(max(map(len, cells))):
            row = [
                (start + 4, cell[line] if line < len(cell) else "") for start, cell in zip(starts, cells, strict=True)
            ]
            sheet.put_row(row, self.y + line * self.leading)
        self.y += height

    def _widths(self, rows: Sequence[Sequence[str]]) -> list[float]:
        """Column widths: what the longest cell asks for, long ones shrunk so that all fit."""
        columns = max(map(len, rows))
        asked = [max(self.sheet.width(row[at]) + 14 for row in rows if at < len(row)) for at in range(columns)]
        spare = self.width - sum(asked)
        if spare >= 0:
            return [width + spare / columns * 0.5 for width in asked]
        fixed = [min(width, self.width / columns) for width in asked]
        excess = [width - base for width, base in zip(asked, fixed, strict=True)]
        share = (self.width - sum(fixed)) / (sum(excess) or 1)
        return [base + more * share for base, more in zip(fixed, excess, strict=True)]

    def _picture(self, block: Block) -> None:
        assert self.picture is not None
        image, text = self.picture(block)
        height = self.width * image.height / image.width
        self._room(height)
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        self.sheet.pdf.image(buffer, self.x, self.y - self.leading * 0.8, self.width, height)
        self.sheet.texts[-1].append(text)
        self.pictured.add(self.pages)
        self.y += height + self.leading * 0.4

    def _signature(self) -> None:
        carer = self.about.carer
        if carer is None or self.layout.head is heading.laboratory:
            return
        self.y += self.leading
        self._room(self.leading * 2)
        self.sheet.font("I")
        self.sheet.put(self.x + self.width, self.y, carer.name, "R")
        self.y += self.leading


def table_alone(about: Context, block: Block) -> tuple[bytes, list[str]]:
    """A PDF page with one table and nothing else, to be photographed."""
    draft = replace(about.draft, blocks=(block,), title="")
    bare = Layout("Helvetica", 10, lambda _sheet, _about: 40.0, 20, foot=False, title_size=1)
    flow = _Flow(replace(about, draft=draft, carer=None, place=None), bare, None, 1, _BOTTOM)
    flow._page()
    flow._table(block.rows)
    return flow.sheet.finish()
