"""The document categories that a grant can name."""

from __future__ import annotations

from enum import StrEnum


class Category(StrEnum):
    """Coarse kinds of documents, after the classes of the French shared record (DMP)."""

    REPORT = "report"  # comptes rendus: hospital, consultation, operation, emergency
    SUMMARY = "summary"  # synthèses
    BIOLOGY = "biology"
    IMAGING = "imaging"
    TREATMENT = "treatment"  # prescriptions, dispensings
    PREVENTION = "prevention"  # vaccinations, screening
    CARE_PLAN = "care_plan"
    CERTIFICATE = "certificate"
    DIRECTIVE = "directive"  # directives anticipées, personne de confiance
    REIMBURSEMENT = "reimbursement"
    PATIENT_NOTE = "patient_note"  # expression personnelle du patient
    OTHER = "other"
