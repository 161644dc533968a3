"""Which analyte a result measures, and how its values become the series' unit. Data: `laboratory/analytes.txt`.

A result belongs to an analyte by its LOINC code or by its whole name, and to none when the two disagree: troponin T's
code under the words « troponine I » is shown as it is and joins neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from clinical.folding import plain
from clinical.tables import HERE, listed, rows
from clinical.units import Unit, rescale, unit_of, units, units_spelt
from records.fact import Fact

ANALYTES_FILE = HERE / "laboratory" / "analytes.txt"
WORDS_FILE = HERE / "laboratory" / "words.txt"
LOINC = frozenset({"2.16.840.1.113883.6.1", "http://loinc.org", "LN", "LOINC", "urn:oid:2.16.840.1.113883.6.1"})
UNSPECIFIED = "non précisé"
"""In the name of an analyte that a code may make precise: « Troponine » with troponin T's code is troponin T."""
_HBA1C_SLOPE, _HBA1C_OFFSET = Decimal("0.09148"), Decimal("2.152")
"""NGSP % = 0.09148 × IFCC (mmol/mol) + 2.152, the master equation of the NGSP and IFCC networks."""


@dataclass(frozen=True, slots=True)
class Analyte:
    """One line of the table. `rule` is a molar mass in g/mol, "hba1c", "ion 1", "feu", "ddu", or empty."""

    name: str
    names: tuple[str, ...]
    loinc: tuple[str, ...]
    unit: Unit
    rule: str
    low: Decimal
    high: Decimal
    more: tuple[str, ...]

    @property
    def molar_mass(self) -> Decimal | None:
        """g/mol, or None when mass and amount do not convert."""
        return Decimal(self.rule) if self.rule[:1].isdigit() else None

    @property
    def quantities(self) -> frozenset[str]:
        """The physical quantities whose values join this series."""
        found = {self.unit.quantity, *self.more}
        if self.molar_mass is not None:
            found |= {"mass/volume", "amount/volume"}
        if self.rule == "ion 1":
            found |= {"amount/volume", "equivalent/volume"}
        return frozenset(found)

    def unit_written(self, text: str) -> Unit | None:
        """The unit that a spelling means for this analyte; None when it is none that it admits."""
        return _unit_written(self.name, text)

    def convert(self, value: Decimal, unit: Unit) -> Decimal | None:
        """The value in the series' unit; None when no reviewed rule leads there."""
        if unit.quantity == self.unit.quantity:
            return rescale(value, unit, self.unit)
        return self._across(value, unit, self.unit)

    def back(self, value: Decimal, unit: Unit) -> Decimal | None:
        """Inverse of `convert`: a value in the series' unit, in another."""
        if unit.quantity == self.unit.quantity:
            return rescale(value, self.unit, unit)
        return self._across(value, self.unit, unit)

    def is_plausible(self, value: Decimal) -> bool:
        """Whether a value in the series' unit is within the wide bounds of what is ever measured."""
        return self.low <= value <= self.high

    def _across(self, value: Decimal, unit: Unit, target: Unit) -> Decimal | None:
        base, pair, mass = value * unit.factor, (unit.quantity, target.quantity), self.molar_mass
        if mass is not None and pair == ("mass/volume", "amount/volume"):
            return base / mass / target.factor
        if mass is not None and pair == ("amount/volume", "mass/volume"):
            return base * mass / target.factor
        if self.rule == "hba1c" and pair == ("amount/amount", "fraction"):
            return (base * 1000 * _HBA1C_SLOPE + _HBA1C_OFFSET) / 100 / target.factor
        if self.rule == "hba1c" and pair == ("fraction", "amount/amount"):
            return (base * 100 - _HBA1C_OFFSET) / _HBA1C_SLOPE / 1000 / target.factor
        if self.rule == "ion 1" and set(pair) == {"equivalent/volume", "amount/volume"}:
            return base / target.factor
        feu = "FEU/volume" if self.rule == "feu" else "DDU/volume" if self.rule == "ddu" else ""
        if feu and set(pair) == {"mass/volume", feu}:
            return base / target.factor
        return None


@dataclass(frozen=True, slots=True)
class Measured:
    """What a result measures: an analyte, or None with the reason why it joins no series."""

    analyte: Analyte | None
    remark: str = ""


@lru_cache(maxsize=1)
def analytes() -> dict[str, Analyte]:
    """Every analyte by its name."""
    found: dict[str, Analyte] = {}
    for name, names, codes, unit, rule, bounds, more in rows(ANALYTES_FILE, 7):
        low, _, high = bounds.partition("..")
        found[name] = Analyte(
            name, listed(names), listed(codes), units()[unit], rule, Decimal(low), Decimal(high), listed(more)
        )
    return found


def measured_by(fact: Fact) -> Measured:
    """The analyte of a result or vital sign."""
    codes = tuple((each.code if each.system in LOINC else "", each.display) for each in fact.codes)
    unit = "" if fact.value is None else fact.value.unit
    return _measured(fact.label, fact.concept, codes, fact.detail("method"), fact.detail("specimen"), unit)


@lru_cache(maxsize=16_384)
def _measured(
    label: str, concept: str, coded: tuple[tuple[str, str], ...], method: str, specimen: str, unit: str
) -> Measured:
    by_code, by_name = _tables()
    codes = {by_code[code] for code, _ in coded if code in by_code}
    name = _named((label, concept, *(display for _, display in coded)), method, by_name)
    said = plain(" ".join((specimen, label, *(display for _, display in coded)))).split()
    if not codes and name is not None and not _words("autres prélèvements").isdisjoint(said):
        return Measured(None, "autre prélèvement que le sang")
    if len(codes) > 1 or (codes and name is not None and name not in codes and UNSPECIFIED not in name):
        return Measured(None, "le code et le nom se contredisent")
    known = next(iter(codes), name)
    return Measured(None if known is None else _made_precise(analytes()[known], unit))


def analyte_called(text: str) -> Analyte | None:
    """The analyte that a person calls by this name."""
    found = _tables()[1].get(_key(text))
    return None if found is None else analytes()[found]


@lru_cache(maxsize=8_192)
def _unit_written(name: str, text: str) -> Unit | None:
    analyte = analytes()[name]
    if not text.strip():
        return analyte.unit if analyte.unit.quantity == "ratio" else None
    return unit_of(text, analyte.quantities)


@lru_cache(maxsize=1)
def _tables() -> tuple[dict[str, str], dict[str, str]]:
    by_code: dict[str, str] = {}
    by_name: dict[str, str] = {}
    for analyte in analytes().values():
        for code in analyte.loinc:
            if by_code.setdefault(code, analyte.name) != analyte.name:
                raise ValueError(f"{ANALYTES_FILE.name}: {code} is on two lines")
        for name in (analyte.name, *analyte.names):
            if by_name.setdefault(_key(name), analyte.name) != analyte.name:
                raise ValueError(f"{ANALYTES_FILE.name}: {name} is on two lines")
    return by_code, by_name


def _made_precise(analyte: Analyte, written: str) -> Analyte:
    """« D-dimères » in « ng/mL FEU » are those of the line whose unit says so."""
    if UNSPECIFIED not in analyte.name or not written or analyte.unit_written(written) is not None:
        return analyte
    family = analyte.name.partition(" (")[0]
    quantities = {unit.quantity for unit in units_spelt(written)}
    found = [
        each
        for each in analytes().values()
        if each.name.partition(" (")[0] == family and each.unit.quantity in quantities
    ]
    return found[0] if len(found) == 1 else analyte


def _named(names: tuple[str, ...], method: str, by_name: dict[str, str]) -> str | None:
    """By its label, more precisely with its method where that leads to another line (a formula, « hs »)."""
    words = [each for each in names if each]
    precise = (by_name.get(_key(f"{each} {method}")) for each in words) if method else ()
    plain_names = (by_name.get(_key(each)) for each in words)
    return next((found for found in (*precise, *plain_names) if found is not None), None)


@lru_cache(maxsize=2)
def _words(role: str) -> frozenset[str]:
    return frozenset(word for name, words in rows(WORDS_FILE, 2) if name == role for word in listed(words))


def _key(name: str) -> str:
    """A name as compared: what stands before LOINC's brackets, in plain words, blood and its parts left out."""
    kept = [word for word in plain(name.partition("[")[0]).split() if word not in _words("neutres")]
    return " ".join(kept) or plain(name)
