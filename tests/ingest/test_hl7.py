"""HL7 v2: results on one line, texts, files in OBX-5, envelopes, cancellations, batches, any separators and charset."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from datetime import date

import pytest

from access.refusal import Refusal
from ingest.parsers.er7 import messages_of
from records.content import Reading, StatedPatient
from tests.ingest import pdfs
from tests.ingest.test_cda import cda, section

Read = Callable[..., Reading]
Refused = Callable[..., Refusal]

MSH = "MSH|^~\\&|SIL|LABO DUPONT|DPI|CHU|20240510083000||{}|42|P|2.5|||||FRA|{}"
PID = (
    "PID|||185037512345641^^^ASIP-SANTE-INS-NIR&1.2.250.1.213.1.4.8&ISO^INS~77^^^CHU^PI||"
    "MARTIN^LUC^LUC PAUL^^^^L~DURAND^LUC^^^^^D||19850312|M|||1 RUE X^^PARIS~^^^^^^BDL^^75112"
)
OBR = "OBR|1||A17|58410-2^Numération formule sanguine^LN|||20240509||||||asthénie|||^HADDAD^Samir^^^Dr||||||||HM|F"


def _message(*segments: str, kind: str = "ORU^R01^ORU_R01", charset: str = "UNICODE UTF-8", end: str = "\r") -> str:
    return end.join([MSH.format(kind, charset), *segments]) + end


def _lines(reading: Reading) -> list[str]:
    return "\n".join(page.text for page in reading.pages).split("\n")


def test_a_result_is_one_line_with_name_value_unit_range_flag_and_date(read: Read) -> None:
    obx = "OBX|1|NM|718-7^Hémoglobine^LN||10,2|g/dL|13,0-17,0|L|||C|||202405090815"
    page = read(_message(PID, OBR, obx).encode()).pages[0]
    assert page.text.split("\n") == [
        "Numération formule sanguine",
        "Date : 09/05/2024 | Renseignements : asthénie",
        "Hémoglobine (718-7 LN) | 10,2 g/dL | réf. 13,0-17,0 | bas | corrigé | 09/05/2024 08:15",
    ]
    assert page.sections[0].title == "Numération formule sanguine"


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("NM", "27~25", "27 ; 25"),
        ("SN", ">^100", ">100"),
        ("CWE", "27268008^Salmonella^SCT", "Salmonella (27268008 SCT)"),
        ("CE", "X^^L", "X L"),
        ("DT", "20240510", "10/05/2024 (20240510)"),
        ("XCN", "101^HADDAD&de^Samir", "101 HADDAD de Samir"),
        ("NM", "7,4 10\\S\\9\\T\\/L", "7,4 10^9&/L"),
        ("ST", 'négatif \\H\\(contrôlé)\\N\\ "fait"', 'négatif (contrôlé) "fait"'),
        ("ST", "10^9/L & plus", "10^9/L & plus"),
        ("ST", "\\Zinconnu\\ \\X4142\\ \\E\\", "\\Zinconnu\\ AB \\"),
    ],
)
def test_values_by_their_types(read: Read, kind: str, value: str, shown: str) -> None:
    line = _lines(read(_message(PID, f"OBX|1|{kind}|1^Mesure^L||{value}|u|||||F").encode()))[-1]
    assert line == f"Mesure (1 L) | {shown} u"


def test_a_text_line_by_line_is_one_text(read: Read) -> None:
    texts = ["Pénicilline : allergie", "", "choc en 2016\\.br\\à revoir"]
    obx = [f"OBX|{n}|TX|CR^Compte rendu||{text}||||||F" for n, text in enumerate(texts, 1)]
    assert _lines(read(_message(PID, *obx).encode())) == [
        "Compte rendu", "Pénicilline : allergie", "choc en 2016", "à revoir",
    ]  # fmt: skip


def test_comments_follow_what_they_comment(read: Read) -> None:
    lines = _lines(read(_message(PID, "OBX|1|NM|1^K^L||6,1|mmol/L", "NTE|1||Hémolyse~À contrôler").encode()))
    assert lines == ["K (1 L) | 6,1 mmol/L", "Commentaire : Hémolyse", "À contrôler"]


def test_clinical_segments_of_any_message_are_lines(read: Read) -> None:
    segments = ["AL1|1|DA^Médicament|PENI^Pénicilline|SV|Choc", "DG1|1||J45^Asthme^CIM10|||A"]
    text = _lines(read(_message(PID, *segments, kind="ADT^A01").encode()))
    assert text == [
        "Allergie : Pénicilline (PENI) | type : Médicament (DA) | gravité : SV | réaction : Choc",
        "Diagnostic : Asthme (J45 CIM10) | type : A",
    ]


def test_an_order_without_results_is_a_document(read: Read) -> None:
    page = read(_message(PID, "ORC|NW|1", OBR, kind="ORM^O01").encode()).pages[0]
    assert page.text == "Numération formule sanguine\nDate : 09/05/2024 | Renseignements : asthénie"


@pytest.mark.parametrize("kind", ["ADT^A01", "ADT^A40", "ACK^R01", "SIU^S12", "ZAM^Z01"])
def test_what_brings_no_document_is_refused_by_name(refusal_of: Refused, kind: str) -> None:
    refusal = refusal_of(_message(PID, "PV1|1|I", kind=kind).encode())
    assert (refusal.stage, refusal.code) == ("parse", "no-document")
    assert kind in refusal.message


def _ed(data: bytes, encoding: str = "Base64", state: str = "F") -> str:
    coded = base64.b64encode(data).decode()
    return f"OBX|1|ED|11502-2^CR de biologie^LN||^TEXT^XML^{encoding}^{coded}||||||{state}"


def test_a_cda_in_a_message_is_read_and_speaks_for_itself(read: Read) -> None:
    reading = read(_message(PID, "TXA|1|18748-4|TEXT", _ed(cda(section("Iode")).encode()), kind="MDM^T02").encode())
    assert "Iode" in _lines(reading)
    assert reading.metadata.unique_id == "1.2.3^A17"
    assert (reading.metadata.title, reading.metadata.type_code) == ("Lettre de liaison", "34112-3")
    assert len(reading.metadata.patients) == 2
    assert reading.metadata.patient_ins == (("185037512345641", "1.2.250.1.213.1.4.8"),)


def test_a_pdf_in_a_message_keeps_its_boxes(read: Read) -> None:
    reading = read(_message(PID, OBR, _ed(pdfs.pages(2))).encode())
    assert [page.number for page in reading.pages] == [1, 2]
    assert reading.pages[1].words[0].box is not None
    assert reading.metadata.title == "Numération formule sanguine"


def _uu(data: bytes) -> str:
    lines = [binascii.b2a_uu(data[at : at + 45]).decode().rstrip("\n") for at in range(0, len(data), 45)]
    return "\n".join(["begin 644 cr.pdf", *lines, "`", "end"])


@pytest.mark.parametrize("kind", ["TX", "ED"])
def test_uuencoded_files_are_read(read: Read, kind: str) -> None:
    mark = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\n": "\\.br\\"}
    coded = "".join(mark.get(one, one) for one in _uu(pdfs.pages(1)))
    value = f"^application^pdf^A^{coded}" if kind == "ED" else coded
    assert "Feuille 1." in read(_message(PID, f"OBX|1|{kind}|1^CR||{value}").encode()).pages[0].text


def test_base64_in_a_text_field_is_a_file(read: Read) -> None:
    coded = base64.b64encode(pdfs.pages(1)).decode()
    assert "Feuille 1." in read(_message(PID, f"OBX|1|FT|1^CR||{coded}").encode()).pages[0].text


def test_hexadecimal_and_plain_files_are_read(read: Read) -> None:
    for coded in (f"Hex^{b'Allergie iode'.hex()}", "A^Allergie iode"):
        assert read(_message(PID, f"OBX|1|ED|1^CR||^text^plain^{coded}").encode()).pages[0].text == "Allergie iode"


def test_a_file_that_is_not_read_leaves_the_rest(read: Read) -> None:
    reading = read(_message(PID, "OBX|1|TX|1^CR||Iode", "OBX|2|ED|2^PJ||^a^b^Base64^%%%%%").encode())
    assert "Iode" in reading.pages[0].text
    assert reading.pages[1].unreadable
    assert "mal codée" in reading.pages[1].note


def test_a_message_with_nothing_but_a_link_is_refused_for_it(refusal_of: Refused) -> None:
    refusal = refusal_of(_message(PID, "OBX|1|RP|1^CR||https://ailleurs.test/cr.pdf^^SD^PICT").encode())
    assert refusal.code == "external-body"


def test_the_envelope(read: Read) -> None:
    txa = "TXA|1|DS|TX|20240511|||||^HADDAD^Samir^^^Dr|||DOC2^CHU^1.2.3^ISO|DOC1^CHU^1.2.3^ISO|||||R"
    metadata = read(_message(PID, txa, "OBX|1|TX|1^Lettre||Iode", kind="MDM^T10").encode()).metadata
    assert (metadata.unique_id, metadata.replaces, metadata.appends) == ("1.2.3^DOC2", "1.2.3^DOC1", "")
    assert (metadata.type_code, metadata.title, metadata.author) == ("11490-0", "Lettre", "Dr Samir HADDAD")
    assert (metadata.organization, metadata.event_date) == ("LABO DUPONT", date(2024, 5, 11))
    assert metadata.confidentiality == "R"
    assert metadata.patients == (
        StatedPatient(
            identifiers=(("185037512345641", "1.2.250.1.213.1.4.8"),),
            birth_names=("MARTIN",),
            used_names=("DURAND",),
            given_names="LUC LUC PAUL LUC",
            birth_date=date(1985, 3, 12),
            sex="M",
            birth_place="75112",
            local=(("77", "CHU"),),
        ),
    )


def test_an_addendum_completes_its_parent(read: Read) -> None:
    txa = "TXA|1|DS|TX|20240511||||||||D2^^|D1^^"
    metadata = read(_message(PID, txa, "OBX|1|TX|1^L||Iode", kind="MDM^T06").encode()).metadata
    assert (metadata.replaces, metadata.appends) == ("", "D1")


def test_masks_of_the_dmp_are_kept_beside_the_document_s_own_confidentiality(read: Read) -> None:
    masks = [
        f"OBX|{n}|CE|{m}^x^MetaDMPMSS||{v}^^e"
        for n, (m, v) in enumerate([("MASQUE_PS", "Y"), ("INVISIBLE_PATIENT", "N")])
    ]
    reading = read(_message(PID, _ed(cda(section("Iode")).encode()), *masks).encode())
    assert reading.metadata.confidentiality == "MASQUE_PS R"


@pytest.mark.parametrize("how", ["event", "availability", "state"])
def test_a_cancellation_brings_no_page_and_names_what_it_withdraws(read: Read, how: str) -> None:
    kind = "MDM^T11" if how == "event" else "MDM^T04"
    txa = "TXA|1|DS|TX|20240511||||||||D1^^|||||||" + ("CA" if how == "availability" else "AV")
    reading = read(_message(PID, txa, _ed(b"Iode", state="D" if how == "state" else "F"), kind=kind).encode())
    assert reading.pages == ()
    assert reading.metadata.cancels == ("LABO DUPONT|D1",)
    assert reading.metadata.patients


def test_a_batch_is_all_its_messages(read: Read) -> None:
    one, two = _message(PID, "OBX|1|TX|1^L||Iode"), _message(PID, "OBX|1|TX|1^L||Latex")
    batch = "FHS|^~\\&|a\rBHS|^~\\&|a\r" + one + _message(PID, kind="ADT^A01") + two + "BTS|3\rFTS|1\r"
    reading = read(batch.encode())
    assert ["Iode" in page.text or "Latex" in page.text for page in reading.pages] == [True, True]
    assert reading.pages[0].note.startswith("1 message(s)")


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_line_ends_and_texts_over_several_lines(read: Read, end: str) -> None:
    obx = f"OBX|1|TX|1^CR||Première ligne{end}Seconde ligne"
    assert _lines(read(_message(PID, obx, "OBX|2|NM|2^K^L||4", end=end).encode())) == [
        "CR", "Première ligne", "Seconde ligne", "K (2 L) | 4",
    ]  # fmt: skip


def test_other_separators(read: Read) -> None:
    text = "MSH#:%?!#a#b#c#d#2024##ORU:R01#1#P#2.5\rPID###1\rOBX#1#CE#1:Germe:L##E:E. coli:SCT%S:S?F?aureus:SCT\r"
    assert _lines(read(text.encode())) == ["Germe (1 L) | E. coli (E SCT) ; S#aureus (S SCT)"]


@pytest.mark.parametrize(
    ("declared", "encoding", "said"),
    [
        ("UNICODE UTF-8", "utf-8", "Œdème évalué"),
        ("8859/1", "latin-1", "fièvre évaluée"),
        ("8859/15", "iso8859-15", "Œdème à 3 €"),
        ("", "cp1252", "Œdème évalué"),
        ("8859/1", "utf-8", "Œdème évalué"),
    ],
)
def test_charsets(read: Read, declared: str, encoding: str, said: str) -> None:
    data = _message(PID, f"OBX|1|TX|1^CR||{said}", charset=declared).encode(encoding)
    assert _lines(read(data)) == [f"CR (1) | {said}"]


def test_mllp_frames_are_taken_off(read: Read) -> None:
    assert _lines(read(b"\x0b" + _message(PID, "OBX|1|TX|1^CR||Iode").encode() + b"\x1c\r")) == ["CR (1) | Iode"]


def test_a_message_is_split_as_the_standard_says() -> None:
    (message,) = messages_of("MSH|^~\\&|A\rOBX|1|CE|a&b^c~d^e||\\F\\\r")
    header, obx = message
    assert (header.raw(1), header.raw(2), header.text(3)) == ("|", "^~\\&", "A")
    assert [obx.text(3, 1), obx.sub(3, 1, 2), obx.text(3, 2), obx.text(3, 1, 2)] == ["a", "b", "c", "d"]
    assert obx.text(5) == "|"
