"""Section titles of French medical texts: the known ones, and lines in capitals that look like one.

The two lists hold plain words, upper case without accents, so that a clinician can review them.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

HEADS = """
antecedents antecedent atcd atcds allergies allergie intolerances terrain
traitements traitement ordonnance prescriptions prescription medicaments
motif motifs histoire anamnese historique hdm rappel contexte renseignements indication indications
habitus facteurs autonomie examen examens constantes symptomes
biologie bilan resultats resultat imagerie explorations
intervention gestes suites suite actes evolution discussion hypotheses tolerance
conclusion conclusions synthese diagnostic diagnostics avis interpretation
conduite cat propositions proposition recommandations suivi surveillance devenir sortie
vaccinations vaccination vaccins directives
"""
"""A title begins with one of these words..."""

EXAMINATIONS = """
paraclinique hematologie biochimie hemostase bacteriologie numeration hemogramme ionogramme
serologies serologie immunologie microbiologie ecbu hormonologie
radiologie radiographie scanner irm echographie ecg echocardiographie mammographie technique protocole anesthesie
"""
"""...or, when it has its line to itself, with one of these: "ECBU : stérile" is a result, not a section."""

QUALIFIERS = """
a au aux d de des du en et l la le les ou un une son
personnels personnel familiaux medicaux medical chirurgicaux medico gyneco obstetricaux gynecologiques allergiques
connues connue medicamenteuses medicamenteuse alimentaires intolerances allergies intolerance
cours habituels habituel fond actuels actuel anterieurs anterieur entree admission sortie domicile arrivee propose
recu administres urgences retour prescrit prescrits
consultation hospitalisation recours venue examen demande passage
maladie histoire recente cliniques clinique vie mode social risque cardiovasculaires cardiovasculaire cardio vasculaire
physique neurologique cardiologique pulmonaire abdominal general local complementaires complementaire paracliniques
biologique biologiques sanguin urinaire sortant standard realises realise
dans service patient patiente operatoires operatoire diagnostiques principal associes associe retenus retenu
tenir therapeutique therapeutiques prise charge anticipees medicale medicales medicaments
anapath anatomopathologique radiologique scanographique echographique
"""
"""...and goes on with these only."""

PERSON = """
m mr mme mlle dr pr monsieur madame docteur professeur ne nee rue avenue boulevard cedex
"""
"""A line in capitals with one of these is a name or an address."""

FIXED = frozenset({"au total", "mode de vie", "prise en charge", "compte rendu operatoire", "personne de confiance"})

_HEADS = frozenset(HEADS.split())
_EXAMINATIONS = frozenset(EXAMINATIONS.split())
_QUALIFIERS = frozenset(QUALIFIERS.split())
_LONGEST = 80
_WORDS = re.compile(r"[^\W\d_]+")
_INLINE = re.compile(r"[ \t]*[:：](?=\s|$)")
_LEAD = re.compile(r"\s*(?:(?:\d{1,2}|[IVX]{1,4})[.)°/-]*\s+|[•▪■●◦*#=-]+\s*)?")
_TAIL = re.compile(r"[\s:=*#_.\-]*$")
_PERSON = frozenset(PERSON.split())


@dataclass(frozen=True, slots=True)
class Heading:
    """A title that begins its line; `alone` when the line holds nothing else."""

    title: str
    alone: bool
    known: bool


def heading_of(line: str) -> Heading | None:
    """The title that `line` is or begins with ("Allergies : aucune"), or None.

    `known` is False for a line in capitals that no list holds: whether it is a title depends on its neighbours.
    """
    body = line[_LEAD.match(line).end() :]  # type: ignore[union-attr]
    if not body[:1].isupper():
        return None
    colon = _INLINE.search(body[:_LONGEST])
    if colon is not None:
        alone = not body[colon.end() :].strip()
        if _is_known(body[: colon.start()], alone):
            return Heading(body[: colon.start()].strip(), alone, True)
    title = body[: _TAIL.search(body).start()]  # type: ignore[union-attr]
    if not title or len(title) > _LONGEST:
        return None
    if _is_known(title, True) and not body.rstrip().endswith("."):
        return Heading(title, True, True)
    return Heading(title, True, False) if _is_capitals(title) else None


def _is_known(title: str, alone: bool) -> bool:
    words = _WORDS.findall(_fold(title))
    if not words or len(words) > 8 or any(one.isdigit() for one in title):
        return False
    begins = words[0] in _HEADS or (alone and words[0] in _EXAMINATIONS)
    return " ".join(words) in FIXED or (begins and _QUALIFIERS.issuperset(words[1:]))


def _is_capitals(title: str) -> bool:
    words = _WORDS.findall(title)
    if not words or len(words) > 8 or len("".join(words)) < 4 or any(one.isdigit() or one in "\t|@" for one in title):
        return False
    return title == title.upper() and _PERSON.isdisjoint(_WORDS.findall(_fold(title))) and "  " not in title


def _fold(text: str) -> str:
    return "".join(one for one in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(one))
