"""Each kind of bomb, loop, lie and half is refused for its true reason, or read; nothing of it reaches this process."""

from __future__ import annotations

import pytest

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.sandbox.bounds import MIB, Bounds
from ingest.sandbox.client import PageRead, Sandbox
from samples.hostile import OTHERS, PDF, PICTURES, XML, cda, nested, pdf_of_forms

LIMITS = Limits(pages=300, characters=1_000_000)
BOUNDS = Bounds(cpu=60, wall=120, memory=400 * MIB)
SLOW = {"bomb-rgba.png", "at-the-limit.png", "zeros.pdf", "wide.xml", "too-much.txt", "image.pdf", "one-text.xml"}
"""Made or read in many seconds: benchmarks/hostile.py has them."""

EXPECTED: dict[str, str | int] = {
    # a code, or how many pages are read
    "bomb.png": "too-many-pixels",
    "text-bomb.png": "damaged-image",
    "bomb.tif": "too-many-pixels",
    "3000-frames.tif": "too-many-pages",
    "loop.tif": 3,
    "cut.png": "damaged-image",
    "cut.jpg": "damaged-image",
    "cut.tif": "damaged-image",
    "lies.png": "damaged-image",
    "lies.jpg": "damaged-image",
    "header-only.tif": "damaged-image",
    "animated.gif": "unsupported-type",
    "animated.png": 5,
    "animated.webp": "unsupported-type",
    "pages.tif": 5,
    "cmyk.jpg": 1,
    "16-bit.png": 1,
    "float.tif": 1,
    "palette.png": 1,
    "turned.jpg": 1,
    "one-pixel.png": 1,
    "thin.png": 1,
    "laughs.xml": "xml-doctype",
    "laughs-in-attribute.xml": "unsupported-type",
    "quadratic.xml": "xml-doctype",
    "quadratic-in-attribute.xml": "unsupported-type",
    "external.xml": "xml-doctype",
    "external-dtd.xml": "xml-doctype",
    "parameter.xml": "xml-doctype",
    "late-doctype.xml": "unsupported-type",
    "deep.xml": "damaged-xml",
    "deep-but-legal.xml": 1,
    "attributes.xml": "unsupported-type",
    "utf-16.xml": 1,
    "include.xml": "no-content",
    "cut.xml": "damaged-xml",
    "in-each-other.xml": "too-deep",
    "bomb-inside.xml": "too-much-memory",
    "picture-inside.xml": "too-many-pixels",
    "5000-pages.pdf": "too-many-pages",
    "2000-pages.pdf": "too-many-pages",
    "forms.pdf": "too-much-memory",
    "stream-bomb.pdf": 1,
    "much-text.pdf": 1,
    "arrays.pdf": 1,
    "huge-page.pdf": 1,
    "no-size.pdf": 1,
    "tree-loop.pdf": "damaged-pdf",
    "own-length.pdf": 1,
    "cut.pdf": "damaged-pdf",
    "empty.pdf": "damaged-pdf",
    "zip.pdf": "unsupported-type",
    "zip-bomb.zip": "unsupported-type",
    "zip-bomb.docx": "unsupported-type",
    "nul.txt": 1,
    "surrogates.txt": 1,
    "marks.txt": 207,
    "marks-in-head.txt": 9,
    "one-line.txt": "too-much-text",
    "no-space.txt": "too-much-text",
    "form-feeds.txt": "too-many-pages",
    "binary-tail.txt": "not-text",
    "nothing.txt": "empty-file",
    "blank.txt": "no-content",
}
FILES = {**PICTURES, **XML, **PDF, **OTHERS}


@pytest.fixture(scope="module")
def bounded(sandbox: Sandbox) -> Sandbox:
    """The product's sandbox with a smaller allowance."""
    return Sandbox(BOUNDS, sandbox.server)


def read(sandbox: Sandbox, data: bytes, limits: Limits = LIMITS) -> str | int:
    """The code of the refusal, or the number of pages."""
    pages = 0
    try:
        for said in sandbox.read([data], "x", ocr="none", limits=limits):
            pages += isinstance(said, PageRead)
    except Refusal as refusal:
        return refusal.code if refusal.message and refusal.remedy else "no sentence"
    return pages


def test_the_table_is_whole() -> None:
    assert set(EXPECTED) == set(FILES) - SLOW
    assert len(EXPECTED) > 55


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_hostile_file_has_its_end(bounded: Sandbox, name: str) -> None:
    assert read(bounded, FILES[name]()) == EXPECTED[name]


def test_the_limits_are_what_refuses(bounded: Sandbox) -> None:
    """The same kinds of file below the limits are read."""
    assert read(bounded, nested(20)) == 1
    assert read(bounded, pdf_of_forms(depth=3)) == 1
    assert read(bounded, cda(doctype="")) == 1


def test_the_server_outlived_them_all(sandbox: Sandbox, bounded: Sandbox) -> None:
    before = sandbox.server.pid()
    assert read(bounded, PDF["forms.pdf"]()) == "too-much-memory"
    assert read(bounded, b"Une note.") == 1
    assert sandbox.server.pid() == before
