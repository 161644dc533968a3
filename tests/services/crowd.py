"""A hospital's worth of rows, written by the database itself in seconds: enough of everything that its planner's choice
is a real one. Invented, sealed by nothing, of patients whom nobody asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any

import psycopg
from sqlalchemy import Boolean, Column, Date, LargeBinary, Table, insert
from sqlalchemy.sql.type_api import TypeEngine

from access.identifiers import DocumentId, PatientId
from records.database import Records, Tx
from records.document_rows import Words, seal_words
from records.postgres import Server
from records.tables import Base, Document, UtcTime, core
from tests.records.building import patient as patient_of

PATIENTS = 4_000
FEW = frozenset(
    {
        "webhooks",  # as many as the systems that an administrator declared
        "cursors",  # one a generation of the index
        "bulks",  # one an import that an administrator began
        "leftovers",  # what is still to be deleted, and is being read to be deleted
    }
)
"""Tables that do not grow with patients, documents, accesses or professionals."""
Run = Callable[[str], object]
_OTHERS = 8_000  # rows of a table that grows slower than documents
_AS_DOCUMENTS = frozenset(
    {
        "deposit_keys",
        "document_names",
        "documents",
        "events",
        "facts",
        "jobs",
        "journal",
        "notifications",
        "outbox",
        "receipts",
        "webhook_deliveries",
    }
)


class _Dialect:
    """What two databases write differently. `i`: the row's number."""

    def __init__(self, name: str) -> None:
        server = name == "postgresql"
        self.at = (
            "timestamp '2025-01-01' + i * interval '1 minute'"
            if server
            else "strftime('%Y-%m-%d %H:%M:%S.000000', '2025-01-01', '+' || i || ' minutes')"
        )
        self.day = "date '2015-01-01' + i % 4000" if server else "date('2015-01-01', '+' || (i % 4000) || ' days')"
        self.late = "timestamp '2026-03-01 13:00'" if server else "'2026-03-01 13:00:00.000000'"
        self.blob = "convert_to(cast(i AS text), 'UTF8')" if server else "cast(cast(i AS text) AS blob)"
        self.sealed = "decode(repeat('ab', 400), 'hex')" if server else "zeroblob(400)"


def fill(run: Run, dialect: str, edition: str, documents: int) -> None:
    """Fill every table of a home; `run` executes a statement without checking references. `edition`: of the rules that
    told the facts. A tenth of the documents waits to be read, one of fifty in quarantine, one of twenty-five was
    refused."""
    sizes = {"patients": PATIENTS, "journal_heads": PATIENTS, **dict.fromkeys(_AS_DOCUMENTS, documents)}
    for table in Base.metadata.sorted_tables:
        if table.name not in FEW:
            run(_insert(table, sizes.get(table.name, _OTHERS), _Dialect(dialect), edition))


def on_server(server: Server, edition: str, documents: int) -> None:
    """Fill records on PostgreSQL, and let it see what it holds."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off")
        fill(lambda sql: connection.execute(sql.encode()), "postgresql", edition, documents)
        connection.execute("VACUUM ANALYZE")


def in_file(records: Records, edition: str, documents: int) -> None:
    """Fill records in a file."""
    raw = records._engine.raw_connection()
    driver: Any = raw.driver_connection
    for begin in ("PRAGMA query_only = OFF", "PRAGMA foreign_keys = OFF", "BEGIN IMMEDIATE"):
        driver.execute(begin)
    fill(driver.execute, "sqlite", edition, documents)
    driver.execute("COMMIT")
    raw.detach()
    driver.close()  # the pool gets no connection that checks nothing


def thick_record(tx: Tx, documents: int, now: datetime) -> PatientId:
    """A real patient of many documents, one of a hundred masked; their rows open, their files are nowhere."""
    who = patient_of(tx)
    rows = [
        {
            "document_id": f"thick{number:08d}",
            "patient_id": who,
            "state": "searchable",
            "status": "approved",
            "masked": number % 100 == 0,
            "hidden_from_patient": False,
            "hidden_from_representatives": False,
            "opened_to_representatives": False,
            "withdrawn": False,
            "category": "report",
            "type_code": "11488-4",
            "event_date": date(2015, 1, 1) + timedelta(days=number % 3000),
            "version": 1,
            "content_hash": str(number),
            "blob": str(number),
            "size": 1,
            "media_type": "text/plain",
            "origin": "upload",
            "pages": 1,
            "unreadable_pages": "[]",
            "unreadable_count": 0,
            "deposited_by": "crowd",
            "deposited_for": "",
            "received_at": now,
            "fence": 1,
            "sealed": seal_words(tx, (who, DocumentId(f"thick{number:08d}")), Words(title=f"Compte rendu {number}")),
        }
        for number in range(documents)
    ]
    tx.session.execute(insert(core(Document)), rows)
    return who


def patient(number: str = "i") -> str:
    """The SQL of a patient's identifier: those of 1 to PATIENTS, and again, in no order of the rows."""
    return f"'crowdpatient' || cast(1000000 + ({number} * 7919) % {PATIENTS} AS text)"


def document(number: str = "i") -> str:
    """The SQL of a document's identifier, in no order of the rows."""
    return f"'crowddocument' || cast(1000000 + ({number} * 7919) % 1000003 AS text)"


def _insert(table: Table, count: int, dialect: _Dialect, edition: str) -> str:
    given = _special(dialect, edition).get(table.name, {})
    values = {
        column.name: given.get(column.name) or _usual(column, dialect)
        for column in table.columns
        if column is not table.autoincrement_column
    }
    return (
        f"INSERT INTO {table.name} ({', '.join(values)}) "
        f"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {count}) "
        f"SELECT {', '.join(values.values())} FROM n"
    )


def _usual(column: Column[object], dialect: _Dialect) -> str:
    """A value for a column of which nothing is said: unique where the row must be."""
    kind: TypeEngine[object] = column.type
    if column.name == "patient_id":
        return patient()
    if column.name == "document_id":
        return document()
    if column.nullable and not column.primary_key:
        return "NULL"
    if isinstance(kind, UtcTime):
        return dialect.at
    if isinstance(kind, Date):
        return dialect.day
    if isinstance(kind, Boolean):
        return "FALSE"
    if isinstance(kind, LargeBinary):
        return dialect.blob if column.primary_key or "blind" in column.name else dialect.sealed
    if column.type.python_type is int:
        return "i" if column.primary_key else "0"
    return "'crowd' || cast(i AS text)" if column.primary_key else "'crowd'"


def _special(dialect: _Dialect, edition: str) -> Mapping[str, Mapping[str, str]]:
    """Columns by which statements choose."""
    content = (
        '\'{"action":"search","at":"2025-06-01T00:00:00.000000+00:00","basis":"consent","caller":"crowd",'
        '"caller_kind":"practitioner","detail":"","documents":[],"on_behalf":"","outcome":"granted",'
        '"patient_id":"crowd","policy_version":"1","purpose":"care","reason":"","request_id":"crowd","role":"10"}\''
    )
    return {
        "patients": {"patient_id": patient("i")},
        "documents": {
            "state": "CASE WHEN i % 100 = 0 THEN 'quarantined' WHEN i % 100 < 5 THEN 'refused' ELSE 'searchable' END",
            "refusal_stage": "CASE WHEN i % 100 BETWEEN 1 AND 4 THEN 'read' END",
            "refusal_code": "CASE WHEN i % 100 BETWEEN 1 AND 4 THEN 'code-' || cast(i % 7 AS text) END",
            "status": "'approved'",
            "category": "'report'",
            "type_code": "'code-' || cast(i % 40 AS text)",
            "event_date": dialect.day,
            "content_hash": "'hash' || cast(i AS text)",
            "unreadable_pages": "'[]'",
            "set_blind": dialect.blob,
            "unique_blind": dialect.blob,
        },
        "facts": {"shelf": "0", "rules": f"'{edition}'"},
        "jobs": {
            "kind": "'ingest'",
            "state": "CASE WHEN i % 10 = 0 THEN 'queued' WHEN i % 10000 = 1 THEN 'leased' "
            "WHEN i % 100 = 2 THEN 'failed' ELSE 'done' END",
            "leased_until": f"CASE WHEN i % 10000 = 1 THEN {dialect.late} END",
            "holder": "CASE WHEN i % 10000 = 1 THEN 'crowd' END",
            "priority": "-10",
            "long": "i % 50 = 0",
        },
        "journal": {"chain": patient(), "sequence": "i", "content": content},
        "journal_heads": {"chain": patient("i")},
        "outbox": {"operation": "'put'"},
        "events": {"event_id": "'crowd' || cast(i AS text)", "organizations": "'[]'", "spread_at": dialect.at},
        "webhook_deliveries": {
            "seq": "i",
            "state": "CASE WHEN i % 40 = 0 THEN 'waiting' ELSE 'delivered' END",
            "not_before": dialect.late,
            "settled_at": f"CASE WHEN i % 40 > 0 THEN {dialect.at} END",
        },
        "notifications": {"attempts": "40", "sent_at": f"CASE WHEN i % 2 = 0 THEN {dialect.at} END"},
        "grants": {
            "grantee_kind": "'practitioner'",
            "grantee": "'crowd' || cast(i % 500 AS text)",
            "kind": "'consent'",
        },
        "claims": {"verdict": "'refused'"},
        "merges": {
            "patient_id": patient(),
            "other_id": patient("i + 1"),
            "verdict": "'refused'",
            "moved": "'[]'",
        },
        "relations": {"kind": "'guardian'", "person": patient("i + 1"), "reviewed_at": "NULL"},
        "emergencies": {"practitioner": "'crowd' || cast(i % 500 AS text)", "reviewed_at": dialect.at},
        "attempts": {"caller": "'crowd' || cast(i % 500 AS text)"},
        "bulk_items": {"bulk_id": "'crowd' || cast(i % 20 AS text)", "number": "i", "state": "'deposited'"},
        "contacts": {"patient_id": "'crowdcontact' || cast(1000000 + i AS text)"},
        "patient_identifiers": {"kind": "'traits'", "value_blind": dialect.blob},
        "saved_searches": {"owner_blind": dialect.blob},
        "exports": {"state": "'made'", "expires_at": dialect.late},
        "spent_assertions": {"expires_at": dialect.late},
    }
