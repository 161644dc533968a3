"""HAPI's validator over every answer of every address under /fhir, in JSON and in XML: no error, in R4's own words.

The addresses are read from the application. One that nothing here asks, or that is answered in one form alone, fails.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount

from access.facts import OppositionKind
from access.refusal import Refusal
from records import patients, will
from records.episodes import Carer, Episode, Movement, announce
from records.fact import Assertion, Coding, Fact, FactKind, Period, Quantity
from search_api import problems
from search_api.fhir.formats import MEDIA, render
from search_api.fhir.outcome import outcome_of
from search_api.fhir.router import SEARCHES
from tests.fhir.asking import FHIR_JSON, RPPS_SYSTEM, consent, reference, resources, transaction
from tests.fhir.foreign import Judge, judge
from tests.fhir.test_exports import address, begun, made
from tests.fhir.test_statements import fact
from tests.search_api.conftest import DOCTOR, STRANGER, copied
from tests.search_api.telling import say
from tests.search_api.world import World, ins_of

LONG = os.environ.get("ANAMNESE_LONG") == "1"
judging = pytest.mark.skipif(not LONG, reason="the validator takes a minute of a processor: ANAMNESE_LONG=1")
Route = tuple[str, str]
EXPORT = "/fhir/Patient/{identity}/$export"
NO_RESOURCE: dict[Route, str] = {
    ("GET", "/fhir/.well-known/smart-configuration"): "SMART's own JSON",
    ("GET", EXPORT): "202 without a body",
    ("GET", f"{EXPORT}/{{name}}"): "Bulk Data's own manifest",
    ("GET", f"{EXPORT}/{{name}}/{{kind}}"): "NDJSON: each of its lines is judged",
    ("DELETE", f"{EXPORT}/{{name}}"): "202 without a body",
    ("DELETE", "/fhir/Consent/{identity}"): "204 without a body",
}
"""What answers well with something else than one resource."""
SHAPES = (
    "_summary=true",
    "_summary=count",
    "_elements=id",
    "_summary=text&inconnu=1",
    "_summary=data",
    "_include={}:patient",
    "_revinclude=Provenance:target",
)
"""What a search may make of what it finds."""
OPEN: Route = ("GET", "/fhir/metadata")
"""Refuses nobody: only a form that is not served, which is said in JSON."""
AGREED = ("Consent", "AuditEvent", "Encounter")
"""What the patient asks for, all others the doctor."""


@pytest.fixture(scope="module")
def validator() -> Iterator[Judge]:
    with judge() as running:
        yield running


@pytest.fixture(scope="module")
def asked(closed_home: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """What a home of its own answers to everything."""
    with copied(closed_home, tmp_path_factory.mktemp("asked") / "home") as world:
        asking = Asking.of(world)
        everything(asking)
        yield asking


def routes_of(part: Any) -> list[Any]:
    """The routes of a router that an application includes, or the one that this is."""
    router = getattr(part, "original_router", None)
    return [part] if router is None else [one for inner in router.routes for one in routes_of(inner)]


@dataclass
class Asking:
    """Asks, and keeps what is to be judged: `said`, by what was asked; `forms`: the answers of each address."""

    world: World
    routes: dict[Route, re.Pattern[str]]
    said: dict[str, bytes] = field(default_factory=dict)
    forms: dict[Route, set[str]] = field(default_factory=lambda: defaultdict(set))

    @classmethod
    def of(cls, world: World) -> Asking:
        every = [route for part in world.app.routes for route in routes_of(part)]
        assert not any(isinstance(route, Mount) and "/fhir".startswith(route.path) for route in every)
        found = [one for one in every if isinstance(one, APIRoute) and one.path.startswith("/fhir")]
        return cls(world, {(method, one.path): one.path_regex for one in found for method in sorted(one.methods)})

    def ask(self, method: str, path: str, who: dict[str, str] | None = None, **more: Any) -> Any:
        """The JSON of an answer, which is asked for in both forms."""
        answers = {form: self.once(method, path, who, form, **more) for form in MEDIA}
        return answers["json"].json() if answers["json"].content else None

    def once(self, method: str, path: str, who: dict[str, str] | None, form: str, **more: Any) -> Any:
        named = path.format(**self.world.patients)
        who = self.world.bearer(DOCTOR) if who is None else who
        headers = {"Accept": f"application/fhir+{form}", **who, **more.pop("headers", {})}
        if "body" in more:
            more["content"] = json.dumps(more.pop("body"))
            headers |= FHIR_JSON
        answer = self.world.http.request(method, f"/fhir{named}", headers=headers, **more)
        self.keep(method, named, answer, form)
        return answer

    def keep(self, method: str, path: str, answer: Any, form: str) -> None:
        """What was answered, for the judge, and that this address answered so."""
        bare = f"/fhir{path}".partition("?")[0]
        route = next((one for one, pattern in self.routes.items() if one[0] == method and pattern.match(bare)), None)
        kind, name = answer.headers.get("content-type", ""), f"{method} {path} {form} {answer.status_code}"
        if kind.startswith((MEDIA["json"], MEDIA["xml"])):
            self.said[f"{name} {len(self.said)}"] = answer.content
            said = "xml" if kind.startswith(MEDIA["xml"]) else "json"
        elif kind.startswith("application/fhir+ndjson"):
            self.said |= {f"{name}, line {n}": line for n, line in enumerate(answer.content.splitlines())}
            said = "lines"
        else:
            said = "other"
        if route is not None:
            self.forms[route].add(f"{'refused ' if answer.status_code >= 400 else ''}{said}")


def stated() -> list[Fact]:
    """Every kind of statement, as a document may make it, with all that may be said beside it; and odd words."""
    plain = [fact(kind, f"objet {kind}", one) for kind in FactKind for one in Assertion]
    beside = tuple((name, f"{name} dit") for name in (
        "substance", "dose", "route", "frequency", "long_term", "stopped", "replaced_by", "reaction", "severity",
        "status", "reason", "specimen", "site", "side", "rank", "lot", "performer", "relation", "telephone", "role",
        "note",
    ))  # fmt: skip
    codes = (
        Coding("2.16.840.1.113883.6.3", "I10", "Hypertension"),
        Coding("urn:oid:1.2.250.1.213.2.1", "x y"),
        Coding("http://loinc.org", "718-7", "Hémoglobine"),
        Coding("CIM-10", " I10 "),
        Coding("", "sans système"),
    )
    whole = [
        fact(kind, f"tout {kind}", details=beside, codes=codes, when=Period("2019-02-24", "2020")) for kind in FactKind
    ]
    low, high = Decimal("3.5"), Decimal("5")
    measured = [
        Quantity("3,1", Decimal("3.1"), "", "mmol/L", low, high, "3,5 - 5", "L"),
        Quantity("< 0,01", Decimal("0.01"), "<", "ng/mL", flag="*"),
        Quantity("1e-9", Decimal("1E-9"), ">=", "10^9/L", high=Decimal("4E+5")),
        Quantity("positif", unit="IU", flag="A"),
        Quantity("", unit=""),
    ]
    results = [fact(FactKind.LAB_RESULT, f"dosage {n}", value=one) for n, one in enumerate(measured)]
    odd = ("\u00a0", " avant ", "deux\nlignes\tet\r\nplus", "a\x01b\x85\u2028c", "é" * 3000, "<b>&amp;\"'", "\ufeff")
    words = [_all_of_it(kind, one, [name for name, _ in beside]) for kind in FactKind for one in odd]
    return [*plain, *whole, *results, *(words if LONG else [])]


def _all_of_it(kind: FactKind, words: str, names: list[str]) -> Fact:
    """A statement whose every part is these words."""
    value = Quantity(words, None, "", words, None, None, words, words)
    details, when = tuple((name, words) for name in names), Period(words, words)
    return fact(kind, words, codes=(Coding(words, words, words),), details=details, when=when, value=value)


def announced(world: World) -> Iterator[Movement]:
    """Stays and visits of every class of table 0004 and of none, with much said, little, and odd words."""
    now, parts = world.clock.now, ("attending", "referring", "consulting", "admitting")
    team = tuple(Carer(role, name, rpps) for role in parts for name, rpps in (("DR ANNE", DOCTOR), ("", STRANGER)))
    for number, code in enumerate(("I", "O", "E", "P", "B", "C", "N", "R", "U", "X", "é", "\x01", "")):
        begins = now + timedelta(days=number - 6)
        one = Episode("690000001", f"V{number}", now, code, "CARDIO", begins, begins + timedelta(days=3), team=team)
        yield Movement(one, cancelled=number == 2)
    yield Movement(Episode("690000001", "sans rien", now))
    yield Movement(Episode("", "à l'envers", now, "I", begins=now, ends=now - timedelta(hours=1)))
    for odd in ("\u00a0", "a\x01b\u2028c", "<b>&amp;\"'", "é" * 200):
        yield Movement(Episode(odd, odd, now, "I", odd, team=(Carer("attending", odd, ""),)))


def everything(asking: Asking) -> None:
    """Ask every address, all that it is good for and some of what it refuses."""
    world = asking.world
    _deposits(asking)
    for step in (_consents, _records, _exports, _refusals):
        step(asking, world.as_patient("marie"))


def _deposits(asking: Asking) -> None:
    world, marie = asking.world, asking.world.patients["marie"]
    with world.services.records.write() as tx:
        patients.record_local(tx, marie, "IPP42", "1.2.250.1.999.77")
        patients.record_local(tx, marie, "IPP43", "Clinique des Lilas")
        will.oppose(tx, marie, OppositionKind.HEIRS, world.clock.now, "marie")
        will.oppose(tx, marie, OppositionKind.BREAK_GLASS, world.clock.now, "marie")
        for one in announced(world):
            announce(tx, marie, one)
    for number, path in enumerate(("", "/")):
        first = asking.ask("POST", path, body=transaction(reference(world, f"{number}"), f"Fracture {number}."))
        replaced = first["entry"][1]["response"]["location"]
        world.work()
        related = [{"code": "replaces", "target": {"reference": replaced}}]
        newer = reference(world, f"7{number}", relatesTo=related)
        asking.ask("POST", path, body=transaction(newer, f"Fracture rectifiée {number}."))
        world.work()
    blank = reference(world, "40", description="\u00a0")
    beside = {"extension": [{"url": "urn:x", "valueString": "illisible"}]}
    odd = {"family": "\ufeff", "given": [" ", "a\x01b"], "suffix": ["\t"], "_suffix": [beside]}
    blank["contained"][0]["name"] = [odd]
    blank["content"][0]["attachment"]["title"] = "\u2003"
    asking.ask("POST", "", body=transaction(blank, "Texte sous un titre vide."))
    world.work()
    alone = reference(world, "30")
    alone["content"][0]["attachment"] = {"contentType": "text/plain", "data": "QXV0cmUgdGV4dGUu"}
    asking.ask("POST", "/DocumentReference", body=alone)
    asking.ask("POST", "/DocumentReference", body=alone | {"status": "zorg"})
    asking.ask("POST", "", body=transaction(reference(world, "31", relatesTo=[{"code": "replaces"}]), "Autre."))
    asking.ask("POST", "", body={"resourceType": "Bundle", "type": "transaction", "entry": [{}]})
    world.deposit("attend", "marie", "Pas encore lu.")
    say(world, "lettre", *stated())
    say(world, "bilan", fact(FactKind.ALLERGY, "Pas d'allergie connue", Assertion.ABSENT))


def _consents(asking: Asking, mine: dict[str, str]) -> None:
    world = asking.world
    ends = {"class": [{"system": "urn:anamnese:category", "code": "biology"}], "period": {"end": "2027-01-01"}}
    sent = [consent(world, "permit", RPPS_SYSTEM, STRANGER, **ends), consent(world, "deny", RPPS_SYSTEM, "10000000009")]
    for body in sent:
        created = asking.ask("POST", "/Consent", mine, body=body)
        asking.ask("GET", f"/Consent/{created['id']}", mine)
        asking.once("DELETE", f"/Consent/{created['id']}", mine, "json")
        asking.ask("DELETE", f"/Consent/{created['id']}", mine)
        asking.ask("POST", "/Consent", mine, body=body)
    asking.ask("POST", "/Consent", mine, body=consent(world, "permit", "x", STRANGER))


def _records(asking: Asking, mine: dict[str, str]) -> None:
    """Every kind that is searched: the search both ways, what it shapes, one read, one of its versions."""
    asking.ask("GET", "/metadata")
    asking.once("GET", "/metadata?_format=zorg", {}, "json")
    some = resources(asking.ask("GET", "/Observation?patient={marie}"))[0]
    for kind in SEARCHES:
        who = mine if kind in AGREED else None
        named = {"Patient": "_id={marie}", "Provenance": f"target=Observation/{some['id']}"}
        query = named.get(kind, "patient={marie}")
        found = resources(asking.ask("GET", f"/{kind}?{query}&_count=200", who))
        form = dict([query.format(**asking.world.patients).split("=", 1)]) | {"_count": "2"}
        asking.ask("POST", f"/{kind}/_search", who, data=form)
        for shape in SHAPES if LONG else ():
            asking.ask("GET", f"/{kind}?{query}&{shape.format(kind)}&_count=3", who)
        asking.ask("GET", f"/{kind}/{found[0]['id']}", who)
        version = found[0].get("meta", {}).get("versionId", "1")
        asking.ask("GET", f"/{kind}/{found[0]['id']}/_history/{version}", who)
        asking.ask("GET", f"/{kind}/{found[0]['id']}/_history", who)
        asking.ask("GET", f"/{kind}/{asking.world.patients['marie']}.x", who)
    papers = resources(asking.ask("GET", "/DocumentReference?patient={marie}&_count=200", mine))
    for one in papers:
        asking.ask("GET", f"/DocumentReference/{one['id']}/_history", mine)
    binary = f"/Binary/{asking.world.patients['marie']}.{asking.world.documents['lettre']}"
    asking.ask("GET", binary)
    asking.once("GET", binary, None, "json", headers={"Accept": "*/*"})
    asking.ask("GET", "/DocumentReference?patient={marie}&_content=fracture")
    for method in ("GET", "POST"):
        asking.ask(method, "/Patient/{marie}/$summary")
    traits = {"name": [{"family": "MARTIN", "given": ["MARIE"]}], "gender": "female", "birthDate": "1985-03-12"}
    number = {"system": "urn:oid:1.2.250.1.213.1.4.8", "value": ins_of("2850375123456").matricule}
    for presented in (traits, {"identifier": [number]}, {"identifier": [{"system": "urn:x", "value": "1"}], **traits}):
        body = {"resourceType": "Patient", **presented}
        asking.ask("POST", "/Patient/$match", body=body)
        wrapped = {"resourceType": "Parameters", "parameter": [{"name": "resource", "resource": body}]}
        asking.ask("POST", "/Patient/$match", body=wrapped)
    asking.ask("GET", f"/Patient?identifier={number['system']}|{number['value']}", asking.world.bearer(STRANGER))


def _exports(asking: Asking, mine: dict[str, str]) -> None:
    """A whole copy: how it is begun, how far it is, each of its files, and that it is given up."""
    started = begun(asking.world)
    where = address(started)
    asking.keep("GET", "/Patient/x/$export", started, "json")
    manifest = made(asking.world, where)
    asking.once("GET", where, mine, "json")
    kinds = [one["type"] for one in manifest["output"]]
    assert len(kinds) >= 10, kinds
    for kind in kinds:
        asking.once("GET", f"{where}/{kind}", mine, "json", headers={"Accept": "application/fhir+ndjson"})
    asking.ask("GET", f"{where}/Zorg", mine)
    asking.once("DELETE", where, mine, "json")
    for path in (where, f"{where}/Patient"):
        asking.ask("GET", path, mine)
    asking.ask("DELETE", where, mine)
    asking.ask("GET", "/Patient/{marie}/$export?_type=Zorg", mine)


def _refusals(asking: Asking, mine: dict[str, str]) -> None:
    """Of every address to who has no token; and one of each status that a request can bring about."""
    for method, path in sorted(asking.routes):
        asking.ask(method, re.sub(r"{\w+}", "x", path.removeprefix("/fhir")), {})
    document = resources(asking.ask("GET", "/DocumentReference?patient={marie}"))[0]["id"]
    asking.ask("GET", "/Zorg")
    asking.ask("PUT", "/Patient/{marie}")
    asking.ask("GET", "/Condition?patient={marie}&code:not=x")
    asking.ask("GET", "/Condition?patient={marie}&zorg=x", headers={"Prefer": "handling=strict"})
    asking.ask("GET", "/DocumentReference?patient={marie}", asking.world.bearer(STRANGER + "x"))
    asking.ask("GET", "/DocumentReference?patient={paul}")
    asking.ask("POST", "/DocumentReference/_search", content=b"{}", headers={"Content-Type": "application/json"})
    asking.ask("POST", "/Consent", mine, content=b"{", headers=FHIR_JSON)
    asking.ask("GET", f"/Binary/{document}", headers={"Accept": "text/plain", "Range": "bytes=999999-"})
    asking.ask("GET", "/Patient/{marie}?_format=zorg")


def outcomes() -> Iterator[tuple[str, bytes]]:
    """A failure of each status that this service has, with and without the place of what is wrong."""
    statuses = problems.STATUS | {"unlisted": problems.UNLISTED}
    for status, code in {status: code for code, status in statuses.items()}.items():
        refusal = Refusal("ask", code, "Ce qui est arrivé.", "Ce qu'il faut faire.")
        for places in ((), (("Consent.provision[0].type", "must be said"), ("http.date", "no date"))):
            for form in MEDIA:
                yield f"{code} {status} {form}", render(outcome_of(refusal, status, places, "abc123"), form)


def errors_in(validator: Judge, folder: Path, said: dict[str, bytes]) -> tuple[list[str], int]:
    """What is wrong with each, and how many were looked at: the same bytes once."""
    wrong, seen = [], set()
    for name, content in said.items():
        if (digest := hashlib.sha256(content).digest()) in seen:
            continue
        seen.add(digest)
        file = folder / f"{len(seen)}.{'xml' if content.startswith(b'<') else 'json'}"
        file.write_bytes(content)
        for severity, place, words in validator.said(file):
            if severity in ("ERROR", "FATAL"):
                wrong.append(f"{name}: {place}: {words}")
    return wrong, len(seen)


def test_every_address_is_asked(asked: Asking) -> None:
    """And answers well in both forms, and refuses in both: one that is new here fails until it is asked above."""
    asking = asked
    assert len(asking.routes) >= 60
    lacking = {
        (*route, want)
        for route in asking.routes
        for want in ("refused json", "refused xml", *(("json", "xml") if route not in NO_RESOURCE else ()))
        if want not in asking.forms[route]
    }
    assert lacking == {(*OPEN, "refused xml")}
    assert "lines" in asking.forms["GET", f"{EXPORT}/{{name}}/{{kind}}"]
    assert NO_RESOURCE.keys() <= asking.routes.keys()


@judging
def test_every_answer_of_every_address_is_r4(asked: Asking, validator: Judge, tmp_path: Path) -> None:
    wrong, judged = errors_in(validator, tmp_path, asked.said)
    print(f"{judged} judged, of {len(asked.said)} answers of {len(asked.routes)} addresses")
    assert wrong == []
    assert judged >= 600


@judging
def test_every_failure_is_r4(validator: Judge, tmp_path: Path) -> None:
    wrong, judged = errors_in(validator, tmp_path, dict(outcomes()))
    assert wrong == []
    assert judged >= 30


@judging
def test_the_judge_does_judge(validator: Judge, tmp_path: Path) -> None:
    """An element that R4 does not know, a code that it does not allow, a reference with no end: each is an error."""
    for body in (
        '{"resourceType": "Patient", "zorg": 1}',
        '{"resourceType": "DocumentReference", "status": "zorg", "content": [{"attachment": {}}]}',
        '{"resourceType": "DocumentReference", "status": "current"}',
    ):
        file = tmp_path / "wrong.json"
        file.write_text(body)
        assert any(severity == "ERROR" for severity, _, _ in validator.said(file)), body
