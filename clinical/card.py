"""The emergency card: what this patient must not be given, what they take, and how far to trust the list.

A pure function of the facts that a Scope tells, the identity and the date: it needs neither index nor model. Its order
is fixed. It quotes; it concludes nothing. A section without a line says what was read, never that there is nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from clinical.card_allergies import allergy_lines
from clinical.card_history import (
    blood_group_lines,
    condition_lines,
    contact_lines,
    directive_lines,
    implant_lines,
    pregnancy_lines,
    vaccine_lines,
)
from clinical.card_labs import KIDNEY, age_of, lab_lines, lines_named
from clinical.card_lines import Card, Line, Section, french, newest
from clinical.card_medicines import Blocks, critical_lines, medicine_blocks, other_lines
from clinical.series import Series, series_of
from clinical.vaccines import vaccine_name
from records.fact import Told

__all__ = ["Card", "Holder", "Read", "emergency_card"]
_SEXES = {"M": "sexe masculin", "F": "sexe féminin"}


class Holder(Protocol):
    """Whose card it is: what records know of the person."""

    @property
    def family_name(self) -> str: ...
    @property
    def used_name(self) -> str: ...
    @property
    def given_names(self) -> str: ...
    @property
    def birth_date(self) -> date | None: ...
    @property
    def sex(self) -> str: ...
    @property
    def ins_status(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Read:
    """What the card rests on, inside the Scope: documents read for facts and their period, and what was not read."""

    documents: int = 0
    first: date | None = None
    last: date | None = None
    pending: int = 0
    refused: int = 0
    quarantined: int = 0
    unreadable_pages: int = 0
    unread: int = 0  # searchable, but read before facts were
    earlier: int = 0  # told by an earlier edition of the rules

    @property
    def sentence(self) -> str:
        """« 12 documents lus, du 01/02/2019 au 03/04/2025; aucune mention »."""
        if not self.documents:
            return "aucun document lu; aucune mention"
        many = "document lu" if self.documents == 1 else "documents lus"
        period = f", du {self.first:%d/%m/%Y} au {self.last:%d/%m/%Y}" if self.first and self.last else ", sans date"
        return f"{self.documents} {many}{period}; aucune mention"

    @property
    def notice(self) -> str:
        """What was not read; empty when everything was."""
        parts = (
            (self.pending, "document(s) reçu(s) pas encore lu(s)"),
            (self.unread, "document(s) à relire pour cette carte"),
            (self.unreadable_pages, "page(s) illisible(s)"),
            (self.refused, "document(s) refusé(s)"),
            (self.quarantined, "document(s) en quarantaine"),
        )
        said = ", ".join(f"{number} {what}" for number, what in parts if number)
        earlier = f"{self.earlier} document(s) interprété(s) par des règles antérieures, en cours de reprise."
        left_out = f"Non pris en compte : {said}." if said else ""
        return " ".join(filter(None, (left_out, earlier if self.earlier else "")))


def emergency_card(facts: Sequence[Told], holder: Holder, now: date, read: Read) -> Card:
    """The card. The same facts in any order give the same card."""
    ordered = newest(facts)
    series = series_of(ordered)
    medicines = medicine_blocks(ordered)
    others, older, since = other_lines(medicines, now)
    parts: tuple[tuple[str, str, Iterable[Line]], ...] = (
        ("identity", "Identité, âge, poids", _identity(holder, series, now)),
        ("directives", "Limitations de traitement et directives anticipées", directive_lines(ordered)),
        ("allergies", "Allergies, intolérances et contre-indications", allergy_lines(ordered)),
        ("antithrombotics", "Anticoagulants et antiagrégants", _antithrombotics(medicines, series, now)),
        (
            "treatments",
            "Insuline, corticoïdes, opioïdes, antiépileptiques, immunosuppresseurs ; autres traitements",
            [*critical_lines(medicines, "treatments", now), *others, *_older(older, since)],
        ),
        ("conditions", "Affections qui changent la prise en charge", condition_lines(ordered)),
        ("implants", "Implants et stents", implant_lines(ordered)),
        ("pregnancy", "Grossesse", pregnancy_lines(ordered, now)),
        ("labs", "Biologie clé", lab_lines(series)),
        ("vaccinations", "Vaccinations", vaccine_lines(ordered, vaccine_name, now)),
        ("contacts", "Personne de confiance et contacts", contact_lines(ordered)),
        ("blood_group", "Groupe sanguin (non utilisable pour transfuser)", blood_group_lines(ordered)),
    )
    return Card(tuple(_section(key, title, tuple(lines), read) for key, title, lines in parts))


def _section(key: str, title: str, lines: tuple[Line, ...], read: Read) -> Section:
    return Section(key, title, lines, "" if lines else read.sentence)


def _identity(holder: Holder, series: Sequence[Series], now: date) -> list[Line]:
    name = " ".join(filter(None, (holder.used_name or holder.family_name, holder.given_names))) or "nom non connu"
    if holder.used_name and holder.used_name != holder.family_name:
        name += f" (nom de naissance : {holder.family_name})"
    born = "naissance non connue"
    if holder.birth_date is not None:
        born = f"né(e) le {french(holder.birth_date.isoformat())}, {age_of(holder.birth_date, now)}"
    sex = _SEXES.get(holder.sex, "sexe non connu")
    status = f"INS {_STATUS.get(holder.ins_status, holder.ins_status)}" if holder.ins_status else "sans INS"
    who = Line(f"{name}, {born}, {sex}", certainty=status)
    return [who, *lines_named(series, ("poids", "taille"))]


_STATUS = {"qualified": "qualifiée", "validated": "validée", "retrieved": "récupérée", "provisional": "provisoire"}


def _antithrombotics(medicines: Blocks, series: Sequence[Series], now: date) -> list[Line]:
    """The drugs; when there is one, the kidney's function and INR beside it."""
    drugs = critical_lines(medicines, "antithrombotics", now)
    return [*drugs, *lines_named(series, (*KIDNEY, "INR"))] if drugs else []


def _older(number: int, since: date) -> list[Line]:
    if not number:
        return []
    what = f"{number} autre(s) traitement(s) non critique(s), cité(s) seulement avant le {since:%d/%m/%Y}"
    return [Line(f"{what}, non montré(s) ici")]
