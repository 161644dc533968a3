"""Emergency cards kept in memory, the last used ones: building one from 20,000 facts takes most of a second.

A card is kept under everything that it is made of: the edition of the facts that the Scope tells, the identity, what
was read, the day. So a mask, a new document or a new birth date makes another card on the very next request, and two
callers share one only where both are told exactly the same.
"""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from threading import Lock

from access.identifiers import DocumentId, PatientId
from access.scope import Caller, CallerKind, Purpose, Scope
from clinical.card import Card, Read, emergency_card
from clinical.text.edition import rules_edition
from records import documents, facts, patients
from records.coverage import covered
from records.database import Records, Tx
from records.fact import Fact, FactKind, FactSource, Period, Quantity, Quote, Told
from records.fact_editions import edition
from search_api.card_views import SectionView

MOST = 64
"""A card of 200 lines takes about half a megabyte with its facts: 32 MB."""


class Kept:
    """A card, and its sections as last drawn: under the titles and authors of the documents that it shows."""

    def __init__(self, card: Card) -> None:
        self.card = card
        self._drawn: tuple[object, list[SectionView]] | None = None

    def drawn(self, marks: object, draw: Callable[[Card], list[SectionView]]) -> list[SectionView]:
        """The sections for these marks: drawn again when a document shown has another title, date or author."""
        last = self._drawn
        if last is None or last[0] != marks:
            last = self._drawn = (marks, draw(self.card))
        return last[1]


@contextmanager
def _no_collection() -> Iterator[None]:
    """Python's cycle collector looks at every fact several times while thousands are made: a third of a card's time.
    One card is made at a time, and nothing in it is a cycle."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


class Cards:
    """Thread-safe. One card is built at a time: eight requests for a new one wait for one, and share it."""

    def __init__(self) -> None:
        self._cards: OrderedDict[object, Kept] = OrderedDict()
        self._lock, self._building = Lock(), Lock()

    def take(self, tx: Tx, scope: Scope, read: Read, today: date) -> Kept:
        """The Scope's card for that day."""
        identity = patients.identity_of(tx, scope)
        key = (edition(tx, scope), identity, read, today)
        if (found := self._kept(key)) is not None:
            return found
        with self._building:
            if (found := self._kept(key)) is not None:
                return found
            with _no_collection():
                card = Kept(emergency_card(facts.told(tx, scope), identity, today, read))
            with self._lock:
                self._cards[key] = card
                while len(self._cards) > MOST:
                    self._cards.popitem(last=False)
        return card

    def _kept(self, key: object) -> Kept | None:
        with self._lock:
            if key in self._cards:
                self._cards.move_to_end(key)
            return self._cards.get(key)


def warm(records: Records, now: datetime) -> None:
    """What the first card of a process would pay for: tables are read, statements compiled, by the card of nobody."""
    nobody = PatientId("")
    scope = Scope(Caller(CallerKind.SYSTEM, "warm"), nobody, Purpose.CARE)
    said = [
        Fact(kind, label, Quote(1, 0, len(label), label), FactSource.TEXT, value=value, when=Period("2020"))
        for kind, label, value in _WARMING
    ]
    told = [Told(fact, "", now.date()) for fact in said]
    emergency_card(told, patients.Identity(None, "", "", "", None, "", ""), now.date(), Read())
    with records.read() as tx:
        edition(tx, scope)
        facts.told(tx, scope)
        facts.standing(tx, scope, rules_edition())
        covered(tx, scope)
        documents.get_documents(tx, scope, [DocumentId("")])


_WARMING = (
    (FactKind.ALLERGY, "pénicilline", None),
    (FactKind.MEDICATION, "apixaban", None),
    (FactKind.CONDITION, "épilepsie", None),
    (FactKind.IMPLANT, "stent", None),
    (FactKind.IMMUNIZATION, "tétanos", None),
    (FactKind.LAB_RESULT, "créatinine", Quantity("1,2", unit="mg/dL")),
)
