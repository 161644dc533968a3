"""Facts given to a document of a test's home, as reading it would have."""

from __future__ import annotations

import dataclasses
from typing import Any

from records import facts
from records.content import Page
from records.fact import Fact, Told
from tests.search_api.world import World


def say(world: World, document: str, *told: Told | Fact) -> None:
    """Make these the document's facts, and no others."""
    found = [each.fact if isinstance(each, Told) else each for each in told]
    with world.services.records.write() as tx:
        facts.keep(tx, world.documents[document], [dataclasses.replace(Page(1, ""), facts=tuple(found))])


def lines(card: Any, key: str) -> list[Any]:
    """A section's lines of a card's JSON."""
    return next(section["lines"] for section in card["sections"] if section["key"] == key)  # type: ignore[no-any-return]


def texts(card: Any, key: str) -> list[str]:
    return [line["text"] for line in lines(card, key)]
