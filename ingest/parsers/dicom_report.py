"""DICOM structured reports (PS3.3 C.17.3) as lines: what is observed, its value and unit, containers as sections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ingest.parsers.cda_header import parse_day
from ingest.parsers.sheet import Sheet

_DEEPEST = 40
_VALUES = {"TEXT": "TextValue", "DATETIME": "DateTime", "DATE": "Date", "TIME": "Time", "PNAME": "PersonName"}


def report_of(dataset: Any) -> Sheet:
    """The content tree of a report; an object that has none gives an empty sheet."""
    sheet = Sheet()
    if dataset.get("ContentSequence"):
        with sheet.section(_meaning(dataset.get("ConceptNameCodeSequence"))):
            _write(sheet, dataset, 0)
    return sheet


def _write(sheet: Sheet, item: Any, depth: int) -> None:
    for one in item.get("ContentSequence") or ():
        name = _meaning(one.get("ConceptNameCodeSequence"))
        if str(one.get("ValueType", "")) == "CONTAINER" and depth < _DEEPEST:
            with sheet.section(name):
                _write(sheet, one, depth + 1)
            continue
        value = " ".join(filter(None, _value(one)))
        if value:
            sheet.line(f"{name} : {value}" if name else value)
        if depth < _DEEPEST:
            _write(sheet, one, depth + 1)


def _value(item: Any) -> Iterator[str]:
    kind = str(item.get("ValueType", ""))
    if kind == "CODE":
        yield _meaning(item.get("ConceptCodeSequence"))
    elif kind == "NUM":
        for one in item.get("MeasuredValueSequence") or ():
            yield str(one.get("NumericValue", "") or "")
            unit = next(iter(one.get("MeasurementUnitsCodeSequence") or ()), None)
            code = "" if unit is None else str(unit.get("CodeValue", "") or "")
            yield "" if code == "1" or code.startswith("{") else code  # UCUM: no unit, or an annotation of none
    elif kind in _VALUES:
        written = str(item.get(_VALUES[kind], "") or "")
        day = parse_day(written) if kind == "DATE" else None
        yield day.strftime("%d/%m/%Y") if day else written.replace("^", " ").strip() if kind == "PNAME" else written


def _meaning(sequence: Any) -> str:
    """What a person reads of a coded entry."""
    one = next(iter(sequence or ()), None)
    return "" if one is None else str(one.get("CodeMeaning", "") or one.get("CodeValue", "") or "")
