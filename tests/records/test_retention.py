"""The journal's time: ten years after closure, no earlier, and retiring passes for nothing else; anchors elsewhere."""

from __future__ import annotations

import dataclasses
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from access.identifiers import PatientId
from access.refusal import Refusal
from records import journal, retention, tables
from records.anchors import Shore, read_anchors
from tests.records.building import NOW, Home, patient
from tests.records.test_journal import NOBODY, entry, problems, run

YEAR = timedelta(days=366)


def written(home: Home, *actions: tuple[str, float]) -> PatientId:
    """A patient whose journal has these actions, each so many years ago; and one look by nobody, 30 years ago."""
    with home.records.write() as tx:
        one = patient(tx, 1)
        journal.append(tx, entry(NOBODY, at=NOW - 30 * YEAR))
        for number, (action, years) in enumerate(actions):
            journal.append(tx, dataclasses.replace(entry(one, number), action=action, at=NOW - years * YEAR))
    return one


def retire(home: Home, *, dry: bool = False, years: int = 10) -> tuple[int, int]:
    with home.records.write() as tx:
        done = retention.retire(tx, NOW, years=years, by="t", dry=dry)
    return done.entries, done.records


@pytest.mark.parametrize(
    ("actions", "due"),
    [
        ([("search", 20), ("search", 15)], 0),  # never closed
        ([("search", 20), ("close", 11)], 2),
        ([("search", 20), ("close", 9)], 0),
        ([("close", 20), ("reopen", 19), ("search", 18)], 0),
        ([("close", 20), ("reopen", 19), ("close", 12), ("read-journal", 2)], 3),
        ([("search", 20), ("erase", 11)], 2),
    ],
)
def test_ten_years_after_the_last_closure(home: Home, actions: list[tuple[str, float]], due: int) -> None:
    one = written(home, *actions)
    expected = (due + 1, 1 + bool(due))  # and the old look at nobody
    assert retire(home, dry=True) == expected
    with home.records.read() as tx:
        assert len(journal.entries_for_audit_without_scope(tx, one, 100)) == len(actions)
    assert retire(home) == expected
    with home.records.read() as tx:
        assert len(journal.entries_for_audit_without_scope(tx, one, 100)) == len(actions) - due
        assert journal.entries_for_audit_without_scope(tx, NOBODY, 100) == []
        assert journal.entries_for_audit_without_scope(tx, None, 1)[0].action == "retire-journal"
        gone = tx.session.scalars(select(tables.JournalEntry).where(tables.JournalEntry.content == "")).all()
        assert all((row.sealed, row.patient_id) == (b"", "") for row in gone)
    assert problems(home) == set()
    assert retire(home) == (0, 0)


def test_a_refused_closing_closes_nothing(home: Home) -> None:
    with home.records.write() as tx:
        one = patient(tx, 1)
        journal.append(tx, entry(one, action="close", outcome="refused", at=NOW - 20 * YEAR))
    assert retire(home, dry=True) == (0, 0)


def test_no_setting_makes_it_shorter(home: Home) -> None:
    with pytest.raises(ValueError, match="ten years"):
        retire(home, years=9)


def test_what_is_emptied_by_another_hand_is_found(home: Home) -> None:
    one = written(home, ("search", 20), ("close", 11), ("search", 5), ("search", 4))
    retire(home)
    assert problems(home) == set()
    with home.records.read() as tx:
        stolen = tx.session.execute(text("SELECT erased FROM journal WHERE content = '' LIMIT 1")).scalar_one()
    edit = "UPDATE journal SET content = '', sealed = :nothing, patient_id = '', erased = :stolen"
    run(home, f"{edit} WHERE chain = :one AND sequence = 3", one=one, stolen=stolen, nothing=b"")
    assert problems(home) == {(one, "edited")}


def test_a_retired_entry_still_holds_its_place(home: Home) -> None:
    one = written(home, ("search", 20), ("search", 15), ("close", 11))
    retire(home)
    run(home, "DELETE FROM journal WHERE chain = :one AND sequence = 2", one=one)
    assert problems(home) == {(one, "removed"), ("*", "removed")}


@contextmanager
def receiving() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A real listener, as another machine would run one."""
    received: list[dict[str, Any]] = []

    class Keeper(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            received.append(json.loads(body))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Keeper)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/anchors", received
    server.shutdown()
    thread.join()
    server.server_close()


def test_anchors_go_to_a_file_and_an_address_and_show_a_journal_put_back(file_home: Home, tmp_path: Path) -> None:
    home = file_home
    one = written(home, ("search", 1))
    file = tmp_path / "anchors.jsonl"
    before = {name: (home.path / name).read_bytes() for name in ("records.db", "records.db-wal")}
    with receiving() as (url, received):
        shore = Shore(file, url)
        first = shore.drop(home.records, NOW)
        with home.records.write() as tx:
            journal.append(tx, entry(one, 7))
        second = shore.drop(home.records, NOW)
    assert read_anchors(file) == [first, second]
    assert [each["last"] for each in received] == [first.last, second.last]
    assert file.stat().st_mode & 0o777 == 0o600
    with home.records.read() as tx:
        assert journal.verify(tx, first, second) == []
    home.records.close()
    (home.path / "records.db-shm").unlink(missing_ok=True)
    for name, content in before.items():
        (home.path / name).write_bytes(content)
    with home.records.read() as tx:
        assert journal.verify(tx) == []
        assert journal.verify(tx, first) == []
        assert [(each.chain, each.sequence, each.kind) for each in journal.verify(tx, first, second)] == [
            ("*", second.length, "truncated")
        ]


def test_an_anchor_that_is_not_kept_is_told(home: Home, tmp_path: Path) -> None:
    for shore in (Shore(tmp_path / "absent" / "anchors"), Shore(url="http://127.0.0.1:9/anchors")):
        with pytest.raises(Refusal) as refused:
            shore.drop(home.records, NOW)
        assert refused.value.code == "anchor-not-kept"
    with pytest.raises(Refusal):
        Shore(url="http://elsewhere.example/anchors")
    (tmp_path / "bad").write_text('{"length": 1}\n')
    with pytest.raises(Refusal) as refused:
        read_anchors(tmp_path / "bad")
    assert refused.value.code == "bad-anchors"
