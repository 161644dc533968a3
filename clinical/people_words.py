"""The words that say who a name belongs to: the patient's labels, the titles, the family, the carers. Data for review.

Patterns run over folded text (capitals, no accents, see `names.fold`).
"""

from __future__ import annotations

import re

FAMILY = re.compile(
    r"(?<!\w)(?:(?:BEAU|BELLE|GRANDS?|DEMI|ARRIERE)[- ](?:PERE|MERE|FRERE|SOEUR|S.UR|FILS|FILLE|PARENTS?)"
    r"|GRAND[- ]?MERE"
    r"|PERES?|MERES?|PARENTS?|PARENTAL|FRERES?|SOEURS?|S.URS?|FILS|FILLES?|CONJOINTE?|CONCUBINE?|COMPAGNE|COMPAGNON"
    r"|MARI|(?:SA|LA)[ ]+FEMME|FEMME[ ]*:|EPOUX"
    r"|(?:SON|L'|L’|SA|LA|D'UNE|ET|AVEC|D')\s*EPOUSE|EPOUSE\s*:|TANTE|ONCLE|NEVEU|NIECE|COUSINE?S?"
    r"|ENFANTS|ENFANT\s+A\s+CHARGE|DESCENDANTS?|ASCENDANTS?|PETITE?S?[- ](?:FILS|FILLES?|ENFANTS?)"
    r"|PERSONNES?\s+(?:DE\s+CONFIANCE|A\s+(?:PREVENIR|CONTACTER|JOINDRE)|CONTACTS?)|PROCHES?|ENTOURAGE|AIDANTE?S?"
    r"|ACCOMPAGNANTE?S?|TUTEURS?|TUTRICES?"
    r"|CURATEURS?|CURATRICES?|MANDATAIRES?|REPRESENTANTE?S?|TITULAIRE"
    r"|ASSUREE?S?|OUVRANT|AYANT[- ]DROIT|BENEFICIAIRE\s+DE|VOISINE?|(?:SON|SA|UNE?|DES|SES)[ ]+AMIE?S?"
    r"|DONNEUSE?|DONNEUR|GUARDIAN|NOK|EMPLOYEUR"
    r"|SOUSCRIPTEUR|CAS\s+INDEX|PARTENAIRE|TEMOIN)(?!\w)"
)
"""Somebody near the patient."""

CARER = re.compile(
    r"(?<!\w)(?:DRS?|DOCTEURE?S?|PRS?|PROFESSEURE?|MEDECINS?|PRESCRIPTEUR|PRESCRIPTRICE|DESTINATAIRES?|EXPEDITEUR"
    r"|AUTEUR|REDACTEUR|REDACTRICE|SIGNATAIRE|SIGNE|VALIDE|VALIDATION|INTERNE|EXTERNE|CHIRURGIENS?|ANESTHESISTES?"
    r"|INFIRMIERE?S?|IDE|SAGE[- ]FEMME|KINESITHERAPEUTE|PHARMACIENN?E?|BIOLOGISTES?|RADIOLOGUE|PSYCHOLOGUE|SECRETAIRE"
    r"|SECRETARIAT|CONFRERES?|CONSOEUR|CORRESPONDANTS?|CADRE|ASSISTANTE?|DIETETICIENN?E?|OPERATEURS?|PRELEVEUR|PRELEVE"
    r"|CORPS\s+MEDICAL|COPIES?|CC|PRATICIENN?E?|RPPS|ADELI|FINESS|MAITRE|ORTHOPHONISTE|DENTISTE|AIDE[- ]SOIGNANTE?"
    r"|CHEF|RESPONSABLES?|DIRECTEUR|DIRECTRICE|COORDINATEUR|COORDINATRICE|MANIPULATEUR|MANIPULATRICE|OPTICIENN?E?"
    r"|CONTACTS?|INTERLOCUTEUR|ADRESSE\s+PAR|VU\s+PAR|DEMANDE\s+PAR|PRESCRIT\s+PAR|REALISE\s+PAR|OPERE\s+PAR)(?!\w)"
)
"""Somebody who cares, writes or receives."""

NEWBORN = re.compile(
    r"(?<!\w)(?:NOUVEAU[- ]?NEE?|N\.?N\.?|BEBE|ENFANT|FILS|FILLE|GARCON|JUMEAU|JUMELLE)(?:[ ]+\d)?[ ]+DE[ ]+"
    r"(?:MME|MADAME|MLLE|M\.|MR|MONSIEUR)\.?[ ]+(?=\w)"
)
"""« nouveau-né de Mme X »: a child who is named by a parent."""

_NE = r"NE{1,2}(?:[ ]?\([ ]?E?[ ]?\)|[.·/-]E)?"
BIRTH_BEFORE = re.compile(
    rf"(?<!\w)(?:"
    rf"(?:{_NE}|BORN)[ ]+(?:LE|ON|EN)?[ ]*:?[ ]*|(?:N[ECG6]E?|NAISS\.?)[ ]+[LFTIJ1|!][ECO]?[ ]*:?[ ]*"
    rf"|(?P<label>(?:DATE[ ]+(?:DE[ ]+)?(?:LA[ ]+)?NAISS(?:ANCE|\.)?|NAISSANCE|D\.?D\.?N\.?|D\.N\.|DN|NAISS\.?"
    rf"|{_NE}[ ]+LE|DATE[ ]+OF[ ]+BIRTH|DOB|BIRTH[ ]?DATE)"
    rf"(?:[ ]*\([^)\n]{{0,25}}\))?[ ]*[:=]?[ ]*[\t|\n]?[ ]*:?[ ]*(?:LE[ ]+)?)"
    rf")$"
)
"""What stands right before a birth date: « né le », « née le », « né(e) le », also as a scan makes of it; or a label,
the date in the same cell, the next one, or on the next line."""

BIRTH_UNREAD = re.compile(r"(?<!\w)(?:NEE?|NE\(E\))[ ]+LE(?!\w)")
"""« née le » whose date a scan may have lost."""

AFTER_NAME = re.compile(
    rf"(?<!\w)(?:{_NE}[ ]+(?:LE|[\d:])|N°|D\.D\.N|(?:DATE|DDN|DN|IPP|IEP|NIP|INS|NSS|AGEE?|SEXE|TEL|TELEPHONE"
    r"|ADRESSE|NO|NUMERO|LIEU|HOSPITALISEE?|VUE?|QUALIFIEE?|SERVICE|CHAMBRE|DOSSIER|ENTREE?|SORTIE?|SEJOUR|MATRICULE"
    r"|IDENTIFIANT|[HF][ ]*$)(?!\w))"
)
"""What ends a labelled name on its line."""

BIRTH_COLUMN = re.compile(rf"[ ]*(?:DATE[ ]+(?:DE[ ]+)?NAISS(?:ANCE|\.)?|D\.?D\.?N\.?|{_NE}[ ]+LE|NAISSANCE)[ ]*:?[ ]*")
"""The head of a column of birth dates."""

_OF_PATIENT = r"(?:[ ]+(?:DU|DE[ ]+LA|DE[ ]+L'|D')[ ]?(?:PATIENTE?|MALADE|USAGER|RESIDENTE?|BENEFICIAIRE))?"
LABELS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(rf"(?<!\w)(?:{pattern}){_OF_PATIENT}(?:[ ]*[(\[][^)\]\n]{{0,25}}[)\]])?[ ]*(?:[:=\t|]|(?=\n))"))
    for kind, pattern in (
        (
            "whole",
            r"NOM[ ]*(?:/|ET|,|-|&|\+)?[ ]*PRENOMS?(?:[ ]+UTILISES?)?|PRENOMS?[ ]*(?:/|ET|,|-|&)?[ ]*NOM"
            r"|NOM[ ]+COMPLET|NOM[ ]+ET[ ]+PRENOMS?[ ]+UTILISES|PATIENT(?:E|\(E\)|[.·]E)?|IDENTITE|CONCERNANT|CONCERNE"
            r"|MALADE|RESIDENTE?|USAGER|BENEFICIAIRE[ ]+DES[ ]+SOINS|PATIENT[ ]+NAME|OBJET|REF|RE"
            r"|ENFANT|NOUVEAU[- ]NEE?",
        ),
        (
            "birth-name",
            r"NOM[ ]+(?:DE[ ]+)?(?:NAISSANCE|FAMILLE|NAISS\.?|JEUNE[ ]+FILLE|PATRONYMIQUE)|PATRONYME|N\.?J\.?F\.?"
            r"|NOM[ ]+DE[ ]+FAMILLE[ ]+DE[ ]+NAISSANCE|LAST[ ]+NAME|SURNAME",
        ),
        ("used-name", r"NOM[ ]+(?:D'USAGE|D’USAGE|USUEL|MARITAL|UTILISE|D'EPOUSE|D’EPOUSE|EPOUSE)"),
        (
            "given",
            r"PRENOMS?(?:[ ]*\(S\))?(?:[ ]+(?:DE[ ]+NAISSANCE|UTILISES?|USUELS?|D'USAGE))?|1ER[ ]+PRENOM|FIRST[ ]+NAME",
        ),
        ("name", r"NOMS?"),
        ("sex", r"SEXE|GENRE|CIVILITE"),
    )
)
"""Labels of the patient's identity; a value follows a colon, stands in the next cell, or on the next line."""

TITLE = (
    r"(?:M\.|Mr\.?|MR\.?|M(?=[ ][A-ZÀ-Þ])|Mme\.?|MME\.?|Mlle\.?|MLLE\.?|Monsieur|MONSIEUR|Madame|MADAME"
    r"|Mademoiselle|MADEMOISELLE|[Ee]nfant|ENFANT|[Bb]ébé|BÉBÉ|BEBE)"
)
_WORD = r"[A-ZÀ-ÞŒ](?:[A-Za-zÀ-ÿœŒ0|'’]|-(?=\w))*\.?"
_PARTICLE = r"(?:de[ ]la|de|du|des|la|le|van|von|den|der|ter|ben|bin|el|al|da|dos|di|y)"
_LINKS = rf"(?:{_PARTICLE}[ ]+)*(?:[dD]['’])?"
NAME = rf"{_LINKS}{_WORD}(?:[ ]+{_LINKS}{_WORD}){{0,5}}"
_OTHER_NAME = (
    rf"(?:[ ]*[,(]?[ ]*(?P<how>[Nn][ée]+(?:\([eE]\))?|NÉE?|NEE?|[ÉEée]pouse|ÉPOUSE|[ÉEée]p\."
    rf"|[Vv]euve|[Vv]ve\.?|VVE|[Dd]ite?"
    rf"|nom de naissance[ ]?:?)[ ]+(?P<other>{NAME})\)?)?"
)
PERSON = re.compile(rf"(?:(?P<title>{TITLE})[ ]+)?(?P<name>{NAME}){_OTHER_NAME}")
"""A person in prose: « Mme Nathalie BERNARD née CHAUVIN ». Over the text as written: capitals tell names."""

FILLER = re.compile(
    r"[\s,;:().\-–—/]*(?:(?:AGEE?[ ]+DE[ ]+)?\d{1,3}[ ]+(?:ANS|MOIS|JOURS)|[HFM](?!\w)|SEXE[ ]*:?[ ]*[FMH](?!\w)"
    r"|MASCULIN|FEMININ"
    r"|ET|PATIENTE?|QUI[ ]+EST|EST|QUI)?[\s,;:().\-–—/]*"
)
"""What may stand between a name and its birth date."""

NOT_NAMES = frozenset((
    "SERVICE", "HOPITAL", "CENTRE", "HOSPITALIER", "CLINIQUE", "CABINET", "LABORATOIRE", "UNITE", "POLE", "CHU",
    "CHRU", "CH", "AVENUE", "RUE", "BOULEVARD", "PLACE", "ROUTE", "CHEMIN", "IMPASSE", "CEDEX", "TEL", "FAX",
    "PAGE", "DATE", "NAISSANCE", "NOM", "PRENOM", "SEXE", "AGE", "IPP", "IEP", "INS", "NIR", "NSS", "NUMERO",
    "DOSSIER", "OBJET", "COMPTE", "RENDU", "LETTRE", "ORDONNANCE", "CONSULTATION", "HOSPITALISATION", "URGENCES",
    "EXAMEN", "RESULTATS", "RESULTAT", "BILAN", "BIOLOGIE", "IMAGERIE", "RADIOLOGIE", "CARDIOLOGIE", "ENTREE",
    "SORTIE", "DU", "AU", "LE", "LES", "UN", "UNE", "POUR", "VOTRE", "CHER", "CHERE", "CONFRERE", "ADRESSE",
    "VILLE", "FRANCE", "PARIS", "LYON", "MARSEILLE", "COMMUNE", "CODE", "LIEU", "MATRICULE", "IDENTITE",
    "PATIENT", "PATIENTE", "CONCERNANT", "DDN", "NEE", "NE", "JE", "J", "IL", "ELLE", "NOUS", "VOUS", "CETTE",
    "CE", "SON", "SA", "SES", "ANTECEDENTS", "MOTIF", "TRAITEMENT", "CONCLUSION", "TELEPHONE", "MOBILE",
    "DOMICILE", "MEDECIN", "TRAITANT", "PRESCRIPTEUR", "RAPPEL", "DEMANDE", "PRELEVEMENT", "EDITE", "IMPRIME",
    "RECU", "SUIVI", "SYNTHESE", "JANVIER", "FEVRIER", "MARS", "AVRIL", "MAI", "JUIN", "JUILLET", "AOUT",
    "SEPTEMBRE", "OCTOBRE", "NOVEMBRE", "DECEMBRE", "LUNDI", "MARDI", "MERCREDI", "JEUDI", "VENDREDI", "SAMEDI",
    "DIMANCHE", "QUALIFIEE", "VALIDEE", "PROVISOIRE", "MASCULIN", "FEMININ", "HOMME", "FEMME", "INCONNU",
    "INCONNUE", "SITUATION", "PROFESSION", "RETRAITE", "RETRAITEE",
))  # fmt: skip
"""Capitalised words of letterheads that are nobody's name."""

MAYBE_NAMES = frozenset((
    "VILLE", "COMMUNE", "FRANCE", "PARIS", "LYON", "MARSEILLE", "PLACE", "JANVIER", "FEVRIER", "MARS", "AVRIL", "MAI",
    "JUIN", "JUILLET", "AOUT", "SEPTEMBRE", "OCTOBRE", "NOVEMBRE", "DECEMBRE", "LUNDI", "MARDI", "MERCREDI", "JEUDI",
    "VENDREDI", "SAMEDI", "DIMANCHE", "UN", "LE", "DU", "SON", "PAGE", "POLE", "J", "IL", "CH", "PROFESSION",
))  # fmt: skip
"""Those of NOT_NAMES that are somebody's name all the same, where a label says that a name follows."""

ADDRESS = re.compile(
    r"(?<!\w)(?:RUE|AVENUE|AV|BD|BOULEVARD|PLACE|CHEMIN|IMPASSE|ALLEES?|COURS|QUAI|ROUTE|LOTISSEMENT|RESIDENCE|BATIMENT|BAT"
    r"|APPARTEMENT|APPT|CEDEX|MONTEE|SQUARE|LIEU[- ]DIT|ESCALIER)(?!\w)|(?<!\d)\d{5}[ ]+[A-Z]"
)
FEMALE = frozenset({"MME", "MADAME", "MLLE", "MADEMOISELLE", "F", "FEMININ", "FEMME", "FEMALE"})
MALE = frozenset({"M", "MR", "MONSIEUR", "H", "MASCULIN", "HOMME", "MALE"})
COUPLE = re.compile(
    r"\b(?:couples?|PMA|AMP|FIV|ICSI|procréation|spermogramme|fertilité|infertilité|conjugal\w*)\b", re.IGNORECASE
)
"""A page about two people together, each with their birth date."""
