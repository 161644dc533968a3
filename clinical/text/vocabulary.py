"""The coded vocabulary of facts: drugs with ATC, analytes with LOINC, implants and the rest, out of data files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from clinical import official
from clinical.text.terms import Terms
from records.fact import Coding

FOLDER = Path(__file__).resolve().parent.parent / "vocabulary" / "codes"
ATC = "2.16.840.1.113883.6.73"
LOINC = "2.16.840.1.113883.6.1"


@dataclass(frozen=True, slots=True)
class Drug:
    """A substance under one of its names. `needs_dose`: the name is also a food or a laboratory value."""

    substance: str
    atc: str
    brand: str = ""  # the name, when it is a brand
    needs_dose: bool = False
    guessed: bool = False  # the text has a letter otherwise

    @property
    def codes(self) -> tuple[Coding, ...]:
        return (Coding(ATC, self.atc, self.substance),) if self.atc else ()


def rows(name: str, columns: int) -> Iterator[tuple[str, ...]]:
    """The cells of a file of the folder. ValueError names the line of a malformed one."""
    for count, line in enumerate((FOLDER / name).read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        cells = tuple(cell.strip() for cell in line.split("|"))
        if len(cells) != columns or not cells[0]:
            raise ValueError(f"{name}, line {count}: {columns} columns are expected")
        yield cells


def parts(cell: str) -> tuple[str, ...]:
    """A cell's list."""
    return tuple(part.strip() for part in cell.split(",") if part.strip())


def drugs() -> Terms[Drug]:
    """Every substance, class and brand by name, of an imported BDPM too. A brand that an earlier line holds keeps its
    substance."""
    return _drugs(official.current().edition)


@lru_cache(maxsize=2)
def _drugs(edition: str) -> Terms[Drug]:
    del edition  # what is in use
    brands = ((each, "" if each.name == each.substance else each.name) for each in official.current().brands)
    more = ((each.name, Drug(each.substance, each.atc, brand)) for each, brand in brands)
    return Terms((*drug_names(), *more))


@lru_cache(maxsize=1)
def shipped_drugs() -> Terms[Drug]:
    """Those of the shipped files alone."""
    return Terms(tuple(drug_names()))


def drug_names() -> Iterator[tuple[str, Drug]]:
    """Every shipped name of a drug, with the drug."""
    for atc, substance, variants, brands, evidence in rows("drugs.txt", 5):
        generic = Drug(substance, atc, needs_dose=evidence == "dose")
        for name in (substance, *parts(variants)):
            yield name, generic
        for brand in parts(brands):
            yield brand, Drug(substance, atc, brand)
