"""CDA as senders really write it: other encodings than declared, HTML in the narrative, files that are half stated."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable

import pytest

from access.refusal import Refusal
from ingest.media_type import HEAD
from records.content import Reading
from tests.ingest.test_cda import cda, section

Read = Callable[..., Reading]
Refused = Callable[..., Refusal]

RTF = base64.b64encode(rb"{\rtf1\ansi Op\'e9r\'e9 " + rb"d'une hernie " * 20 + rb"FIN}").decode()
XSL = 'xmlns:xsl="http://www.w3.org/1999/XSL/Transform"'


def _lines(reading: Reading) -> list[str]:
    return "\n".join(page.text for page in reading.pages).split("\n")


def _narrative(read: Read, text: str, inside: str = "") -> list[str]:
    lines = _lines(read(cda(section(text, inside=inside)).encode()))
    return lines[lines.index("Allergies") + 1 :]


def _level_1(attributes: str, content: str) -> bytes:
    return cda(f"<nonXMLBody><text {attributes}>{content}</text></nonXMLBody>").encode()


@pytest.mark.parametrize("declared", ["UTF-8", "ISO-8859-1", "windows-1252"])
def test_windows_characters_under_another_label_are_read(read: Read, declared: str) -> None:
    text = cda(section("œdème de l’aorte – 5 €… évolué"), before=f'<?xml version="1.0" encoding="{declared}"?>')
    assert "œdème de l’aorte – 5 €… évolué" in _lines(read(text.encode("cp1252")))


@pytest.mark.parametrize(("before", "after"), [("\r\n ", ""), ("", "\x00"), ("", "\r\n\x1a"), ("\ufeff\n", "\n")])
def test_what_stands_around_a_document_is_passed_over(read: Read, before: str, after: str) -> None:
    assert "Iode é" in _lines(read((before + cda(section("Iode é")) + after).encode()))


def _styled(document: str) -> bytes:
    rules = '<xsl:template match="n1:section"><p>Mise en page</p></xsl:template>' * (HEAD // 60)
    return f'<xsl:stylesheet version="1.0" {XSL} xmlns:n1="urn:hl7-org:v3">{rules}{document}</xsl:stylesheet>'.encode()


def test_a_document_after_a_long_stylesheet_is_read(read: Read) -> None:
    reading = read(_styled(cda(section("Iode"), before="")))
    assert "Iode" in _lines(reading)
    assert "Mise en page" not in _lines(reading)
    assert reading.metadata.unique_id == "1.2.3^A17"


def test_a_long_stylesheet_alone_is_named(refusal_of: Refused) -> None:
    refusal = refusal_of(_styled(""))
    assert refusal.code == "unsupported-type"
    assert "feuille de style" in refusal.message


def test_every_element_of_a_row_is_a_cell(read: Read) -> None:
    rows = "<tr><content>Iode</content><td>urticaire</td></tr><tr><list><item>a</item></list><td>b</td></tr>"
    assert _narrative(read, f"<table>{rows}</table>") == ["Iode | urticaire", "- a | b"]


@pytest.mark.parametrize("namespace", ["", ' xmlns="http://www.w3.org/1999/xhtml"', ' xmlns=""'])
def test_html_in_a_narrative_keeps_its_lines(read: Read, namespace: str) -> None:
    html = "<p>Bilan</p><ul><li>un</li><li>deux <b>gr</b>as</li></ul><table><tr><td>a</td><td>b</td></tr></table>"
    assert _narrative(read, f"<div{namespace}>{html}</div>fin") == ["Bilan", "- un", "- deux gras", "a | b", "fin"]


@pytest.mark.parametrize("attributes", ['mediaType="application/rtf"', 'mediaType="text/rtf" representation="b64"'])
def test_level_1_in_base64_that_is_not_stated(read: Read, attributes: str) -> None:
    assert _lines(read(_level_1(attributes, RTF)))[0].startswith("Opéré d'une hernie")


def test_a_thumbnail_is_not_the_document(read: Read) -> None:
    thumbnail = '<thumbnail mediaType="image/png" representation="B64">AAAA</thumbnail>'
    assert _lines(read(_level_1('representation="B64"', RTF + thumbnail)))[0].endswith("FIN")


@pytest.mark.parametrize("stated", ["DF", "ZL", "GZ"])
@pytest.mark.parametrize("window", [-15, 15, 31])
def test_a_compression_under_another_name_is_expanded(read: Read, stated: str, window: int) -> None:
    deflate = zlib.compressobj(wbits=window)
    data = base64.b64encode(deflate.compress("Texte comprimé".encode()) + deflate.flush()).decode()
    assert _lines(read(_level_1(f'representation="B64" compression="{stated}"', data)))[0] == "Texte comprimé"


def test_a_medium_without_its_type_or_in_clear_is_a_page(read: Read) -> None:
    coded = f'<value representation="B64">{base64.b64encode(b"Sans type").decode()}</value>'
    clear = '<value mediaType="text/plain">En clair</value>'
    media = "".join(f"<entry><observationMedia>{one}</observationMedia></entry>" for one in (coded, clear))
    pages = read(cda(section("Voir", inside=media)).encode()).pages
    assert [page.text for page in pages[1:]] == ["Sans type", "En clair"]


def test_free_text_of_an_entry_that_the_narrative_leaves_out_is_written(read: Read) -> None:
    said = "<entry><act><text>Prendre à jeun</text></act></entry>"
    denied = '<entry><observation negationInd="true"><text>Urticaire</text></observation></entry>'
    named = "<entry><act><text>Voir <reference value='#a'/></text></act></entry>"
    assert _narrative(read, "Voir", said + denied + named) == ["Voir", "Prendre à jeun", "absence de Urticaire"]


def test_truncated_in_another_encoding_is_still_refused(refusal_of: Refused) -> None:
    assert refusal_of(cda(section("évolué")).encode("cp1252")[:-30]).code == "damaged-xml"


@pytest.mark.parametrize("inner", ["<component>{}</component>", "{}"])
def test_sections_without_their_component_are_read(read: Read, inner: str) -> None:
    nested = inner.format("<section><title>Iode</title><text>urticaire</text></section>")
    body = inner.format(f"<section><title>Allergies</title><text>Voir</text>{nested}</section>")
    page = read(cda(f"<structuredBody>{body}</structuredBody>").encode()).pages[0]
    assert [one.title for one in page.sections] == ["Allergies", "Iode"]
    assert page.text.split("\n")[-5:] == ["Allergies", "Voir", "", "Iode", "urticaire"]
