"""What the decision answers when it opens nothing. One door for everything that depends on the patient."""

from __future__ import annotations

from access.refusal import Refusal

DOOR = Refusal(
    "grant",
    "no-access",
    "Aucun document accessible pour vous ; cela ne prouve pas qu'il n'en existe pas.",
    "Si le patient est présent et d'accord, enregistrez son consentement ; en cas d'urgence vitale, "
    "demandez un accès d'urgence.",
)
"""The one answer to whoever has no access: unknown patient, no grant, expired, revoked, blocked, closed, opposed."""

NO_READING_ROLE = Refusal(
    "grant",
    "role-reads-no-document",
    "Ce rôle ne donne accès à aucun document.",
    "Connectez-vous comme professionnel de santé ou comme patient.",
)
"""Depends on the caller alone, so it says nothing of the patient; the next three too."""

SYSTEM_ALONE = Refusal(
    "grant",
    "system-needs-practitioner",
    "Un système n'accède à un dossier que pour le compte d'un professionnel identifié.",
    "Transmettez l'identité du professionnel dans le jeton du système.",
)
"""EX_AIR-085: a system's own identity adds no right."""

NOT_HABILITATED = Refusal(
    "grant",
    "profession-sees-nothing",
    "La matrice d'habilitation ne donne accès à aucun document à cette profession ou spécialité.",
    "Faites vérifier votre profession et votre spécialité auprès de l'administrateur.",
)
"""Unknown to the matrix, or barred by law (L1111-18)."""

NO_EMERGENCY_DOOR = Refusal(
    "grant",
    "profession-breaks-no-glass",
    "L'accès d'urgence n'est pas ouvert à cette profession, ou à cette personne.",
    "Adressez-vous à un médecin.",
)

NOT_YOUR_ACT = Refusal(
    "act",
    "act-not-allowed",
    "Cet acte ne vous appartient pas.",
    "Le patient, ou la personne que la loi désigne, peut le faire.",
)
"""For who has some access already: which act belongs to whom is public."""
