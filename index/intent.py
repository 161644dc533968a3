"""What a question wants beside its words: the present state rather than the history, or a kind of document.

« dernier ECG », « HbA1c actuelle » want the newest of the documents that answer; « compte rendu opératoire » wants that
kind of document. Both move documents a little among those found: they bring in none and drop none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from access.identifiers import DocumentId
from index.analysis import fold

RECENCY = 0.2
"""Most that the newest of the documents looked at gains on the oldest, beside fused scores of 0 to 1."""
KIND = 0.12
LOOKED_AT = 60
"""Documents whose date and type are looked up, the best by words and meaning."""

_WORDS = """
dernier derniere derniers dernieres recent recente recents actuel actuelle actuellement actuels aujourd latest last
current currently newest
"""
_RECENT = frozenset(_WORDS.split())
_KINDS: tuple[tuple[tuple[str, ...], frozenset[str]], ...] = (
    (("compte", "rendu", "operatoire"), frozenset({"34874-8", "11505-5"})),
    (("cro",), frozenset({"34874-8", "11505-5"})),
    (("lettre", "liaison"), frozenset({"11490-0"})),
    (("lettre", "sortie"), frozenset({"11490-0"})),
    (("compte", "rendu", "hospitalisation"), frozenset({"34112-3", "11490-0"})),
    (("crh",), frozenset({"34112-3", "11490-0"})),
    (("compte", "rendu", "consultation"), frozenset({"11488-4"})),
    (("ordonnance",), frozenset({"57828-6", "57832-8", "57833-6"})),
    (("anapath",), frozenset({"60568-3"})),
    (("compte", "rendu", "imagerie"), frozenset({"18748-4"})),
    (("compte", "rendu", "urgences"), frozenset({"15507-7", "60280-5"})),
    (("compte", "rendu", "anesthesie"), frozenset({"34749-2", "77436-4"})),
    (("rcp",), frozenset({"34794-8"})),
    (("certificat",), frozenset({"89601-9", "CERT_DECL"})),
    (("directives", "anticipees"), frozenset({"EXPPAT_3"})),
    (("arret", "travail"), frozenset({"PRESC-AAT"})),
    (("remboursement",), frozenset({"REMB"})),
    (("remboursements",), frozenset({"REMB"})),
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a document beside its words."""

    type_code: str
    event_date: date | None


@dataclass(frozen=True, slots=True)
class Intent:
    """recent: the newest first among what answers. type_codes: kinds of document named by the question."""

    recent: bool = False
    type_codes: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return self.recent or bool(self.type_codes)

    def bonus(self, documents: Sequence[DocumentId], facts: Mapping[DocumentId, Facts]) -> dict[DocumentId, float]:
        """What each document gains: by its place among the dates of those looked at, and by its kind."""
        gains = dict.fromkeys(documents, 0.0)
        dated = {d: facts[d].event_date for d in documents if d in facts}
        days = sorted({day for day in dated.values() if day is not None})
        for document in documents:
            day = dated.get(document)
            if self.recent and day is not None and len(days) > 1:
                gains[document] += RECENCY * days.index(day) / (len(days) - 1)
            if document in facts and facts[document].type_code in self.type_codes:
                gains[document] += KIND
        return gains


def intent_of(text: str) -> Intent:
    """The intent of a question's text; an empty one for most."""
    words = [fold(word) for word in text.replace("'", " ").replace("\u2019", " ").split()]
    codes = (codes for names, codes in _KINDS if _in_order(names, words))
    return Intent(not _RECENT.isdisjoint(words), frozenset().union(*codes))


def _in_order(names: tuple[str, ...], words: Sequence[str]) -> bool:
    """Whether the words hold these names in order, with small words between."""
    rest = iter(words)
    return all(name in rest for name in names)
