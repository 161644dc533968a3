"""The ways in which French documents write an identity: what the properties and the benchmark draw from."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import date

MONTHS = (
    "janvier", "février", "mars", "avril", "mai", "juin",
    "juillet", "août", "septembre", "octobre", "novembre", "décembre",
)  # fmt: skip
DATES = ("{d:02d}/{m:02d}/{y}", "{d:02d}.{m:02d}.{y}", "{d:02d}-{m:02d}-{y}", "{d} {month} {y}", "{y}-{m:02d}-{d:02d}")
SHORT_DATES = (*DATES, "{d:02d}/{m:02d}/{yy:02d}", "{d:02d}.{m:02d}.{yy:02d}")
BLOCKS = (
    "{title} {given} {family}, {ne} le {born}",
    "{title} {family} {given}, {ne} le {born}",
    "{title} {family} {given} né(e) le {born}",
    "{FAMILY} {given} né(e) le : {born}",
    "Patient : {title} {FAMILY} {given}   DDN : {born}   IPP : 8004512",
    "Patient(e) : {FAMILY} {GIVEN}\nDate de naissance : {born}\nSexe : {sex}",
    "Nom : {FAMILY}   Prénom : {given}   Né(e) le : {born}   Sexe : {sex}",
    "Nom de naissance : {FAMILY}\nPrénom(s) : {given}\nDate de naissance : {born}",
    "Prénom : {given}\nNom : {family}\nNé(e) le {born}",
    "Nom\tPrénom\tDate de naissance\n{FAMILY}\t{given}\t{born}",
    "Nom/Prénom : {FAMILY} {given}\nDate de naissance : {born}",
    "Concernant : {title} {given} {FAMILY} ({born})",
    "Concerne : {title} {FAMILY} {given}, {ne} le {born}",
    "{title} {given} {FAMILY}\n14 rue des Tilleuls\n31000 TOULOUSE\n{Ne} le {born}",
    "Cher Confrère,\nJ'ai vu ce jour en consultation {title} {given} {FAMILY}, {ne} le {born}, pour un suivi.",
    "Identité du patient : {FAMILY} {given}\nNaissance : {born}",
    "{title} {given} {family} - {ne} le {born} - page 1/2",
)
HEADS = (
    "",
    "Centre hospitalier de Valmont\nService de cardiologie – Pr Alain VERNEUIL\n\n",
    "Dr Claire FONTAINE\nMédecine générale\n20 rue des Lilas, 69003 Lyon\nRPPS 10001234567\n\n",
    "LABORATOIRE DES QUATRE VENTS\tDossier n° 24-1187\nBiologiste : Dr Lucie GRANGER\tPrescripteur : Dr Hugo PERRET\n",
)
BODIES = (
    "\n\nCompte rendu de consultation\nTension 13/8. Poursuite du traitement.",
    "\n\nAntécédents familiaux : père diabétique, mère décédée.\nConclusion : rien à signaler.\nDr Claire FONTAINE",
    "\n\nHémoglobine\t13,2 g/dL\t12,0 – 16,0\nFait le 03/02/2024. Validé par : Dr Lucie GRANGER",
)


@dataclass(frozen=True)
class Person:
    family: str
    given: str
    born: date
    sex: str


def date_as(day: date, style: str) -> str:
    return style.format(d=day.day, m=day.month, y=day.year, yy=day.year % 100, month=MONTHS[day.month - 1])


def plain(text: str) -> str:
    """Without accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))


def block(person: Person, form: str, style: str) -> str:
    ne = "née" if person.sex == "F" else "né"
    return form.format(
        title="Mme" if person.sex == "F" else "M.",
        given=person.given,
        GIVEN=person.given.upper(),
        family=person.family,
        FAMILY=person.family.upper(),
        ne=ne,
        Ne=ne.capitalize(),
        sex=person.sex,
        born=date_as(person.born, style),
    )
