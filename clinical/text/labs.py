"""Measured values out of a unit: what is measured, comparator, value, unit, reference range and flag, as written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache

from clinical.text.misread_units import repaired
from clinical.text.numbers import NUMBER, Mark, number
from clinical.text.plain import plain
from clinical.text.signs import any_of
from clinical.text.terms import Found, Terms
from clinical.text.units import Unit
from clinical.text.vocabulary import LOINC, parts, rows
from records.fact import Coding, FactKind, Quantity

_UNIT = rf"{any_of('unit')}(?![^\W_]|/[a-z])"
_NOTE = "[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,2}"  # the mark of a note: « Potassium ¹ 4,1 ² mmol/L »
_FILLER = rf"(?:[ \t:=.…|)_*]|{_NOTE}|-(?![\d ]*\d)|\((?!n\b)[^()\n]{{0,40}}\)|{any_of('filler')}(?![^\W_])){{0,6}}"
_ANIONS, _CHARGE = frozenset(("bicarbonates", "chlorures")), re.compile(r"[-⁻−](?=[ \t])")
"""« HCO3- 24 », « Cl- 102 ». Behind another name a dash parts: « CRP- 12/05/2026 » is no value."""
_VALUE = re.compile(
    rf"(?:\+(?=[ \t]?[:=]?[ \t]?\d))?{_FILLER}(?P<cmp><=|>=|=<|=>|[<>≤≥]|(?:inferieure?|superieure?)s? a )?[ ]?"
    rf"(?:(?P<pressure>\d{{1,3}}[ ]?/[ ]?\d{{1,3}})(?!\d|/)(?:[ ]?(?P<punit>mm[ ]?hg|cm[ ]?hg|kpa))?"
    rf"|(?P<num>{NUMBER}(?!{_NOTE}[ ]?/))(?P<flag>[ ]?\*{{1,2}}|[ \t]?\(?(?:hh|ll|h|l|b|\+|-)\)?(?=[ \t\n]|$))?"
    rf"(?:[ ]?{_NOTE}(?!\w|[ ]?/))?[ \t]{{0,3}}(?P<unit>{_UNIT})?"
    rf"|(?P<quality>{any_of('quality')})(?![^\W_]))"
)
_RANGE = re.compile(
    rf"[ \t]*(?P<flag>\*{{1,2}}|(?:hh|ll|h|l|b)(?=[ \t]))?[ \t]*"
    rf"(?P<range>[\[(]?[ ]?(?:{any_of('range word')}[ ]?(?::|=|entre)?[ ]?)?"
    rf"(?:(?P<low>{NUMBER})[ ]?(?:[-–—~]|a|to)[ ]?(?P<high>{NUMBER})"
    rf"|(?P<rcmp><=|>=|[<>≤≥]|(?:inf|sup)\w{{0,6}} a)[ ]?(?P<limit>{NUMBER}))[ ]?[\])]?)(?![\d/])"
)
_COUNTS = re.compile(rf"[ ]?{any_of('counted')}(?![^\W_])")
"""« Kaliémie à 6 h », « plaquettes 3 jours après », « kaliémie : 2 prélèvements »: the number counts something else."""
_RULING = re.compile(
    r"\||(?<=\t)[ ]?[/!=:;\\\[\]][ ]?(?=\t|$)|(?<=\t)[ ]?[!:;\[\]][ ](?=\S)|(?<=\t)[ ]?[“”‘’'\"](?=\w)"
)
_UNIT_CELL = re.compile(rf"[ \t]*(?!{any_of('range word')}\b|[^\t]*\d/\d)([a-z%µ][^\t\n]{{0,16}}?)[ ]*(?=\t)")
"""A cell between a value and a range is a unit, whatever OCR made of it (« g!dL », « gdL »): where no rule repairs
it, it is kept as written, and not converted. Without it the range beside it would be lost."""
_GLUED = re.compile(r"[ ]?[-–—][ ]?\d")
_INTERVAL = re.compile(
    rf"[ ]?(?:-|–|—|a)[ ]?{NUMBER}(?![\d/]|-\d|[ ]?{any_of('counted')}(?![^\W_]))[ ]{{0,3}}(?P<unit>{_UNIT})?"
)
"""« INR 2-3 », « natrémie 135 à 145 mmol/L », « hémoglobine de 12 à 7 g/dL »: neither end alone is the value."""
_METRES = re.compile(r"[ ]?m[ ]?(\d\d)(?!\d)")
_AIMED = re.compile(
    r"\b(?:si|s'il|des|des que|quand|lorsque|jusqu'a|tant que|en cas d[e'u]"
    r"|objectifs?|cibles?|seuils?|viser|atteindre|obtenir)"
    r"(?:[ ]?(?:une?|l'|le|la|les|que|qu'|d'|de|:))*[ ]*$"
)
"""« Arrêt dès INR > 2 », « objectif INR 2,5 »: a bound or an aim, which nobody measured."""
_DAY = r"\d{1,2}[/.]\d{1,2}(?:[/.]\d{2,4})?(?!\d)"
_AGAIN = re.compile(
    rf"(?:[ ]?[,;]?[ ]?(?:->|→|puis|(?:au |le |de )?controlee?s?)(?:[ ]?(?:le|du|au) {_DAY})?[ ]?[:=]?(?: a| de)?"
    rf"|[ ]?[,;][ ]?(?:le|du|au) {_DAY}[ ]?[:=])(?=[ ]?[<>]?[ ]?\d)(?![ ]?{_DAY}(?!\d| ?[a-zµ%]))"
)
_ENDS = re.compile(r"[ ]?(?:[.,;)\n]|$)")
"""« 80 puis 340 µmol/L », « 7,8 g/dL, contrôle à 8,4 », « …, le 15/01/2026 : 340 »: a later value of it."""
_WINDOW = 150
_PER = re.compile(r"[.·*]?(24h|m?mol|[µμumd]?l|kg|g|j|d|h|min|1[.,]73m)\^?(?:[-−]1|⁻¹|[-−](2)|⁻(²))")
"""« mmol.L⁻¹ » is mmol/L, « mL.min-1.1,73m-2 » mL/min/1,73m2."""
_WRITINGS = str.maketrans({" ": "", ".": "", ",": "", "μ": "µ", "³": "3", "²": "2"})


@dataclass(frozen=True, slots=True)
class Analyte:
    """A thing that is measured. `codes`: LOINC by compared unit; the unit "sans" stands for none."""

    kind: FactKind
    preferred: str
    codes: tuple[tuple[str, str], ...]

    def code(self, unit: str) -> tuple[Coding, ...]:
        """The code for a value in `unit`; none when the unit does not decide."""
        same = next((code for written, code in self.codes if written == (_compared(unit) or "sans")), None)
        return (Coding(LOINC, same, self.preferred),) if same is not None else ()


@dataclass(frozen=True, slots=True)
class Measure:
    """A measured value; offsets into the unit."""

    start: int
    end: int
    name_end: int
    analyte: Analyte | None  # None: a row of a table that names something else
    value: Quantity
    note: str = ""  # how an ambiguous number was read
    value_start: int = -1  # where the words of a second value of the same thing begin; -1 for the first


@lru_cache(maxsize=1)
def analytes() -> Terms[Analyte]:
    """Every measured thing by name."""
    names: list[tuple[str, Analyte]] = []
    for kind, preferred, others, codes in rows("analytes.txt", 4):
        pairs = [(unit, each.split()[0]) for each in codes.split(";") if each.strip() for unit in each.split()[1:]]
        analyte = Analyte(
            FactKind.VITAL_SIGN if kind == "vital" else FactKind.LAB_RESULT,
            preferred,
            tuple((_compared(unit) if unit != "sans" else unit, code) for unit, code in pairs),
        )
        names.extend((name, analyte) for name in (preferred, *parts(others)))
    return Terms(names)


def measures(unit: Unit, text: str, named: list[Found[Analyte]], mark: Mark) -> Iterator[Measure]:
    """The measured values of a unit; `text` is the unit as written, `named` the things that it names."""
    unit = Unit(unit.start, unit.end, _cells(unit.flat))
    taken = 0
    for number_, found in enumerate(named):
        if found.start < taken:
            continue
        limit = named[number_ + 1].start if number_ + 1 < len(named) else len(unit.flat)
        if _AIMED.search(unit.flat[max(0, found.start - 30) : found.start]):
            continue
        measure = _measure(unit, text, found.start, found.end, min(limit, found.end + _WINDOW), found.entry, mark)
        while measure is not None:
            taken = measure.end
            yield measure
            again = _AGAIN.match(unit.flat, taken, limit) if "\t" not in unit.flat else None
            if again is None:
                break
            at = again.start()
            measure = _measure(unit, text, found.start, again.end(), limit, found.entry, mark)
            if measure is None or not (measure.value.unit or _ENDS.match(unit.flat, measure.end)):
                break  # « puis 3 CGR »
            measure = replace(measure, name_end=found.end, value_start=at)
    if not named and unit.flat.count("\t") >= 2:
        measure = _row(unit, text, mark)
        if measure is not None:
            yield measure


def _cells(flat: str) -> str:
    """A row whose cells are set apart by « ; » or « | » with tabs for them; anything else as it is. In a row of tabs a
    bar, or a slash alone in its cell, is the ruling of a scanned table."""
    if "\t" in flat:
        return _RULING.sub(lambda found: " " * len(found[0]), flat)
    return next((flat.replace(mark, " \t ") for mark in (" ; ", " | ") if flat.count(mark) >= 2), flat)


def _row(unit: Unit, text: str, mark: Mark) -> Measure | None:
    """A row of a table that names something unknown: read when a value stands beside a unit and a range."""
    name = unit.flat.split("\t", 1)[0]
    if not 2 <= len(name.strip()) <= 60 or not name.strip()[0].isalpha():
        return None
    found = _measure(unit, text, 0, len(name), len(unit.flat), None, mark)
    return found if found is not None and found.value.unit and found.value.range_text else None


def _measure(
    unit: Unit, text: str, start: int, end: int, limit: int, analyte: Analyte | None, mark: Mark
) -> Measure | None:
    charged = analyte is not None and analyte.preferred in _ANIONS and _CHARGE.match(unit.flat, end, limit)
    found = _VALUE.match(unit.flat, end + 1 if charged else end, limit)
    if found is None:
        return None
    if found["quality"] is not None:
        if analyte is None or analyte.kind is not FactKind.LAB_RESULT:
            return None
        return Measure(start, found.end(), end, analyte, Quantity(text[found.start("quality") : found.end("quality")]))
    if found["pressure"] is not None:
        return _pressure(text, start, end, found, analyte)
    stop, digits_end = found.end(), found.end("num")
    if found["unit"] is None and _COUNTS.match(unit.flat, digits_end):
        return None
    if analyte is not None and analyte.preferred == "taille" and (metres := _METRES.match(unit.flat, digits_end)):
        written = text[found.start("num") : metres.end()]  # « 1m75 »
        return Measure(start, metres.end(), end, analyte, Quantity(written))
    interval = _INTERVAL.match(unit.flat, digits_end, limit) if "\t" not in unit.flat else None
    if interval is not None and found["unit"] is None and not found["flag"] and " " not in found["num"]:
        if not interval["unit"] and not _plausible_unit(analyte, "", number(found["num"], mark), in_table=False):
            return None
        written = text[found.start("num") : interval.start("unit") if interval["unit"] else interval.end()].strip()
        return Measure(
            start,
            interval.end(),
            end,
            analyte,
            Quantity(written, unit=(text[interval.start("unit") : interval.end()] if interval["unit"] else "").strip()),
        )
    if found["unit"] is None and " " in found["num"] and _GLUED.match(unit.flat, found.end("num")):
        digits_end = found.start("num") + found["num"].rindex(
            " "
        )  # « 198 150 – 400 »: the range begins at the last group
        stop = digits_end
    written = text[found.start("num") : digits_end]
    scale = text[found.start("unit") : found.end("unit")] if found["unit"] is not None and stop == found.end() else ""
    flag = (found["flag"] or "").strip(" ()\t").upper() if stop == found.end() else ""
    cell = _UNIT_CELL.match(unit.flat, stop, limit) if "\t" in unit.flat and stop == found.end() else None
    read = ""
    if not scale and cell is not None:
        read, stop = text[cell.start(1) : cell.end(1)], cell.end(1)
        scale = repaired(read) or read
    bounds = _RANGE.match(unit.flat, stop, min(len(unit.flat), stop + 60))
    value = number(plain(written), mark)
    if not _plausible_unit(analyte, scale, value, "\t" in unit.flat):
        return None
    comparator = _comparator(found["cmp"])
    low = high = None
    range_text = ""
    if bounds is not None:
        low, high = _bounds(bounds, mark)
        range_text = text[bounds.start("range") : bounds.end("range")].strip(" ()[]\t")
        flag = flag or (bounds["flag"] or "").upper()
        stop = bounds.end()
    shown = text[found.start("cmp") : digits_end].strip() if found["cmp"] else written
    notes = ["deux lectures possibles"] if value is None else []
    notes += [f"unité lue « {read} »"] if read and scale != read else []
    return Measure(
        start,
        stop,
        end,
        analyte,
        Quantity(shown, value, comparator, scale.strip(), low, high, range_text, flag),
        " ; ".join(notes),
    )


def _pressure(text: str, start: int, end: int, found: re.Match[str], analyte: Analyte | None) -> Measure | None:
    """« 130/80 » is a pressure and « 3/10 » a score; for anything else it is no value."""
    if analyte is None or analyte.kind is not FactKind.VITAL_SIGN:
        return None
    written = text[found.start("pressure") : found.end("pressure")]
    first, _, second = written.partition("/")
    scale = text[found.start("punit") : found.end("punit")] if found["punit"] else ""
    if analyte.preferred == "pression artérielle":
        return Measure(start, found.end(), end, analyte, Quantity(written, unit=scale))
    if second.strip() in ("10", "15", "20", "30"):
        return Measure(
            start, found.end(), end, analyte, Quantity(first.strip(), Decimal(first.strip()), unit=f"/{second.strip()}")
        )
    return None


_WITHOUT_UNIT: dict[str, tuple[float, float]] = {
    "potassium": (1, 10), "sodium": (90, 200), "pH": (6, 8.5), "poids": (0.3, 400), "taille": (0.3, 250),
    "température": (25, 45), "chlorures": (50, 160),
}  # fmt: skip
"""Names that are also letters or words: in prose a number without a unit is theirs only where it can be one."""
_MUST_HAVE_UNIT = frozenset((
    "calcium", "magnésium", "glycémie", "albumine", "ACE", "GH", "complément C3", "complément C4", "lactates",
    "folates", "périmètre crânien", "périmètre abdominal", "fer sérique", "FEVG", "leucocyturie", "lithiémie",
    "hématurie", "vitamine B12", "25-hydroxyvitamine D", "digoxinémie", "lamotriginémie", "valproatémie", "tacrolémie",
    "bicarbonates", "T4 libre", "T3 libre", "charge virale VIH", "sérologie VIH", "sérologie VHC", "BNP", "IgA", "IgG",
    "fréquence respiratoire", "hauteur utérine", "estradiol", "testostérone", "Quantiféron",
))  # fmt: skip


def _plausible_unit(analyte: Analyte | None, scale: str, value: Decimal | None, in_table: bool) -> bool:
    if analyte is None or scale or in_table:
        return True
    if analyte.preferred in _MUST_HAVE_UNIT:
        return False
    bounds = _WITHOUT_UNIT.get(analyte.preferred)
    return bounds is None or (value is not None and bounds[0] <= value <= bounds[1])


def _bounds(found: re.Match[str], mark: Mark) -> tuple[Decimal | None, Decimal | None]:
    if found["limit"] is not None:
        limit = number(found["limit"], mark)
        return (None, limit) if found["rcmp"][0] in "<≤i" else (limit, None)
    return number(found["low"], mark), number(found["high"], mark)


def _comparator(written: str | None) -> str:
    if not written:
        return ""
    sign = written.strip()
    return {"≤": "<=", "≥": ">=", "=<": "<=", "=>": ">="}.get(
        sign, "<" if sign.startswith("inf") else ">" if sign.startswith("sup") else sign
    )


def _per(found: re.Match[str]) -> str:
    return f"/{found[1]}{found[2] or found[3] or ''}"


def _compared(unit: str) -> str:
    """A unit without the differences of writing that mean nothing. G/L counts cells and g/L weighs: that one means."""
    bare = (
        _PER.sub(_per, plain(unit).replace(" ", ""))
        .translate(_WRITINGS)
        .replace("umol", "µmol")
        .replace("iu/", "ui/")
        .replace("elements/", "/")
    )
    if bare in ("g/l", "giga/l"):
        return "giga/l" if unit.strip()[0] == "G" or bare == "giga/l" else "g/l"
    return bare
