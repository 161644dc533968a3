"""The segments of an HL7 v2 message as facts: OBX, AL1, IAM, DG1, PRB, PR1, RXO, RXE, RXD, RXG, RXA, NK1.

What follows a segment and belongs to it (route, timing, specimen, the order's date) is looked up once per message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from clinical.assertion import denials
from ingest.parsers import hl7_lines as lines
from ingest.parsers.er7 import Message, Segment
from ingest.parsers.fact_values import day_of
from ingest.parsers.hl7_header import kind_of, name_of
from ingest.parsers.hl7_values import codings, quantity
from records.fact import Assertion, Fact, FactKind, FactSource, Period, Quantity, Quote

NOWHERE = Quote(0, 0, 0, "")
_ENVELOPE_WORDS = """
MASQUE_PS INVISIBLE_PATIENT INVISIBLE_REP_LEGAUX MODIF_CONF_CODE CONNEXION_SECRETE DESTDMP DESTMSSANTEPS
DESTMSSANTEPAT ACK_RECEPTION ACK_LECTURE ACK_LECTURE_MSS CORPSMAIL_PS CORPSMAIL_PATIENT
"""
_ENVELOPE = frozenset(_ENVELOPE_WORDS.split())
"""Observations that say how a document is sent and to whom (ANS TRANS-CDA), not how a patient is."""
_VITAL_WORDS = """
8302-2 8306-3 29463-7 3141-9 39156-5 8480-6 8462-4 8867-4 9279-1 2708-6 59408-5 20564-1 8310-5 8287-5 72514-3 3137-7
"""
_VITALS = frozenset(_VITAL_WORDS.split())
_GROUPS = frozenset(["882-1", "883-9", "10331-7", "34530-6"])
_PREGNANCY = frozenset({"11449-6", "82810-3"})
_TERMS = frozenset({"11778-8", "11779-6", "11780-4"})
_WITHDRAWN = frozenset({"D", "W"})
_DRUGS = frozenset({"RXO", "RXE", "RXG", "RXA", "RXD"})
_DOUBTED = frozenset({"S", "P", "D", "U"})  # IAM-17, table 0438: suspect, pending, doubt raised, unconfirmed
_SHORT = 100  # characters of words that are a result and no report


class Teller:
    """What each segment of one message says as facts."""

    def __init__(self, message: Message) -> None:
        self._vaccines = kind_of(message)[0] == "VXU"
        self._orders: dict[int, Segment] = {}
        self._after: dict[int, list[Segment]] = {}
        order = drug = None
        for one in message:
            if one.name == "OBR":
                order = one
            if one.name in _DRUGS | {"ORC"}:
                drug = one if one.name in _DRUGS else None
            elif drug is not None and one.name in ("RXR", "TQ1"):
                self._after.setdefault(id(drug), []).append(one)
            if order is not None:
                self._orders[id(one)] = order
                if one.name == "SPM":
                    self._after.setdefault(id(order), []).append(one)

    def told(self, segment: Segment) -> list[Fact]:
        """The facts of a segment; their quote is the line that is written of it."""
        reader = _READERS.get(segment.name)
        fact = None if reader is None else reader(self, segment)
        return [] if fact is None else [fact]

    def _observation(self, obx: Segment) -> Fact | None:
        code = obx.text(3)
        if code in _ENVELOPE or obx.text(3, 3) == "MetaDMPMSS" or obx.text(11).upper() in _WITHDRAWN:
            return None
        if not code and not obx.text(3, 2):
            return None
        value, order = quantity(obx), self._orders.get(id(obx))
        if value is None or not self._is_result(obx, value):
            return None
        loinc = {one.code for one in codings(obx, 3)}
        kind = FactKind.VITAL_SIGN if loinc & _VITALS else FactKind.LAB_RESULT
        details = [("method", name_of(obx, 17)), ("status", lines.STATES.get(obx.text(11).upper(), ""))]
        details += [("specimen", self._specimen(order)), ("site", name_of(obx, 20))]
        assertion = Assertion.PRESENT
        if loinc & _GROUPS:
            kind = FactKind.BLOOD_GROUP
        elif loinc & (_PREGNANCY | _TERMS):
            kind = FactKind.PREGNANCY
            details.append(("term_date", day_of(value.text) if loinc & _TERMS else ""))
            assertion = Assertion.ABSENT if denials(value.text).spans else Assertion.PRESENT
        stamp = obx.text(14) or ("" if order is None else order.text(7))
        return _fact(obx, kind, 3, assertion, Period(day_of(stamp)), details, value)

    def _is_result(self, obx: Segment, value: Quantity) -> bool:
        """Words are a result when they are short and stand alone under their name; reports are read as text."""
        if not lines.is_text(obx) or value.number is not None:
            return True
        return obx.text(2).upper() == "ST" and "\n" not in value.text and len(value.text) <= _SHORT

    def _specimen(self, order: Segment | None) -> str:
        after = [] if order is None else self._after.get(id(order), [])
        return next((name_of(one, 4) for one in after), "") or ("" if order is None else name_of(order, 15))

    def _allergy(self, one: Segment) -> Fact | None:
        intolerant = one.name == "IAM" and one.text(9).upper() in ("IN", "SE")
        kind = FactKind.INTOLERANCE if intolerant else FactKind.ALLERGY
        label = name_of(one, 3)
        assertion = Assertion.PRESENT
        if one.name == "IAM":
            status = one.text(17).upper()
            withdrawn = one.text(6).upper() == "D" or status == "E"
            assertion = Assertion.ABSENT if withdrawn else Assertion.SUSPECTED if status in _DOUBTED else assertion
        if denials(label).spans or one.text(3).upper() in ("NKA", "NKDA", "NKFA", "716186003", "409137002"):
            assertion = Assertion.ABSENT
        reaction = name_of(one, 5) if len(one.repetitions(5)) < 2 else lines.field_text(one, 5)
        severity = _SEVERITIES.get(one.text(4).upper(), name_of(one, 4))
        details = [("substance", label), ("reaction", reaction), ("severity", severity)]
        start = day_of(one.text(6) if one.name == "AL1" else one.text(11))
        return _fact(one, kind, 3, assertion, Period(start), details)

    def _diagnosis(self, one: Segment) -> Fact | None:
        if one.text(21).upper() == "D":
            return None
        doubt = one.text(6).upper() == "W"
        stated = Assertion.SUSPECTED if doubt else Assertion.PRESENT
        label = name_of(one, 3) or one.text(4)
        return _fact(one, FactKind.CONDITION, 3, stated, Period(day_of(one.text(5))), (), label=label)

    def _problem(self, one: Segment) -> Fact | None:
        if one.text(1).upper() == "DE":
            return None
        when = Period(day_of(one.text(16) or one.text(7)), day_of(one.text(9)))
        return _fact(one, FactKind.CONDITION, 3, Assertion.PRESENT, when, [("status", name_of(one, 14))])

    def _procedure(self, one: Segment) -> Fact | None:
        label = name_of(one, 3) or one.text(4)
        return _fact(one, FactKind.PROCEDURE, 3, Assertion.PRESENT, Period(day_of(one.text(5))), (), label=label)

    def _drug(self, one: Segment) -> Fact | None:
        field, low, high, unit, when, until = _DRUG_FIELDS[one.name]
        after = self._after.get(id(one), [])
        route = next((name_of(part, 1) for part in after if part.name == "RXR"), "")
        site = next((name_of(part, 2) for part in after if part.name == "RXR"), "")
        timing = next((part for part in after if part.name == "TQ1"), None)
        doses = dict.fromkeys(filter(None, (one.text(low), one.text(high) if high else "")))
        dose = " à ".join(doses)
        start = day_of(one.text(when) if when else "") or ("" if timing is None else day_of(timing.text(7)))
        end = day_of(one.text(until) if until else "") or ("" if timing is None else day_of(timing.text(8)))
        if one.name == "RXE":
            start, end = start or day_of(one.text(1, 4)), end or day_of(one.text(1, 5))
        rhythm = one.text(1, 2) if one.name == "RXE" else ""
        details = [
            ("quantity" if one.name == "RXD" else "dose", f"{dose} {name_of(one, unit)}".strip() if dose else ""),
            ("route", route),
            ("site", site),
            ("frequency", rhythm or ("" if timing is None else name_of(timing, 3))),
            ("lot", one.text(15) if one.name == "RXA" else ""),
            ("reason", name_of(one, 18) if one.name == "RXA" else ""),
        ]
        kind = FactKind.DISPENSING if one.name == "RXD" else FactKind.MEDICATION
        stated = Assertion.PRESENT
        if one.name == "RXA":
            kind = FactKind.IMMUNIZATION if self._vaccines else kind
            refused = one.text(20).upper() in ("RE", "NA") or bool(one.text(18)) or one.text(21).upper() == "D"
            stated = Assertion.ABSENT if refused else stated
        return _fact(one, kind, field, stated, Period(start, "" if end == start else end), details)

    def _contact(self, one: Segment) -> Fact | None:
        name = " ".join(filter(None, (one.text(2, 2), one.text(2))))
        details = [
            ("relation", name_of(one, 3)),
            ("telephone", one.text(5) or one.text(5, 12) or one.text(5, 7)),
            ("role", name_of(one, 7)),
        ]
        return _fact(one, FactKind.CONTACT, 3, Assertion.PRESENT, Period(), details, label=name)


_DRUG_FIELDS: dict[str, tuple[int, int, int, int, int, int]] = {
    "RXO": (1, 2, 3, 4, 0, 0),
    "RXE": (2, 3, 4, 5, 0, 0),
    "RXG": (4, 5, 6, 7, 3, 0),
    "RXA": (5, 6, 0, 7, 3, 4),
    "RXD": (2, 4, 0, 5, 3, 0),
}
"""Segment → fields of the drug, least and most of its dose, their unit, start and end."""
_READERS: dict[str, Callable[[Teller, Segment], Fact | None]] = {
    "OBX": Teller._observation,
    "AL1": Teller._allergy,
    "IAM": Teller._allergy,
    "DG1": Teller._diagnosis,
    "PRB": Teller._problem,
    "PR1": Teller._procedure,
    "NK1": Teller._contact,
    **dict.fromkeys(_DRUG_FIELDS, Teller._drug),
}
_SEVERITIES = {"SV": "sévère", "MO": "modérée", "MI": "légère", "U": ""}  # table 0128


def _fact(
    segment: Segment,
    kind: FactKind,
    field: int,
    assertion: Assertion,
    when: Period,
    details: Iterable[tuple[str, str]],
    value: Quantity | None = None,
    label: str = "",
) -> Fact | None:
    """A fact named by a coded field; None when nothing names it."""
    shown = label or name_of(segment, field)
    if not shown:
        return None
    return Fact(
        kind=kind,
        label=shown,
        quote=NOWHERE,
        source=FactSource.STRUCTURED,
        assertion=assertion,
        codes=() if kind is FactKind.CONTACT else codings(segment, field),
        value=value,
        when=when,
        details=tuple((name, text) for name, text in details if text),
    )
