"""Blood tests: INR follow-ups, and repeated panels whose values follow each patient's course (`panels.txt`)."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path

from samples.series.common import Course, along, calendar, chance, header, number, written

PANELS = Path(__file__).parent / "panels.txt"
_INR_EVENTS = {(2018, 9): 1.6, (2018, 10): 2.1, (2019, 8): 4.4, (2021, 6): 3.1, (2022, 4): 4.9, (2022, 11): 5.6}
_FORMS = ("lab", "lab", "lab", "lab", "txt", "cda", "lab", "lab", "mixed", "lab", "lab", "fax")
_INR_FORMS = ("lab", "lab", "lab", "txt", "lab", "lab", "lab", "fax", "lab", "latin1")
_COLUMNS = "| Analyse | Résultat | Unité | Valeurs de référence | Antériorité |"


@dataclass(frozen=True, slots=True)
class Analyte:
    """One line of a panel. `spread` is relative to the value; the line stands on one panel in `every`."""

    name: str
    concept: str
    unit: str
    reference: str
    course: Course
    spread: float
    digits: int
    every: int


@dataclass(frozen=True, slots=True)
class Panel:
    """A patient's repeated blood test."""

    patient: str
    key: str
    start: date
    end: date
    every_days: int
    demo_every: int
    titles: tuple[str, ...]
    analytes: tuple[Analyte, ...]


@cache
def panels() -> tuple[Panel, ...]:
    """Every panel of `panels.txt`. Raises ValueError on a malformed one."""
    chunks = PANELS.read_text("utf-8").split("\n@ ")[1:]
    return tuple(_panel(*chunk.strip().splitlines()) for chunk in chunks)


def _panel(head: str, *lines: str) -> Panel:
    patient, key, start, end, every_days, demo_every, titles = (part.strip() for part in head.split(";"))
    return Panel(
        patient,
        key,
        date.fromisoformat(start),
        date.fromisoformat(end),
        int(every_days),
        int(demo_every),
        tuple(titles.split(" / ")),
        tuple(map(_analyte, lines)),
    )


def _analyte(line: str) -> Analyte:
    name, concept, unit, reference, course, spread, digits, every = (part.strip() for part in line.split("|"))
    points = [point.split() for point in course.split(",")]
    dated = points if len(points) > 1 else [["2016-01-01", points[0][0]]]
    parsed = tuple((date.fromisoformat(day), float(value)) for day, value in dated)
    return Analyte(name, concept, unit, reference, parsed, float(spread), int(digits), int(every))


_STABLE = (
    "Résultats comparables au précédent bilan.",
    "Pas de variation notable depuis le dernier contrôle.",
    "Bilan stable.",
    "Évolution sans particularité ; à confronter à la clinique.",
    "Résultats transmis au médecin prescripteur par messagerie sécurisée.",
)
_WHEN = ("7 h 40", "8 h 05", "7 h 15", "domicile, 7 h 30")
_FASTING = ("à jeun", "non à jeun", "à jeun depuis 12 h")


def write(patient: str) -> Iterator[str]:
    """The laboratory reports of a patient."""
    if patient == "lefevre":
        yield from _inr()
    for panel in panels():
        if panel.patient == patient:
            yield from _reports(panel)


def _reports(panel: Panel) -> Iterator[str]:
    before: dict[str, tuple[str, date]] = {}
    days = calendar(panel.start, panel.end, panel.every_days, panel.patient, panel.key)
    for step, day in enumerate(days):
        rng = chance(panel.patient, panel.key, day)
        demo = step % panel.demo_every == 0
        lines = [
            header(panel.key, day, "11502-2", "bio", "lab" if demo else rng.choice(_FORMS), demo=demo),
            f"{rng.choice(panel.titles)} du {written(day, rng)}",
            f"Prélèvement à {rng.choice(_WHEN)}, {rng.choice(_FASTING)}.",
            _COLUMNS,
        ]
        lines += _rows(panel, day, step, rng, before)
        yield "\n".join([*lines, rng.choice(_STABLE)])


def _rows(panel: Panel, day: date, step: int, rng: random.Random, before: dict[str, tuple[str, date]]) -> Iterator[str]:
    for analyte in panel.analytes:
        if step % analyte.every:
            continue
        value = number(along(analyte.course, day) * rng.gauss(1, analyte.spread / 2), analyte.digits)
        earlier = f"{before[analyte.name][0]} ({before[analyte.name][1]:%d/%m/%y})" if analyte.name in before else ""
        before[analyte.name] = (value, day)
        yield f"| [{analyte.name}]{{!{analyte.concept}}} | {value} | {analyte.unit} | {analyte.reference} | {earlier} |"


_INR_TITLES = (
    "Hémostase – surveillance AVK",
    "INR de contrôle",
    "Temps de Quick et INR",
    "Surveillance du traitement anticoagulant",
)
_INR_BY = ("Mme Poulain", "M. Tavernier", "le laboratoire")
_INR_HIGH = (
    "INR un peu haut, contrôle dans une semaine.",
    "Légèrement au-dessus de la zone ; vérifier les prises et l'alimentation.",
)
_INR_LOW = (
    "INR sous la zone thérapeutique : vérifier l'observance, contrôle à 5 jours.",
    "Anticoagulation insuffisante, médecin prévenu.",
)
_INR_GOOD = (
    "Dans la zone thérapeutique.",
    "INR dans la cible, prochain contrôle dans un mois.",
    "Zone thérapeutique respectée. Posologie inchangée selon l'infirmière.",
    "Équilibre satisfaisant.",
)


def _inr() -> Iterator[str]:
    previous = ""
    for step, day in enumerate(calendar(date(2016, 2, 9), date(2023, 4, 11), 30, "inr")):
        rng = chance("inr", day)
        value = _INR_EVENTS.get((day.year, day.month), max(1.6, min(3.7, rng.gauss(2.5, 0.35))))
        shown = number(value)
        codes = "!inr,!inr-eleve" if value >= 4 else "!inr"
        demo = step in (31, 81)
        lines = (
            header("inr", day, "11502-2", "bio", "lab" if demo else rng.choice(_INR_FORMS), demo=demo),
            rng.choice(_INR_TITLES),
            f"Prélèvement du {written(day, rng)} par {rng.choice(_INR_BY)}, "
            "traitement déclaré : [fluindione (Previscan)]{fluindione}.",
            "| Analyse | Résultat | Unité | Zone thérapeutique | Antériorité |",
            f"| Temps de Quick (taux de prothrombine) | {max(9, round(64 - 14 * value))} | % | | |",
            f"| [INR]{{{codes}}} | {shown} | | 2,0 – 3,0 | {previous} |",
            _inr_comment(value, rng),
        )
        yield "\n".join(lines)
        previous = f"{shown} ({day:%d/%m/%y})"


def _inr_comment(value: float, rng: random.Random) -> str:
    if value >= 4:
        called = rng.choice(("11 h 20", "12 h 05", "16 h 40"))
        warning = "[Surdosage]{surdosage-avk} : avis médical, contrôle dans 48 heures."
        return f"INR supra-thérapeutique téléphoné au cabinet à {called}. {warning}"
    if value > 3.05:
        return rng.choice(_INR_HIGH)
    return rng.choice(_INR_LOW if value < 2 else _INR_GOOD)
