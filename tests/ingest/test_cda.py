"""CDA R2: the header, every character of the narrative, what is embedded, and what is refused."""

from __future__ import annotations

import base64
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from lxml import etree
from PIL import Image

from access.identifiers import INS_OIDS
from access.refusal import Refusal
from ingest.limits import Limits
from ingest.split import split
from records.content import Page, Reading
from tests.ingest import pdfs

Read = Callable[..., Reading]
Refused = Callable[..., Refusal]

HEADER = """
  <typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>
  <id root="1.2.3" extension="A17"/>
  <code code="34112-3" codeSystem="2.16.840.1.113883.6.1"/>
  <title>Lettre de liaison</title>
  <effectiveTime value="20240510083000+0200"/>
  <confidentialityCode code="R"/>
  <languageCode code="fr-FR"/>
  <setId root="1.2.3" extension="A"/>
  <versionNumber value="3"/>
  <recordTarget><patientRole>
    <id root="1.2.250.1.213.1.4.8" extension="185037512345641"/><id root="9.9" extension="local"/>
  </patientRole></recordTarget>
  <author><time value="20240510"/><assignedAuthor><id root="1.2"/>
    <assignedPerson><name><prefix>Dr</prefix> <given>Anne</given> <family>DURAND</family></name></assignedPerson>
    <representedOrganization><name>CHU de Villeneuve</name></representedOrganization>
  </assignedAuthor></author>
  <informant><relatedEntity classCode="ECON"><code displayName="Épouse"/><telecom value="tel:0601020304"/>
    <relatedPerson><name><given>Marie</given> <family>MARTIN</family></name></relatedPerson></relatedEntity></informant>
  <relatedDocument typeCode="RPLC"><parentDocument><id root="1.2.3" extension="A16"/></parentDocument></relatedDocument>
  <documentationOf><serviceEvent><effectiveTime><low value="20240503"/></effectiveTime></serviceEvent></documentationOf>
"""


def cda(body: str, *, before: str = '<?xml version="1.0" encoding="UTF-8"?>', header: str = HEADER) -> str:
    return (
        f'{before}\n<ClinicalDocument xmlns="urn:hl7-org:v3" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"{header}<component>{body}</component></ClinicalDocument>"
    )


def section(text: str, *, title: str = "Allergies", inside: str = "") -> str:
    return (
        "<structuredBody><component><section>"
        '<code code="48765-2" codeSystem="2.16.840.1.113883.6.1"/>'
        f"<title>{title}</title><text>{text}</text>{inside}</section></component></structuredBody>"
    )


def _text(reading: Reading) -> str:
    return "\n".join(page.text for page in reading.pages)


def _narrative(read: Read, text: str) -> list[str]:
    """The lines of a section whose text is given."""
    lines = _text(read(cda(section(text)).encode())).splitlines()
    return lines[lines.index("Allergies") + 1 :]


def test_header(read: Read) -> None:
    metadata = read(cda(section("Pénicilline")).encode()).metadata
    assert metadata.unique_id == "1.2.3^A17"
    assert (metadata.set_id, metadata.version, metadata.replaces) == ("1.2.3^A", 3, "1.2.3^A16")
    assert metadata.type_code == "34112-3"
    assert metadata.title == "Lettre de liaison"
    assert (metadata.author, metadata.organization) == ("Dr Anne DURAND", "CHU de Villeneuve")
    assert metadata.event_date == date(2024, 5, 3)
    assert (metadata.confidentiality, metadata.language) == ("R", "fr-FR")
    assert metadata.patient_ins == (("185037512345641", "1.2.250.1.213.1.4.8"),)


def test_people_to_notify_are_searchable(read: Read) -> None:
    assert "Épouse Marie MARTIN 0601020304" in _text(read(cda(section("Rien")).encode()))


def test_sections_carry_title_code_and_place(read: Read) -> None:
    inner = "<component><section><title>Médicaments</title><text>Pénicilline</text></section></component>"
    page = read(cda(section("Voir ci-dessous", inside=inner)).encode()).pages[0]
    outer, nested = page.sections
    assert (outer.title, outer.code) == ("Allergies", "48765-2")
    assert page.text[outer.start : outer.end].startswith("Allergies\nVoir")
    assert page.text[nested.start : nested.end] == "Médicaments\nPénicilline"
    assert outer.start < nested.start < nested.end <= outer.end


def test_table_rows_keep_their_header_cells(read: Read) -> None:
    table = """<table><thead><tr><th>Examen</th><th>Résultat</th></tr></thead>
      <tbody><tr><th>Hémoglobine</th><td>13,2 <content>g/dL</content></td></tr>
      <tr><td>Notes</td><td><paragraph>un</paragraph><list><item>deux</item></list></td></tr>
      <tr><td/><td>vide avant</td></tr></tbody></table>"""
    assert _narrative(read, table) == [
        "Examen | Résultat",
        "Hémoglobine | 13,2 g/dL",
        "Notes | un ; - deux",
        " | vide avant",
    ]


def test_tables_that_only_lay_out_give_the_lines_inside(read: Read) -> None:
    table = "<table><tr><td>Avant<table><tr><td>a</td><td>b</td></tr></table></td><td>Après</td></tr></table>"
    assert _narrative(read, table) == ["Avant", "a | b", "Après"]


def test_lists_footnotes_breaks_and_links(read: Read) -> None:
    text = """<list><caption>Liste</caption><item>un<list><item>un bis</item></list></item><item>deux</item></list>
      <paragraph>Avant<br/>après<footnote ID="f1">à vérifier</footnote></paragraph>
      <linkHtml href="#x">lien</linkHtml> suite"""
    assert _narrative(read, text) == [
        "Liste", "- un", "  - un bis", "- deux", "Avant", "après [à vérifier]", "lien suite",
    ]  # fmt: skip


def test_wrapped_markup_is_one_line_and_words_stay_apart(read: Read) -> None:
    text = "<table><tr><td><content>Dilatation\n  intraluminale\n  transcutanée </content>(motif)</td></tr></table>"
    assert _narrative(read, text) == ["Dilatation intraluminale transcutanée (motif)"]


def test_plain_lines_stay_lines(read: Read) -> None:
    assert _narrative(read, "\n Kardégic 75\n Bisoprolol 5\n Tahor 20\n") == ["Kardégic 75", "Bisoprolol 5", "Tahor 20"]


def test_exponents_are_not_lost(read: Read) -> None:
    assert _narrative(read, "7,4 10<sup>9</sup>/L, CO<sub>2</sub>, M<sup>me</sup>") == ["7,4 10⁹/L, CO₂, Mme"]


def test_deleted_text_is_marked(read: Read) -> None:
    text = 'Allergie : <content revised="delete">aucune</content> pénicilline'
    assert _narrative(read, text) == ["Allergie : [supprimé : aucune] pénicilline"]


def test_level_1_with_a_pdf(read: Read) -> None:
    body = base64.b64encode(pdfs.pages(2)).decode()
    text = f'<nonXMLBody><text mediaType="application/pdf" representation="B64">{body}</text></nonXMLBody>'
    reading = read(cda(text).encode())
    assert [page.number for page in reading.pages] == [1, 2, 3]
    assert "Feuille 2." in reading.pages[1].text
    assert "Marie MARTIN" in reading.pages[2].text
    assert reading.pages[0].words[0].box is not None
    assert reading.metadata.title == "Lettre de liaison"


@pytest.mark.parametrize("stated", ["text/plain", "application/pdf"])
def test_level_1_with_a_text_whatever_is_stated(read: Read, stated: str) -> None:
    body = base64.b64encode("Allergie à l'iode, été 2020".encode("cp1252")).decode()
    text = f'<nonXMLBody><text mediaType="{stated}" representation="B64">{body}</text></nonXMLBody>'
    assert "Allergie à l'iode, été 2020" in _text(read(cda(text).encode()))


def test_level_1_with_a_text_as_it_stands(read: Read) -> None:
    text = '<nonXMLBody><text mediaType="text/plain">Allergie à l\'iode</text></nonXMLBody>'
    assert read(cda(text).encode()).pages[0].text == "Allergie à l'iode"


def test_level_1_with_rtf(read: Read) -> None:
    body = base64.b64encode(rb"{\rtf1\ansi Allergie \'e0 l'iode}").decode()
    text = f'<nonXMLBody><text mediaType="text/rtf" representation="B64">{body}</text></nonXMLBody>'
    assert "Allergie à l'iode" in _text(read(cda(text).encode()))


def test_level_1_that_nothing_reads_is_refused(refusal_of: Refused) -> None:
    body = base64.b64encode(b"GIF89a" + b"\x01\x00" * 40).decode()
    text = f'<nonXMLBody><text mediaType="image/gif" representation="B64">{body}</text></nonXMLBody>'
    assert "GIF" in refusal_of(cda(text).encode()).message


@pytest.mark.parametrize("compression", ["DF", "GZ", "ZL"])
def test_compressed_attachments_are_expanded_inside_the_limit(
    read: Read, refusal_of: Refused, compression: str
) -> None:
    packer = zlib.compressobj(wbits={"DF": -15, "GZ": 31, "ZL": 15}[compression])
    packed = base64.b64encode(packer.compress(b"Allergie iode" + b" " * 2_000_000) + packer.flush()).decode()
    text = f'<nonXMLBody><text representation="B64" compression="{compression}">{packed}</text></nonXMLBody>'
    assert "Allergie iode" in _text(read(cda(text).encode()))
    assert refusal_of(cda(text).encode(), limits=Limits(bytes=100_000)).code == "too-large"


def test_a_document_in_a_stylesheet_is_read(read: Read) -> None:
    """CI-SIS, "auto-présentable"."""
    wrapped = (
        '<?xml version="1.0" encoding="UTF-8"?><?xml-stylesheet type="text/xsl" href="#"?><!-- x -->'
        '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><d:Contenu xmlns:d="urn:x">'
        + cda(section("Iode"), before="")
        + '</d:Contenu><xsl:template match="/"><p>Feuille de style</p></xsl:template></xsl:stylesheet>'
    )
    reading = read(wrapped.encode())
    assert "Iode" in _text(reading)
    assert "Feuille de style" not in _text(reading)
    assert reading.metadata.unique_id == "1.2.3^A17"


def test_a_document_that_completes_another(read: Read) -> None:
    metadata = read(cda(section("Iode"), header=HEADER.replace("RPLC", "APND")).encode()).metadata
    assert (metadata.replaces, metadata.appends) == ("", "1.2.3^A16")


def test_level_1_with_a_link_is_refused(refusal_of: Refused) -> None:
    text = '<nonXMLBody><text mediaType="application/pdf"><reference value="cr.pdf"/></text></nonXMLBody>'
    assert refusal_of(cda(text).encode()).code == "external-body"


def _medium(data: bytes, kind: str) -> str:
    value = base64.b64encode(data).decode()
    return (
        '<entry><observationMedia classCode="OBS" moodCode="EVN">'
        f'<value mediaType="{kind}" representation="B64">{value}</value></observationMedia></entry>'
    )


def test_attachments_are_appended_once(read: Read) -> None:
    inside = _medium(pdfs.simple(), "application/pdf") * 2
    reading = read(cda(section("Voir la pièce jointe", inside=inside)).encode())
    assert len(reading.pages) == 2
    assert "douleur thoracique" in reading.pages[1].text
    assert reading.pages[1].sections[0].title == "Allergies"


def test_a_picture_attached_is_a_page(read: Read) -> None:
    out = BytesIO()
    Image.new("L", (300, 200), 255).save(out, "PNG")
    reading = read(cda(section("Photo", inside=_medium(out.getvalue(), "image/png"))).encode())
    assert (reading.pages[1].width, reading.pages[1].height) == (300, 200)


def test_an_attachment_that_is_not_read_is_an_unreadable_page(read: Read) -> None:
    reading = read(cda(section("Texte", inside=_medium(b"GIF89a" + b"\x01\x00" * 40, "image/gif"))).encode())
    assert reading.pages[1].unreadable
    assert "GIF" in reading.pages[1].note


def test_documents_inside_documents_end(refusal_of: Refused) -> None:
    inner = cda(section("Fond"))
    for _ in range(6):
        body = base64.b64encode(inner.encode()).decode()
        inner = cda(f'<nonXMLBody><text mediaType="text/xml" representation="B64">{body}</text></nonXMLBody>')
    assert refusal_of(inner.encode()).code == "too-deep"


@pytest.mark.parametrize(
    ("encoding", "declared"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("utf-16", "UTF-16"), ("iso-8859-1", "ISO-8859-1"),
     ("cp1252", "windows-1252"), ("utf-16-be", "UTF-16BE")],
)  # fmt: skip
def test_any_encoding_and_a_stylesheet(read: Read, encoding: str, declared: str) -> None:
    before = f'<?xml version="1.0" encoding="{declared}"?>\n<?xml-stylesheet type="text/xsl" href="CDA.xsl"?><!-- x -->'
    assert "Pénicilline à éviter" in _text(read(cda(section("Pénicilline à éviter"), before=before).encode(encoding)))


def test_external_entity_is_refused(refusal_of: Refused, tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    before = f'<?xml version="1.0"?><!DOCTYPE ClinicalDocument [<!ENTITY x SYSTEM "file://{secret}">]>'
    assert refusal_of(cda(section("&x;"), before=before).encode()).code == "xml-doctype"


def test_billion_laughs_is_refused(refusal_of: Refused) -> None:
    laughs = '<!ENTITY l0 "ha">' + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    before = f'<?xml version="1.0"?><!DOCTYPE ClinicalDocument [{laughs}]>'
    assert refusal_of(cda(section("&l9;"), before=before).encode()).code == "xml-doctype"


def test_truncated_cda_is_refused(refusal_of: Refused) -> None:
    data = cda(section("Pénicilline")).encode()
    assert refusal_of(data[:-40]).code == "damaged-xml"


def test_elements_nested_too_deep_are_refused(refusal_of: Refused) -> None:
    text = "<content>" * 240 + "x" + "</content>" * 240
    assert refusal_of(cda(section(text)).encode()).code == "damaged-xml"


def _plain(text: str) -> Counter[str]:
    return Counter("".join(unicodedata.normalize("NFKC", text).split()))


@pytest.mark.realdata
def test_all_narrative_of_the_french_documents_is_read(cda_files: list[Path], read: Read) -> None:
    for file in cda_files:
        data = file.read_bytes()
        reading = read(data, file.name)
        root = etree.fromstring(data)
        found = root.xpath(
            "//*[local-name()='structuredBody']//*[local-name()='section']"
            "/*[local-name()='text' or local-name()='title']//text()[not(ancestor::*[local-name()='entry'])]"
        )
        assert isinstance(found, list)
        missing = _plain("".join(str(one) for one in found)) - _plain(_text(reading))
        assert not missing, (file.name, missing)
        words = [word for one in found for word in clean_words(str(one))]
        shown = set(clean_words(_text(reading)))
        assert not [word for word in words if word not in shown], file.name
        _check_header(reading, file)


def clean_words(text: str) -> list[str]:
    words = (word.strip(".,;:()[]") for word in unicodedata.normalize("NFC", text).split())
    return [word for word in words if word.isalnum()]


def _check_header(reading: Reading, file: Path) -> None:
    metadata = reading.metadata
    assert metadata.unique_id, file.name
    assert metadata.title
    assert metadata.author
    assert metadata.organization
    assert metadata.event_date
    assert metadata.type_code
    assert metadata.patient_ins
    assert all(oid in INS_OIDS for _, oid in metadata.patient_ins)


@pytest.mark.realdata
def test_attachments_of_the_french_documents_are_pages(cda_files: list[Path], read: Read) -> None:
    for file in cda_files:
        root = etree.parse(str(file)).getroot()
        values = {
            "".join((one.text or "").split())
            for one in root.iterfind(".//{urn:hl7-org:v3}*[@representation='B64']")
            if one.text and one.text.strip()
        }
        reading = read(file.read_bytes(), file.name)
        pictured = [page for page in reading.pages if page.width or page.unreadable]
        assert len(pictured) >= len(values), file.name


@pytest.mark.realdata
def test_passages_of_the_french_documents_hold_everything(cda_files: list[Path], read: Read) -> None:
    for file in cda_files:
        pages = read(file.read_bytes(), file.name).pages
        passages = split(pages, lambda text: len(text) < 1500)
        assert _squeezed(pages) == "".join("".join(passage.text.split()) for passage in passages)


def _squeezed(pages: tuple[Page, ...]) -> str:
    return "".join("".join(page.text.split()) for page in pages)
