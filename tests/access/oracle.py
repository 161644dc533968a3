"""The access rules told a second time, per document and per person, without reading access/decide.py.

Written from ACCESS.md "Who may look" alone: plain dicts and questions, no Scope, no category sets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime


@dataclass
class Paper:
    """One document of a record."""

    category: str
    masked: bool = False
    hidden: bool = False  # from the patient
    status: str = "approved"
    author: str = ""


@dataclass
class Paperwork:
    """One recorded consent."""

    holder: tuple[str, str]  # ("practitioner" | "organization" | "team", name)
    only: set[str] | None
    start: datetime
    end: datetime | None = None
    revoked: bool = False
    traitant: bool = False


@dataclass
class Person:
    """Who asks."""

    role: str
    name: str
    works_at: set[str] = field(default_factory=set)
    teams: set[str] = field(default_factory=set)
    why: str = "care"


@dataclass
class World:
    """A patient's record and what is decided about it."""

    patient: str
    known: bool = True
    also: set[str] = field(default_factory=set)  # identities merged into the patient
    closed: bool = False
    blocked: set[str] = field(default_factory=set)
    papers: dict[str, Paper] = field(default_factory=dict)
    paperwork: list[Paperwork] = field(default_factory=list)


def holds(person: Person, consent: Paperwork, now: datetime) -> bool:
    """Whether the consent is alive and in the hands of this person."""
    alive = not consent.revoked and consent.start <= now and (consent.end is None or now < consent.end)
    kind, name = consent.holder
    mine = name in {"practitioner": {person.name}, "organization": person.works_at, "team": person.teams}[kind]
    return alive and mine


def may_see(world: World, person: Person, paper_name: str, now: datetime) -> bool:
    """Whether this person may see this document now."""
    paper = world.papers.get(paper_name)
    if paper is None or not world.known or paper.status != "approved":
        return False
    if person.role == "patient":
        theirs = person.name in {world.patient} | world.also
        return person.why == "self" and theirs and (not paper.hidden or paper.author == person.name)
    if person.role != "practitioner" or person.why != "care" or world.closed or person.name in world.blocked:
        return False
    in_hand = [consent for consent in world.paperwork if holds(person, consent, now)]
    covered = any(consent.only is None or paper.category in consent.only for consent in in_hand)
    traitant = any(c.traitant and c.only is None and c.holder[0] == "practitioner" for c in in_hand)
    return covered and (not paper.masked or traitant or paper.author == person.name)


def answers_the_door(world: World, person: Person, now: datetime) -> bool:
    """Whether a patient or a professional meets the closed door rather than a record, which may show nothing."""
    if not world.known:
        return True
    if person.role == "patient":
        return person.why != "self" or person.name not in {world.patient} | world.also
    shut = world.closed or person.name in world.blocked or person.why != "care"
    return shut or not any(holds(person, c, now) and c.only != set() for c in world.paperwork)


def may_read_the_journal(world: World, person: Person, now: datetime) -> bool:
    """Whether this person may read who looked: the patient and the médecin traitant, if they may enter at all."""
    if answers_the_door(world, person, now) or person.role not in ("patient", "practitioner"):
        return False
    whole = [c for c in world.paperwork if c.traitant and c.only is None and c.holder == ("practitioner", person.name)]
    return person.role == "patient" or any(holds(person, consent, now) for consent in whole)
