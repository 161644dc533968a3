"""Raised figures mean the same in every format: exponents stay on, the marks of notes stand apart."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from clinical.told_by_text import facts_of
from index.analysis import analyse
from ingest.exponents import marks_apart
from records.content import Reading
from records.fact import FactKind

TOLD = "Allergie à la pénicilline ³, plaquettes 148 10⁹/L, CRP 4,5 ¹ mg/L."
W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
ODF = "urn:oasis:names:tc:opendocument:xmlns"


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("pénicilline³", "pénicilline ³"),
        ("pénicilline³, iode¹²", "pénicilline ³, iode ¹²"),
        ("4,5¹ mg", "4,5 ¹ mg"),
        ("310¹", "310 ¹"),  # not ten
        ("250 10⁹/L et 4.10⁶", "250 10⁹/L et 4.10⁶"),
        ("kg/m² 1,73m² 7 10³/mm³ cm³ µm³ s²", "kg/m² 1,73m² 7 10³/mm³ cm³ µm³ s²"),
        ("gramm³ ans²", "gramm ³ ans ²"),
        ("Ca²⁺ Fe³⁺ SO₄²⁻ L⁻¹ HbA₁c", "Ca²⁺ Fe³⁺ SO₄²⁻ L⁻¹ HbA₁c"),
        ("¹⁸F (¹) mot ³", "¹⁸F (¹) mot ³"),
        ("8h³⁰", "8h³⁰"),
    ],
)
def test_marks_stand_apart_and_exponents_do_not(written: str, text: str) -> None:
    assert marks_apart(written) == text
    assert marks_apart(text) == text


def _zip(name: str, data: str, **more: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for member, content in {**more, name: data}.items():
            archive.writestr(member, content)
    return out.getvalue()


def _written(up: Callable[[str], str], plain: Callable[[str], str] = str) -> str:
    pieces = ("Allergie à la pénicilline", "3", ", plaquettes 148 10", "9", "/L, CRP 4,5", "1", " mg/L.")
    return "".join(up(piece) if at % 2 else plain(piece) for at, piece in enumerate(pieces))


def _docx() -> bytes:
    raised = '<w:rPr><w:vertAlign w:val="superscript"/></w:rPr>'
    runs = _written(lambda text: f"<w:r>{raised}<w:t>{text}</w:t></w:r>", lambda text: f"<w:r><w:t>{text}</w:t></w:r>")
    body = f'<w:document xmlns:w="{W}"><w:body><w:p>{runs}</w:p></w:body></w:document>'
    return _zip("word/document.xml", body, **{"[Content_Types].xml": "<Types/>"})


def _odt() -> bytes:
    style = (
        '<office:automatic-styles><style:style style:name="T1" style:family="text">'
        '<style:text-properties style:text-position="super 58%"/></style:style></office:automatic-styles>'
    )
    spans = _written(lambda text: f'<text:span text:style-name="T1">{text}</text:span>')
    names = " ".join(f'xmlns:{name}="{ODF}:{name}:1.0"' for name in ("office", "text", "style"))
    body = f"<office:body><office:text><text:p>{spans}</text:p></office:text></office:body>"
    content = f"<office:document-content {names}>{style}{body}</office:document-content>"
    return _zip("content.xml", content, mimetype="application/vnd.oasis.opendocument.text")


def _rtf() -> bytes:
    text = _written(lambda text: rf"{{\super {text}}}")
    return (
        rf"{{\rtf1\ansi\ansicpg1252 {text}\par}}".encode("cp1252").replace(b"\xe0", rb"\'e0").replace(b"\xe9", rb"\'e9")
    )


def _html() -> bytes:
    text = _written(lambda text: f"<sup>{text}</sup>")
    return f"<html><head><meta charset='utf-8'></head><body><p>{text}</p></body></html>".encode()


def _text() -> bytes:
    """Nothing is raised in plain text; figures may be typed as superscripts."""
    return _written(lambda text: text.translate(str.maketrans("139", "¹³⁹"))).encode()


@pytest.mark.parametrize("made", [_docx, _odt, _rtf, _html, _text])
def test_a_marked_allergy_is_found_and_told(read: Callable[..., Reading], made: Callable[[], bytes]) -> None:
    (page,) = read(made()).pages
    assert page.text.strip() == TOLD
    assert "penicilline" in analyse(page.text).forms
    told = {fact.kind: fact for fact in facts_of(page)}
    assert told[FactKind.ALLERGY].label == "pénicilline"
    results = {
        fact.label: fact.value.text for fact in facts_of(page) if fact.kind is FactKind.LAB_RESULT and fact.value
    }
    assert results == {"plaquettes": "148", "CRP": "4,5"}
