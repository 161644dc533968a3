"""Blood tests: INR follow-ups and repeated panels, whose values follow each patient's course."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from samples.series.common import along, calendar, chance, header, number, written

_INR_EVENTS = {(2018, 9): 1.6, (2018, 10): 2.1, (2019, 8): 4.4, (2021, 6): 3.1, (2022, 4): 4.9, (2022, 11): 5.6}
_END = date(2026, 6, 30)


@dataclass(frozen=True, slots=True)
class Analyte:
    """One line of a panel: the course is a broken line through (date, value); `noise` is a relative spread."""

    name: str
    concept: str
    unit: str
    reference: str
    course: tuple[tuple[date, float], ...]
    noise: float = 0.04
    digits: int = 1
    every: int = 1  # on each n-th panel only


@dataclass(frozen=True, slots=True)
class Panel:
    """A patient's repeated blood test."""

    key: str
    titles: tuple[str, ...]
    start: date
    every_days: int
    analytes: tuple[Analyte, ...]
    end: date = _END
    demo_every: int = 9


def _course(*points: tuple[str, float]) -> tuple[tuple[date, float], ...]:
    return tuple((date.fromisoformat(day), value) for day, value in points)


def _flat(value: float) -> tuple[tuple[date, float], ...]:
    return ((date(2016, 1, 1), value),)


def _a(name: str, concept: str, unit: str, reference: str, course: object, noise: float = 0.04, digits: int = 1,
       every: int = 1) -> Analyte:  # fmt: skip
    points = _flat(course) if isinstance(course, int | float) else course
    assert isinstance(points, tuple)
    return Analyte(name, concept, unit, reference, points, noise, digits, every)


_CREATININE = "62 – 106"
_RENAL = ("Créatinine", "creatinine", "µmol/L", _CREATININE)

PANELS: dict[str, tuple[Panel, ...]] = {
    "lefevre": (
        Panel("bilan", ("Bilan biologique de surveillance", "Ionogramme, fonction rénale et hémogramme",
                        "Contrôle biologique trimestriel"), date(2016, 2, 16), 92, (
            _a(*_RENAL, _course(("2016-01-01", 78), ("2021-01-01", 95), ("2024-01-01", 110), ("2026-06-01", 118)), digits=0),
            _a("DFG estimé (CKD-EPI)", "irc", "mL/min/1,73 m²", "> 60",
               _course(("2016-01-01", 62), ("2021-01-01", 49), ("2024-01-01", 40), ("2026-06-01", 36)), digits=0),
            _a("Potassium", "kaliemie", "mmol/L", "3,5 – 5,1", 4.4, 0.06),
            _a("Sodium", "natremie", "mmol/L", "136 – 145", 139, 0.012, 0),
            _a("Hémoglobine", "hemoglobine", "g/dL", "12,0 – 16,0",
               _course(("2016-01-01", 13.1), ("2020-11-20", 12.4), ("2020-12-15", 9.8), ("2021-06-01", 12.0), ("2026-06-01", 11.6))),
            _a("TSH", "tsh", "mUI/L", "0,40 – 4,00", 2.3, 0.3, 2, 4),
            _a("NT-proBNP", "nt-probnp", "ng/L", "< 450",
               _course(("2016-01-01", 780), ("2023-10-01", 1400), ("2023-12-10", 4200), ("2024-03-01", 1500)), 0.12, 0, 2),
        )),
    ),
    "roussel": (
        Panel("bilan-diabete", ("Bilan mensuel du diabète", "Glycémie et fonction rénale", "Contrôle biologique mensuel",
                                "Suivi biologique – diabète"), date(2016, 1, 12), 30, (
            _a("Glycémie à jeun", "glycemie", "g/L", "0,70 – 1,10",
               _course(("2016-01-01", 1.9), ("2017-06-01", 1.5), ("2019-12-20", 2.4), ("2021-02-01", 1.9), ("2023-01-01", 1.45)), 0.14, 2),
            _a("HbA1c", "hba1c", "%", "< 7,0 (objectif individuel)",
               _course(("2016-01-01", 9.2), ("2017-06-01", 7.6), ("2019-10-01", 7.9), ("2020-03-01", 8.8), ("2021-03-01", 8.6),
                       ("2022-12-01", 7.8), ("2026-06-01", 7.2)), 0.02, 1, 3),
            _a(*_RENAL, _course(("2016-01-01", 92), ("2019-01-01", 118), ("2021-01-01", 142), ("2023-02-01", 205), ("2026-06-01", 232)), digits=0),
            _a("DFG estimé (CKD-EPI)", "irc", "mL/min/1,73 m²", "> 60",
               _course(("2016-01-01", 74), ("2019-01-01", 52), ("2021-01-01", 44), ("2023-02-01", 28), ("2026-06-01", 24)), digits=0),
            _a("Potassium", "kaliemie", "mmol/L", "3,5 – 5,1", _course(("2016-01-01", 4.4), ("2023-01-01", 5.0), ("2026-01-01", 5.1)), 0.05),
            _a("Cholestérol LDL", "cholesterol", "g/L", "< 0,55 (très haut risque)",
               _course(("2016-01-01", 1.52), ("2017-05-01", 1.48), ("2017-09-01", 0.78), ("2026-06-01", 0.58)), 0.06, 2, 6),
            _a("Albuminurie/créatininurie", "albuminurie", "mg/g", "< 30",
               _course(("2016-01-01", 68), ("2021-01-01", 340), ("2023-02-01", 920), ("2026-06-01", 640)), 0.1, 0, 6),
            _a("Hémoglobine", "hemoglobine", "g/dL", "13,0 – 17,0",
               _course(("2016-01-01", 14.6), ("2023-06-01", 13.1), ("2024-05-10", 10.2), ("2024-12-01", 12.6)), 0.03, 1, 2),
        ), demo_every=30),
    ),
    "bernard": (
        Panel("nfs-chimio", ("Hémogramme avant chimiothérapie", "NFS de contrôle – cure"), date(2020, 4, 20), 21, (
            _a("Hémoglobine", "hemoglobine", "g/dL", "12,0 – 16,0", _course(("2020-04-20", 12.9), ("2020-08-18", 10.1)), 0.03),
            _a("Neutrophiles", "neutropenie", "G/L", "1,8 – 7,5", 2.1, 0.4, 2),
            _a("Plaquettes", "plaquettes", "G/L", "150 – 400", 210, 0.2, 0),
        ), date(2020, 8, 25), 4),
        Panel("ca153", ("Marqueur de surveillance", "Surveillance sénologique – biologie"), date(2021, 3, 9), 182, (
            _a("CA 15-3", "ca-15-3", "U/mL", "< 30", 17, 0.15, 1),
            _a("Calcium", "calcium", "mmol/L", "2,20 – 2,60", 2.38, 0.02, 2),
            _a("Gamma-GT", "bilan-hepatique", "UI/L", "< 40", 31, 0.2, 0),
        )),
    ),
    "benali": (
        Panel("crp", ("Surveillance sous biothérapie", "Bilan inflammatoire"), date(2017, 2, 21), 150, (
            _a("CRP", "crp", "mg/L", "< 5", _course(("2017-02-01", 18), ("2018-12-01", 42), ("2019-06-01", 4), ("2024-12-01", 26)), 0.4),
            _a("Calprotectine fécale", "calprotectine", "µg/g", "< 50",
               _course(("2017-02-01", 640), ("2018-12-01", 1300), ("2019-09-01", 110), ("2024-12-01", 980), ("2025-08-01", 160)), 0.2, 0, 2),
            _a("Leucocytes", "leucocytes", "G/L", "4,0 – 10,0", 7.2, 0.15),
            _a("ALAT", "bilan-hepatique", "UI/L", "< 50", 28, 0.3, 0),
        )),
    ),
    "martineau": (
        Panel("lamotrigine", ("Dosage de lamotrigine", "Lamotriginémie"), date(2022, 12, 6), 30, (
            _a("Lamotrigine", "lamotriginemie", "mg/L", "3 – 14", _course(("2022-12-01", 5.2), ("2023-04-01", 3.4), ("2023-06-01", 6.8)), 0.1),
            _a("Protéinurie (BU)", "proteinurie", "g/L", "< 0,15", _course(("2022-12-01", 0.05), ("2023-05-01", 0.1), ("2023-05-28", 1.6)), 0.2, 2),
            _a("Plaquettes", "plaquettes", "G/L", "150 – 400", 198, 0.08, 0),
        ), date(2023, 7, 4), 4),
    ),
    "casanova": (
        Panel("nfs-clozapine", ("NFS sous clozapine", "Surveillance de la clozapine"), date(2023, 7, 4), 28, (
            _a("Leucocytes", "leucocytes", "G/L", "4,0 – 10,0", 5.6, 0.14),
            _a("Neutrophiles", "neutrophiles", "G/L", "> 2,0", 3.3, 0.18, 2),
            _a("TSH", "tsh", "mUI/L", "0,40 – 4,00", 1.6, 0.3, 2, 6),
        ), date(2024, 12, 31), 6),
    ),
    "dasilva": (
        Panel("psa", ("Dosage du PSA", "Surveillance active – PSA et uricémie"), date(2020, 3, 10), 182, (
            _a("PSA total", "psa", "ng/mL", "< 4,5", _course(("2020-03-10", 4.9), ("2022-03-01", 7.2), ("2026-06-01", 7.9)), 0.03),
            _a("Acide urique", "uricemie", "µmol/L", "200 – 420", _course(("2020-03-10", 505), ("2022-01-01", 350)), 0.05, 0),
            _a(*_RENAL, 94, 0.05, 0),
        )),
    ),
    "diallo": (
        Panel("nfs-drepano", ("Hémogramme de suivi", "NFS – réticulocytes"), date(2016, 6, 7), 120, (
            _a("Hémoglobine", "hemoglobine", "g/dL", "12,0 – 16,0", _course(("2016-06-01", 7.8), ("2019-07-05", 5.6), ("2019-11-01", 7.9), ("2026-06-01", 8.4)), 0.04),
            _a("Réticulocytes", "reticulocytes", "G/L", "25 – 100", 240, 0.15, 0),
            _a("Neutrophiles", "neutrophiles", "G/L", "1,8 – 7,5", 3.2, 0.2, 2),
            _a("LDH", "ldh", "UI/L", "< 250", 460, 0.12, 0),
            _a("Ferritine", "ferritine", "µg/L", "15 – 150", 760, 0.12, 0, 3),
        )),
    ),
}  # fmt: skip

_STABLE = (
    "Résultats comparables au précédent bilan.",
    "Pas de variation notable depuis le dernier contrôle.",
    "Bilan stable.",
    "Évolution sans particularité ; à confronter à la clinique.",
    "Résultats transmis au médecin prescripteur par messagerie sécurisée.",
)


def write(patient: str) -> Iterator[str]:
    """The laboratory reports of a patient."""
    if patient == "lefevre":
        yield from _inr()
    for panel in PANELS.get(patient, ()):
        yield from _panel(patient, panel)


def _panel(patient: str, panel: Panel) -> Iterator[str]:
    before: dict[str, tuple[str, date]] = {}
    for step, day in enumerate(calendar(panel.start, panel.end, panel.every_days, patient, panel.key)):
        rng = chance(patient, panel.key, day)
        demo = step % panel.demo_every == 0
        form = "lab" if demo else rng.choice(("lab", "lab", "lab", "lab", "txt", "cda", "lab", "lab", "mixed", "lab", "lab", "fax"))
        yield "\n".join((
            header(f"{panel.key}", day, "11502-2", "bio", form, demo=demo),
            f"{rng.choice(panel.titles)} du {written(day, rng)}",
            f"Prélèvement à {rng.choice(('7 h 40', '8 h 05', '7 h 15', 'domicile, 7 h 30'))}, {rng.choice(('à jeun', 'non à jeun', 'à jeun depuis 12 h'))}.",
            "| Analyse | Résultat | Unité | Valeurs de référence | Antériorité |",
            *_rows(panel, day, step, rng, before),
            rng.choice(_STABLE),
        ))  # fmt: skip


def _rows(panel: Panel, day: date, step: int, rng: random.Random, before: dict[str, tuple[str, date]]) -> Iterator[str]:
    for analyte in panel.analytes:
        if step % analyte.every:
            continue
        value = number(along(analyte.course, day) * rng.gauss(1, analyte.noise / 2), analyte.digits)
        earlier = f"{before[analyte.name][0]} ({before[analyte.name][1]:%d/%m/%y})" if analyte.name in before else ""
        before[analyte.name] = (value, day)
        yield f"| [{analyte.name}]{{!{analyte.concept}}} | {value} | {analyte.unit} | {analyte.reference} | {earlier} |"


def _inr() -> Iterator[str]:
    previous = ""
    for step, day in enumerate(calendar(date(2016, 2, 9), date(2023, 4, 11), 30, "inr")):
        rng = chance("inr", day)
        value = _INR_EVENTS.get((day.year, day.month), max(1.6, min(3.7, rng.gauss(2.5, 0.35))))
        shown = number(value)
        codes = "!inr,!inr-eleve" if value >= 4 else "!inr"
        demo = step in (0, 31, 60, 81)
        form = "lab" if demo else rng.choice(("lab", "lab", "lab", "txt", "lab", "lab", "lab", "fax", "lab", "latin1"))
        yield "\n".join((
            header("inr", day, "11502-2", "bio", form, demo=demo),
            f"{rng.choice(('Hémostase – surveillance AVK', 'INR de contrôle', 'Temps de Quick et INR', 'Surveillance du traitement anticoagulant'))}",
            f"Prélèvement du {written(day, rng)} par {rng.choice(('Mme Poulain', 'M. Tavernier', 'le laboratoire'))}, traitement déclaré : [fluindione (Previscan)]{{fluindione}}.",
            "| Analyse | Résultat | Unité | Zone thérapeutique | Antériorité |",
            f"| Temps de Quick (taux de prothrombine) | {max(9, round(64 - 14 * value))} | % | | |",
            f"| [INR]{{{codes}}} | {shown} | | 2,0 – 3,0 | {previous} |",
            _inr_comment(value, rng),
        ))  # fmt: skip
        previous = f"{shown} ({day:%d/%m/%y})"


def _inr_comment(value: float, rng: random.Random) -> str:
    if value >= 4:
        return f"INR supra-thérapeutique téléphoné au cabinet à {rng.choice(('11 h 20', '12 h 05', '16 h 40'))}. [Surdosage]{{surdosage-avk}} : avis médical, contrôle dans 48 heures."
    if value > 3.05:
        return rng.choice(("INR un peu haut, contrôle dans une semaine.", "Légèrement au-dessus de la zone ; vérifier les prises et l'alimentation."))
    if value < 2:
        return rng.choice(("INR sous la zone thérapeutique : vérifier l'observance, contrôle à 5 jours.", "Anticoagulation insuffisante, médecin prévenu."))
    return rng.choice(("Dans la zone thérapeutique.", "INR dans la cible, prochain contrôle dans un mois.", "Zone thérapeutique respectée. Posologie inchangée selon l'infirmière.", "Équilibre satisfaisant."))
