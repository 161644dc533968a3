"""Letters: Word, OpenDocument, RTF, HTML, phone photographs. Nothing that a reader sees is left out."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Callable
from datetime import date

import pillow_heif
import pytest
from PIL import Image

from access.refusal import Refusal
from records.content import Reading

Read = Callable[..., Reading]
Refused = Callable[..., Refusal]

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
MC = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
CORE = (
    '<x xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:t="http://purl.org/dc/terms/"><dc:title>Lettre</dc:title>'
    "<dc:creator>Dr DURAND</dc:creator><t:created>2024-05-10T08:00:00Z</t:created></x>"
)
ODF = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
)


def _zip(files: dict[str, str | bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


def _run(text: str, more: str = "") -> str:
    return f"<w:r>{more}<w:t>{text}</w:t></w:r>"


def _docx(body: str, **parts: str | bytes) -> bytes:
    files: dict[str, str | bytes] = {"[Content_Types].xml": "<Types/>"}
    files["word/document.xml"] = f"<w:document {W} {MC}><w:body>{body}</w:body></w:document>"
    return _zip(files | {name.replace("__", "/").replace("_dot_", "."): data for name, data in parts.items()})


def _picture(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((width, height), 80).save(out, "PNG")
    return out.getvalue()


def _lines(reading: Reading) -> list[str]:
    return "\n".join(page.text for page in reading.pages).split("\n")


def test_word_with_all_its_parts(read: Read) -> None:
    sup = '<w:rPr><w:vertAlign w:val="superscript"/></w:rPr>'
    box = f"<w:r><w:pict><w:txbxContent><w:p>{_run('Encadré')}</w:p></w:txbxContent></w:pict></w:r>"
    twice = f"<mc:AlternateContent><mc:Choice>{box}</mc:Choice><mc:Fallback>{box}</mc:Fallback></mc:AlternateContent>"
    body = (
        f"<w:p>{_run('Allergie ')}<w:ins>{_run('à la pénicilline')}</w:ins>"
        "<w:del><w:r><w:delText>aucune</w:delText></w:r></w:del></w:p>"
        f"<w:p>{_run('7,4 10')}{_run('9', sup)}{_run('/L')}{twice}</w:p>"
        f"<w:tbl><w:tr><w:tc><w:p>{_run('K')}</w:p></w:tc><w:tc><w:p>{_run('4,1')}</w:p><w:p>{_run('bis')}</w:p></w:tc>"
        "</w:tr></w:tbl>"
        f"<w:sdt><w:sdtContent><w:p>{_run('Champ')}<w:r><w:br/></w:r>{_run('suite')}</w:p></w:sdtContent></w:sdt>"
    )
    parts = {
        f"word__{name}_dot_xml": f"<w:x {W}><w:p>{_run(text)}</w:p></w:x>"
        for name, text in (("header1", "CHU"), ("header2", "CHU"), ("footnotes", "Note"), ("footer1", "Page"))
    }
    reading = read(_docx(body, docProps__core_dot_xml=CORE, **parts))
    assert _lines(reading) == [
        "CHU", "Allergie à la pénicilline[supprimé : aucune]", "7,4 10⁹/L", "Encadré", "K | 4,1 ; bis", "Champ",
        "suite", "Note", "Page",
    ]  # fmt: skip
    assert (reading.metadata.title, reading.metadata.author) == ("Lettre", "Dr DURAND")
    assert reading.metadata.event_date == date(2024, 5, 10)


def test_scans_pasted_into_a_letter_are_pages_and_logos_are_not(read: Read) -> None:
    body = f"<w:p>{_run('Voir le scan')}</w:p>"
    media = {"word__media__image1_dot_png": _picture(200, 90), "word__media__image2_dot_png": _picture(700, 900)}
    reading = read(_docx(body, **media))
    assert [(page.width, page.height) for page in reading.pages] == [(0, 0), (700, 900)]


def test_open_document(read: Read) -> None:
    content = (
        f"<office:document-content {ODF}><office:body><office:text><text:tracked-changes><text:changed-region>"
        "<text:deletion><text:p>aucune</text:p></text:deletion></text:changed-region></text:tracked-changes>"
        '<text:h>Allergies</text:h><text:p>Pénicilline<text:s text:c="3"/>choc<text:line-break/>2016'
        "<text:note><text:note-body><text:p>Note</text:p></text:note-body></text:note> fin</text:p>"
        "<text:list><text:list-item><text:p>Iode</text:p></text:list-item></text:list>"
        "<table:table><table:table-row><table:table-cell><text:p>K</text:p></table:table-cell>"
        "<table:table-cell><text:p>4,1</text:p></table:table-cell></table:table-row></table:table>"
        "</office:text></office:body></office:document-content>"
    )
    data = _zip({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})
    assert _lines(read(data)) == [
        "[supprimé : aucune]", "Allergies", "Pénicilline choc", "2016 fin", "Note", "Iode", "K | 4,1",
    ]  # fmt: skip


RTF = (
    rb"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0\fswiss\fcharset0 Arial;}{\f1\fcharset238 Cyr;}}{\info{\title Secret}}"
    rb"{\header En-t\'eate}\pard Allergie \'e0 la p\u233?nicilline\par{\*\generator Word;}{\b gras}\line suite"
    rb"{\footnote Note}\par 7,4 10{\super 9}/L {\deleted aucune}\par\trowd K\cell 4,1\cell\row"
    rb"{\field{\*\fldinst HYPERLINK x}{\fldrslt lien}} {\f1\'b3} \u-10179?\u-8704?"
    rb"{\shp{\*\shpinst{\sp{\sn x}{\sv 1}}{\shptxt Encadr\'e9}}}{\pict\pngblip %s}}"
)


def test_rtf_with_all_its_parts(read: Read) -> None:
    reading = read(RTF % _picture(700, 900).hex().encode())
    assert _lines(reading) == [
        "En-tête", "Allergie à la pénicilline", "gras", "suite", "Note", "7,4 10⁹/L [supprimé : aucune]", "K | 4,1",
        "lien ł 😀", "Encadré", "",
    ]  # fmt: skip
    assert reading.pages[1].width == 700


def test_html(read: Read) -> None:
    scan = base64.b64encode(_picture(700, 900)).decode()
    page = (
        "<!DOCTYPE html><html><head><title>Lettre</title><style>p {color: red}</style></head><body>"
        "<script>alert(1)</script><h1>Allergies</h1><p>Péni<b>cilline</b><br>choc</p><ul><li>Iode<li>Latex</ul>"
        "<table><tr><th>K</th><td>4,1 <p>mmol/L</p></td></tr></table>"
        "<table><tr><td><table><tr><td>a</td><td>b</td></tr>"
        f"</table></td><td>c</td></tr></table>10<sup>9</sup>/L &eacute;t&#233; <img src='data:image/png;base64,{scan}'>"
        "<img src='https://ailleurs.test/a.png' alt='logo'></body></html>"
    )
    reading = read(page.encode())
    assert _lines(reading)[:-1] == [
        "Allergies", "Pénicilline", "choc", "- Iode", "- Latex", "K | 4,1 mmol/L", "a | b", "c", "10⁹/L été logo",
    ]  # fmt: skip
    assert reading.metadata.title == "Lettre"
    assert reading.pages[1].width == 700


@pytest.mark.parametrize(("charset", "encoding"), [("utf-8", "utf-8"), ("iso-8859-2", "iso8859-2"), ("", "cp1252")])
def test_html_in_its_charset(read: Read, charset: str, encoding: str) -> None:
    said = "Żółć" if "2" in charset else "Pénicilline"
    data = f'<html><head><meta charset="{charset}"></head><body>{said}</body></html>'.encode(encoding)
    assert _lines(read(data)) == [said]


def photograph() -> bytes:
    """A HEIC picture of 640 by 480 points."""
    out = io.BytesIO()
    pillow_heif.from_pillow(Image.effect_noise((640, 480), 60).convert("RGB")).save(out, quality=50)
    return out.getvalue()


def test_a_phone_photograph(read: Read) -> None:
    reading = read(photograph())
    assert [(page.width, page.height) for page in reading.pages] == [(640, 480)]


@pytest.mark.parametrize("body", ["", "<w:p/>"])
def test_an_empty_letter_is_refused(refusal_of: Refused, body: str) -> None:
    assert refusal_of(_docx(body)).code == "no-content"


def test_entities_in_a_letter_are_refused(refusal_of: Refused) -> None:
    laughs = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>'
    assert refusal_of(_zip({"[Content_Types].xml": "x", "word/document.xml": laughs})).code == "xml-doctype"
