"""Data types of HL7 v2 as facts state them: coded elements, and the value, unit, range and flags of an OBX."""

from __future__ import annotations

import re
from decimal import Decimal

from ingest.parsers import hl7_lines as lines
from ingest.parsers.er7 import Segment
from ingest.parsers.fact_values import number_of
from records.fact import Coding, Quantity

SYSTEMS = {
    "LN": "2.16.840.1.113883.6.1",
    "SCT": "2.16.840.1.113883.6.96",
    "SNM": "2.16.840.1.113883.6.96",
    "I10": "2.16.840.1.113883.6.3",
    "I9": "2.16.840.1.113883.6.2",
    "I9C": "2.16.840.1.113883.6.103",
    "CVX": "2.16.840.1.113883.12.292",
    "NDC": "2.16.840.1.113883.6.69",
    "ATC": "2.16.840.1.113883.6.73",
}
"""Table 0396, where an OID is the same thing; any other system stays as it is written."""
_BETWEEN = re.compile(r"\s*\(?([+-]?\d[\d.,]*)\s*(?:-|–|à|to)\s*([+-]?\d[\d.,]*)\)?.*")


def codings(segment: Segment, field: int) -> tuple[Coding, ...]:
    """The code of a coded element and its alternate, of every repetition."""
    found = []
    for number in range(1, len(segment.repetitions(field)) + 1):
        for code, text, system in ((1, 2, 3), (4, 5, 6)):
            stated, shown = segment.text(field, code, number), segment.text(field, text, number)
            named = segment.text(field, system, number)
            if stated and (shown or named):  # a text alone, without a code, is written in the same place
                found.append(Coding(SYSTEMS.get(named, named), stated, shown))
    return tuple(dict.fromkeys(found))


def quantity(obx: Segment) -> Quantity | None:
    """OBX-5 as it is written, with OBX-6 to OBX-8; None when there is no value."""
    text = lines.value_text(obx).strip()
    if not text:
        return None
    sign, number = _figure(obx, text)
    said = lines.field_text(obx, 7)
    low, high = measured(said)
    flags = [obx.text(8, 1, one) for one in range(1, len(obx.repetitions(8)) + 1)]
    unit = obx.text(6) or obx.text(6, 2)
    return Quantity(text, number, sign, unit, low, high, said, " ".join(filter(None, flags)))


def _figure(obx: Segment, text: str) -> tuple[str, Decimal | None]:
    if obx.text(2).upper() == "SN":
        sign, figure = obx.text(5, 1), number_of(obx.text(5, 2))[1]
        return ("", None) if obx.text(5, 3) or sign not in ("", "<", ">", "<=", ">=") else (sign, figure)
    return number_of(text) if obx.text(2).upper() in ("NM", "ST", "SI", "") else ("", None)


def measured(said: str) -> tuple[Decimal | None, Decimal | None]:
    """(low, high) of a reference range as laboratories write it ("3,5 - 5,0", "< 5"); None: not said."""
    between = _BETWEEN.fullmatch(said)
    if between is not None:
        return number_of(between[1])[1], number_of(between[2])[1]
    sign, figure = number_of(said)
    return (None, figure) if sign.startswith("<") else (figure, None) if sign else (None, None)
