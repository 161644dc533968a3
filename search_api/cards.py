"""Emergency cards kept in memory, the last used ones: building one from 20,000 facts takes most of a second.

A card is kept under everything that it is made of: the edition of the facts that the Scope tells, the identity, what
was read, the day. So a mask, a new document or a new birth date makes another card on the very next request, and two
callers share one only where both are told exactly the same.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import date
from threading import Lock

from access.scope import Scope
from clinical.card import Card, Read, emergency_card
from records import facts, patients
from records.database import Tx
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
