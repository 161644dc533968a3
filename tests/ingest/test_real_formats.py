"""All folders of "Clinical documents" of ../shared/data: read or truly refused, and no word lost.

What a document says is found here by other means than the parsers': XPath for CDA, naive splitting for HL7 v2, the
characters between tags for FHIR narratives.
"""

from __future__ import annotations

import base64
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from lxml import etree

from access.refusal import Refusal
from records.content import Reading

pytestmark = pytest.mark.realdata
Read = Callable[..., Reading]

V3 = "{urn:hl7-org:v3}"
CDA = ("cda_fr_ansforge", "ccda_hl7_examples", "ccda_sample_vendors", "fhir_converter_samples/Ccda")
HL7 = ("hl7v2_fr_ansforge", "hl7v2_misc", "fhir_converter_samples/Hl7v2")
FREE = ("conclusion", "comment", "description", "valueString", "patientInstruction", "contentString")
CLINICAL = frozenset(
    [
        *("AllergyIntolerance", "CarePlan", "ClinicalImpression", "Condition", "DiagnosticReport", "Goal"),
        *("Immunization", "MedicationRequest", "MedicationStatement", "Observation", "Procedure"),
        "QuestionnaireResponse",
    ]
)
FHIR = ("fhir_r4_examples", "synthea_r4", "fhir_converter_samples/FHIR", "fhir_converter_samples/Json")


def _words(text: str) -> Counter[str]:
    """Words as a search finds them: exponents are figures, accents as they are."""
    return Counter(re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", text).casefold()))


def _outcome(read: Read, file: Path) -> Reading | Refusal:
    try:
        return read(file.read_bytes(), file.name)
    except Refusal as refusal:
        return refusal


def _shown(reading: Reading) -> Counter[str]:
    """A word of some thousand characters (base64 in a narrative) may go on over the page."""
    texts = [page.text for page in reading.pages]
    return _words("\n".join(texts)) | _words("".join(texts))


def _lost(said: str, reading: Reading) -> Counter[str]:
    return _words(said) - _shown(reading)


def _flat(text: str) -> str:
    """Characters with their signs, as pages must hold them: exponents are figures, layout spaces are one."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip()


def _torn(pieces: Iterable[str], reading: Reading) -> list[str]:
    """The pieces of which not every character, sign included, stands in the pages in order. A page may end inside."""
    texts = [page.text for page in reading.pages] + [reading.metadata.title]
    shown = _flat("\n".join(texts)) + _flat("".join(texts))
    return [one for one in map(_flat, pieces) if one and one not in shown and one.replace(" ", "") not in shown]


def _files(shared_data: Path, folders: tuple[str, ...], *endings: str) -> list[Path]:
    found = [file for one in folders for file in sorted((shared_data / one).rglob("*")) if file.is_file()]
    return [file for file in found if file.suffix.lower() in endings] if endings else found


def _narratives(data: bytes) -> str:
    """Every character in the narrative blocks of a CDA document."""
    root = etree.fromstring(data, etree.XMLParser(huge_tree=True, remove_comments=True, remove_pis=True))
    texts = root.findall(f".//{V3}section/{V3}text") + root.findall(f".//{V3}section/{V3}title")
    return "\n".join(_spaced(text) for text in texts)


def _spaced(element: etree._Element) -> str:
    """Characters in order; inline markup does not part words."""
    inside = "".join(_spaced(child) + (child.tail or "") for child in element)
    inline = etree.QName(element).localname in ("content", "sup", "sub", "linkHtml")
    return f"{element.text or ''}{inside}" if inline else f" {element.text or ''}{inside} "


def _text_nodes(data: bytes) -> Iterator[str]:
    """Each run of characters of a CDA document's title, section titles and narratives, as they stand in the XML."""
    root = etree.fromstring(data, etree.XMLParser(huge_tree=True, remove_comments=True, remove_pis=True))
    for one in root.xpath("//*[local-name()='section']/*[local-name()='text' or local-name()='title']"):
        yield from (str(piece) for piece in one.itertext())
    yield from (str(piece) for one in root.iterfind(f"{V3}title") for piece in one.itertext())


def _is_whole_cda(data: bytes) -> bool:
    try:
        root = etree.fromstring(data, etree.XMLParser(huge_tree=True))
    except etree.XMLSyntaxError:
        return False
    return root.tag == f"{V3}ClinicalDocument"


def test_cda_is_read_without_a_lost_word_or_truly_refused(read: Read, shared_data: Path) -> None:
    files = _files(shared_data, CDA, ".xml", ".ccda")
    refused: Counter[str] = Counter()
    for file in files:
        data = file.read_bytes()
        outcome = _outcome(read, file)
        if isinstance(outcome, Reading):
            assert not _lost(_narratives(data), outcome), file
            assert not _torn(_text_nodes(data), outcome), file
            continue
        refused[outcome.code] += 1
        if outcome.code == "external-body":
            assert b"<reference" in data, file
            assert b"nonXMLBody" in data, file
        else:
            assert not _is_whole_cda(data), file
    assert len(files) >= 240
    assert refused == {"unsupported-type": 151, "external-body": 2}


def _naive_segments(data: bytes) -> list[list[str]]:
    """Segments by their first three letters; what stands between two of them belongs to the first."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    mark = text[text.index("MSH") + 3]
    pieces = re.split(rf"[\r\n]+(?=[A-Z][A-Z0-9]{{2}}(?:{re.escape(mark)}|[\r\n]|$))", text.strip())
    return [piece.split(mark) for piece in pieces]


ESCAPES = {"\\F\\": "|", "\\S\\": "^", "\\T\\": "&", "\\R\\": "~", "\\.br\\": "\n", "\\H\\": " ", "\\N\\": " "}


def _observed(segments: list[list[str]]) -> Iterator[str]:
    """The texts of OBX-5 that are no files, and of NTE-3."""
    for fields in segments:
        value = fields[5] if fields[0] == "OBX" and len(fields) > 5 and fields[2] not in ("ED", "RP") else ""
        if fields[0] == "NTE" and len(fields) > 3:
            value = fields[3]
        for escape, meaning in ESCAPES.items():
            value = value.replace(escape, meaning)
        yield re.sub(r'[\^~&]|""', " ", re.sub(r"\\E\\", "\\\\", value))


def _values(segments: list[list[str]]) -> Iterator[str]:
    """Every component of OBX-5 that is no file, and every repetition of NTE-3, with its signs."""
    for fields in segments:
        value = fields[5] if fields[0] == "OBX" and len(fields) > 5 and fields[2] not in ("ED", "RP") else ""
        if fields[0] == "NTE" and len(fields) > 3:
            value = fields[3]
        for piece in re.split(r'[\^~&\n]|""|\\\.\w+\\|\\[HN]\\', value):
            for escape, meaning in ESCAPES.items():
                piece = piece.replace(escape, meaning)
            yield from piece.replace("\\E\\", "\\").split("\n")


def _embedded(segments: list[list[str]]) -> Iterator[bytes]:
    """The CDA documents in base64 of OBX-5."""
    for fields in segments:
        if fields[0] == "OBX" and len(fields) > 5 and fields[2] == "ED":
            content = re.sub(r"\s|\\\.br\\", "", fields[5].rpartition("^")[2])
            with suppress(ValueError):
                data = base64.b64decode(content, validate=True)
                if _is_whole_cda(data):
                    yield data


def _is_hl7(data: bytes) -> bool:
    return re.match(rb"(?:\xef\xbb\xbf)?\s*(?:MSH|FHS|BHS)\|", data) is not None


def test_hl7_v2_is_read_without_a_lost_observation_or_truly_refused(read: Read, shared_data: Path) -> None:
    files = [file for file in _files(shared_data, HL7) if _is_hl7(file.read_bytes())]
    refused: Counter[str] = Counter()
    inside = 0
    for file in files:
        segments = _naive_segments(file.read_bytes())
        outcome = _outcome(read, file)
        if isinstance(outcome, Reading) and outcome.pages:
            assert not _lost("\n".join(_observed(segments)), outcome), file
            assert not _torn(_values(segments), outcome), file
            for document in _embedded(segments):
                inside += 1
                assert not _torn(_text_nodes(document), outcome), file
            continue
        if isinstance(outcome, Reading):
            refused["cancellation"] += 1
            _assert_cancelled_truly(file, segments, outcome)
            continue
        refused[outcome.code] += 1
        _assert_refused_truly(file, segments, outcome)
    assert len(files) == 202
    assert inside >= 1
    assert refused == {"no-document": 68, "cancellation": 5}


def _assert_cancelled_truly(file: Path, segments: list[list[str]], reading: Reading) -> None:
    files = [fields for fields in segments if fields[0] == "OBX" and fields[2] == "ED" and "Meta" not in fields[3]]
    assert files, file
    assert all(fields[11] == "D" for fields in files), file
    assert any(reading.metadata.cancels), file


def _assert_refused_truly(file: Path, segments: list[list[str]], refusal: Refusal) -> None:
    kinds = {fields[8][:3] for fields in segments if fields[0] == "MSH"}
    assert refusal.code == "no-document", (file, refusal)
    if kinds <= {"ACK", "ZAM"}:
        return
    assert not any(said.strip() for said in _observed(segments)), file
    clinical = [fields for fields in segments if fields[0] in ("AL1", "DG1", "IAM", "PR1", "RXA", "RXE", "TXA")]
    assert not [fields for fields in clinical if len(fields) > 3 and (fields[3] or fields[0] == "TXA")], file


def _divs(value: object) -> Iterator[str]:
    """The narrative of every resource, and of every section of a composition."""
    if isinstance(value, dict):
        text = value.get("text")
        if isinstance(text, dict) and isinstance(text.get("div"), str):
            yield text["div"]
        for inner in value.values():
            yield from _divs(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _divs(inner)


def _free_texts(value: object, key: str = "") -> Iterator[str]:
    """What the resources say in words of their own: conclusions, notes, comments, descriptions, string values."""
    if isinstance(value, dict):
        kind = value.get("resourceType")
        if kind is None or kind in CLINICAL or kind == "Bundle":
            for name, inner in value.items():
                if name not in ("extension", "modifierExtension", "contained", "subject", "meta"):
                    yield from _free_texts(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _free_texts(inner, key)
    elif isinstance(value, str) and key in FREE:
        yield value


def _untagged(div: str) -> str:
    """The characters between the tags: inline ones do not part words, all others do."""
    text = re.sub(r"<!--.*?-->", "", div, flags=re.DOTALL)
    text = re.sub(r"</?(?:b|i|u|em|strong|a|span|sub|sup|font|code|small|big|tt)\b[^>]*>", "", text)
    document = etree.fromstring(f"<x>{re.sub('<[^>]*>', ' ', text)}</x>".replace("&nbsp;", "&#160;"))
    return "".join(str(piece) for piece in document.itertext())


def test_fhir_is_read_without_a_lost_word_of_narrative_or_truly_refused(read: Read, shared_data: Path) -> None:
    files = _files(shared_data, FHIR, ".json")
    refused: Counter[str] = Counter()
    for file in files:
        data = file.read_bytes()
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            text = data.decode("cp1252")
        value = json.loads(text)
        outcome = _outcome(read, file)
        if isinstance(outcome, Reading):
            assert not _lost("\n".join(_untagged(div) for div in _divs(value)), outcome), file
            assert not _torn(_free_texts(value), outcome), file
            continue
        refused[outcome.code] += 1
        assert not list(_divs(value)), file
        assert ("resourceType" in value) == (outcome.code == "no-document"), (file, outcome)
    assert len(files) >= 210
    assert refused == {"no-document": 1, "unsupported-type": 2}


def test_results_of_synthea_keep_name_value_and_unit_on_one_line(read: Read, shared_data: Path) -> None:
    files = _files(shared_data, ("synthea_r4",), ".json")
    measured = 0
    for file in files:
        bundle = json.loads(file.read_text(), parse_float=str, parse_int=str)
        lines = {line for page in read(file.read_bytes()).pages for line in page.text.split("\n")}
        starts = {" | ".join(line.removeprefix("- ").split(" | ")[:2]) for line in lines}
        for entry in bundle["entry"]:
            resource = entry["resource"]
            quantity = resource.get("valueQuantity")
            if resource["resourceType"] == "Observation" and quantity:
                coding = resource["code"]["coding"][0]
                line = f"{resource['code']['text']} (LOINC {coding['code']}) | {quantity['value']} {quantity['unit']}"
                assert line in starts, (file, line)
                measured += 1
    assert len(files) == 20
    assert measured > 1_000


def test_every_other_clinical_file_has_a_final_state(read: Read, shared_data: Path) -> None:
    """Read or refused, never an error: licences, READMEs, pictures and RTF notes among them."""
    states: Counter[str] = Counter()
    for file in _files(shared_data, (*HL7, "fr_notes_small")):
        if _is_hl7(file.read_bytes()):
            continue
        outcome = _outcome(read, file)
        states["read" if isinstance(outcome, Reading) else outcome.code] += 1
    assert states["read"] > 60
    assert set(states) <= {"read", "unsupported-type", "empty-file"}
