"""A small home whose every state the oracle knows too: what is done to one is done to the other, then both are asked.

Two identities of one person (merged by a rule, at some moment), a relative, and five professionals. Each document holds
the word "commun" and a canary word that no other text holds.
"""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import text as sql

from access.categories import Category
from access.scope import Caller, CallerKind, Purpose, Scope
from records import documents, outbox
from records.documents import DocumentState
from records.episodes import Carer, Episode, Movement, announce, episodes
from records.fact import Fact, FactKind, FactSource, Quote
from records.patients import Identity
from tests.access import oracle
from tests.access.oracle import Paper, Person, answers_the_door, may_know_of_stay, may_read_the_journal, may_see
from tests.clinical.telling import dose, result
from tests.search_api.telling import lines, say
from tests.search_api.world import World, ins_of, open_world

DR1, DR2, NURSE, OCCUPATIONAL, AIDE = (f"1000000000{number}" for number in range(1, 6))
HOSPITAL, TEAM = "750000001", "t1"
CATEGORIES = ["report", "biology", "imaging", "summary", "directive", "other"]
TRADES = {
    DR1: ("médecin", "Médecine générale"),
    DR2: ("médecin", "Médecine d'urgence"),
    NURSE: ("infirmier", ""),
    OCCUPATIONAL: ("médecin du travail", ""),
    AIDE: ("aide-soignant", ""),
}
BORN = date(2008, 3, 20)  # comes of age nineteen days after the worlds begin
MAJORITY = datetime.fromisoformat("2026-03-19T23:00:00+00:00")
PAPERS = {  # name: (identity, type, who deposited it, canary)
    "consultation": ("ana", "11488-4", "ana", "zulbranek"),
    "biologie": ("ana", "11502-2", DR2, "mofitrule"),
    "psychiatrie": ("ana", "68599-0", DR1, "gazpertin"),
    "sans_type": ("ana", "", "test", "vorlimase"),
    "inconnu": ("ana", "99999-9", "test", "kripaldon"),
    "imagerie": ("bea", "18748-4", NURSE, "drovasuti"),
    "directives": ("bea", "EXPPAT_3", "bea", "pelnicrot"),
}
STAYS = {  # visit: (identity, whom its team names)
    "S-dr1": ("ana", (DR1,)),
    "S-urgences": ("ana", (DR2, NURSE)),
    "S-personne": ("ana", ()),
    "S-bea": ("bea", (DR1, AIDE)),
}
CANARIES = {name: canary for name, (_, _, _, canary) in PAPERS.items()}


def build_home(folder: Path) -> World:
    """The home before anything happened, closed; to be copied."""
    world = open_world(folder)
    for name, thirteen in (("ana", "2080375123456"), ("bea", "2080375123457"), ("kim", "1750375123456")):
        born = BORN if name != "kim" else date(1975, 3, 20)
        world.add_patient(name, Identity(ins_of(thirteen), "qualified", "DUPONT", name.upper(), born, "F", "75112"))
    for rpps, (profession, specialty) in TRADES.items():
        world.add_practitioner(
            rpps,
            profession=profession,
            specialty=specialty,
            regulates=rpps in (DR2, NURSE),
            organizations=(HOSPITAL,) if rpps in (DR1, NURSE, AIDE) else (),
            teams=(TEAM,) if rpps in (DR1, DR2) else (),
        )
    for name, (owner, _, by, canary) in PAPERS.items():
        text = f"Document commun. Le mot {canary} est ici, et {name} le porte."
        world.deposit(name, owner, text, by=world.patients.get(by, by))
    world.work()
    # On a machine so loaded that the sandbox did not start, a document waits unread, and every count would disagree.
    assert set(world.states().values()) == {DocumentState.SEARCHABLE}, world.states()
    for name, (_, kind, _, canary) in PAPERS.items():
        world.describe(name, kind, date(2025, 1, 1), name)
        tell(world, name, canary, "commun")
    world.work()
    for visit, (owner, team) in STAYS.items():
        announced(world, owner, visit, *team)
    world.close()
    return world


def announced(world: World, owner: str, visit: str, *team: str) -> None:
    """An episode that a hospital announces, with those whom it names and one whom it gives a number of its own."""
    now = world.clock.now
    people = (*(Carer("attending", f"DR {rpps}", rpps) for rpps in team), Carer("referring", "DR DEHORS", ""))
    with world.services.records.write() as tx:
        announce(tx, world.patients[owner], Movement(Episode(HOSPITAL, visit, now, "I", "CARDIO", now, team=people)))


def tell(world: World, name: str, *labels: str) -> None:
    """Make a document tell so many allergies, a laboratory result and a vaccine, whatever its text says."""
    quote = Quote(1, 0, 8, "Document")
    said = [Fact(FactKind.ALLERGY, label, quote, FactSource.STRUCTURED) for label in labels]
    say(world, name, *said, result("Potassium", "4,4", "mmol/L"), dose("Revaxis"))


@dataclass
class Stage:
    """The home and what the oracle believes of it, one world an identity until they are merged."""

    world: World
    beliefs: dict[str, oracle.World] = field(default_factory=dict)
    merged: bool = False
    quarantined: set[str] = field(default_factory=set)
    opened_for_ever: set[str] = field(default_factory=set)
    grants: list[tuple[str, str, oracle.Paperwork, str]] = field(default_factory=list)  # id, owner, belief, recorded by
    kin: list[tuple[str, str, oracle.Kin]] = field(default_factory=list)
    stays: dict[str, str] = field(default_factory=dict)  # visit: the name of its Encounter

    def __post_init__(self) -> None:
        with self.world.services.records.read() as tx:
            for owner in ("ana", "bea"):
                own = self.world.patients[owner]
                every = frozenset(Category)
                caller = Caller(CallerKind.PATIENT, own)
                scope = Scope(caller, own, Purpose.SELF, frozenset({own}), every, oversees=True)
                self.stays |= {one.visit: one.episode_id for one in episodes(tx, scope)}
        self.world.services = dataclasses.replace(self.world.services, knocks_an_hour=10**9)
        self.world.app.state.services = self.world.services
        for owner in ("ana", "bea"):
            self.beliefs[owner] = oracle.World(
                self.world.patients[owner],
                papers={
                    name: Paper(kind, author=self.world.patients.get(by, by), owner=whose)
                    for name, (whose, kind, by, _) in PAPERS.items()
                    if whose == owner
                },
                stays={visit: oracle.Stay(set(team)) for visit, (whose, team) in STAYS.items() if whose == owner},
            )

    @property
    def now(self) -> datetime:
        return self.world.clock.now

    def belief(self, patient: str) -> oracle.World:
        """What the oracle believes of the record found under this identity."""
        own = self.beliefs[patient]
        if not self.merged:
            return own
        other = self.beliefs["bea" if patient == "ana" else "ana"]
        return oracle.World(
            own.patient,
            also={other.patient},
            closed=own.closed or other.closed,
            blocked=own.blocked | other.blocked,
            opposed=own.opposed | other.opposed,
            papers=own.papers | other.papers,
            paperwork=own.paperwork + other.paperwork,
            kin=own.kin + other.kin,
            glass=own.glass + other.glass,
            stays=own.stays | other.stays,
        )

    def identities(self, patient: str) -> list[str]:
        return ["ana", "bea"] if self.merged else [patient]

    def paper(self, name: str) -> Paper:
        return self.beliefs[PAPERS[name][0]].papers[name]

    def person(self, who: str, *, regulation: bool = False) -> Person:
        """A caller in the oracle's words."""
        if who in ("ana", "bea", "kim"):
            return Person("patient", self.world.patients[who], why="self")
        return Person(
            "practitioner",
            who,
            works_at={HOSPITAL} if who in (DR1, NURSE, AIDE) else set(),
            teams={TEAM} if who in (DR1, DR2) else set(),
            why="regulation" if regulation else "care",
            trade=TRADES[who][0],
            regulates=who in (DR2, NURSE),
        )

    def headers(self, who: str, *, regulation: bool = False) -> dict[str, str]:
        if who in self.world.patients:
            return self.world.as_patient(who)
        return self.world.bearer(who) | ({"Purpose-Of-Use": "regulation"} if regulation else {})

    def ask(self, method: str, patient: str, path: str, who: str, *, regulation: bool = False, **body: Any) -> Any:
        sent = {"json": body} if body else {}
        headers = self.headers(who, regulation=regulation)
        return self.world.http.request(method, self.world.url(patient, path), headers=headers, **sent)

    def admin(self, method: str, path: str, **body: Any) -> Any:
        headers = self.world.bearer(role=CallerKind.ADMINISTRATOR)
        return self.world.http.request(method, path, headers=headers, **({"json": body} if body else {}))

    def merge(self) -> None:
        ids = self.world.patients
        with self.world.services.records.write() as tx:
            values = {"kept": ids["ana"], "merged": ids["bea"]}
            tx.session.execute(sql("UPDATE patients SET merged_into = :kept WHERE patient_id = :merged"), values)
        self.merged = True

    def remove(self, name: str) -> None:
        """Out of the index, into quarantine: nobody finds or opens it, its card stays for who may know of it."""
        document_id = self.world.documents[name]
        with self.world.services.records.write() as tx:
            documents.set_state(tx, document_id, DocumentState.QUARANTINED)
            fence = documents.next_fence(tx, document_id)
            document = documents.document_without_scope(tx, document_id)
            assert document is not None
            outbox.append(tx, document.patient_id, document_id, "remove", fence)
        self.world.work()
        self.quarantined.add(name)
        if self.paper(name).status == "deprecated":  # written by hand: no newer version stands behind it, so that
            self.paper(name).status = "approved"  # settling its versions, as every change of state does, approves it

    def visible(self, patient: str, person: Person, *, all_states: bool) -> set[str]:
        world = self.belief(patient)
        return {name for name in world.papers if may_see(world, person, name, self.now, all_states=all_states)}

    def compare(self, patient: str, who: str, draw: random.Random, *, channels: int) -> None:
        """Ask so many of the eight groups of read channels, drawn, and the oracle, and hold them to the same answer."""
        all_states, regulation = draw.random() < 0.3, who in TRADES and draw.random() < 0.2
        person, world = self.person(who, regulation=regulation), self.belief(patient)
        shut = answers_the_door(world, person, self.now) or not oracle.TRADES.get(person.trade)
        seen = self.visible(patient, person, all_states=all_states)
        suffix = "?all_states=true" if all_states else ""

        def get(path: str, **body: Any) -> Any:
            method = "POST" if body else "GET"
            return self.ask(method, patient, path + suffix, who, regulation=regulation, **body)

        groups = [
            lambda: self._compare_lists(get, shut, seen),
            lambda: self._compare_search(get, shut, seen, draw),
            lambda: self._compare_documents(get, shut, seen, draw),
            lambda: self._compare_facts(get, shut, seen),
            lambda: self._compare_oversight(get, shut, person, patient, seen),
            lambda: self._compare_card(get, shut, seen),
            lambda: self._compare_rounds(who),
            lambda: self._compare_stays(patient, who, shut, person, regulation=regulation),
        ]
        for group in draw.sample(groups, channels):
            group()

    @property
    def names(self) -> dict[str, str]:
        return {document: name for name, document in self.world.documents.items()}

    def _compare_lists(self, get: Any, shut: bool, seen: set[str]) -> None:
        listed = get("/documents")
        assert listed.status_code == (403 if shut else 200)
        assert shut or {self.names[each["id"]] for each in listed.json()["documents"]} == seen

    def _compare_search(self, get: Any, shut: bool, seen: set[str], draw: random.Random) -> None:
        found = get("/search", query="commun", limit=50)
        assert found.status_code == (403 if shut else 200)
        if shut:
            return
        searchable, names = seen - self.quarantined, self.names
        answer = found.json()
        assert {names[hit["document"]["id"]] for hit in answer["hits"]} == searchable
        counts = answer["total"], answer["coverage"]["searched"]
        assert counts == (len(searchable), len(searchable)), (counts, searchable, answer["coverage"])
        assert answer["coverage"]["quarantined"] == len(seen & self.quarantined)
        name = draw.choice(sorted(PAPERS))
        typed = CANARIES[name][:4] + "x" + CANARIES[name][5:]
        misspelt = get("/search", query=typed).json()
        expected = [CANARIES[name]] if name in searchable else []
        assert [each["to"] for each in misspelt["corrections"]] == expected, name
        assert misspelt["total"] == len(expected)

    def _compare_rounds(self, who: str) -> None:
        """Over one's patients: nobody whose door is shut, nothing that is not seen in the record itself."""
        answer = self.world.http.post("/v1/search", json={"query": "commun"}, headers=self.headers(who))
        person, ids = self.person(who), {self.world.patients[name]: name for name in self.beliefs}
        if who not in TRADES or not oracle.TRADES.get(person.trade):
            assert answer.status_code == 403
            return
        assert answer.status_code == 200
        for group in answer.json()["patients"]:
            patient = ids[group["patient"]["patient_id"]]
            assert not answers_the_door(self.belief(patient), person, self.now)
            searchable = self.visible(patient, person, all_states=False) - self.quarantined
            assert {self.names[hit["document"]["id"]] for hit in group["hits"]} <= searchable
            assert group["total"] == len(searchable)

    def _compare_facts(self, get: Any, shut: bool, seen: set[str]) -> None:
        """Every canary that may be told, and what all documents tell counted once, over as many as may be seen."""
        told, line = get("/facts"), get("/timeline")
        assert (told.status_code, line.status_code) == ((403, 403) if shut else (200, 200))
        if shut:
            return
        telling, names = seen - self.quarantined, self.names
        said = {each["label"]: each for each in told.json()["facts"] if each["kind"] == "allergy"}
        assert set(said) == {CANARIES[name] for name in telling} | ({"commun"} if telling else set())
        assert not telling or said["commun"]["documents"] == len(telling)
        assert {names[one["document"]["id"]] for each in said.values() for one in each["sources"]} == telling
        assert told.json()["coverage"]["searched"] == len(telling)
        shown = [each["document"]["id"] for each in line.json()["moments"] if each["kind"] == "document"]
        assert sorted(names[each] for each in shown) == sorted(telling)

    def _compare_card(self, get: Any, shut: bool, seen: set[str]) -> None:
        """The card, the series and the vaccines: what they tell, whence, and how many documents they say were read."""
        told, names = seen - self.quarantined, self.names
        answers = [get(path) for path in ("/emergency", "/observations", "/immunizations")]
        assert [each.status_code for each in answers] == [403 if shut else 200] * 3
        if shut:
            return
        card, series, _ = (each.json() for each in answers)
        allergies = {line["text"].split(" ")[2]: line for line in lines(card, "allergies")}
        assert set(allergies) == {CANARIES[name] for name in told} | ({"commun"} if told else set())
        shared = allergies.get("commun")
        assert not told or {names[one] for one in (shared["source"]["document_id"], *shared["also"])} == told
        points = [point for each in series["series"] for point in each["points"]]
        assert {names[one] for point in points for one in (point["source"]["document_id"], *point["also"])} == told
        for answer in (each.json() for each in answers):
            assert answer["read"]["documents"] == len(told)
            assert answer["read"]["quarantined"] == len(seen & self.quarantined)
        text = "".join(each.text for each in answers)
        assert not [name for name in PAPERS if name not in told and CANARIES[name] in text]

    def _compare_documents(self, get: Any, shut: bool, seen: set[str], draw: random.Random) -> None:
        name = draw.choice(sorted(PAPERS))
        url = f"/documents/{self.world.documents[name]}"
        rest = draw.choice(["/content", "/pages/1.png"])
        answers = [get(url).status_code, get(url + rest).status_code]
        if shut:
            assert answers == [403, 403]
        elif name not in seen:
            assert answers == [404, 404]
        else:
            assert answers == [200, 409 if name in self.quarantined else 200]

    def _compare_oversight(self, get: Any, shut: bool, person: Person, patient: str, seen: set[str]) -> None:
        granted, journal = get("/grants"), get("/journal")
        if shut:
            assert (granted.status_code, journal.status_code) == (403, 403)
            return
        reads = may_read_the_journal(self.belief(patient), person, self.now)
        known = {
            grant_id
            for grant_id, owner, belief, by in self.grants
            if owner in self.identities(patient) and self._knows(person, belief, by, oversees=reads)
        }
        assert {each["grant_id"] for each in granted.json()["grants"]} == known
        assert journal.status_code == (200 if reads else 403)
        unseen = {self.world.documents[name] for name in PAPERS if name not in seen}
        if reads:
            shown = {document for line in journal.json()["entries"] for document in line["documents"]}
            assert not shown & unseen

    def _compare_stays(self, patient: str, who: str, shut: bool, person: Person, *, regulation: bool) -> None:
        """The episodes under /v1 and in FHIR, searched and one by one: those of them that one may know of."""
        headers, record = self.headers(who, regulation=regulation), self.world.patients[patient]

        def get(path: str) -> Any:
            return self.world.http.get(path, headers=headers)

        plain, found = get(self.world.url(patient, "/episodes")), get(f"/fhir/Encounter?patient={record}")
        assert [plain.status_code, found.status_code] == [403 if shut else 200] * 2
        if shut:
            return
        belief = self.belief(patient)
        known = {visit for visit in belief.stays if may_know_of_stay(belief, person, visit, self.now)}
        assert sorted(one["visit"] for one in plain.json()["episodes"]) == sorted(known)
        shown = [one["resource"] for one in found.json().get("entry", [])]
        assert sorted(one["identifier"][0]["value"] for one in shown) == sorted(known)
        assert found.json()["total"] == len(known)
        for visit, name in self.stays.items():
            status = get(f"/fhir/Encounter/{record}.{name}").status_code
            assert status == (200 if visit in known else 404), visit

    @staticmethod
    def _knows(person: Person, belief: oracle.Paperwork, by: str, *, oversees: bool) -> bool:
        if oversees:
            return True
        if person.role == "patient":
            return by == person.name
        return belief.holder[1] in {person.name} | person.works_at | person.teams

    def tick(self, hours: int) -> None:
        self.world.clock.now += timedelta(hours=hours)
