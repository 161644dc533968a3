"""Flu vaccinations, device follow-ups, diabetes reviews, eye injections, and the 24 months of reimbursements."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from samples.series.common import Course, along, calendar, chance, header, number, written

_FLU = {"lefevre": 2016, "roussel": 2016, "casanova": 2017, "diallo": 2016}
_FLU_TITLES = ("Note de vaccination", "Vaccination antigrippale", "Attestation de vaccination")
_FLU_BRANDS = ("Vaxigrip Tetra", "Influvac Tetra", "Efluelda", "Fluarix Tetra")
_FLU_REMARKS = (
    "Bonne tolérance.",
    "Bras gauche. Surveillance 15 minutes sans particularité.",
    "Rougeur possible pendant 48 heures.",
)

# patient: lines of reimbursement as (label, price in euros, share in percent, days between two)
_CARE: dict[str, tuple[tuple[str, float, int, int], ...]] = {
    "moreau": (
        ("Consultation médecin traitant – Dr FONTAINE", 26.5, 70, 120),
        ("Pharmacie : CANDESARTAN 8 mg, boîte de 30", 5.2, 65, 30),
        ("Pharmacie : SYMBICORT 200/6", 31.4, 65, 35),
        ("Forfait PPC – prestataire", 61.3, 60, 28),
        ("Laboratoire – bilan annuel", 38.9, 60, 365),
        ("Pharmacie : ANAPEN 300 µg", 58.6, 65, 330),
    ),
    "lefevre": (
        ("Consultation médecin traitant – visite", 36.5, 100, 60),
        ("Pharmacie : ELIQUIS 2,5 mg, boîte de 60", 58.1, 100, 30),
        ("Pharmacie : LASILIX 40 mg, TAHOR 40 mg", 12.7, 100, 30),
        ("Soins infirmiers – forfait BSI lourd", 28.7, 100, 14),
        ("Cardiologie – contrôle de stimulateur", 67.0, 100, 182),
        ("Transport assis professionnalisé", 41.2, 100, 90),
    ),
    "roussel": (
        ("Pharmacie : LANTUS SOLOSTAR", 36.9, 100, 30),
        ("Pharmacie : OZEMPIC 1 mg", 76.6, 100, 28),
        ("Pharmacie : FREESTYLE LIBRE 2, deux capteurs", 79.2, 100, 28),
        ("Podologue – pied à risque grade 3", 32.0, 100, 60),
        ("Ophtalmologie – injection intravitréenne", 83.6, 100, 90),
        ("Laboratoire – bilan mensuel", 34.1, 100, 30),
        ("Consultation néphrologie", 60.0, 100, 120),
    ),
}


def write(patient: str) -> Iterator[str]:
    """The paperwork of a patient."""
    if patient in _FLU:
        yield from _flu(patient)
    if patient in _CARE:
        yield _reimbursements(patient)
    if patient == "lefevre":
        yield from _pacemaker()
    if patient == "roussel":
        yield from _reviews()
        yield from _injections()


def _flu(patient: str) -> Iterator[str]:
    for year in range(_FLU[patient], 2026):
        day = date(year, 10, 12) + timedelta(days=chance(patient, "grippe", year).randint(0, 40))
        rng = chance(patient, "grippe", day)
        lot = f"{rng.choice('WXYZ')}{rng.randint(1, 9)}{rng.choice('ABCK')}{rng.randint(10, 99)}"
        lines = (
            header("grippe", day, "87273-9", rng.choice(("pharma", "ide", "mt")), "form", demo=year == 2025),
            rng.choice(_FLU_TITLES),
            f"Le {written(day, rng)}, injection intramusculaire du [vaccin contre la grippe]{{!vaccin-grippe}} "
            f"{rng.choice(_FLU_BRANDS)}, lot {lot}. Saison {year}-{year + 1}.",
            rng.choice(_FLU_REMARKS),
        )
        yield "\n".join(lines)


_PACEMAKER_REMARKS = (
    "Aucun épisode rapide enregistré.",
    "Deux épisodes de FC rapide à 140/min, brefs, asymptomatiques.",
    "Dispositif fonctionnel, télésurveillance active.",
)


def _pacemaker() -> Iterator[str]:
    for step, day in enumerate(calendar(date(2022, 4, 12), date(2026, 6, 1), 182, "pm")):
        rng = chance("pm", day)
        form = rng.choice(("letter", "banner", "cda", "scan")) if step else "letter"
        lines = (
            header("controle-pacemaker", day, "70004-7", "cardio", form, demo=step == 0),
            f"Contrôle de [stimulateur cardiaque]{{!pacemaker}} du {written(day, rng)}",
            "| Paramètre | Valeur |",
            "| Mode programmé | VVIR 60/min |",
            f"| Seuil de stimulation | {number(rng.uniform(0.5, 0.9), 2)} V / 0,4 ms |",
            f"| Détection | {number(rng.uniform(8, 12))} mV |",
            f"| Impédance | {rng.randint(540, 680)} ohms |",
            f"| Pourcentage stimulé | {rng.randint(68, 93)} % |",
            f"| Longévité estimée | {max(4, 10 - step // 2)} ans |",
            rng.choice(_PACEMAKER_REMARKS),
        )
        yield "\n".join(lines)


_REVIEW_TITLES = (
    "Consultation de diabétologie",
    "Suivi de diabétologie",
    "Compte rendu de consultation – diabète",
)
_REVIEW_REMARKS = (
    "Alimentation : grignotage le soir devant la télévision, pain blanc.",
    "Marche 20 minutes par jour, limitée par le mollet gauche ([claudication]{claudication}).",
    "Technique d'injection correcte, rotation des sites à revoir.",
    "Pieds : monofilament perçu sur 4 points sur 10 ([neuropathie]{neuropathie}), peau sèche.",
    "Une hypoglycémie ressentie par mois, resucrage bien connu.",
    "A perdu 3 kg depuis la dernière visite, tour de taille 108 cm.",
    "Surveillance : trois contrôles par jour, carnet tenu par Mme Roussel.",
    "Fond d'œil à jour, suivi par le Dr Quentin.",
)
_REVIEW_PLANS = (
    "Pas de modification du traitement.",
    "[Insuline]{insuline} : + 2 unités si la glycémie du matin dépasse 1,40 g/L trois jours de suite.",
    "Objectif d'HbA1c inférieur à 7,5 % compte tenu des complications.",
    "Prochain rendez-vous dans six mois, bilan rénal avant.",
)
_HBA1C: Course = (
    (date(2016, 9, 1), 8.4),
    (date(2017, 6, 1), 7.6),
    (date(2020, 3, 1), 8.8),
    (date(2022, 12, 1), 7.8),
    (date(2026, 6, 1), 7.2),
)


def _reviews() -> Iterator[str]:
    for step, day in enumerate(calendar(date(2016, 9, 13), date(2026, 6, 1), 180, "diabeto")):
        rng = chance("diabeto", day)
        demo = step == 9
        form = "letter" if demo else rng.choice(("letter", "banner", "columns", "scan", "letter"))
        lines = (
            header("suivi-diabeto", day, "11488-4", "diabeto", form, demo=demo),
            rng.choice(_REVIEW_TITLES),
            f"Patient revu le {written(day, rng)} pour son [diabète de type 2]{{!diabete-2}}. "
            f"[HbA1c {number(along(_HBA1C, day))} %]{{hba1c}}, poids {rng.randint(86, 95)} kg, "
            f"TA {rng.randint(124, 150)}/{rng.randint(66, 86)}.",
            *rng.sample(_REVIEW_REMARKS, 2),
            rng.choice(_REVIEW_PLANS),
        )
        yield "\n".join(lines)


_INJECTION_REMARKS = (
    "Injection à 3,5 mm du limbe, sans incident.",
    "Geste bien toléré, tonus contrôlé.",
    "Petite hémorragie sous-conjonctivale, banale.",
)
_INJECTION_PLANS = ("Consulter en urgence si douleur ou baisse de vue.", "Prochain contrôle dans six semaines.")


def _injections() -> Iterator[str]:
    for step, day in enumerate(calendar(date(2022, 7, 5), date(2024, 12, 1), 80, "ivt")):
        rng = chance("ivt", day)
        lines = (
            header("ivt", day, "11505-5", "ophtalmo", "letter" if step % 3 else "form", demo=step == 1),
            f"Injection intravitréenne n° {step + 1}",
            "Œil gauche, [aflibercept (Eylea) 2 mg]{!ivt} pour [œdème maculaire diabétique]{!oedeme-maculaire}. "
            f"Acuité avant : {rng.randint(4, 7)}/10. OCT : {420 - 12 * step + rng.randint(-10, 10)} µm.",
            rng.choice(_INJECTION_REMARKS),
            rng.choice(_INJECTION_PLANS),
        )
        yield "\n".join(lines)


def _reimbursements(patient: str) -> str:
    start, end = date(2024, 6, 1), date(2026, 5, 31)
    rows = sorted(
        (day, label, price, price * share / 100)
        for label, price, share, every in _CARE[patient]
        for day in calendar(start, end, every, patient, label)
    )
    lines = (
        header("remboursements", end, "REMB", "cpam", "table", demo=patient == "moreau", about="!remboursement"),
        "Historique des remboursements – 24 mois",
        f"Période du {start:%d/%m/%Y} au {end:%d/%m/%Y}.",
        "Ce relevé montre des soins remboursés, il ne dit pas pourquoi ils ont été faits.",
        "| Date des soins | Nature | Montant payé | Remboursé |",
        *(
            f"| {day:%d/%m/%Y} | {label} | {number(price, 2)} € | {number(back, 2)} € |"
            for day, label, price, back in rows
        ),
        f"Total remboursé : {number(sum(row[3] for row in rows), 2)} €.",
    )
    return "\n".join(lines)
