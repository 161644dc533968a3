"""The journal in plain words, French and English, for the patient and the médecin traitant.

    « Le 03/03/2026 à 10:12, Dr Anne LEROY (médecin, RPPS 10001234567) a cherché dans le dossier (3 documents). »

Names are public directory data. Neither what was asked nor what is hidden from the reader is in a sentence: it counts
the documents of the entry as the reader's Scope leaves it.
"""

from __future__ import annotations

from typing import Literal

from access.scope import Basis, CallerKind
from records.journal import Entry
from search_api.marks import PARIS

Language = Literal["fr", "en"]

ACTIONS: dict[str, tuple[str, str]] = {
    "search": ("a cherché dans le dossier", "searched the record"),
    "search-patients": ("a cherché dans les dossiers de ses patients", "searched the records of their patients"),
    "list-documents": ("a vu la liste des documents", "saw the list of documents"),
    "read-document": ("a vu la fiche d'un document", "saw what a document is"),
    "download": ("a ouvert un document", "opened a document"),
    "view-page": ("a regardé une page d'un document", "looked at a page of a document"),
    "read-page-text": ("a lu le texte d'une page", "read the text of a page"),
    "correct-page": ("a corrigé le texte lu d'une page", "corrected the text read from a page"),
    "lookup": ("a cherché l'identité du patient", "looked the patient up"),
    "launch-link": (
        "a préparé l'ouverture du dossier par un professionnel",
        "made a link for a professional to open the record",
    ),
    "open-launch-link": (
        "a suivi le lien d'un logiciel vers le dossier",
        "followed a link of a software to the record",
    ),
    "deposit": ("a déposé un document", "added a document"),
    "bulk-import": ("a envoyé un fichier de documents à importer", "sent a file of documents to import"),
    "bulk-pause": ("a mis un import en pause", "paused an import"),
    "bulk-resume": ("a repris un import", "resumed an import"),
    "read-bulk": ("a vu où en est un import", "saw how far an import is"),
    "read-identity": ("a ouvert le dossier", "opened the record"),
    "read-grants": ("a vu les autorisations d'accès", "saw who may access"),
    "read-blocks": ("a vu les professionnels bloqués", "saw who is blocked"),
    "read-masks": ("a vu les documents masqués", "saw which documents are masked"),
    "read-oppositions": ("a vu les oppositions", "saw the oppositions"),
    "read-record": ("a vu l'état du dossier", "saw whether the record is open"),
    "read-journal": ("a lu ce journal", "read this journal"),
    "read-representatives": ("a vu les représentants", "saw the representatives"),
    "read-facts": ("a lu les informations extraites des documents", "read what was extracted from the documents"),
    "read-timeline": ("a lu la chronologie", "read the timeline"),
    "read-observations": ("a lu les résultats d'examens", "read the results"),
    "read-immunizations": ("a lu le statut vaccinal", "read the vaccination status"),
    "read-summary": ("a lu la synthèse du dossier", "read the patient summary"),
    "emergency": ("a lu la fiche d'urgence", "read the emergency card"),
    "grant": ("a autorisé un accès", "allowed an access"),
    "revoke": ("a retiré une autorisation", "withdrew an access"),
    "name-traitant": ("a désigné le médecin traitant", "named the family doctor"),
    "block": ("a bloqué un professionnel", "blocked a professional"),
    "unblock": ("a débloqué un professionnel", "unblocked a professional"),
    "mask": ("a masqué un document", "masked a document"),
    "unmask": ("a démasqué un document", "unmasked a document"),
    "hide-from-patient": ("a réservé un document à une annonce", "kept a document until it is announced"),
    "announce": ("a rendu un document visible du patient", "made a document visible to the patient"),
    "hide-from-representatives": ("a caché un document aux représentants", "hid a document from representatives"),
    "open-to-representatives": ("a ouvert un document aux représentants", "opened a document to representatives"),
    "close": ("a fermé le dossier", "closed the record"),
    "reopen": ("a rouvert le dossier", "opened the record again"),
    "oppose": ("s'est opposé d'avance à un accès", "opposed an access beforehand"),
    "withdraw-opposition": ("a levé une opposition", "withdrew an opposition"),
    "contact": ("a changé l'adresse des notifications", "changed where notifications go"),
    "consent-curator": ("a décidé de la lecture par le curateur", "decided whether the curator reads"),
    "attest-consent": ("a attesté l'accord du patient présent", "attested that the patient, present, agrees"),
    "break-glass": ("a ouvert le dossier en urgence vitale", "opened the record in a life-threatening emergency"),
    "end-break-glass": ("a terminé un accès d'urgence", "ended an emergency access"),
    "record-representative": ("a enregistré un représentant", "recorded a representative"),
    "end-representative": ("a mis fin à une représentation", "ended a representation"),
    "request-succession": ("a demandé un accès comme ayant droit", "asked for access as an heir"),
    "review": ("a relu un accès ou une demande", "reviewed an access or a request"),
    "export": ("a emporté une copie du dossier", "took a copy of the record"),
    "tell-traitant": (
        "a averti le médecin traitant d'un accès d'urgence, par un message sans contenu",
        "told the family doctor of an emergency access, by a message without content",
    ),
    "remind": ("a mis un rappel en attente pour le patient", "put a reminder in wait for the patient"),
    "event": ("a été averti par un message, sans contenu", "was told of an event, without content"),
    "read-webhooks": ("a vu les systèmes à l'écoute", "saw which systems listen"),
    "erase": ("a effacé le dossier", "erased the record"),
    "read-episodes": ("a vu les séjours et venues", "saw the stays and visits"),
    "quarantine-list": ("a vu les documents en quarantaine", "saw the documents in quarantine"),
    "quarantine-refused": ("a vu les documents écartés", "saw the documents that were set aside"),
    "quarantine-release": ("a libéré un document de la quarantaine", "released a document from quarantine"),
    "quarantine-reassign": (
        "a retiré du dossier le document d'un autre patient",
        "took another patient's document out of the record",
    ),
    "quarantine-receive": ("a rendu un document à ce dossier", "gave a document to this record"),
    "quarantine-refuse": ("a écarté un document en quarantaine", "set a document in quarantine aside"),
    "quarantine-reopen": ("a repris un document écarté", "took up a document that was set aside"),
    "ins-retrieved": ("a récupéré l'identité nationale", "retrieved the national identity"),
    "ins-checked": ("a vérifié la pièce d'identité", "checked an identity document"),
    "ins-changed": ("a noté que l'identité nationale a changé", "noted that the national identity changed"),
    "ins-doubt": ("a mis l'identité en doute", "put the identity in doubt"),
    "claim-list": ("a vu ce qui attend une décision", "saw what waits for a decision"),
    "claim-accept": (
        "a laissé un document en remplacer ou en annuler d'un autre émetteur",
        "let a document replace or cancel another sender's",
    ),
    "claim-refuse": (
        "a refusé qu'un document en remplace ou en annule d'un autre émetteur",
        "kept a document from replacing or cancelling another sender's",
    ),
    "read-usage": ("a vu l'usage du service", "saw how the service is used"),
    "review-emergencies": ("a vu les accès d'urgence à relire", "saw the emergency accesses to review"),
    "review-succession": ("a vu les demandes d'ayants droit", "saw the requests of heirs"),
    "backup": ("a fait une sauvegarde", "made a backup"),
    "restore": ("a rétabli une sauvegarde", "restored a backup"),
    "rotate-keys": ("a changé la clé maîtresse", "rotated the master key"),
    "destroy-master-key": ("a détruit une ancienne clé maîtresse", "destroyed an old master key"),
    "export-journal": ("a emporté le journal", "took the journal away"),
    "retire-journal": ("a retiré du journal ce qui a passé son temps", "retired what had served its time"),
    "read-work": ("a vu le travail en cours", "saw the work in hand"),
    "too-many-requests": ("a demandé trop souvent", "asked too often"),
    "out-of-scope": ("a demandé au-delà de son jeton", "asked beyond its token"),
}
_OTHER = ("a consulté le dossier", "accessed the record")
_KINDS = {
    CallerKind.PATIENT: ("une personne", "a person"),
    CallerKind.PRACTITIONER: ("un professionnel", "a professional"),
    CallerKind.SYSTEM: ("un système", "a system"),
    CallerKind.AUDITOR: ("un auditeur", "an auditor"),
    CallerKind.ADMINISTRATOR: ("l'administration", "the administration"),
}
_BASES = {
    Basis.BREAK_GLASS: ("par l'accès d'urgence", "by emergency access"),
    Basis.REGULATION: ("comme médecin régulateur du Centre 15", "as regulating physician of the emergency call centre"),
    Basis.TRAITANT: ("comme médecin traitant", "as family doctor"),
    Basis.LEGAL_REPRESENTATIVE: ("comme représentant légal", "as legal representative"),
    Basis.GUARDIAN: ("comme tuteur", "as guardian"),
    Basis.CURATOR: ("comme curateur", "as curator"),
    Basis.SUCCESSION: ("comme ayant droit", "as heir"),
}


def sentence(entry: Entry, language: Language, *, patient: bool, name: str = "") -> str:
    """One sentence. `patient`: the entry is by the patient whose record it is; `name` from the directory, or empty."""
    lang = 0 if language == "fr" else 1
    at = entry.at.astimezone(PARIS)
    when = f"Le {at:%d/%m/%Y à %H:%M}" if lang == 0 else f"On {at:%Y-%m-%d at %H:%M}"
    parts = [f"{when}, {_who(entry, lang, patient=patient, name=name)} {ACTIONS.get(entry.action, _OTHER)[lang]}"]
    if entry.basis in set(_BASES):
        parts.append(_BASES[Basis(entry.basis)][lang])
    if entry.outcome == "refused":
        parts[0] = _refused(entry, when, lang, patient=patient, name=name)
    shown = len(entry.documents)
    if shown:
        parts.append(f"({shown} document{'s' if shown > 1 else ''})")
    return " ".join(parts) + "."


def _refused(entry: Entry, when: str, lang: int, *, patient: bool, name: str) -> str:
    who = _who(entry, lang, patient=patient, name=name)
    done = ACTIONS.get(entry.action, _OTHER)[lang]
    return f"{when}, {who} {done} : refusé" if lang == 0 else f"{when}, {who} {done}: refused"


def _who(entry: Entry, lang: int, *, patient: bool, name: str) -> str:
    if patient:
        return ("le patient", "the patient")[lang]
    kind = CallerKind(entry.caller_kind)
    by = name or _KINDS[kind][lang]
    number = entry.on_behalf or (entry.caller if kind is CallerKind.PRACTITIONER else "")
    known = ", ".join(filter(None, (entry.role, f"RPPS {number}" if number else "")))
    through = f"{(', par le système', ', through the system')[lang]} {entry.caller}," if entry.on_behalf else ""
    return by + (f" ({known})" if known else "") + through
