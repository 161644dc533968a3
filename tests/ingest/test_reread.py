"""Documents read before facts were: they are counted, and read again in batches until none is left."""

from __future__ import annotations

import pytest

from ingest import reread
from records import facts
from records.documents import DocumentState, set_state
from records.fact import FactKind
from tests.search_api.conftest import DOCTOR, closed_home, own_world
from tests.search_api.world import World

__all__ = ["closed_home", "own_world"]


def test_all_are_read_again_and_tell(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reread, "BATCH", 2)
    bench = own_world.bench
    with own_world.services.records.write() as tx:
        for document_id in own_world.documents.values():
            facts.forget(tx, document_id)
        set_state(tx, own_world.documents["biopsie"], DocumentState.REFUSED)
        assert len(facts.unread_without_scope(tx, 99)) == 5
    batches = list(reread.reread_for_facts(bench, readers=1))
    assert [len(batch) for batch in batches] == [2, 2, 1]
    assert all(outcome.searchable for batch in batches for outcome in batch)
    with own_world.services.records.read() as tx:
        assert facts.unread_without_scope(tx, 99) == []
    answer = own_world.http.get(own_world.url("marie", "/facts?kind=allergy"), headers=own_world.bearer(DOCTOR))
    assert FactKind.ALLERGY in [each["kind"] for each in answer.json()["facts"]]
    assert list(reread.reread_for_facts(bench, readers=1)) == []
