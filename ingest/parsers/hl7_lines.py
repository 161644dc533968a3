"""The segments of an HL7 v2 message as lines that a person reads: a result, its unit, range and flag on one line."""

from __future__ import annotations

import re

from ingest.parsers.er7 import Segment
from ingest.parsers.hl7_header import name_of

CELL = " | "
TEXTS = frozenset({"TX", "FT", "ST", ""})
_CODED = frozenset({"CE", "CWE", "CNE", "CF", "IS", "ID"})
_DATES = frozenset({"DT", "TS", "DTM"})
FLAGS = {  # table 0078
    "L": "bas",
    "H": "élevé",
    "LL": "très bas",
    "HH": "très élevé",
    "N": "normal",
    "A": "anormal",
    "AA": "très anormal",
    "S": "sensible",
    "R": "résistant",
    "I": "intermédiaire",
    "POS": "positif",
    "NEG": "négatif",
}
STATES = {  # table 0085; F is what is expected
    "C": "corrigé",
    "D": "supprimé",
    "I": "en cours",
    "P": "préliminaire",
    "S": "partiel",
    "W": "erroné",
    "X": "non réalisé",
    "U": "corrigé",
}
ROWS: dict[str, tuple[str, tuple[tuple[int, str], ...]]] = {
    "AL1": ("Allergie", ((3, ""), (2, "type"), (4, "gravité"), (5, "réaction"), (6, "date"))),
    "IAM": ("Allergie", ((3, ""), (2, "type"), (4, "gravité"), (5, "réaction"), (11, "début"), (17, "statut"))),
    "DG1": ("Diagnostic", ((3, ""), (4, ""), (5, "date"), (6, "type"))),
    "PR1": ("Acte", ((3, ""), (4, ""), (5, "date"))),
    "PRB": ("Problème", ((3, ""), (7, "date"), (13, "statut"))),
    "GOL": ("Objectif", ((3, ""), (7, "date"))),
    "RXO": ("Prescription", ((1, ""), (2, "dose"), (3, "à"), (4, "unité"), (7, "consigne"))),
    "RXE": ("Prescription", ((2, ""), (3, "dose"), (4, "à"), (5, "unité"), (7, "consigne"))),
    "RXD": ("Délivrance", ((2, ""), (4, "quantité"), (5, "unité"), (3, "date"), (9, "note"))),
    "RXG": ("Médicament", ((4, ""), (5, "dose"), (7, "unité"), (3, "date"))),
    "RXA": (
        "Administration",
        ((5, ""), (6, "quantité"), (7, "unité"), (3, "date"), (15, "lot"), (18, "motif du refus"), (9, "note")),
    ),
    "RXR": ("Voie", ((1, ""), (2, "site"))),
    "RXC": ("Composant", ((2, ""), (3, "quantité"), (4, "unité"))),
    "SPM": ("Prélèvement", ((4, ""), (8, "site"), (17, "date"))),
    "NK1": ("Contact", ()),
    "PV2": ("Motif d'admission", ((3, ""),)),
}
"""Segment → what it is, and its fields with their labels; the first ones need none."""
CONTENT = frozenset(["OBX", "NTE", "AL1", "IAM", "DG1", "PR1", "PRB", "GOL", "RXO", "RXE", "RXD", "RXG", "RXA"])
"""Segments that are worth a document; the other rows only go with them."""


def row(segment: Segment) -> str:
    """A clinical segment on one line; empty when it says nothing."""
    if segment.name == "NK1":
        return _contact(segment)
    title, fields = ROWS[segment.name]
    cells = [(label, field_text(segment, field)) for field, label in fields]
    said = [f"{label} : {text}" if label else text for label, text in cells if text]
    return f"{title} : {CELL.join(dict.fromkeys(said))}" if said else ""


def _contact(nk1: Segment) -> str:
    name = " ".join(filter(None, (nk1.text(2, 2), nk1.text(2))))
    phone = nk1.text(5) or nk1.text(5, 12) or nk1.text(5, 7)
    said = [name, name_of(nk1, 3), f"tél. {phone}" if phone else "", name_of(nk1, 7)]
    return f"Contact : {CELL.join(filter(None, said))}" if name else ""


def order_title(obr: Segment) -> str:
    """The title of the results that follow an OBR."""
    return name_of(obr, 4)


def order_lines(obr: Segment) -> list[str]:
    """What an OBR says beside its title: when, and why the examination was asked for."""
    cells = [
        ("Date", day_text(obr.text(7)) or day_text(obr.text(6))),
        ("Renseignements", field_text(obr, 13)),
        ("Motif", field_text(obr, 31)),
    ]
    said = [f"{label} : {text}" for label, text in cells if text]
    return [CELL.join(said)] if said else []


def note(nte: Segment) -> str:
    """A comment, on as many lines as it has."""
    texts = [nte.marks.unescape(one) for one in nte.repetitions(3)]
    return "Commentaire : " + "\n".join(texts) if any(texts) else ""


def is_text(obx: Segment) -> bool:
    """Whether the observation is words rather than a measure: it has no unit, range or flag."""
    return obx.text(2).upper() in TEXTS and not any(obx.raw(field).strip() for field in (6, 7, 8))


def observation(obx: Segment) -> str:
    """One result on one line: name, value with unit, range, flag, state, date."""
    value, unit = value_text(obx), field_text(obx, 6)
    if not value and not obx.raw(8).strip() and obx.text(11).upper() not in STATES:
        return ""
    flags = [obx.text(8, 1, number) for number in range(1, len(obx.repetitions(8)) + 1)]
    limits = field_text(obx, 7)
    cells = [
        field_text(obx, 3) if obx.text(2).upper() not in TEXTS or obx.text(3, 2) else name_of(obx, 3),
        f"{value} {unit}".strip(),
        f"réf. {limits}" if limits else "",
        ", ".join(FLAGS.get(one, one) for one in flags if one),
        STATES.get(obx.text(11).upper(), ""),
        day_text(obx.text(14)),
    ]
    return CELL.join(filter(None, cells))


def value_text(obx: Segment) -> str:
    """OBX-5 by its data type; every component is there."""
    kind = obx.text(2).upper()
    shown = [_value(obx, one, kind) for one in obx.repetitions(5)]
    return ("\n" if kind in TEXTS else " ; ").join(filter(None, shown))


def _value(obx: Segment, repetition: str, kind: str) -> str:
    if kind in TEXTS or kind in ("NM", "SI"):
        return obx.marks.unescape(repetition)  # a separator that its sender forgot to escape stays
    if kind in _CODED:
        return _coded(obx, repetition)
    if kind in _DATES:
        day = day_text(obx.marks.unescape(repetition))
        return f"{day} ({repetition})" if day else obx.marks.unescape(repetition)
    pieces = [one for part in obx.parts(repetition) for one in _subparts(obx, part) if one]
    return ("" if kind == "SN" else " ").join(pieces)


def field_text(segment: Segment, field: int) -> str:
    """A field as words, its repetitions separated: dates written in French, codes after their texts."""
    shown = []
    for one in segment.repetitions(field):
        text = _coded(segment, one)
        shown.append(day_text(text) or text)
    return " ; ".join(dict.fromkeys(filter(None, shown)))


def _coded(segment: Segment, repetition: str) -> str:
    """A coded element (CE, CWE): its texts, then its codes with their systems."""
    parts = [" ".join(filter(None, _subparts(segment, one))) for one in segment.parts(repetition)]
    parts += [""] * (9 - len(parts))
    texts = list(dict.fromkeys(filter(None, (parts[1], parts[4], parts[8]))))
    codes = [" ".join(filter(None, pair)) for pair in ((parts[0], parts[2]), (parts[3], parts[5]))]
    rest = " ".join(filter(None, [*parts[6:8], *parts[9:]]))
    said = ", ".join(texts)
    coded = ", ".join(filter(None, [*codes, rest]))
    return f"{said} ({coded})" if said and coded else said or " ".join(filter(None, parts))


def _subparts(segment: Segment, component: str) -> list[str]:
    mark = segment.marks.subcomponent
    return [segment.marks.unescape(one).strip() for one in (component.split(mark) if mark else [component])]


def day_text(stamp: str) -> str:
    """An HL7 time stamp as « 10/05/2024 08:30 »; empty for what is none."""
    found = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)\d*(?:\.\d+)?)?(?:[+-]\d{4})?", stamp)
    if found is None or not ("01" <= found[2] <= "12" and "01" <= found[3] <= "31" and "1850" < found[1] < "2200"):
        return ""
    time = f" {found[4]}:{found[5]}" if found[4] and found[4] + found[5] != "0000" else ""
    return f"{found[3]}/{found[2]}/{found[1]}{time}"
