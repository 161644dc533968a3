"""Renewals of prescriptions: what each patient takes at each date, written out again and again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from samples.series.common import calendar, chance, header, written


@dataclass(frozen=True, slots=True)
class Line:
    """A medicine from `start` to `end`."""

    text: str
    concepts: str
    start: date
    end: date


def _lines(table: str) -> tuple[Line, ...]:
    found = []
    for row in table.strip().splitlines():
        text, concepts, start, end = (part.strip() for part in row.split("|"))
        found.append(Line(text, concepts, date.fromisoformat(f"{start}-01"), date.fromisoformat(f"{end}-28")))
    return tuple(found)


TREATMENTS: dict[str, tuple[Line, ...]] = {
    "lefevre": _lines("""
        PREVISCAN 20 mg : ¾ de comprimé le soir, selon INR | !fluindione | 2016-02 | 2023-03
        ELIQUIS 2,5 mg : 1 comprimé matin et soir | !apixaban,!apixaban-25 | 2023-04 | 2026-12
        BISOPROLOL 2,5 mg : 1 le matin | !bisoprolol | 2016-02 | 2022-02
        BISOPROLOL 1,25 mg : 1 le matin | !bisoprolol | 2022-03 | 2026-12
        LEVOTHYROX 75 µg : 1 comprimé à jeun, 30 minutes avant le petit déjeuner | !levothyroxine | 2016-01 | 2026-12
        TAHOR 40 mg (atorvastatine) : 1 le soir | !atorvastatine | 2018-10 | 2026-12
        PERINDOPRIL 4 mg : 1 le matin | !perindopril,hta | 2016-01 | 2023-11
        LASILIX FAIBLE 20 mg : 1 le matin | !furosemide | 2022-06 | 2023-11
        LASILIX 40 mg : 1 le matin, surveiller le poids | !furosemide | 2023-12 | 2025-08
        LASILIX 20 mg : 1 le matin, surveiller le poids | !furosemide | 2025-10 | 2026-12
        FORXIGA 10 mg (dapagliflozine) : 1 par jour | !dapagliflozine | 2023-12 | 2025-08
        CALCIDOSE VITAMINE D : 1 sachet par jour | .osteoporose | 2020-12 | 2026-12
        DOLIPRANE 1 g : 1 comprimé jusqu'à 3 fois par jour si douleur | !paracetamol | 2016-01 | 2026-12
    """),
    "roussel": _lines("""
        METFORMINE 1 000 mg : 1 comprimé matin, midi et soir | !metformine | 2016-03 | 2021-02
        METFORMINE 850 mg : 1 comprimé matin et soir | !metformine | 2021-03 | 2023-01
        LANTUS SOLOSTAR : 14 à 24 unités le soir à 22 h | !insuline | 2016-03 | 2019-12
        LANTUS SOLOSTAR : 38 unités le soir à 22 h | !insuline | 2020-01 | 2022-10
        LANTUS SOLOSTAR : 32 unités le soir à 22 h | !insuline | 2022-11 | 2026-12
        OZEMPIC 1 mg : une injection sous-cutanée par semaine | !semaglutide | 2021-03 | 2026-12
        KARDEGIC 75 mg : 1 sachet à midi | !aspirine | 2017-05 | 2026-12
        BRILIQUE 90 mg : 1 comprimé matin et soir | !ticagrelor | 2017-05 | 2018-05
        ATORVASTATINE 80 mg : 1 le soir | !atorvastatine | 2017-05 | 2026-12
        BISOPROLOL 2,5 mg : 1 le matin | !bisoprolol | 2017-05 | 2026-12
        RAMIPRIL 5 mg : 1 le soir | !ramipril | 2017-05 | 2026-12
        SPIRIVA RESPIMAT : 2 bouffées le matin | !tiotropium | 2018-03 | 2026-12
        FORXIGA 10 mg : 1 le matin | !dapagliflozine | 2023-02 | 2026-12
        INEXIUM 20 mg (ésoméprazole) : 1 le soir | !ipp | 2024-07 | 2026-12
        FREESTYLE LIBRE 2 : deux capteurs par mois | !capteur-glycemie | 2022-12 | 2026-12
        Bandelettes et lancettes : 4 contrôles par jour | .glycemie | 2016-03 | 2022-11
    """),
    "moreau": _lines("""
        SYMBICORT 200/6 : 1 inhalation matin et soir | !budesonide-formoterol | 2017-05 | 2024-11
        VENTOLINE : 1 à 2 bouffées si besoin | !salbutamol | 2017-05 | 2024-11
        ELIQUIS 5 mg : 1 comprimé matin et soir | !apixaban | 2019-03 | 2019-08
        SERTRALINE 50 mg : 1 le matin | !sertraline | 2023-05 | 2024-11
        CANDESARTAN 8 mg : 1 le matin | !candesartan | 2024-07 | 2024-11
    """),
    "bernard": _lines("""
        TAMOXIFENE 20 mg : 1 comprimé par jour | !tamoxifene | 2020-12 | 2022-09
        FEMARA 2,5 mg (létrozole) : 1 comprimé par jour | !letrozole | 2022-10 | 2026-12
        PROPRANOLOL 40 mg : 1 matin et soir | !propranolol | 2017-03 | 2026-12
        EFFEXOR LP 75 mg : 1 le matin | !venlafaxine | 2021-11 | 2023-06
        ZYMAD 80 000 UI : 1 ampoule par trimestre | .vitamine-d | 2022-10 | 2026-12
    """),
    "benali": _lines("""
        HUMIRA 40 mg stylo : 1 injection tous les 14 jours | !adalimumab | 2017-02 | 2024-12
        STELARA 90 mg : 1 injection toutes les 8 semaines | !ustekinumab | 2025-02 | 2026-12
        VITAMINE B12 1 000 µg : 1 ampoule IM tous les 3 mois | !vitamine-b12 | 2019-03 | 2026-12
        SPASFON : 2 comprimés si douleur | .crohn | 2017-02 | 2026-12
    """),
    "martineau": _lines("""
        LAMICTAL 200 mg : 1 comprimé par jour | !lamotrigine | 2016-10 | 2026-12
        AERIUS 5 mg : 1 le soir d'avril à juin | rhinite | 2018-04 | 2026-12
    """),
    "faure": _lines("""
        FLIXOTIDE 50 : 2 bouffées matin et soir | !fluticasone,asthme | 2016-02 | 2019-08
        SERETIDE 50/25 : 2 bouffées matin et soir dans la chambre d'inhalation | !fluticasone,asthme | 2019-10 | 2026-12
        VENTOLINE : 2 à 4 bouffées si gêne, avec chambre | !salbutamol | 2016-02 | 2026-12
        QUASYM LP 10 mg : 1 gélule le matin, jours d'école | !methylphenidate | 2023-10 | 2026-12
        EPIPEN 150 µg : 2 stylos (école, maison) | !adrenaline,allergie-arachide | 2018-09 | 2024-08
        ANAPEN 300 µg : 2 stylos (école, maison) | !adrenaline,allergie-arachide | 2024-09 | 2026-12
    """),
    "casanova": _lines("""
        MODOPAR 125 : 1 gélule à 7 h, 10 h, 13 h, 16 h et 19 h | !levodopa | 2019-06 | 2026-12
        NEUPRO patch : 1 par jour | !rotigotine | 2021-02 | 2023-05
        L-THYROXIN HENNING 75 µg : 1 à jeun | !levothyroxine | 2017-12 | 2024-06
        L-THYROXIN HENNING 62,5 µg : 1 à jeun | !levothyroxine | 2024-07 | 2026-12
        SEROPLEX 10 mg : 1 le matin | !escitalopram | 2020-11 | 2026-12
        LEPONEX 25 mg : ½ comprimé au coucher (NFS à jour) | !clozapine | 2023-07 | 2026-12
        XALATAN collyre : 1 goutte le soir | !latanoprost | 2021-10 | 2026-12
        BETMIGA 50 mg : 1 par jour | !mirabegron | 2022-09 | 2026-12
        MOVICOL : 1 à 2 sachets par jour | constipation | 2019-06 | 2026-12
    """),
    "dasilva": _lines("""
        AMLODIPINE 5 mg : 1 le matin | !amlodipine,hta | 2017-07 | 2024-02
        AMLODIPINE 10 mg : 1 le matin | !amlodipine,hta | 2024-03 | 2026-12
        ADENURIC 80 mg (fébuxostat) : ½ comprimé par jour | !febuxostat | 2018-03 | 2026-12
        OMIX LP 0,4 mg (tamsulosine) : 1 le soir | !tamsulosine | 2022-03 | 2026-12
        COLCHICINE 1 mg : 1 dès le début d'une crise | !colchicine,goutte | 2017-07 | 2026-12
    """),
    "diallo": _lines("""
        SIKLOS 1 000 mg : 1 comprimé par jour | !hydroxycarbamide | 2016-05 | 2016-12
        SIKLOS 1 000 mg : 1 comprimé et demi par jour | !hydroxycarbamide | 2017-02 | 2026-12
        SPECIAFOLDINE 5 mg : 1 par jour | !acide-folique | 2016-05 | 2026-12
        ORACILLINE 1 MUI : 1 matin et soir | !penicilline-v | 2016-05 | 2026-12
        RAMIPRIL 2,5 mg : 1 le matin | !ramipril | 2023-04 | 2026-12
        SKENAN LP 10 mg : 1 matin et soir les jours de douleur | !morphine | 2018-06 | 2022-06
    """),
}

# patient: first renewal, days between two, one in how many goes to the demo
_RHYTHM = {
    "lefevre": (date(2016, 3, 1), 61, 31),
    "roussel": (date(2016, 4, 5), 88, 30),
    "moreau": (date(2017, 8, 1), 205, 4),
    "bernard": (date(2017, 6, 6), 240, 20),
    "benali": (date(2017, 3, 7), 270, 20),
    "martineau": (date(2016, 11, 8), 365, 20),
    "faure": (date(2016, 3, 8), 330, 20),
    "casanova": (date(2018, 1, 9), 200, 20),
    "dasilva": (date(2017, 9, 19), 300, 20),
    "diallo": (date(2016, 6, 14), 210, 20),
}

_DURATIONS = (
    "Traitement pour 3 mois",
    "Pour 28 jours, à renouveler 2 fois",
    "Trois mois",
    "QSP 3 mois",
    "À renouveler 2 fois",
)
_TITLES = ("Ordonnance", "Ordonnance – renouvellement", "Renouvellement de traitement", "Prescription de médicaments")
_REMARKS = (
    "Prescriptions relatives au traitement de l'affection de longue durée reconnue.",
    "Rapporter les boîtes non utilisées à la pharmacie.",
    "Vu ce jour en consultation.",
    "Bilan biologique à faire avant la prochaine visite.",
    "Non substituable : aucun.",
)


def write(patient: str) -> Iterator[str]:
    """The renewals of a patient."""
    first, every, demo_every = _RHYTHM[patient]
    for step, day in enumerate(calendar(first, date(2026, 6, 30), every, patient, "rx")):
        lines = [line for line in TREATMENTS[patient] if line.start <= day <= line.end]
        if not lines:
            continue
        rng = chance(patient, "renouvellement", day)
        demo = step % demo_every == 1
        form = (
            "form"
            if demo
            else rng.choice(("form", "form", "form", "letter", "form", "form", "txt", "form", "photo", "form", "form"))
        )
        rng.shuffle(lines)
        yield "\n".join((
            header("renouvellement", day, "57833-6", "mt", form, demo=demo),
            rng.choice(_TITLES),
            f"Le {written(day, rng)}",
            *(f"- [{line.text}]{{{line.concepts}}}" for line in lines),
            f"{rng.choice(_DURATIONS)}. {rng.choice(_REMARKS)}",
        ))  # fmt: skip
