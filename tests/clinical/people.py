"""Invented people whose records the annotated cases are put in."""

from __future__ import annotations

import itertools
from datetime import date

from access.identifiers import Ins, ins_key
from records.patients import Identity

NIR, NIA, TEST = "1.2.250.1.213.1.4.8", "1.2.250.1.213.1.4.9", "1.2.250.1.213.1.4.10"


def number(thirteen: str) -> str:
    """A matricule with its key."""
    return f"{thirteen}{ins_key(thirteen):02d}"


def spaced(matricule: str) -> str:
    """A matricule in groups, as on a label."""
    cuts = (0, 1, 3, 5, 7, 10, 13, 15)
    return " ".join(matricule[a:b] for a, b in itertools.pairwise(cuts))


def person(
    thirteen: str, family: str, given: str, born: str, sex: str, place: str = "", used: str = "", oid: str = NIR
) -> Identity:
    return Identity(Ins(number(thirteen), oid), "qualified", family, given, date.fromisoformat(born), sex, place, used)


RECORDS = {
    "marie": person("2500375123456", "DUPONT", "Marie Claire", "1950-03-12", "F", "31555", "MARTIN"),
    "jp": person("1621275056001", "de LA TOUR D'AUVERGNE", "Jean-Pierre", "1962-12-01", "M", "75056"),
    "ngoc": person("1010299243001", "NGUYEN", "Van Ngoc", "2001-02-02", "M", "99243"),
    "corse": person("247052A004063", "CASANOVA", "Marie-Dominique", "1947-05-30", "F", "2A004"),
    "bebe": person("2240331555001", "PETIT", "Léa", "2024-03-12", "F", "31555"),
    "leo": person("1150431555002", "MOREL", "Léo", "2015-04-03", "M", "31555"),
    "louis": person("1850431555003", "GARNIER", "Louis", "1985-04-03", "M", "31555"),
    "test": person("2790351215189", "PAT-TROIS", "Dominique Marie-Louise", "1979-03-28", "F", "63220", oid=TEST),
    "number": Identity(Ins(number("2500375123456")), "provisional", "", "", None, "U", ""),
}
