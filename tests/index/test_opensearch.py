"""What only a cluster can get wrong: its mapping, half-failed bulks, late writers, shards, limits, bad days."""

from __future__ import annotations

import contextlib
import http.server
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pytest
from opensearchpy import OpenSearch
from opensearchpy.exceptions import RequestError

from access.categories import Category
from access.refusal import Refusal
from access.scope import Scope
from index import opensearch_client, opensearch_query, opensearch_write
from index.digest import digest_of
from index.embedded import EmbeddedGenerations
from index.generations import FORMAT
from index.opensearch import OpenSearchGenerations, mapping, mapping_fingerprint
from index.opensearch_client import UnexpectedAnswerError, of_status
from index.opensearch_index import OpenSearchIndex
from index.port import (
    Clause,
    Filters,
    Generation,
    Generations,
    IndexedDocument,
    IndexedPassage,
    Question,
    WeightedTerm,
)
from index.scoring import PAINLESS
from tests.index.building import (
    GENERATION,
    document,
    document_id,
    meaning,
    passage,
    removal,
    scope,
    vector,
    word_ids,
    words,
)

pytestmark = pytest.mark.services
ALLERGY = "Allergie à la pénicilline."
LEXICON = "allergie pénicilline fièvre toux angine HTA diabète ramipril 5 mg bilan rénal normal douleur œdème"


@pytest.fixture
def cluster(opensearch_url: str, opensearch_prefix: str) -> Iterator[OpenSearchGenerations]:
    generations = OpenSearchGenerations(opensearch_url, opensearch_prefix)
    yield generations
    generations.destroy()


@pytest.fixture
def engine(cluster: OpenSearchGenerations) -> OpenSearchIndex:
    return cluster.open(GENERATION)


@pytest.fixture
def client(opensearch_url: str) -> Iterator[OpenSearch]:
    """The engine's own language, to look behind ours."""
    raw = OpenSearch(hosts=[opensearch_url])
    yield raw
    raw.close()


@pytest.fixture
def name(engine: OpenSearchIndex, opensearch_prefix: str) -> str:
    """The name of the engine's index."""
    return f"{opensearch_prefix}.{engine.generation.name}"


# The format


def test_every_field_of_the_mapping_is_found_by_what_was_put(
    engine: OpenSearchIndex, client: OpenSearch, name: str
) -> None:
    put = document("a", [ALLERGY], event=date(2021, 3, 12), fence=7, vectors=[vector(1)], title="Allergie")
    engine.put([put])
    queries: dict[str, dict[str, Any]] = {
        "patient_id": {"term": {"patient_id": put.patient_id}},
        "document_id": {"term": {"document_id": put.document_id}},
        "passage_id": {"term": {"passage_id": passage("a", 0)}},
        "category": {"term": {"category": "report"}},
        "type_code": {"term": {"type_code": "11488-4"}},
        "event_date": {"range": {"event_date": {"gte": "2021-03-12", "lte": "2021-03-12"}}},
        "tokens": {"term": {"tokens": "=penicilline"}},
        "forms": {"exists": {"field": "forms"}},
        "heads": {"term": {"heads": "=allergie"}},
        "fence": {"term": {"fence": 7}},
        "vector": {"exists": {"field": "vector"}},
        "held.patient_id": {"term": {"held.patient_id": put.patient_id}},
        "held.removed": {"term": {"held.removed": False}},
        "held.passages": {"term": {"held.passages": 1}},
        "held.digest": {"exists": {"field": "held.digest"}},
    }
    fields = client.indices.get_mapping(index=name)[name]["mappings"]["properties"]
    assert set(queries) == set(_leaves(fields))
    for field, query in queries.items():
        found = client.search(index=name, body={"query": query})["hits"]["hits"]
        expected = {put.document_id, passage("a", 0)} if field in {"document_id", "fence"} else {
            put.document_id if field.startswith("held.") else passage("a", 0)
        }  # fmt: skip
        assert {hit["_id"] for hit in found} == expected, field


def _leaves(fields: dict[str, Any], before: str = "") -> Iterator[str]:
    for field, settings in fields.items():
        if "properties" in settings:
            yield from _leaves(settings["properties"], f"{before}{field}.")
        else:
            yield before + field


def test_an_index_keeps_no_text_to_give_back(engine: OpenSearchIndex, client: OpenSearch, name: str) -> None:
    engine.put([document("a", [ALLERGY], vectors=[vector(1)])])
    hits = client.search(index=name, body={"query": {"match_all": {}}})["hits"]["hits"]
    assert len(hits) == 2
    assert all("_source" not in hit for hit in hits)


def test_a_field_that_the_mapping_does_not_know_is_refused(
    engine: OpenSearchIndex, client: OpenSearch, name: str
) -> None:
    assert engine.generation == GENERATION
    with pytest.raises(RequestError) as refused:
        client.index(index=name, id="x", routing="x", body={"title": "Lettre"})
    assert refused.value.error == "strict_dynamic_mapping_exception"


def test_the_similarity_is_the_formula_of_scoring() -> None:
    assert mapping()["settings"]["index"]["similarity"]["anamnese"]["script"]["source"] == PAINLESS


def test_a_changed_mapping_raises_the_format() -> None:
    """Changed on purpose? Raise FORMAT in index/generations.py, add a line to mappings/HISTORY.md, and one here."""
    assert {FORMAT: mapping_fingerprint()} == {2: "4631d4d06f3d"}


def test_an_index_of_another_mapping_is_not_opened(
    cluster: OpenSearchGenerations, client: OpenSearch, opensearch_prefix: str
) -> None:
    client.indices.create(index=f"{opensearch_prefix}.{GENERATION.name}", body={"mappings": {"dynamic": "strict"}})
    with pytest.raises(Refusal) as refused:
        cluster.open(GENERATION)
    assert refused.value.code == "index-format-changed"


def test_an_index_whose_shards_have_not_started_is_away_not_broken(
    cluster: OpenSearchGenerations, client: OpenSearch, opensearch_prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers open a new home: one creates the index, the other comes while its shards are starting."""
    name, body = f"{opensearch_prefix}.{GENERATION.name}", mapping()
    body["mappings"]["_meta"] = {"mapping": mapping_fingerprint()}
    body["settings"]["index"]["routing.allocation.include._name"] = "nobody"
    client.indices.create(index=name, body=body, params={"wait_for_active_shards": "0"})
    monkeypatch.setattr(opensearch_client, "OPEN_SECONDS", 1)
    early = OpenSearchIndex(cluster._client, name, GENERATION)
    for attempt in (lambda: cluster.open(GENERATION), lambda: early.put([document("a", [ALLERGY])])):
        with pytest.raises(Refusal) as refused:
            attempt()
        assert refused.value.code == "index-unavailable"
    client.indices.put_settings(index=name, body={"index.routing.allocation.include._name": None})
    monkeypatch.setattr(opensearch_client, "OPEN_SECONDS", 15)
    opened = cluster.open(GENERATION)
    opened.put([document("a", [ALLERGY])])
    assert [line.document_id for line in opened.inventory_without_scope()] == [document_id("a")]


def test_a_namespace_that_is_no_index_name_is_refused(opensearch_url: str) -> None:
    for bad in ("Majuscule", "", "-tiret", "a,b", "a*", "../x"):
        with pytest.raises(Refusal) as refused:
            OpenSearchGenerations(opensearch_url, bad)
        assert refused.value.code == "bad-settings"


def test_generations_of_another_namespace_are_not_ours(opensearch_url: str, cluster: OpenSearchGenerations) -> None:
    other = OpenSearchGenerations(opensearch_url, "x" + cluster._namespace)
    try:
        other.open(GENERATION)
        other.serve(GENERATION)
        assert list(cluster.names()) == []
        assert cluster.serving() is None
    finally:
        other.destroy()


# Writing


def test_a_half_failing_bulk_raises_and_the_batch_can_be_put_again(engine: OpenSearchIndex) -> None:
    """Lucene takes no term over 32,766 bytes: one passage of four fails, for real."""
    good, bad = document("a", [ALLERGY, ALLERGY]), document("b", [ALLERGY, ALLERGY])
    immense = IndexedPassage(passage("b", 1), ("=" + "x" * 40_000,), (), 1)
    broken = IndexedDocument(
        bad.patient_id, bad.document_id, bad.category, bad.type_code, bad.event_date, 1, (bad.passages[0], immense)
    )
    with pytest.raises(Refusal) as refused:
        engine.put([good, broken])
    assert refused.value.code == "index-write-refused"
    assert "1 passage" in refused.value.message
    engine.put([good, bad])
    assert len(word_ids(engine.match(scope(), words("allergie")))) == 4
    assert {line.digest for line in engine.inventory_without_scope()} == {digest_of(good), digest_of(bad)}


def test_a_removal_outlives_the_time_that_the_engine_remembers_deletions(
    engine: OpenSearchIndex, client: OpenSearch, name: str
) -> None:
    client.indices.put_settings(index=name, body={"index.gc_deletes": "1ms"})
    engine.put([document("a", [ALLERGY], fence=3)])
    engine.remove([removal("a", fence=4)])
    time.sleep(0.05)
    engine.put([document("a", [ALLERGY], fence=3)])
    assert word_ids(engine.match(scope(), words("allergie"))) == []
    assert list(engine.inventory_without_scope()) == []


@pytest.mark.parametrize("gc_deletes", ["1ms", "60s"])
def test_a_writer_overtaken_between_its_claim_and_its_passages_takes_them_back(
    engine: OpenSearchIndex, client: OpenSearch, name: str, gc_deletes: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.indices.put_settings(index=name, body={"index.gc_deletes": gc_deletes})
    content = opensearch_write._content

    def late(*arguments: Any) -> Iterator[dict[str, Any]]:
        monkeypatch.setattr(opensearch_write, "_content", content)
        engine.remove([removal("a", fence=4)])
        engine.put([document("b", [ALLERGY], fence=9)])
        time.sleep(0.05)
        return content(*arguments)

    monkeypatch.setattr(opensearch_write, "_content", late)
    engine.put([document("a", [ALLERGY, ALLERGY], fence=3), document("b", [ALLERGY, ALLERGY, "fièvre"], fence=8)])
    assert word_ids(engine.match(scope(), words("allergie"))) == [passage("b", 0)]
    assert engine.forms(scope()) == {"allergie", "penicilline"}
    assert [(line.document_id, line.fence, line.passages) for line in engine.inventory_without_scope()] == [
        (document_id("b"), 9, 1)
    ]


def test_an_interrupted_write_shows_in_the_inventory_and_is_mended_by_the_next(
    engine: OpenSearchIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = document("a", [ALLERGY, ALLERGY]), document("a", ["fièvre"], fence=2)
    engine.put([first])
    send, calls = opensearch_write._send, []

    def power_cut(*arguments: Any) -> set[str]:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return send(*arguments)

    monkeypatch.setattr(opensearch_write, "_send", power_cut)
    with pytest.raises(KeyboardInterrupt):
        engine.put([second])
    monkeypatch.setattr(opensearch_write, "_send", send)
    engine.put([document("z", [])])
    assert next((line.fence, line.passages, line.digest) for line in engine.inventory_without_scope()) == (2, 2, "")
    engine.put([second])
    assert engine.forms(scope()) == {"fievre"}
    assert next(line.digest for line in engine.inventory_without_scope()) == digest_of(second)


def test_a_vector_of_another_model_is_refused(engine: OpenSearchIndex) -> None:
    assert engine.match(scope(), meaning(vector(1))).meaning == ()
    engine.put([document("a", [ALLERGY], vectors=[vector(1)])])
    with pytest.raises(Refusal) as refused:
        engine.match(scope(), meaning(vector(1, 768)))
    assert refused.value.code == "vector-mismatch"
    with pytest.raises(Refusal):
        engine.put([document("b", [ALLERGY], vectors=[vector(1, 768)])])


def test_a_reader_opened_before_the_first_vector_finds_it(cluster: OpenSearchGenerations) -> None:
    reader, writer = cluster.open(GENERATION), cluster.open(GENERATION)
    assert reader.match(scope(), meaning(vector(1))).meaning == ()
    writer.put([document("a", [ALLERGY], vectors=[vector(1)])])
    assert [c.passage_id for c in reader.match(scope(), meaning(vector(1))).meaning] == [passage("a", 0)]


# Asking


def test_both_engines_answer_the_same_on_several_shards(
    opensearch_url: str, opensearch_prefix: str, tmp_path: Any
) -> None:
    """Invented records of six patients, some moved, some removed: 60 questions answered alike to the last bit."""
    cluster = OpenSearchGenerations(opensearch_url, opensearch_prefix, shards=3)
    embedded = EmbeddedGenerations(tmp_path / "index", key=bytes(range(32)))
    both: list[Generations] = [cluster, embedded]
    draw = random.Random(20_240_611)
    lexicon = LEXICON.split()
    patients = ["one", "two", "three", "four", "five", "six"]

    def text() -> str:
        return " ".join(draw.choices(lexicon, k=draw.choice([1, 3, 30, 120])))

    def some(fence: int) -> IndexedDocument:
        texts = [text() for _ in range(draw.randint(0, 4))]
        return document(
            f"n{draw.randrange(40)}",
            texts,
            of=draw.choice(patients),
            category=draw.choice(list(Category)),
            type_code=draw.choice(["11488-4", "11502-2"]),
            event=draw.choice([None, date(2020, 1, 1), date(2022, 5, 5)]),
            fence=fence,
            vectors=[vector(draw.randrange(1000)) if draw.random() < 0.8 else None for _ in texts],
        )

    def asked() -> tuple[Scope, Question]:
        seen = scope(
            *draw.sample(patients, draw.randint(1, 4)),
            categories=draw.sample(list(Category), draw.randint(1, 12)),
            excluded=[f"n{draw.randrange(40)}" for _ in range(draw.choice([0, 3, 20]))],
        )
        filters = draw.choice([Filters(), Filters(frozenset({"11502-2"})), Filters(date_from=date(2021, 1, 1))])
        query = vector(draw.randrange(1000)) if draw.random() < 0.7 else None
        return seen, Question(words(text()).clauses[:64], query, filters, draw.choice([3, 200]))

    writes = [[some(fence) for _ in range(12)] for fence in draw.choices(range(1, 9), k=10)]
    removals = [removal(f"n{draw.randrange(40)}", of="one", fence=draw.randint(1, 9)) for _ in range(6)]
    questions = [asked() for _ in range(60)]
    try:
        answers: list[list[Any]] = []
        for generations in both:
            engine = generations.open(GENERATION)
            for place, batch in enumerate(writes):
                engine.put(batch)
                if place == 5:
                    engine.remove(removals)
            answers.append([(engine.match(*question), engine.forms(question[0])) for question in questions])
            answers[-1].append(list(engine.inventory_without_scope()))
        assert answers[0] == answers[1]
        assert sum(len(answer[0].words) for answer in answers[0][:-1]) > 200
        assert sum(len(answer[0].meaning) for answer in answers[0][:-1]) > 50
    finally:
        cluster.destroy()
        embedded.close()


def test_the_same_term_in_two_clauses_of_other_weights_adds_two_rounded_scores(engine: OpenSearchIndex) -> None:
    """Lucene would merge the two into one term of the summed boost."""
    engine.put(
        [document("a", ["fièvre " * n]) for n in (1,)] + [document(f"b{n}", ["fièvre " * n]) for n in range(2, 30)]
    )
    light, heavy = (Clause((WeightedTerm("=fievre", weight),)) for weight in (0.3330078125, 1.0009765625))
    single = [{c.passage_id: c.score for c in engine.match(scope(), Question((q,))).words} for q in (light, heavy)]
    summed = {c.passage_id: c.score for c in engine.match(scope(), Question((light, heavy, light))).words}
    assert summed == {name: 2 * single[0][name] + single[1][name] for name in single[0]}
    assert len(summed) == 29


def test_seventy_thousand_exclusions_are_accepted(engine: OpenSearchIndex) -> None:
    engine.put([document("a", [ALLERGY]), document("b", [ALLERGY])])
    excluded = ["a", *(f"n{i}" for i in range(70_000))]
    assert word_ids(engine.match(scope(excluded=excluded), words("allergie"))) == [passage("b", 0)]


def test_counts_and_forms_are_complete_past_one_answer(
    engine: OpenSearchIndex, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.put([document(f"n{i}", [f"allergie mot{chr(97 + i)}"]) for i in range(9)])
    found, forms = engine.match(scope(), words("allergie")), engine.forms(scope())
    assert found.matched_documents == 9
    assert len(forms) == 10
    monkeypatch.setattr(opensearch_query, "MOST_BUCKETS", 4)
    monkeypatch.setattr(opensearch_query, "PAGE_OF_BUCKETS", 3)
    assert engine.match(scope(), words("allergie")) == found
    assert engine.forms(scope()) == forms


def test_many_scopes_are_one_request(engine: OpenSearchIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    ask = engine._client.msearch

    def counted(body: list[object], params: object) -> object:
        sent.append(len(body) // 2)
        return ask(body=body, params=params)

    engine.put([document(f"n{i}", [ALLERGY], of=f"p{i}", vectors=[vector(1)]) for i in range(9)])
    scopes = [scope(f"p{i}") for i in range(9)]
    monkeypatch.setattr(engine._client, "msearch", counted)
    assert all(engine.forms_each(scopes))
    found = engine.match_each([(each, Question(words("allergie").clauses, vector(1))) for each in scopes])
    assert [word_ids(each) for each in found] == [[passage(f"n{i}", 0)] for i in range(9)]
    assert sent == [9, 18]


def test_the_longest_question_is_answered_or_refused_never_cut(engine: OpenSearchIndex, client: OpenSearch) -> None:
    engine.put([document("a", [ALLERGY])])
    many = tuple(Clause(tuple(WeightedTerm(f"=m{i}x{j}", 1.0) for j in range(39))) for i in range(63))
    question = Question((*many, *words("allergie").clauses))
    name = "indices.query.bool.max_clause_count"
    try:
        client.cluster.put_settings(body={"transient": {name: 4096}})
        assert word_ids(engine.match(scope(), question)) == [passage("a", 0)]
        client.cluster.put_settings(body={"transient": {name: 1024}})
        with pytest.raises(Refusal) as refused:
            engine.match(scope(), question)
        assert refused.value.code == "query-too-long"
    finally:
        client.cluster.put_settings(body={"transient": {name: None}})


# Bad days

VERBS: dict[str, Callable[[OpenSearchGenerations], object]] = {
    "names": lambda g: g.names(),
    "serving": lambda g: g.serving(),
    "open": lambda g: g.open(GENERATION),
    "serve": lambda g: g.serve(GENERATION),
    "retire": lambda g: g.retire(GENERATION),
    "ping": lambda g: g.ping(),
}


def _verbs_of_an_index(index: OpenSearchIndex) -> dict[str, Callable[[], object]]:
    return {
        "put": lambda: index.put([document("a", [ALLERGY])]),
        "remove": lambda: index.remove([removal("a", fence=1)]),
        "words": lambda: index.match(scope(), words("allergie")),
        "meaning": lambda: index.match(scope(), meaning(vector(1))),
        "forms": lambda: index.forms(scope()),
        "inventory": lambda: list(index.inventory_without_scope()),
    }


def _all_refuse(url: str) -> None:
    generations = OpenSearchGenerations(url, "t")
    index = OpenSearchIndex(generations._client, "t.x", Generation("x", "0" * 12))
    calls = {name: lambda verb=verb: verb(generations) for name, verb in VERBS.items()} | _verbs_of_an_index(index)
    assert len(calls) == 12
    for name, call in calls.items():
        with pytest.raises(Refusal) as refused:
            call()
        assert (refused.value.stage, refused.value.code) == ("index", "index-unavailable"), name
    generations.close()


def test_an_engine_that_is_down_is_a_refusal() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    _all_refuse(f"http://127.0.0.1:{port}")


def test_an_engine_that_never_answers_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("SEARCH_SECONDS", "WRITE_SECONDS", "PING_SECONDS"):
        monkeypatch.setattr(opensearch_client, limit, 0.1)
    monkeypatch.setattr("index.opensearch.WRITE_SECONDS", 0.1)
    monkeypatch.setattr("index.opensearch.PING_SECONDS", 0.1)
    monkeypatch.setattr("index.opensearch_write.WRITE_SECONDS", 0.1)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(64)
        _all_refuse(f"http://127.0.0.1:{mute.getsockname()[1]}")


@contextlib.contextmanager
def _always(status: int, heard: list[str]) -> Iterator[str]:
    """A server that answers every request with `status`, as an overloaded cluster or its proxy does."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        do_POST = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            return

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize("status", [429, 503])
def test_an_engine_that_is_too_busy_is_asked_again_then_a_refusal(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opensearch_client, "BUSY_PAUSES", (0.0, 0.0, 0.0))
    monkeypatch.setattr(opensearch_write, "BUSY_PAUSE", 0)
    heard: list[str] = []
    with _always(status, heard) as url:
        generations = OpenSearchGenerations(url, "t")
        with pytest.raises(Refusal):
            generations.ping()
        assert len(heard) >= 3
        generations.close()
        _all_refuse(url)


def test_a_read_only_index_refuses_writes_and_still_answers(
    engine: OpenSearchIndex, client: OpenSearch, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What OpenSearch itself sets on every index when the disk is full past its flood stage."""
    engine.put([document("a", [ALLERGY])])
    monkeypatch.setattr(opensearch_write, "BUSY_PAUSE", 0)
    client.indices.put_settings(index=name, body={"index.blocks.read_only_allow_delete": True})
    for write in (lambda: engine.put([document("b", [ALLERGY])]), lambda: engine.remove([removal("a", fence=9)])):
        with pytest.raises(Refusal) as refused:
            write()
        assert refused.value.code == "index-unavailable"
        assert "disque" in refused.value.message
    assert word_ids(engine.match(scope(), words("allergie"))) == [passage("a", 0)]
    client.indices.put_settings(index=name, body={"index.blocks.read_only_allow_delete": None})
    engine.put([document("b", [ALLERGY])])
    assert len(word_ids(engine.match(scope(), words("allergie")))) == 2


def test_no_error_repeats_what_was_asked() -> None:
    said = {"reason": "cannot parse [=penicilline] for patient one", "type": "parsing_exception"}
    for status in (400, 403, 404, 429, 500, 503):
        error = of_status(status, "parsing_exception", said)
        assert "penicilline" not in f"{error} {error!r}"
    assert isinstance(of_status(400, "parsing_exception", said), UnexpectedAnswerError)


def test_a_bug_is_not_called_an_unavailable_engine(engine: OpenSearchIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("index.opensearch_index.forms_body", lambda _: {"query": {"no_such_query": {}}})
    with pytest.raises(UnexpectedAnswerError):
        engine.forms(scope())
