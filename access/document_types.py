"""Document types: what a type code means in French, and which category of a grant covers it.

Codes are those of the French value set XdsTypeCode (JDV J07 of the CI-SIS, ANS, edition of February 2025): LOINC codes
and the ANS's own terms (system 1.2.250.1.213.1.1.4.12), which never look alike. Labels are ours, after the ANS's; the
category is our reading of the DMP's classes (J06). `tests/access/test_document_types.py` checks the codes against the
published set where it is present. A code that is not listed is OTHER: only a grant for all categories, or for OTHER by
name, covers it; and the matrix (`access.habilitation`) shows it to no
profession.
"""

from __future__ import annotations

from access.categories import Category

_BY_CATEGORY: dict[Category, dict[str, str]] = {
    Category.REPORT: {
        "11488-4": "Compte rendu de consultation",
        "11490-0": "Lettre de liaison à la sortie d'un établissement de soins",
        "11505-5": "Compte rendu d'acte thérapeutique",
        "11506-3": "Compte rendu de soins par un auxiliaire médical",
        "15507-7": "Compte rendu de passage aux urgences",
        "15508-5": "Compte rendu d'accouchement",
        "18761-7": "Note de transfert",
        "34112-3": "Compte rendu hospitalier",
        "34120-6": "Bilan par un professionnel de santé",
        "34749-2": "Compte rendu de consultation pré-anesthésique",
        "34794-8": "Compte rendu de réunion de concertation pluridisciplinaire",
        "34874-8": "Compte rendu opératoire",
        "34875-5": "Évaluation postopératoire et note de suivi",
        "47420-5": "Compte rendu de bilan fonctionnel",
        "60280-5": "Fiche de retour du service des urgences",
        "67851-6": "Compte rendu d'admission",
        "70004-7": "Compte rendu d'acte diagnostique",
        "77436-4": "Compte rendu d'anesthésie",
        "78341-5": "Fiche de transfert vers le service des urgences",
        "78513-9": "Compte rendu de consultation en ophtalmologie",
        "85208-7": "Compte rendu de télémédecine",
        "96349-6": "Lettre d'adressage",
    },
    Category.SUMMARY: {
        "34133-9": "Synthèse d'épisode de soins",
        "57055-6": "Synthèse antepartum",
        "57057-2": "Synthèse de salle de naissance, mère",
        "57075-4": "Synthèse de salle de naissance, enfant",
        "60591-5": "Synthèse médicale",
        "68599-0": "Synthèse psychiatrique",
        "74207-2": "Document de liaison d'urgence",
        "SYNTH": "Synthèse",
    },
    Category.BIOLOGY: {
        "11502-2": "Compte rendu d'examens biologiques",
        "51969-4": "Compte rendu de génétique moléculaire",
        "60568-3": "Compte rendu d'anatomie et de cytologie pathologiques",
        "96173-0": "Test rapide d'orientation diagnostique",
    },
    Category.IMAGING: {
        "18748-4": "Compte rendu d'imagerie médicale",
        "IMG-KOS": "Référence d'objets d'un examen d'imagerie",
    },
    Category.TREATMENT: {
        "56445-0": "Bilan médicamenteux",
        "57828-6": "Prescription",
        "57832-8": "Prescription de soins",
        "57833-6": "Prescription de produits de santé",
        "55115-0": "Demande d'actes d'imagerie",
        "60593-1": "Dispensation de médicaments",
        "75496-0": "Demande d'acte de télémédecine",
        "80565-5": "Compte rendu d'administration de médicaments",
        "93024-8": "Compte rendu de consultation pharmaceutique",
        "PRESC-BIO": "Prescription d'actes de biologie médicale",
        "PRESC-INF": "Prescription d'actes infirmiers",
        "PRESC-KINE": "Prescription d'actes de kinésithérapie",
    },
    Category.PREVENTION: {
        "11369-6": "Historique des vaccinations",
        "68817-6": "Bilan de santé et de prévention de l'enfant",
        "75492-9": "Compte rendu d'acte de dépistage",
        "87273-9": "Note de vaccination",
    },
    Category.CARE_PLAN: {
        "18776-5": "Plan personnalisé de soins",
        "77604-7": "Planification thérapeutique",
        "80788-3": "Projet personnalisé d'accompagnement",
        "PROT_ALD": "Protocole de soins d'affection de longue durée",
    },
    Category.CERTIFICATE: {
        "89601-9": "Certificat médical",
        "CERT_DECL": "Certificat ou déclaration",
        "PRESC-AAT": "Prescription d'arrêt de travail",
    },
    Category.DIRECTIVE: {
        "EXPPAT_1": "Volontés et droits du patient",
        "EXPPAT_3": "Directives anticipées",
    },
    Category.REIMBURSEMENT: {"REMB": "Données de remboursement"},
    Category.PATIENT_NOTE: {
        "74465-6": "Questionnaire rempli par le patient",
        "EXPPAT_2": "Autre document du patient",
        "DOCPAT01": "Synthèse déposée par le patient",
        "DOCPAT08": "Profil médical rempli par le patient",
    },
    Category.OTHER: {"51851-4": "Document administratif"},
}

TYPES: dict[str, tuple[str, Category]] = {
    code: (label, category) for category, labels in _BY_CATEGORY.items() for code, label in labels.items()
}
"""code → (French label, category)."""

EQUIVALENT: dict[str, str] = {
    "11504-8": "34874-8",  # surgical operation note
    "11526-1": "60568-3",  # pathology study
    "18726-0": "18748-4",  # radiology studies
    "18842-5": "34112-3",  # discharge summary
    "26436-6": "11502-2",  # laboratory studies
    "28570-0": "11505-5",  # procedure note
    "34105-7": "34112-3",  # hospital discharge summary
    "34108-1": "11488-4",  # outpatient note
    "34111-5": "15507-7",  # emergency department note
    "34117-2": "67851-6",  # history and physical note
    "52521-2": "18776-5",  # overall plan of care
    "57133-1": "96349-6",  # referral note
    "68608-9": "60591-5",  # summary note
}
"""LOINC document codes of other countries (those of HL7's C-CDA) → the listed type that a French sender would use."""

UNKNOWN_TYPE = "Document de type non précisé"


def label_of(code: str) -> str:
    """The French label of a type code; a neutral one for a code that is not listed."""
    listed = TYPES.get(EQUIVALENT.get(code, code))
    return UNKNOWN_TYPE if listed is None else listed[0]


def category_of(code: str) -> Category:
    """The category of a type code; OTHER for a code that is not listed."""
    listed = TYPES.get(EQUIVALENT.get(code, code))
    return Category.OTHER if listed is None else listed[1]
