"""CDA R2 documents after the French header (ANS, CI-SIS, volet Structuration minimale): level 3 and level 1.

Level 3 here has coded sections with a narrative and no coded entries; level 1 embeds a PDF. The template identifiers
are those that the published examples state; no claim is made that a validator of the CI-SIS accepts these files.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass

from lxml import etree

from samples.heading import Context
from samples.story import Block, Kind

NAMESPACE = "urn:hl7-org:v3"
LOINC = "2.16.840.1.113883.6.1"
ANS_TYPES = "1.2.250.1.213.1.1.4.12"
RPPS_ROOT = "1.2.250.1.71.4.2.1"
FINESS_ROOT = "1.2.250.1.71.4.2.2"
UNIQUE_ROOT = "2.25.104857600000000001"  # invented: a UUID-derived arc of the samples

_SECTION_CODES = {
    "motif": "46239-0",
    "antécédents": "11348-0",
    "allergies": "48765-2",
    "traitement": "10160-0",
    "traitement au long cours": "10160-0",
    "problèmes actifs": "11450-4",
    "examen clinique": "29545-1",
    "résultat": "18748-4",
    "conclusion": "55110-1",
}


@dataclass(frozen=True, slots=True)
class Identity:
    """The identifiers of one version: `replaces` is the unique id of the version before, or empty."""

    unique_id: str
    set_id: str
    version: int
    replaces: str = ""


def structured(about: Context, identity: Identity) -> bytes:
    """A level 3 document: a section for each heading of the draft."""
    root = _header(about, identity)
    body = _sub(_sub(root, "component"), "structuredBody")
    for title, blocks in _sections(about):
        section = _sub(_sub(body, "component"), "section")
        if code := _SECTION_CODES.get(title.lower()):
            _sub(section, "code", code=code, codeSystem=LOINC)
        _sub(section, "title").text = title
        _narrative(_sub(section, "text"), blocks)
    return _bytes(root)


def embedding(about: Context, identity: Identity, pdf: bytes) -> bytes:
    """A level 1 document whose body is a PDF in base64."""
    root = _header(about, identity)
    body = _sub(_sub(root, "component"), "nonXMLBody")
    _sub(body, "text", mediaType="application/pdf", representation="B64").text = base64.b64encode(pdf).decode()
    return _bytes(root)


def _sub(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{NAMESPACE}}}{name}", attributes)


def _bytes(root: etree._Element) -> bytes:
    return etree.tostring(root, encoding="utf-8", xml_declaration=True, pretty_print=True)


def _header(about: Context, identity: Identity) -> etree._Element:
    draft = about.draft
    root = etree.fromstring(f'<ClinicalDocument xmlns="{NAMESPACE}"/>')
    stamp = f"{draft.day:%Y%m%d}103000+0100"
    _sub(root, "realmCode", code="FR")
    _sub(root, "typeId", root="2.16.840.1.113883.1.3", extension="POCD_HD000040")
    for template in ("2.16.840.1.113883.2.8.2.1", "1.3.6.1.4.1.19376.1.5.3.1.1.1", "1.2.250.1.213.1.1.1.1"):
        _sub(root, "templateId", root=template)
    _sub(root, "id", root=UNIQUE_ROOT, extension=identity.unique_id)
    _sub(root, "code", code=draft.type_code, codeSystem=LOINC if "-" in draft.type_code else ANS_TYPES)
    _sub(root, "title").text = draft.title
    _sub(root, "effectiveTime", value=stamp)
    _sub(root, "confidentialityCode", code="N", displayName="Normal", codeSystem="2.16.840.1.113883.5.25")
    _sub(root, "languageCode", code="fr-FR")
    _sub(root, "setId", root=UNIQUE_ROOT, extension=identity.set_id)
    _sub(root, "versionNumber", value=str(identity.version))
    _record_target(root, about)
    _author(root, about, stamp)
    _custodian(root, about)
    if identity.replaces:
        parent = _sub(_sub(root, "relatedDocument", typeCode="RPLC"), "parentDocument")
        _sub(parent, "id", root=UNIQUE_ROOT, extension=identity.replaces)
    event = _sub(_sub(root, "documentationOf"), "serviceEvent")
    _sub(_sub(event, "effectiveTime"), "low", value=stamp)
    return root


def _record_target(root: etree._Element, about: Context) -> None:
    person = about.person
    role = _sub(_sub(root, "recordTarget"), "patientRole")
    _sub(role, "id", root=person.oid, extension=person.ins)
    _sub(_sub(role, "addr"), "streetAddressLine").text = person.address
    patient = _sub(role, "patient")
    name = _sub(patient, "name")
    _sub(name, "family", qualifier="BR").text = person.family_name
    if person.used_name:
        _sub(name, "family", qualifier="CL").text = person.used_name
    _sub(name, "given").text = person.given_names
    _sub(name, "given", qualifier="BR").text = person.given_names.split()[0]
    _sub(patient, "administrativeGenderCode", code=person.sex, codeSystem="2.16.840.1.113883.5.1")
    _sub(patient, "birthTime", value=f"{person.birth_date:%Y%m%d}")
    place = _sub(_sub(_sub(patient, "birthplace"), "place"), "addr")
    _sub(place, "county").text = person.birth_place


def _author(root: etree._Element, about: Context, stamp: str) -> None:
    assert about.carer is not None
    author = _sub(root, "author")
    _sub(author, "time", value=stamp)
    assigned = _sub(author, "assignedAuthor")
    _sub(assigned, "id", root=RPPS_ROOT, extension=f"8{about.carer.rpps}")  # 8 says: an RPPS number follows
    title, given, family = about.carer.name.split(" ", 2)
    name = _sub(_sub(assigned, "assignedPerson"), "name")
    _sub(name, "prefix").text = title
    _sub(name, "given").text = given
    _sub(name, "family").text = family
    _organization(_sub(assigned, "representedOrganization"), about)


def _custodian(root: etree._Element, about: Context) -> None:
    _organization(_sub(_sub(_sub(root, "custodian"), "assignedCustodian"), "representedCustodianOrganization"), about)


def _organization(element: etree._Element, about: Context) -> None:
    assert about.place is not None
    _sub(element, "id", root=FINESS_ROOT, extension=f"1{about.place.finess}")  # 1 says: a FINESS number follows
    _sub(element, "name").text = about.place.name
    _sub(_sub(element, "addr"), "streetAddressLine").text = about.place.address


def _sections(about: Context) -> list[tuple[str, list[Block]]]:
    sections: list[tuple[str, list[Block]]] = []
    for block in about.draft.blocks:
        if block.kind is Kind.HEADING:
            sections.append((block.text, []))
        else:
            if not sections:
                sections.append((about.draft.title, []))
            sections[-1][1].append(block)
    return sections


def _narrative(text: etree._Element, blocks: Sequence[Block]) -> None:
    bullets: etree._Element | None = None
    for block in blocks:
        if block.kind is Kind.BULLET:
            bullets = _sub(text, "list") if bullets is None else bullets
            _sub(bullets, "item").text = block.text
            continue
        bullets = None
        if block.kind is Kind.TABLE:
            _table(_sub(text, "table"), block.rows)
        else:
            _sub(text, "paragraph").text = block.text


def _table(table: etree._Element, rows: Sequence[Sequence[str]]) -> None:
    for part, cell_name, part_rows in (("thead", "th", rows[:1]), ("tbody", "td", rows[1:])):
        body = _sub(table, part)
        for row in part_rows:
            line = _sub(body, "tr")
            for cell in row:
                _sub(line, cell_name).text = cell
