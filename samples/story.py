"""Reading stories: a text file per patient, one document after the other.

    === id=lettre-ep date=2019-03-12 type=11490-0 by=pneumo form=letter
    Title on one line
    # Section
    A paragraph a line, with [marks]{!concept}.
    - a bullet
    | a | table | row |

The header's keys: `id` (unique for the patient), `date`, `type` (LOINC or ANS code), `by` (a practitioner's key, or
`patient`), `form` (see forms.py), `part=full` to keep it out of the demo, `replaces` (the id of the earlier version),
`about` (codes of concepts that the whole document is about).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

from samples.markup import Claim, parse_codes, unmark

STORIES = Path(__file__).parent / "stories"


class Kind(StrEnum):
    """The kinds of blocks a document is made of."""

    HEADING = "heading"
    PARAGRAPH = "paragraph"
    BULLET = "bullet"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a document; `rows` is filled for a table only, its first row being the column titles."""

    kind: Kind
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """One document before it is drawn. `document_id` is "<patient>-<date>-<id>" and never changes."""

    document_id: str
    patient: str
    day: date
    type_code: str
    author: str
    form: str
    title: str
    blocks: tuple[Block, ...]
    claims: frozenset[Claim]
    in_demo: bool
    replaces: str = ""

    @property
    def text(self) -> str:
        """The document's own text, without letterhead, headers or footers: a line a block, a line a table row."""
        lines: list[str] = []
        for block in self.blocks:
            if block.kind is Kind.TABLE:
                lines.extend(" ; ".join(cell for cell in row if cell) for row in block.rows)
            else:
                lines.append(("- " if block.kind is Kind.BULLET else "") + block.text)
        return "\n".join(lines)


def read_drafts(patient: str, source: str) -> list[Draft]:
    """The documents of a story. Raises ValueError, naming the document, on a malformed one."""
    drafts = []
    for chunk in source.split("\n=== ")[1:] if not source.startswith("=== ") else source[4:].split("\n=== "):
        header, _, rest = chunk.partition("\n")
        try:
            drafts.append(_draft(patient, dict(item.split("=", 1) for item in header.split()), rest.strip()))
        except (ValueError, KeyError) as problem:
            raise ValueError(f"{patient}: {header}: {problem!r}") from problem
    return drafts


def _draft(patient: str, header: dict[str, str], rest: str) -> Draft:
    known = {"id", "date", "type", "by", "form", "part", "replaces", "about"}
    if not header.keys() <= known:
        raise ValueError(f"unknown keys {header.keys() - known}")
    title_line, _, body = rest.partition("\n")
    title, claims = unmark(title_line.strip())
    claims += parse_codes(header["about"]) if "about" in header else []
    blocks, more = _blocks(body.splitlines())
    if not blocks:
        raise ValueError("empty document")
    return Draft(
        document_id=f"{patient}-{header['date']}-{header['id']}",
        patient=patient,
        day=date.fromisoformat(header["date"]),
        type_code=header["type"],
        author=header["by"],
        form=header["form"],
        title=title,
        blocks=blocks,
        claims=frozenset(claims + more),
        in_demo=header.get("part", "demo") == "demo",
        replaces=header.get("replaces", ""),
    )


def _blocks(lines: Iterable[str]) -> tuple[tuple[Block, ...], list[Claim]]:
    blocks: list[Block] = []
    claims: list[Claim] = []
    for line in lines:
        text, found = unmark(line.strip())
        claims.extend(found)
        if text.startswith("|"):
            row = tuple(cell.strip() for cell in text.strip("|").split("|"))
            if blocks and blocks[-1].kind is Kind.TABLE:
                blocks[-1] = Block(Kind.TABLE, rows=(*blocks[-1].rows, row))
            else:
                blocks.append(Block(Kind.TABLE, rows=(row,)))
        elif text.startswith("# "):
            blocks.append(Block(Kind.HEADING, text[2:].strip()))
        elif text.startswith("- "):
            blocks.append(Block(Kind.BULLET, text[2:].strip()))
        elif text:
            blocks.append(Block(Kind.PARAGRAPH, text))
    return tuple(blocks), claims
