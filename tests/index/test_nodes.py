"""Three nodes, one killed outright while documents are written and questions asked: nothing acknowledged is lost.

Half an hour on a busy machine of two cores: with ANAMNESE_LONG=1 alone.
"""

from __future__ import annotations

import itertools
import os
import threading
import time

import pytest

from access.refusal import Refusal
from cli.local_services import cache_folder
from index.opensearch import OpenSearchGenerations
from index.port import Index, IndexedDocument
from tests.index.building import GENERATION, document, patient, scope, words
from tests.services.nodes import three_nodes

pytestmark = [pytest.mark.services, pytest.mark.timeout(0)]
DOCUMENTS, EACH, PATIENTS = 600, 10, 6


def put_all(index: Index, acknowledged: list[IndexedDocument], kill: threading.Event) -> None:
    """Batches, each again until it is taken: what the projector does with an engine that is away."""
    for start in range(0, DOCUMENTS, EACH):
        batch = [document(f"{n}", [f"mot{n} commun"], of=f"p{n % PATIENTS}") for n in range(start, start + EACH)]
        deadline = time.monotonic() + 300
        while True:
            try:
                index.put(batch)
                break
            except Refusal as refusal:
                if refusal.code != "index-unavailable" or time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
        acknowledged += batch
        if start >= DOCUMENTS // 3:
            kill.set()


def a_node_dies_during_indexing_and_search() -> None:
    with three_nodes(cache_folder()) as nodes:
        generations = OpenSearchGenerations(",".join(node.url for node in nodes), "trois", shards=3)
        index = generations.open(GENERATION)
        generations.serve(GENERATION)
        acknowledged: list[IndexedDocument] = []
        kill, done = threading.Event(), threading.Event()
        answers: list[float] = []
        away: list[float] = []

        def ask() -> None:
            turn = 0
            while not done.is_set():
                turn += 1
                who = f"p{turn % PATIENTS}"
                before = sum(one.patient_id == patient(who) for one in acknowledged)
                try:
                    found = index.match(scope(who), words("commun"))
                except Refusal as refusal:
                    if refusal.code != "index-unavailable":
                        raise
                    away.append(time.monotonic())
                else:
                    assert found.matched_documents >= before  # a document acknowledged before is found now
                    answers.append(time.monotonic())
                time.sleep(0.05)

        asking = threading.Thread(target=ask)
        writing = threading.Thread(target=put_all, args=(index, acknowledged, kill))
        asking.start()
        writing.start()
        assert kill.wait(600)
        nodes[1].kill()
        died = time.monotonic()
        writing.join(900)
        done.set()
        asking.join(60)
        assert len(acknowledged) == DOCUMENTS
        assert {line.document_id for line in index.inventory_without_scope()} == {
            one.document_id for one in acknowledged
        }
        assert any(moment > died for moment in answers)
        longest = max((b - a for a, b in itertools.pairwise(answers)), default=0.0)
        print(f"{DOCUMENTS} documents, {len(answers)} answers, {len(away)} refused, longest silence {longest:.1f} s")


if os.environ.get("ANAMNESE_LONG") == "1":
    test_a_node_dies_during_indexing_and_search = a_node_dies_during_indexing_and_search
