"""Letters as programs really write them: symbol fonts, exponents by style, imported parts, HTML without a frame."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from access.refusal import Refusal
from ingest.media_type import HEAD
from records.content import Reading
from tests.ingest.test_letters import ODF, W, _docx, _lines, _picture, _run, _zip

Read = Callable[..., Reading]
Refused = Callable[..., Refusal]

STYLE = 'xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0" xmlns:dc="http://purl.org/dc/elements/1.1/"'
MATH = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'


def test_signs_of_symbol_fonts_are_read(read: Read) -> None:
    ticked = '<w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r>'
    beta = '<w:r><w:sym w:font="Symbol" w:char="F062"/></w:r>'
    private = _run("\uf0b3", '<w:rPr><w:rFonts w:ascii="Symbol"/></w:rPr>')
    body = f"<w:p>{ticked}{_run(' ')}{beta}{_run('-bloquant ')}{private}{_run(' 5')}</w:p>"
    assert _lines(read(_docx(body))) == ["☑ β-bloquant ≥ 5"]
    fonts = rb"{\fonttbl{\f0 Arial;}{\f1\fcharset2 Symbol;}{\f2\fcharset2 Wingdings;}}"
    rtf = rb"{\rtf1\ansi" + fonts + rb"\f0{\f2 \'fe} {\f1 b}-bloquant {\f1\'b3}\u-3998?\par}"
    assert _lines(read(rtf)) == ["☑ β-bloquant ≥β"]


def test_formulas_of_word_are_read(read: Read) -> None:
    body = f"<w:p>{_run('IMC ')}<m:oMath {MATH}><m:r><m:t>= 31</m:t></m:r></m:oMath></w:p>"
    assert _lines(read(_docx(body))) == ["IMC = 31"]


def test_strict_word_is_read(read: Read) -> None:
    strict = W.replace(
        "http://schemas.openxmlformats.org/wordprocessingml/2006/main",
        "http://purl.oclc.org/ooxml/wordprocessingml/main",
    )
    data = _zip({"word/document.xml": f"<w:document {strict}><w:body><w:p>{_run('Iode')}</w:p></w:body></w:document>"})
    assert _lines(read(data)) == ["Iode"]


@pytest.mark.parametrize("target", ["/word/part.htm", "part.htm"])
def test_a_document_that_word_imports_is_a_page(read: Read, target: str) -> None:
    relations = (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r" '
        'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/aFChunk" '
        f'Target="{target}"/></Relationships>'
    )
    body = _docx(
        f"<w:p>{_run('En-tête')}</w:p><w:altChunk/>",
        word___rels__document_dot_xml_dot_rels=relations,
        word__part_dot_htm="<p>Lettre importée</p>",
    )
    assert [page.text for page in read(body).pages] == ["En-tête", "Lettre importée"]


@pytest.mark.parametrize("name", ["docx", "odt"])
def test_a_letter_behind_a_large_part_is_one(read: Read, name: str) -> None:
    large: dict[str, str | bytes] = {"thumbnail.jpeg": bytes(HEAD)}
    if name == "docx":
        document = f"<w:document {W}><w:body><w:p>{_run('Iode')}</w:p></w:body></w:document>"
        files = large | {"[Content_Types].xml": "<Types/>", "word/document.xml": document}
    else:
        content = f"<office:document-content {ODF}><text:p>Iode</text:p></office:document-content>"
        files = large | {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content}
    assert _lines(read(_zip(files))) == ["Iode"]


def test_exponents_by_style_are_exponents(read: Read) -> None:
    styles = "".join(
        f'<style:style style:name="{name}"><style:text-properties style:text-position="{place}"/></style:style>'
        for name, place in (("T1", "super 58%"), ("T2", "-33% 58%"), ("T3", "0% 100%"))
    )
    spans = [f'<text:span text:style-name="T{at}">{text}</text:span>' for at, text in ((1, "9"), (2, "2"), (3, "7"))]
    note = "<office:annotation><dc:creator>Dr A</dc:creator><text:p>à revoir</text:p></office:annotation>"
    body = f"<text:p>10{spans[0]}/L CO{spans[1]} 1{spans[2]}{note} vu</text:p>"
    content = f"<office:document-content {ODF} {STYLE}>{styles}{body}</office:document-content>"
    data = _zip({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})
    assert _lines(read(data)) == ["10⁹/L CO₂ 17 vu", "à revoir"]


def test_exponents_of_rtf_by_position(read: Read) -> None:
    assert _lines(read(rb"{\rtf1\ansi 10{\up6 9}/L CO{\dn4 2} 1{\up0 7}\par}")) == ["10⁹/L CO₂ 17"]


@pytest.mark.parametrize(("word", "encoding"), [("pc", "cp437"), ("pca", "cp850"), ("mac", "mac_roman")])
def test_character_sets_of_rtf(read: Read, word: str, encoding: str) -> None:
    assert _lines(read(rb"{\rtf1\%b Op\'%02xr" % (word.encode(), "é".encode(encoding)[0]) + b"e}")) == ["Opére"]


def test_a_binary_picture_of_rtf_is_a_page(read: Read) -> None:
    picture = _picture(700, 900)
    data = rb"{\rtf1 Lettre{\pict\pngblip\bin%d " % len(picture) + picture + rb"}\par}"
    assert len(read(data).pages) == 2


BEGINNINGS = [
    "<h1>", "<font size=2>", "<b>", "<center>", "<style>x {}</style>", "<br>", "<ul><li>", "<pre>",
    "<script>x</script>",
]  # fmt: skip


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_html_without_a_frame_is_html(read: Read, beginning: str) -> None:
    lines = _lines(read(f"{beginning}Compte rendu<p>Iode &eacute;lev&eacute;".encode()))
    assert [line.removeprefix("- ") for line in lines] == ["Compte rendu", "Iode élevé"]


def test_markup_of_others_is_not_html(refusal_of: Refused) -> None:
    assert refusal_of(b"<bundle><p>x</p></bundle>").code == "unsupported-type"
    assert refusal_of(b'<section xmlns="urn:hl7-org:v3"><text>x</text></section>').code == "unsupported-type"


def test_html_of_a_windows_page_that_says_latin_1(read: Read) -> None:
    head = '<html><head><meta charset="iso-8859-1"></head><body>'
    assert _lines(read(f"{head}cœur, l’aorte… 5 €</body></html>".encode("cp1252"))) == ["cœur, l’aorte… 5 €"]


def test_windows_characters_inside_utf_8_are_read(read: Read) -> None:
    assert _lines(read("c\u009cur, l\u0092aorte".encode())) == ["cœur, l’aorte"]
