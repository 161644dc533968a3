"""The forms a document takes: each turns a draft into the bytes of a file, and into the truth of its pages.

| form | file |
|---|---|
| letter, banner, columns, lab, form, table | born-digital PDF in that layout |
| mixed | digital PDF whose tables are pasted as pictures |
| scan, scan-low, scan-high, scan-flip, scan-rot | PDF of pictures, 125 to 300 dpi, skewed, noisy, turned |
| fax | multi-page TIFF in two levels |
| photo, photo-dark, png | JPEG, JPEG in bad light, PNG, of one page |
| txt, latin1 | plain text in UTF-8, in Latin-1 |
| cda, cda1 | CDA R2 level 3, level 1 with an embedded PDF |
"""

from __future__ import annotations

from dataclasses import dataclass

from PIL import Image

from samples import cda, damage
from samples.heading import Context, context_of
from samples.layout import LAYOUTS, Layout, draw, lines_of_head, table_alone
from samples.story import Block, Draft

_OF_TYPE = {
    "11502-2": "lab",
    "57833-6": "form",
    "PRESC-KINE": "form",
    "PRESC-BIO": "form",
    "87273-9": "form",
    "89601-9": "form",
    "CERT_DECL": "form",
    "15507-7": "banner",
    "60280-5": "banner",
}
"""The layout under a scan, by type of document; the others are letters."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """A finished file. `truths` is the exact text of each page, `pictured` the pages that need OCR (from 1)."""

    suffix: str
    media_type: str
    data: bytes
    truths: tuple[str, ...]
    pictured: frozenset[int] = frozenset()


def produce(draft: Draft, identity: cda.Identity) -> Drawn:
    """The file of a draft. Raises ValueError on an unknown form."""
    about = context_of(draft)
    if draft.form in LAYOUTS:
        data, texts, _ = draw(about, LAYOUTS[draft.form])
        return Drawn(".pdf", "application/pdf", data, tuple(texts))
    if draft.form == "mixed":
        return _mixed(about)
    if draft.form in damage.DAMAGES:
        return _captured(about)
    if draft.form in ("txt", "latin1"):
        return _plain(about)
    if draft.form == "cda":
        return Drawn(".xml", "text/xml", cda.structured(about, identity), (draft.text,))
    if draft.form == "cda1":
        data, texts, _ = draw(about, _layout(draft))
        return Drawn(".xml", "text/xml", cda.embedding(about, identity, data), tuple(texts))
    raise ValueError(f"{draft.document_id}: unknown form {draft.form!r}")


def _layout(draft: Draft) -> Layout:
    return LAYOUTS["note" if draft.author == "patient" else _OF_TYPE.get(draft.type_code, "letter")]


def _plain(about: Context) -> Drawn:
    text = f"{lines_of_head(about)}\n\n{about.draft.title}\n\n{about.draft.text}\n"
    if about.draft.form == "txt":
        return Drawn(".txt", "text/plain", text.encode(), (text,))
    # The software behind Latin-1 files of the field knows neither these signs nor typographic quotes.
    for sign, plain in (("–", "-"), ("’", "'"), ("€", "EUR"), ("œ", "oe"), ("Œ", "OE")):
        text = text.replace(sign, plain)
    return Drawn(".txt", "text/plain", text.encode("latin-1"), (text,))


def _mixed(about: Context) -> Drawn:
    layout = LAYOUTS["lab" if about.draft.type_code == "11502-2" else "letter"]

    def picture(block: Block) -> tuple[Image.Image, str]:
        data, texts = table_alone(about, block)
        page = damage.cropped(damage.render(data, damage.PASTED.dpi)[0])
        return damage.worn(page, damage.PASTED, about.draft.document_id), texts[0]

    data, texts, pictured = draw(about, layout, picture)
    return Drawn(".pdf", "application/pdf", data, tuple(texts), frozenset(pictured))


def _captured(about: Context) -> Drawn:
    draft = about.draft
    data, texts, _ = draw(about, _layout(draft))
    spec = damage.DAMAGES[draft.form]
    if len(texts) > 1 and spec.container in ("jpeg", "png"):
        spec = damage.DAMAGES["scan"]
    media = {"pdf": "application/pdf", "jpeg": "image/jpeg", "png": "image/png", "tiff": "image/tiff"}[spec.container]
    pixels = damage.captured(data, spec, draft.document_id, draft.day)
    pages = frozenset(range(1, len(texts) + 1))
    return Drawn(damage.SUFFIXES[spec.container], media, pixels, tuple(texts), pages)
