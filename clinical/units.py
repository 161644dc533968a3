"""Units of measure: from a spelling to a UCUM code, and exact factors inside one physical quantity.

Only what `laboratory/units.txt` lists is known. Nothing is guessed from a letter: « G/L » is 10⁹/L, « g/L » grams, and
a spelling that can be both is settled by what the analyte admits, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from clinical.tables import HERE, listed, rows

UNITS_FILE = HERE / "laboratory" / "units.txt"
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻−", "0123456789--")
_RAISED = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")
_LITRE = re.compile(r"(?<![A-Za-z])([dmcunpf]?)l(?![A-Za-z])")
_TIMES = re.compile(r"^[x*.·](?=10[\^*E])")
_PER = re.compile(r"[.·*]?((?:[dmcunpf]?L)|min|h|mol|mmol|mm3|g)\^?-1(?![0-9])")
_PER_AREA = re.compile(r"[.·*]?1\.73m\^?-2")


@dataclass(frozen=True, slots=True)
class Unit:
    """A known unit. `factor` times a value in it is the value in its quantity's base unit."""

    code: str  # UCUM
    quantity: str
    factor: Decimal


@lru_cache(maxsize=1)
def units() -> dict[str, Unit]:
    """Every known unit by its UCUM code."""
    return {code: Unit(code, quantity, Decimal(factor)) for code, quantity, factor, _ in rows(UNITS_FILE, 4)}


@lru_cache(maxsize=4_096)
def units_spelt(text: str) -> tuple[Unit, ...]:
    """The units that a spelling may mean, the one that it spells exactly first; empty when it is unknown or empty."""
    exact, folded = _spellings()
    key = _normal(text)
    first = exact.get(key)
    others = tuple(unit for unit in folded.get(key.casefold(), ()) if unit != first)
    return others if first is None else (first, *others)


def unit_of(text: str, quantities: Collection[str]) -> Unit | None:
    """The one unit of these quantities that the spelling means; None when there is none, or two that differ in case."""
    admitted = [unit for unit in units_spelt(text) if unit.quantity in quantities]
    exact = _spellings()[0].get(_normal(text))
    if exact in admitted:
        return exact
    return admitted[0] if len({unit.factor for unit in admitted}) == 1 else None


def rescale(value: Decimal, unit: Unit, target: Unit) -> Decimal:
    """The value in another unit of the same quantity, exactly. ValueError across quantities."""
    if unit.quantity != target.quantity:
        raise ValueError(f"{unit.code} and {target.code} measure different quantities")
    return value * unit.factor / target.factor


@lru_cache(maxsize=1)
def _spellings() -> tuple[dict[str, Unit], dict[str, tuple[Unit, ...]]]:
    exact: dict[str, Unit] = {}
    for code, _, _, others in rows(UNITS_FILE, 4):
        for spelling in (code, *listed(others)):
            key = _normal(spelling)
            if exact.setdefault(key, units()[code]).code != code:
                raise ValueError(f"{UNITS_FILE.name}: {spelling} is two units")
    folded: dict[str, tuple[Unit, ...]] = {}
    for key, unit in exact.items():
        found = folded.get(key.casefold(), ())
        folded[key.casefold()] = found if unit in found else (*found, unit)
    return exact, folded


def _normal(text: str) -> str:
    """One spelling: « mL/min/1,73 m² » is mL/min/1.73m2, « 10⁹/l » 10^9/L, « mmol.L⁻¹ » mmol/L."""
    raised = _RAISED.sub(lambda found: _raise(text, found), text).translate(_SUPERSCRIPTS)
    bare = raised.replace("µ", "u").replace("μ", "u").replace(",", ".").replace("×", "*").replace(" par ", "/")
    bare = "".join(bare.split())
    litre = _LITRE.sub(r"\1L", bare)
    per = _PER_AREA.sub("/1.73m2", _PER.sub(r"/\1", _TIMES.sub("", litre)))
    return per.replace("m^2", "m2").replace("mm^3", "mm3")


def _raise(text: str, found: re.Match[str]) -> str:
    """A superscript after 10 is an exponent; after a unit (m², mm³) it is written plainly."""
    return "^" + found[0] if text[: found.start()].endswith("10") else found[0]
