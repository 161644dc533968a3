"""What migration 0005 added: types in the clear that are filled at opening, and inheritance of every hiding."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import text

from access.categories import Category
from access.scope import Caller, CallerKind
from records import documents, masks, migrations
from records.content import Metadata
from records.database import Records
from records.policy import load_policy
from records.rights import access_facts
from tests.records.building import DOCTOR, NOW, Home, deposit, patient, searchable

POLICY = load_policy()


def test_types_of_before_are_filled_when_records_are_opened_and_unseen_until_then(home: Home) -> None:
    with home.records.write() as tx:
        one = patient(tx)
        document = deposit(home, tx, one)
        searchable(tx, document.document_id, Metadata(type_code="11502-2"), Category.BIOLOGY)
        tx.session.execute(text("UPDATE documents SET type_code = NULL"))
    with home.records.read() as tx:
        facts = access_facts(tx, DOCTOR, one, NOW, POLICY)
        assert facts.types == {document.document_id: "?"}
        assert not POLICY.matrix.role_of(DOCTOR.profession, DOCTOR.specialty).sees("?")
    reopened = Records.open(home.path / "records.db", home.keys, server=home.server)
    with reopened.read() as tx:
        assert tx.session.execute(text("SELECT type_code FROM documents")).scalar_one() == "11502-2"
        assert access_facts(tx, DOCTOR, one, NOW, POLICY).types == {}
    reopened.close()


def test_a_professional_is_told_the_types_their_role_does_not_see_and_nobody_else_any(home: Home) -> None:
    nurse = replace(DOCTOR, profession="infirmier", specialty="")
    unseen = {"68599-0", "invented"}  # a psychiatric summary, and a code that nobody knows
    with home.records.write() as tx:
        one = patient(tx)
        kept = {code: deposit(home, tx, one, code.encode()).document_id for code in ("11502-2", *unseen)}
        for code, document_id in kept.items():
            searchable(tx, document_id, Metadata(type_code=code), Category.OTHER)
    with home.records.read() as tx:
        expected = {kept[code]: code for code in unseen}
        assert access_facts(tx, nurse, one, NOW, POLICY).types == expected
        assert access_facts(tx, Caller(CallerKind.PATIENT, one), one, NOW, POLICY).types == {}


def test_going_back_drops_what_the_earlier_tables_cannot_hold_and_keeps_the_rest(home: Home) -> None:
    from tests.records.test_grants import grant

    with home.records.write() as tx:
        one = patient(tx)
        kept = grant(tx, one)
        grant(tx, "n" * 26)  # type: ignore[arg-type]
        document = deposit(home, tx, one)
    engine = home.records._engine
    migrations.downgrade(engine, "0001")
    migrations.upgrade(engine)
    reopened = Records.open(home.path / "records.db", home.keys, server=home.server)
    with closing(reopened), reopened.read() as tx:
        assert [row[0] for row in tx.session.execute(text("SELECT grant_id FROM grants"))] == [kept.grant_id]
        assert documents.document_without_scope(tx, document.document_id) is not None


def test_a_twin_and_a_version_take_the_strictest_and_the_latest(home: Home) -> None:
    with home.records.write() as tx:
        one = patient(tx)
        first = deposit(home, tx, one, b"same")
        later = NOW + timedelta(days=3)
        masks.hide_from_patient(tx, first.document_id, later)
        masks.hide_from_representatives(tx, first.document_id)
        twin = deposit(home, tx, one, b"same")
        assert (twin.hidden_since, twin.hidden_from_representatives) == (later, True)
        old, new = deposit(home, tx, one, b"1"), deposit(home, tx, one, b"2")
        searchable(tx, old.document_id, Metadata(set_id="s", version=1))
        masks.hide_from_patient(tx, old.document_id, later)
        searchable(tx, new.document_id, Metadata(set_id="s", version=2))
        read = documents.document_without_scope(tx, new.document_id)
        assert read is not None
        assert read.hidden_since == later
        masks.announce(tx, new.document_id)
        for each in (old, new):
            read = documents.document_without_scope(tx, each.document_id)
            assert read is not None
            assert read.hidden_since is None
