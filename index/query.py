"""What a person types to what is asked: a forgiving language, in French and English. Any string parses.

    words                     créatinine élevée          all help, none is demanded
    "a phrase"                "cancer du sein"           demanded, word after word
    -word  NOT word           allergie -pollen           passages with that word are left out
    a OR b, a OU b            fièvre OU frissons         either
    begin*                    cardio*                    words of the record that begin so
    field:value               type:biologie auteur:Haddad spécialité:cardiologie depuis:2023 avant:2020 absent:fièvre
    @list  -@list             @anticoagulants           one term of a list: of the vocabulary, or one's own

A field that is not known, a value that is not understood, a lone sign: each is read as plain words. `said` puts the
reading back into words for the person who asked.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date

from access.document_types import TYPES
from index.analysis import fold

_PIECES = re.compile(
    r"""
    (?P<minus>(?<!\S)[-\u2212](?=[^\W\d_]|["\u00ab@]))?
    (?:(?P<field>[^\W\d_]{2,14})\s?:\s?(?=[\w"\u00ab]))?
    (?:"(?P<quoted>[^"]*)"|\u00ab\s*(?P<guillemets>[^\u00bb\u00ab]*)\u00bb|(?P<plain>[^\s"\u00ab]+))
    """,
    re.VERBOSE,
)
_FIELDS = {
    "type": "type", "auteur": "author", "author": "author", "par": "author", "medecin": "author",
    "specialite": "specialty", "specialty": "specialty", "service": "specialty",
    "organisation": "organization", "organization": "organization", "hopital": "organization",
    "etablissement": "organization", "depuis": "since", "since": "since", "apres": "since", "after": "since",
    "avant": "before", "before": "before", "jusque": "before", "annee": "year", "year": "year", "en": "year",
    "date": "year", "absent": "absent", "absence": "absent", "sans": "absent",
}  # fmt: skip
_DATE = re.compile(r"(?:(?P<d>\d{1,2})[/.])?(?:(?P<m>\d{1,2})[/.])?(?P<y>\d{4})|(?P<iso>\d{4}-\d\d(?:-\d\d)?)")
_SHORT = {
    "biologie": ("11502-2",), "labo": ("11502-2",), "laboratory": ("11502-2",), "imagerie": ("18748-4",),
    "imaging": ("18748-4",), "radio": ("18748-4",), "ordonnance": ("57833-6", "57828-6", "57832-8"),
    "prescription": ("57833-6", "57828-6", "57832-8"), "consultation": ("11488-4",), "cro": ("34874-8",),
    "operatoire": ("34874-8",), "hospitalisation": ("34112-3", "11490-0"), "sortie": ("11490-0",),
    "crh": ("34112-3", "11490-0"), "urgences": ("15507-7", "60280-5"), "anapath": ("60568-3",),
    "vaccination": ("11369-6", "87273-9"), "vaccin": ("11369-6", "87273-9"), "certificat": ("89601-9", "CERT_DECL"),
    "rcp": ("34794-8",), "synthese": ("60591-5", "SYNTH", "34133-9"), "vsm": ("60591-5",),
    "directives": ("EXPPAT_3",), "anesthesie": ("34749-2", "77436-4"), "remboursement": ("REMB",),
    "report": ("11488-4", "34112-3"), "lettre": ("11490-0", "96349-6"),
}  # fmt: skip


LIST_NAME = re.compile(r"@([^\W_][\w-]{0,39})[^\w\s]*")
"""A list's name behind its sign, as typed; it is compared folded (`list_name`)."""
Lists = Callable[[str], tuple[str, ...]]
"""The terms of a list by its name (`list_name`); none when there is no such list, and its name is then a word."""
MOST_CALLED = 10
"""Lists that one question calls; what else is called is read as words."""
MOST_SAID = 6
"""Terms of a list said with an answer."""
MOST_BESIDE = 8
"""Words beside a phrase: a longer text that holds quotation marks is a sentence that quotes, and demands nothing."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A list called by its name, and its terms."""

    name: str
    terms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Query:
    """A typed question, understood. Texts keep the spelling that was typed."""

    text: str  # what words and meaning are asked with: the plain words, the phrases, the words to be absent
    phrases: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    either: tuple[tuple[str, ...], ...] = ()
    prefixes: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    type_codes: frozenset[str] = frozenset()
    types: tuple[str, ...] = ()  # as typed
    authors: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    specialties: tuple[str, ...] = ()
    date_from: date | None = None
    date_to: date | None = None
    listed: tuple[Listed, ...] = ()
    without_listed: tuple[Listed, ...] = ()
    said: tuple[str, ...] = field(default=(), compare=False)

    @property
    def is_plain(self) -> bool:
        """Whether it holds nothing but words."""
        return self == Query(self.text)


@dataclass(slots=True)
class _Draft:
    """What was read so far."""

    words: list[str]
    query: Query
    alternatives: list[str]
    lists: Lists
    joining: bool = False


def no_lists(_: str) -> tuple[str, ...]:
    """For who has no list."""
    return ()


def list_name(name: str) -> str:
    """A list's name as it is compared: words folded, joined by hyphens."""
    return "-".join(filter(None, (fold(part) for part in re.split(r"[\s_-]+", name))))


def parse(typed: str, lists: Lists = no_lists) -> Query:
    """The Query of any string. Never raises; signs without a meaning are dropped or read as words."""
    draft = _Draft([], Query(""), [], lists)
    for piece in _PIECES.finditer(typed):
        _read(draft, piece)
    _close(draft)
    query = replace(draft.query, text=" ".join(draft.words))
    if _beside(query) > MOST_BESIDE:
        query = replace(query, phrases=())
    return replace(query, said=tuple(_said(query)))


def _beside(query: Query) -> int:
    """Words beside the phrases."""
    return len(query.text.split()) - sum(len(phrase.split()) for phrase in query.phrases)


def _read(draft: _Draft, piece: re.Match[str]) -> None:
    quoted = piece["quoted"] if piece["quoted"] is not None else piece["guillemets"]
    value = (quoted if quoted is not None else piece["plain"]).strip()
    if quoted is None and not piece["field"] and not piece["minus"] and value in {"OR", "OU", "|", "ou|"}:
        draft.joining = bool(draft.words)
        return
    if quoted is None and not piece["field"] and value in {"AND", "ET", "&", "+"}:
        return
    if not any(character.isalnum() for character in value):
        return
    name = _FIELDS.get(fold(piece["field"])) if piece["field"] else None
    if quoted is None and not piece["field"] and _called(draft, value, left_out=bool(piece["minus"])):
        return
    if piece["minus"]:
        draft.query = replace(draft.query, without=(*draft.query.without, value))
    elif name and _narrowed(draft, name, value):
        pass
    elif quoted is not None:
        draft.query = replace(draft.query, phrases=(*draft.query.phrases, value))
        _add(draft, value)
    elif value.endswith("*") and len(value.rstrip("*")) > 1:
        draft.query = replace(draft.query, prefixes=(*draft.query.prefixes, value.rstrip("*")))
        _add(draft, value.rstrip("*"))
    else:
        _add(draft, f"{piece['field']} {value}" if piece["field"] else value)


def _called(draft: _Draft, value: str, *, left_out: bool) -> bool:
    """Take a list by its name; False when it is none."""
    found = LIST_NAME.fullmatch(value)
    terms = draft.lists(list_name(found[1])) if found else ()
    if found is None or not terms:
        return False
    listed, query = Listed(list_name(found[1]), terms), draft.query
    if listed in (query.without_listed if left_out else query.listed):
        return True
    if len(query.listed) + len(query.without_listed) == MOST_CALLED:
        return False
    if left_out:
        draft.query = replace(query, without_listed=(*query.without_listed, listed))
    else:
        draft.query = replace(query, listed=(*query.listed, listed))
    return True


def _add(draft: _Draft, text: str) -> None:
    """A word of the question; after OR, another choice beside the word before it."""
    if draft.joining:
        if not draft.alternatives:
            draft.alternatives.append(draft.words[-1])
        draft.alternatives.append(text)
        draft.joining = False
    else:
        _close(draft)
    draft.words.append(text)


def _close(draft: _Draft) -> None:
    if draft.alternatives:
        draft.query = replace(draft.query, either=(*draft.query.either, tuple(draft.alternatives)))
        draft.alternatives = []


def _narrowed(draft: _Draft, name: str, value: str) -> bool:
    """Take a field's value; False when it is not understood, and is then read as words."""
    query = draft.query
    if name == "absent":
        draft.query = replace(query, absent=(*query.absent, value))
        _add(draft, value)
        return True
    if name == "type":
        codes = type_codes_of(value)
        if codes:
            draft.query = replace(query, type_codes=query.type_codes | codes, types=(*query.types, value))
        return bool(codes)
    if name in {"since", "before", "year"}:
        bounds = _bounds(value)
        if bounds is None:
            return False
        first, last = bounds
        if name != "before":
            draft.query = query = replace(query, date_from=max(filter(None, (query.date_from, first))))
        if name != "since":
            end = first.fromordinal(max(1, first.toordinal() - 1)) if name == "before" else last
            draft.query = replace(query, date_to=min(filter(None, (query.date_to, end))))
        return True
    if name == "author":
        draft.query = replace(query, authors=(*query.authors, value))
    elif name == "organization":
        draft.query = replace(query, organizations=(*query.organizations, value))
    else:
        draft.query = replace(query, specialties=(*query.specialties, value))
    return True


def type_codes_of(value: str) -> frozenset[str]:
    """Document types that a word names: a code, a usual short name, a category or words of a label."""
    folded = fold(value)
    if value in TYPES:
        return frozenset({value})
    if folded in _SHORT:
        return frozenset(_SHORT[folded])
    if folded.endswith("s") and folded[:-1] in _SHORT:
        return frozenset(_SHORT[folded[:-1]])
    words = [fold(word) for word in value.split() if len(word) > 2]
    return frozenset(code for code, (label, _) in TYPES.items() if words and all(word in fold(label) for word in words))


def _bounds(value: str) -> tuple[date, date] | None:
    """The first and last day of a year, a month or a day; None for what is none of them."""
    found = _DATE.fullmatch(value)
    if found is None:
        return None
    if found["iso"]:
        parts = [int(part) for part in found["iso"].split("-")]
        year, month, day = (*parts, 0, 0)[:3]
    else:
        day, month, year = (int(found[name] or 0) for name in ("d", "m", "y"))
        if day and not month:
            day, month = 0, day
    try:
        first = date(year, month or 1, day or 1)
        last = first if day else date(year, month or 12, calendar.monthrange(year, month or 12)[1])
    except ValueError:
        return None
    return first, last


def _said(query: Query) -> list[str]:
    """The reading in words, a line each; nothing for a question of plain words."""
    said = [f"expression exacte : « {phrase} »" for phrase in query.phrases]
    said += [f"sans : « {word} »" for word in query.without]
    said += [f"un terme de la liste « {each.name} » : {_some(each)}" for each in query.listed]
    said += [f"sans aucun terme de la liste « {each.name} » : {_some(each)}" for each in query.without_listed]
    said += ["l'un ou l'autre : " + " ou ".join(f"« {each} »" for each in choice) for choice in query.either]
    said += [f"mots qui commencent par « {begin} »" for begin in query.prefixes]
    said += [f"dit absent : « {word} »" for word in query.absent]
    said += [f"type : {each}" for each in query.types]
    said += [f"auteur : {each}" for each in query.authors]
    said += [f"organisation : {each}" for each in query.organizations]
    said += [f"spécialité : {each}" for each in query.specialties]
    if query.date_from:
        said.append(f"à partir du {query.date_from:%d/%m/%Y}")
    if query.date_to:
        said.append(f"jusqu'au {query.date_to:%d/%m/%Y}")
    return said


def _some(listed: Listed) -> str:
    """The first terms of a list, and how many there are."""
    more = len(listed.terms) - MOST_SAID
    return ", ".join(listed.terms[:MOST_SAID]) + (f"… ({len(listed.terms)} termes)" if more > 0 else "")
