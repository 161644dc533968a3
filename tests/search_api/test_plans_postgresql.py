"""The same as `test_plans.py` where a hospital keeps its records: PostgreSQL, and enough of everybody's rows that its
planner chooses as it would there.

Each statement of a request, of a worker's turn and of what looks at a queue is run as it comes, and its plan with it:
no table that grows is read from end to end, and what is touched is what was asked about, not what everybody has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg._queries import PostgresQuery
from psycopg.adapt import Transformer

from access.identifiers import PatientId
from clinical.text.edition import rules_edition
from ingest.retell import Retelling
from ingest.worker import drain, project
from records import documents, erasure, exports, facts, jobs, notifications, rights
from records.database import Tx
from records.documents import DocumentState
from records.shelf import BlobRef
from records.statements import PREPARED
from search_api.notifier import MailServer, send_due
from search_api.webhooks import Teller, register, tell
from tests.events.conftest import HERE
from tests.records.building import DOCTOR as CALLER
from tests.records.building import scope
from tests.search_api.conftest import DOCTOR, STRANGER, _documents, _people
from tests.search_api.test_door import AT_THE_DOOR, REQUESTS, ask
from tests.search_api.test_plans import AT_WORK, GROWING, KEEPER, QUEUES
from tests.search_api.world import DAY, World, before_statements, open_world
from tests.services import crowd
from tests.services.fixtures import created

pytestmark = pytest.mark.services
DOCUMENTS = 40_000  # ten of each patient; benchmarks/queues.py has 200,000
THICK = 2_000  # documents of one patient, whom DOCTOR may read
HELD = 60  # in quarantine before everybody else's: more than a page
_EXPLAIN = "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON)"
MOST_ROWS = 400  # that a statement looks at, kept or not
MOST_BLOCKS = 600  # of 8 kB; the documents alone are eight times as many


@dataclass
class Touched:
    """What one statement did at worst."""

    whole: set[str]
    rows: int
    blocks: int
    plan: str


@contextmanager
def plans(world: World) -> Iterator[dict[str, Touched]]:
    """Each statement that runs in the block with what it touched at worst. It runs twice: the first time with its plan,
    undone."""
    read: dict[str, Touched] = {}

    def explain(_conn: Any, cursor: Any, statement: str, parameters: Any, context: Any, *_: object) -> None:
        if not isinstance(cursor.connection, psycopg.Connection):
            return  # the keys
        if not re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)\b", statement):
            return
        values = parameters[0] if isinstance(parameters, list) else parameters
        how = [_planned, _prepared] if context.execution_options.get(PREPARED) else [_planned]
        for touched in (way(cursor.connection, statement, values) for way in how):
            if statement not in read or read[statement].blocks < touched.blocks:
                read[statement] = touched

    with before_statements(world, explain):
        yield read


def _planned(connection: psycopg.Connection, statement: str, values: Any) -> Touched:
    """What it touches as planned for these values."""
    with _undone(connection) as own:
        own.execute(f"{_EXPLAIN} {statement}", values)
        return _touched(own.fetchone()[0][0]["Plan"])


def _prepared(connection: psycopg.Connection, statement: str, values: Any) -> Touched:
    """What it touches as the driver prepares it, when the server keeps one plan for all values, as it may."""
    query = PostgresQuery(Transformer(connection))
    query.convert(statement, values)
    literal = psycopg.ClientCursor(connection)
    names = query._order or range(len(query.params or ()))
    given = ", ".join(literal.mogrify("%s", [values[name]]) for name in names)
    with _undone(connection) as own:
        own.execute("SET LOCAL plan_cache_mode = force_generic_plan")
        own.execute(b"PREPARE looked_at AS " + query.query)
        own.execute(f"{_EXPLAIN} EXECUTE looked_at{f'({given})' if given else ''}")
        found = own.fetchone()
        own.execute("DEALLOCATE looked_at")
        return _touched(found[0][0]["Plan"])


@contextmanager
def _undone(connection: psycopg.Connection) -> Iterator[Any]:
    with connection.cursor() as own:
        own.execute("SAVEPOINT before")
        yield own
        own.execute("ROLLBACK TO SAVEPOINT before")
        own.execute("RELEASE SAVEPOINT before")


@contextmanager
def undone(world: World) -> Iterator[Tx]:
    """A writing transaction of which nothing stays."""
    with world.services.records.write() as tx:
        yield tx
        tx.session.rollback()


def _touched(plan: dict[str, Any]) -> Touched:
    nodes = list(_nodes(plan))
    whole = {node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"} & GROWING
    rows = max((_looked_at(node) for node in nodes), default=0)
    told = " > ".join(f"{node['Node Type']} {node.get('Index Name', node.get('Relation Name', ''))}" for node in nodes)
    return Touched(whole, int(rows), plan["Shared Hit Blocks"] + plan["Shared Read Blocks"], told)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _looked_at(node: dict[str, Any]) -> float:
    """Rows that a scan kept, and those that it read and threw away."""
    if "Scan" not in node["Node Type"]:
        return 0
    thrown = sum(node.get(f"Rows Removed by {why}", 0) for why in ("Filter", "Index Recheck"))
    return float((node["Actual Rows"] + thrown) * node["Actual Loops"])


def unbounded(read: dict[str, Touched], rows: int = MOST_ROWS, blocks: int = MOST_BLOCKS) -> dict[str, Touched]:
    """The statements that read a whole table, or too much."""
    assert read
    return {
        statement: touched
        for statement, touched in read.items()
        if touched.whole or touched.rows > rows or touched.blocks > blocks
    }


@pytest.fixture(scope="module")
def hospital(postgresql_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The people of tests/search_api among thousands, and one patient of very many documents ("thick")."""
    with created(postgresql_url) as server:
        world = open_world(tmp_path_factory.mktemp("hospital") / "home", server=server)
        _people(world)
        _documents(world)
        with world.services.records.write() as tx:
            world.patients["thick"] = crowd.thick_record(tx, THICK, world.clock.now)
            _hold(tx, world.patients["paul"], world)
        world.grant("thick", "thick", DOCTOR)
        crowd.on_server(server, rules_edition(), DOCUMENTS)
        with psycopg.connect(server.url) as connection:
            connection.execute("UPDATE cursors SET seq = (SELECT max(seq) FROM outbox)")
        with world.http:
            yield world
        world.close()


def _hold(tx: Tx, patient_id: PatientId, world: World) -> None:
    """Documents of a record in quarantine, the oldest that are."""
    for number in range(HELD):
        made = documents.new_document(
            tx,
            patient_id=patient_id,
            upload=BlobRef(patient_id, f"upload-{number}"),
            content_hash=f"held{number}",
            size=1,
            media_type="text/plain",
            file_name="a.txt",
            origin="upload",
            deposited_by="test",
            deposited_for="",
            now=world.clock.now - 2000 * DAY,
        )
        documents.set_state(tx, made.document_id, DocumentState.QUARANTINED, evidence="[]")


def test_every_table_that_grows_is_full(hospital: World) -> None:
    """Else the planner is right to read one whole, and nothing is shown."""
    with hospital.services.records.read() as tx:
        for name in GROWING:
            count = tx.session.connection().exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one()
            assert count >= crowd.PATIENTS, name


@pytest.mark.parametrize("name", REQUESTS | AT_THE_DOOR)
def test_a_request_about_a_patient_touches_what_is_theirs(hospital: World, name: str) -> None:
    with plans(hospital) as read:
        for headers in (hospital.bearer(DOCTOR), hospital.bearer(STRANGER), hospital.as_patient("marie")):
            ask(hospital, name, hospital.patients["marie"], headers, hospital.documents["lettre"])
    assert unbounded(read) == {}


def test_a_practitioner_at_work_touches_what_is_their_patients(hospital: World) -> None:
    with plans(hospital) as read:
        for method, path, body in AT_WORK:
            answer = hospital.http.request(method, f"/v1{path}", headers=hospital.bearer(STRANGER), json=body)
            assert answer.status_code == 200, answer.text
    assert unbounded(read) == {}


@pytest.mark.parametrize("name", QUEUES)
def test_a_persons_queue_touches_the_page_that_is_shown(hospital: World, name: str) -> None:
    path, who = QUEUES[name]
    with plans(hospital) as read:
        answer = hospital.http.get(f"/v1{path}", headers=hospital.bearer(**who))
        assert answer.status_code == 200, answer.text
        if name == "quarantine":
            assert len(answer.json()["documents"]) == 50
            behind = f"/v1{path}?limit=5&after={answer.json()['next']}"
            further = hospital.http.get(behind, headers=hospital.bearer(**who))
            assert len(further.json()["documents"]) == 5
    assert unbounded(read) == {}


def test_the_work_in_hand_is_counted_in_indexes(hospital: World) -> None:
    """How many documents are in each state is a count of all, of an index. Jobs are as narrow as an index of theirs,
    and PostgreSQL reads the one or the other."""
    with plans(hospital) as read:
        for path in ("/v1/service/work", "/metrics", "/readyz"):
            hospital.http.get(path, headers=hospital.bearer(**KEEPER))
    assert {statement: touched for statement, touched in read.items() if touched.whole - {"jobs"}} == {}


def test_a_workers_turn_touches_its_document(hospital: World) -> None:
    """A deposit, its reading and its way into the index, with tens of thousands waiting behind it."""
    left = iter(range(5))  # other tests' uploads may be before it

    def done() -> bool:
        with hospital.services.records.read() as tx:
            state = documents.states_without_scope(tx, [made])[made]
        return state is DocumentState.SEARCHABLE or next(left, None) is None

    with plans(hospital) as read:
        made = hospital.deposit("neuf", "marie", "Compte rendu. Allergie à l'arachide.", by="test")
        assert drain(hospital.bench, done) > 0
        assert Retelling(hospital.bench).batch() == []
    assert len(read) > 20
    assert unbounded(read) == {}
    with hospital.services.records.read() as tx:
        assert documents.states_without_scope(tx, [made]) == {made: DocumentState.SEARCHABLE}


def _claims(tx: Tx, now: Any) -> None:
    for quick in (False, True):
        assert jobs.claim(tx, "test", now, timedelta(minutes=1), quick=quick) is not None


LOOKS: dict[str, Callable[[Tx, Any], object]] = {
    "claims": _claims,
    "leases of the dead": lambda tx, _: (jobs.free(tx, ["crowd"]), jobs.free_own(tx, "crowd")),
    "last lease": lambda tx, _: jobs.last_lease_without_scope(tx),
    "oldest job": lambda tx, _: jobs.oldest(tx),
    "a patient's jobs": lambda tx, _: jobs.progress(tx, PatientId("crowdpatient1000007")),
    "told by other rules": lambda tx, _: facts.behind_without_scope(tx, "other", 20),
    "told by no other rules": lambda tx, _: facts.behind_without_scope(tx, rules_edition(), 20),
    "whom to remind": lambda tx, now: notifications.to_remind_without_scope(tx, now - DAY, PatientId(""), 200),
    "how many told by other rules": lambda tx, _: facts.count_behind_without_scope(tx, rules_edition()),
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_look_at_a_queue_is_as_short_as_what_it_takes(hospital: World, name: str) -> None:
    with plans(hospital) as read, undone(hospital) as tx:
        LOOKS[name](tx, hospital.clock.now)
    assert unbounded(read) == {}


def test_the_sweeps_touch_what_is_due(hospital: World) -> None:
    """Copies that expired, and notifications."""
    records, policy, now = hospital.services.records, hospital.services.policy, hospital.clock.now
    with records.write() as tx:
        notifications.notify(tx, hospital.patients["paul"], "first_access", now)
    with plans(hospital) as read:
        assert exports.sweep(records, hospital.services.blobs, now) == 0
        assert send_due(records, policy, MailServer("127.0.0.1", 1, "a@exemple.test"), now).unaddressed == 1
    assert unbounded(read) == {}


def test_telling_listeners_touches_what_happened(hospital: World) -> None:
    records, now = hospital.services.records, hospital.clock.now
    teller = Teller(records, hospital.services.policy, HERE)
    with plans(hospital) as read:
        url, kinds = "http://127.0.0.1:1/", ["access.changed", "document.searchable"]
        register(teller, url=url, practitioner=DOCTOR, organization="750000001", kinds=kinds, now=now)
        hospital.describe("paul", "11490-0", now.date(), "Lettre")
        project(hospital.bench)
        tell(teller, now)
    heads = {s for s in read if "min(webhook_deliveries" in s}
    assert heads
    assert unbounded({s: t for s, t in read.items() if s not in heads}, rows=THICK + 100) == {}
    assert {s: read[s].whole for s in heads if read[s].whole} == {}  # the heads of what waits, from an index of it


def test_a_patient_of_many_documents_is_decided_about_from_an_index(hospital: World) -> None:
    thick = hospital.patients["thick"]
    with plans(hospital) as read, hospital.services.records.read() as tx:
        rights.access_facts(tx, CALLER, thick, hospital.clock.now, hospital.services.policy)
    types = [touched for statement, touched in read.items() if "DISTINCT" in statement]
    assert len(types) == 1
    assert "Index Only Scan ix_documents_rights" in types[0].plan
    assert unbounded(read, rows=THICK + 100) == {}
    with plans(hospital) as listed, hospital.services.records.read() as tx:
        assert len(documents.list_documents(tx, scope(thick), limit=50)) == 50
    assert unbounded(listed, rows=THICK + 100) == {}


def test_an_erasure_touches_one_record(hospital: World) -> None:
    with plans(hospital) as read, undone(hospital) as tx:
        assert erasure._forget(tx, hospital.patients["paul"], hospital.clock.now, "test") == HELD + 1
    assert unbounded(read, blocks=3_000) == {}  # it writes, and each index is written too
