"""The access rules told a second time, per document and per person, without reading access/decide.py.

Written from ACCESS.md "Who may look" alone: plain dicts and questions, no Scope, no category sets, and a matrix of
five trades written by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

CATEGORY = {
    "11488-4": "report",
    "68599-0": "summary",
    "11502-2": "biology",
    "18748-4": "imaging",
    "EXPPAT_2": "patient_note",
    "EXPPAT_3": "directive",
    "": "other",
}
"""The types that the worlds use, and their categories; any other code is one that nobody knows."""
TRADES: dict[str, set[str]] = {
    "médecin": set(CATEGORY),  # a type that is not stated could be any: for who sees all
    "infirmier": {"11488-4", "11502-2", "18748-4", "EXPPAT_2", "EXPPAT_3"},
    "aide-soignant": {"EXPPAT_3"},
    "médecin du travail": set(),
    "astrologue": set(),
}
EMERGENCY_TRADES = {"médecin", "infirmier"}
PURPOSES = {"cause_of_death", "memory", "rights"}


@dataclass
class Paper:
    """One document of a record."""

    kind: str = "11488-4"
    masked: bool = False
    hidden: datetime | None = None  # from the patient, since then
    secret: bool = False  # from representatives
    status: str = "approved"
    author: str = ""
    owner: str = ""  # the identity it stands under; empty for the record's own


@dataclass
class Paperwork:
    """One recorded consent."""

    holder: tuple[str, str]  # ("practitioner" | "organization" | "team", name)
    only: set[str] | None
    start: datetime
    end: datetime | None = None
    revoked: bool = False
    kind: str = "consent"


@dataclass
class Kin:
    """Somebody who may look for the patient."""

    person: str
    kind: str
    start: datetime
    end: datetime | None = None
    ended: bool = False
    consented: bool = False
    approved: bool = False
    purpose: str = ""
    only: set[str] | None = None


@dataclass
class Glass:
    """An emergency access."""

    person: str
    start: datetime
    end: datetime
    ended: bool = False


@dataclass
class Person:
    """Who asks."""

    role: str
    name: str
    works_at: set[str] = field(default_factory=set)
    teams: set[str] = field(default_factory=set)
    why: str = "care"
    trade: str = "médecin"
    regulates: bool = False


@dataclass
class Stay:
    """An episode of care that a hospital announced, and whom its team names."""

    team: set[str] = field(default_factory=set)


@dataclass
class World:
    """A patient's record and what is decided about it."""

    patient: str
    known: bool = True
    also: set[str] = field(default_factory=set)  # identities merged into the patient
    closed: bool = False
    blocked: set[str] = field(default_factory=set)
    opposed: set[str] = field(default_factory=set)
    papers: dict[str, Paper] = field(default_factory=dict)
    paperwork: list[Paperwork] = field(default_factory=list)
    kin: list[Kin] = field(default_factory=list)
    glass: list[Glass] = field(default_factory=list)
    stays: dict[str, Stay] = field(default_factory=dict)


def holds(person: Person, consent: Paperwork, now: datetime) -> bool:
    """Whether the consent is alive and in the hands of this person."""
    alive = not consent.revoked and consent.start <= now and (consent.end is None or now < consent.end)
    kind, name = consent.holder
    mine = name in {"practitioner": {person.name}, "organization": person.works_at, "team": person.teams}[kind]
    if consent.kind == "attested":
        short = consent.end is not None and consent.end - consent.start <= timedelta(hours=24)
        return alive and mine and short and kind == "practitioner"
    if consent.kind == "care_team" and kind != "team":
        return False
    return alive and mine


def is_traitant(world: World, person: Person, now: datetime) -> bool:
    return any(
        c.kind in ("medecin_traitant", "as_traitant") and c.only is None and c.holder == ("practitioner", person.name)
        for c in world.paperwork
        if holds(person, c, now)
    )


def kinship(world: World, person: Person, now: datetime) -> set[str]:
    """The categories that a person's relations to the patient open."""
    opened: set[str] = set()
    for kin in world.kin:
        alive = not kin.ended and kin.start <= now and (kin.end is None or now < kin.end)
        if kin.person != person.name or not alive:
            continue
        if kin.kind == "guardian" or (kin.kind == "curator" and kin.consented):
            opened |= set(CATEGORY.values())
        if kin.kind == "legal_representative" and kin.end is not None:
            opened |= set(CATEGORY.values())
        lawful = kin.approved and kin.purpose in PURPOSES and kin.end is not None and "heirs" not in world.opposed
        if kin.kind in ("heir", "partner") and lawful:
            opened |= kin.only or set()
    return opened


def broke_glass(world: World, person: Person, now: datetime) -> bool:
    if person.trade not in EMERGENCY_TRADES or "break_glass" in world.opposed:
        return False
    return any(
        g.person == person.name and not g.ended and g.start <= now < g.end and now < g.start + timedelta(hours=6)
        for g in world.glass
    )


def covers(world: World, person: Person, category: str, now: datetime) -> bool:
    """Whether something opens this category to a professional, whatever the matrix and the masks say."""
    if world.closed or person.name in world.blocked:
        return False
    if person.why == "regulation":
        return person.regulates and person.trade == "médecin" and "centre_15" not in world.opposed
    if person.why != "care":
        return False
    granted = any((c.only is None or category in c.only) and holds(person, c, now) for c in world.paperwork)
    return granted or broke_glass(world, person, now)


def may_see(world: World, person: Person, paper_name: str, now: datetime, *, all_states: bool = False) -> bool:
    """Whether this person may see this document now."""
    paper = world.papers.get(paper_name)
    if paper is None or not world.known or (paper.status != "approved" and not all_states):
        return False
    mine = paper.author == person.name
    category = CATEGORY.get(paper.kind, "other")
    if person.role == "patient":
        unannounced = paper.hidden is not None and now < paper.hidden + timedelta(days=31) and not mine
        if person.why != "self" or unannounced:
            return False
        if person.name in {world.patient} | world.also:
            return True
        return category in kinship(world, person, now) and (not paper.secret or mine)
    if person.role != "practitioner" or paper.kind not in TRADES[person.trade]:
        return False
    unmasked = not paper.masked or mine or is_traitant(world, person, now)
    return covers(world, person, category, now) and unmasked


def answers_the_door(world: World, person: Person, now: datetime) -> bool:
    """Whether a patient or a professional meets the closed door rather than a record, which may show nothing."""
    if not world.known:
        return True
    if person.role == "patient":
        own = person.name in {world.patient} | world.also
        return person.why != "self" or not (own or kinship(world, person, now))
    return not any(covers(world, person, category, now) for category in CATEGORY.values())


def may_read_the_journal(world: World, person: Person, now: datetime) -> bool:
    """Whether this person may read who looked: the patient and the médecin traitant, if they may enter at all."""
    if answers_the_door(world, person, now) or person.role not in ("patient", "practitioner"):
        return False
    if person.role == "patient":
        return person.name in {world.patient} | world.also
    return person.why == "care" and is_traitant(world, person, now)


def may_know_of_stay(world: World, person: Person, stay: str, now: datetime) -> bool:
    """Whether this person may know of an episode: the patient, the médecin traitant, and among the professionals who
    may enter, those of its team. Nobody who looks for the patient: none of their words says which stay is secret."""
    if may_read_the_journal(world, person, now):
        return True
    enters = person.role == "practitioner" and not answers_the_door(world, person, now)
    return enters and person.name in world.stays[stay].team
