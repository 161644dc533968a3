"""What stands around a document's text: letterheads, patient blocks, running headers and footers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from samples.people import CARERS, PATIENTS, PLACES, Carer, Person, Place
from samples.series.common import MONTHS
from samples.sheet import A4, Sheet
from samples.story import Draft

Colour = tuple[int, int, int]
_COLOURS: tuple[Colour, ...] = ((20, 70, 120), (110, 30, 50), (30, 95, 70), (60, 60, 70), (120, 80, 20))


@dataclass(frozen=True, slots=True)
class Context:
    """A draft with its people looked up; the author of a patient's own document has no place."""

    draft: Draft
    person: Person
    carer: Carer | None
    place: Place | None

    @property
    def colour(self) -> Colour:
        """One colour for each organization."""
        return _COLOURS[sum(self.place.key.encode()) % len(_COLOURS)] if self.place else _COLOURS[3]

    @property
    def patient_line(self) -> str:
        """Name and birth date as a letter gives them."""
        person = self.person
        born = {"M": "né", "F": "née"}[person.sex]
        names = f"{person.used_name} {born} {person.family_name}" if person.used_name else person.family_name
        return (
            f"{person.civility} {person.given_names.split()[0]} {names}, {born} le {person.birth_date:%d/%m/%Y}".strip()
        )

    @property
    def ins_line(self) -> str:
        """The INS in groups, as on a label."""
        ins = self.person.ins
        return "INS " + " ".join((ins[0], ins[1:3], ins[3:5], ins[5:7], ins[7:10], ins[10:13], ins[13:]))


def context_of(draft: Draft) -> Context:
    """The people of a draft. Raises KeyError on an unknown author."""
    carer = None if draft.author == "patient" else CARERS[draft.author]
    return Context(draft, PATIENTS[draft.patient], carer, PLACES[carer.place] if carer else None)


def long_date(day: date) -> str:
    """As at the top of a letter."""
    return f"{'1er' if day.day == 1 else day.day} {MONTHS[day.month - 1]} {day.year}"


def _town(place: Place) -> str:
    """ "Lyon, " out of "…, 69003 Lyon"; nothing for an address without a postal code."""
    last = place.address.rpartition(", ")[2]
    return f"{last.partition(' ')[2]}, " if last[:5].isdigit() else ""


def letterhead(sheet: Sheet, about: Context) -> float:
    """Sender on the left, patient on the right, place and date below. Returns where the text may start."""
    if about.carer is None or about.place is None:
        return _own_head(sheet, about)
    sheet.font("B", 12)
    sheet.pdf.set_text_color(*about.colour)
    sheet.put(50, 52, about.place.name)
    sheet.pdf.set_text_color(0)
    sheet.font("", 8.5)
    sheet.put(50, 65, about.place.address)
    if about.carer.rpps:
        sheet.put(50, 77, f"{about.carer.name} – {about.carer.specialty} – RPPS {about.carer.rpps}")
    sheet.rule(50, 85, A4[0] - 50)
    sheet.font("", 9.5)
    sheet.put(275, 103, about.patient_line)
    sheet.put(275, 116, about.person.address)
    sheet.put(275, 129, about.ins_line)
    sheet.put(50, 129, f"{_town(about.place)}le {long_date(about.draft.day)}")
    return 160


def banner(sheet: Sheet, about: Context) -> float:
    """A coloured band with the establishment, repeated on each page with the patient's label."""
    place = about.place.name if about.place else ""
    sheet.band(0, 0, A4[0], 40, about.colour)
    sheet.pdf.set_text_color(255)
    sheet.font("B", 13)
    sheet.put(40, 26, place)
    sheet.font("", 8.5)
    sheet.put(A4[0] - 40, 26, f"FINESS {about.place.finess}" if about.place else "", "R")
    sheet.pdf.set_text_color(0)
    sheet.font("", 8)
    sheet.put(40, 54, f"{about.patient_line} – {about.ins_line}")
    sheet.put(A4[0] - 40, 54, f"{about.draft.day:%d/%m/%Y}", "R")
    sheet.rule(40, 60, A4[0] - 40)
    return 84


def laboratory(sheet: Sheet, about: Context) -> float:
    """A laboratory's head: identity of the sample on the left, of the patient in a frame on the right."""
    assert about.place is not None
    assert about.carer is not None
    sheet.font("B", 15)
    sheet.pdf.set_text_color(*about.colour)
    sheet.put(40, 48, about.place.name)
    sheet.pdf.set_text_color(0)
    sheet.font("", 8)
    sheet.put(40, 61, f"{about.place.address} – FINESS {about.place.finess}")
    sheet.put(40, 72, f"Biologiste responsable : {about.carer.name}")
    sheet.pdf.set_draw_color(90)
    sheet.pdf.rect(320, 82, 235, 50)
    sheet.font("B", 9)
    sheet.put(328, 96, about.patient_line)
    sheet.font("", 8.5)
    sheet.put(328, 109, about.ins_line)
    sheet.put(328, 122, "Prescripteur : Dr Claire FONTAINE")
    number = 100000 + sum(about.draft.document_id.encode()) * 37 % 900000
    sheet.put(40, 109, f"Dossier n° {about.draft.day:%y%m%d}-{number}")
    sheet.put(40, 122, f"Édité le {about.draft.day:%d/%m/%Y}")
    return 160


def prescription(sheet: Sheet, about: Context) -> float:
    """The head of a prescription or a certificate: the doctor in the middle, the patient under a line."""
    assert about.place is not None
    assert about.carer is not None
    middle = A4[0] / 2
    sheet.font("B", 13)
    sheet.put(middle, 50, about.carer.name, "C")
    sheet.font("", 9)
    sheet.put(middle, 63, about.carer.specialty, "C")
    sheet.put(middle, 75, f"{about.place.name}, {about.place.address}", "C")
    sheet.put(middle, 87, f"RPPS {about.carer.rpps} – N° établissement {about.place.finess}", "C")
    sheet.rule(60, 97, A4[0] - 60)
    sheet.font("", 10)
    sheet.put(60, 116, about.patient_line)
    sheet.put(60, 129, about.ins_line)
    sheet.put(A4[0] - 60, 129, long_date(about.draft.day), "R")
    return 165


def _own_head(sheet: Sheet, about: Context) -> float:
    """A patient's own page has a name and a date, nothing more."""
    sheet.font("", 10)
    sheet.put(60, 60, about.patient_line)
    sheet.put(A4[0] - 60, 78, long_date(about.draft.day), "R")
    return 110


def footer(sheet: Sheet, about: Context, number: int, total: int) -> None:
    """The line at the foot of a page."""
    sheet.font("", 7.5)
    sheet.pdf.set_text_color(50)
    left = f"{about.place.name} – {about.place.address}" if about.place else about.patient_line
    sheet.put(45, A4[1] - 28, left)
    sheet.put(A4[0] - 45, A4[1] - 28, f"Page {number}/{total}", "R")
    sheet.pdf.set_text_color(0)
