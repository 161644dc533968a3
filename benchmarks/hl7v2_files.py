"""The few lines of HL7 v2 that the identity benchmark needs: PID as a StatedPatient, OBX text and embedded documents.

Not a parser: the product has none yet. A later one only has to fill a StatedPatient.
"""

from __future__ import annotations

import base64
import binascii
import re
from datetime import datetime

from ingest.limits import Limits
from ingest.parse import parse
from ocr.port import Ocr
from records.content import Metadata, Page, Reading, StatedPatient


def read_hl7(data: bytes, ocr: Ocr) -> Reading | None:
    """The message as pages of text with the PID as header; None for a message without a PID."""
    segments = [one.split("|") for one in re.split(r"[\r\n]+", data.decode("utf-8-sig", "replace")) if one]
    pid = next((one for one in segments if one[0] == "PID"), None)
    if pid is None:
        return None
    pages: list[Page] = []
    for obx in (one for one in segments if one[0] == "OBX" and len(one) > 5):
        pages += _value(obx[2], obx[3], obx[5], ocr)
    numbered = tuple(Page(n, p.text, p.width, p.height, p.words, p.regions, p.sections) for n, p in enumerate(pages, 1))
    return Reading(numbered, Metadata(patients=(_patient(pid),)))


def _patient(pid: list[str]) -> StatedPatient:
    """PID-3 identifiers, PID-5 names, PID-7 birth, PID-8 sex, PID-11 place of birth (type BDL)."""
    fields = [*pid, *[""] * 12]
    identifiers = []
    for repetition in fields[3].split("~"):
        parts = [*repetition.split("^"), "", "", "", ""]
        if parts[4].startswith("INS") or "INS" in parts[3]:
            identifiers.append((parts[0], [*parts[3].split("&"), ""][1]))
    names = [[*one.split("^"), *[""] * 7] for one in re.split("~", fields[5])]
    born = re.match(r"\d{8}", fields[7])
    places = [[*one.split("^"), *[""] * 9] for one in re.split("[~˜]", fields[11])]
    return StatedPatient(
        identifiers=tuple(identifiers),
        birth_names=tuple(one[0] for one in names if one[6] == "L"),
        used_names=tuple(one[0] for one in names if one[6] != "L"),
        given_names=" ".join(f"{one[1]} {one[2]}" for one in names),
        birth_date=datetime.strptime(born.group(), "%Y%m%d").date() if born else None,  # noqa: DTZ007
        sex=fields[8],
        birth_place=next((one[8] for one in places if one[6] == "BDL"), ""),
    )


def _value(kind: str, code: str, value: str, ocr: Ocr) -> list[Page]:
    """OBX-5: an embedded document (ED), or words."""
    if kind != "ED":
        return [Page(1, f"{code}\n{value}".replace("^", " "))]
    encoded = value.split("^")[-1]
    try:
        content = base64.b64decode(encoded, validate=True)
    except (ValueError, binascii.Error):
        return [Page(1, code.replace("^", " "))]
    if content.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"<"):
        return [Page(1, code.replace("^", " ")), *parse(content, "", ocr, Limits()).pages]
    return [Page(1, f"{code}\n{content.decode('utf-8', 'replace')}".replace("^", " "))]
