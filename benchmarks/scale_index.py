"""One OpenSearch node at a size: indexing against raw `_bulk`, questions of one patient, disk and heap.

    python -m benchmarks.scale_index --passages 1000000 [--url http://…]

Invented passages of 90 words with vectors, in patients of 200, one of them with 2,000. Writes what it measured to
`benchmarks/scale/index-<passages>.json`, which `benchmarks.scale` reads, and prints it.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from opensearchpy import OpenSearch
from opensearchpy.helpers import streaming_bulk
from wordfreq import top_n_list

from benchmarks.report import machine, milliseconds
from cli.local_services import cache_folder, opensearch
from index.lexicon import medical_thesaurus
from index.opensearch import OpenSearchGenerations
from index.opensearch_index import OpenSearchIndex
from index.opensearch_write import Write, _content, _fence_entry
from index.port import Generation, IndexedDocument, Question
from index.question import build_question
from index.vocabulary import Lexicon
from search_api.rounds import AT_ONCE, MOST_PATIENTS
from tests.index.building import DIMENSIONS, document, scope, words

OUT = Path(__file__).with_name("scale")
A_DOCUMENT, A_PATIENT, THE_PATIENT = 2, 200, 2000  # passages
BATCH, AHEAD = 250, 4  # documents a write; writes made ahead
WORDS = 90
RAW = 2000  # passages written raw, and as many by the engine, in turns
QUESTIONS, CLIENTS, ROUNDS = 400, 8, 20


def batches(passages: int, seed: int) -> Iterator[list[IndexedDocument]]:
    """BATCH documents at a time, made a few batches ahead in a process of their own; the first patient is the large
    one."""
    starts = range(0, passages // A_DOCUMENT, BATCH)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        coming: deque[Future[list[IndexedDocument]]] = deque()
        for start in starts:
            coming.append(pool.submit(batch, start, min(BATCH, passages // A_DOCUMENT - start), seed))
            if len(coming) > AHEAD:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()


def batch(start: int, several: int, seed: int) -> list[IndexedDocument]:
    """Invented documents number `start` and on: words as frequent as in French, vectors at random."""
    numbers = np.random.default_rng((seed, start))
    lexicon, shares = _lexicon()
    made = []
    for number in range(start, start + several):
        place = number * A_DOCUMENT
        who = "p0" if place < THE_PATIENT else f"p{1 + (place - THE_PATIENT) // A_PATIENT}"
        texts = [" ".join(lexicon[n] for n in numbers.choice(len(lexicon), WORDS, p=shares)) for _ in range(A_DOCUMENT)]
        vectors = [numbers.integers(-127, 128, DIMENSIONS, dtype=np.int8).tobytes() for _ in texts]
        made.append(document(f"{seed}-{number}-{numbers.random()}", texts, of=who, vectors=vectors))
    return made


@cache
def _lexicon() -> tuple[list[str], NDArray[np.float64]]:
    lexicon = top_n_list("fr", 20_000)
    shares = 1 / np.arange(2, len(lexicon) + 2)
    return lexicon, shares / shares.sum()


def against_raw(generations: OpenSearchGenerations, client: OpenSearch) -> float:
    """The engine's rate over that of a raw bulk of the same bodies, median of five turns on two fresh indices."""
    ours, raw = (generations.open(Generation(f"scale-{name}", name.ljust(12, "0"))) for name in ("aa", "bb"))
    name = raw._name
    ratios = []
    for turn in range(6):
        some = batch(0, RAW // A_DOCUMENT, 900 + turn)
        began = time.perf_counter()
        ours.put(some)
        engine = time.perf_counter() - began
        raw.put(some[:1])  # its vectors' field
        writes = [Write(one.patient_id, one.document_id, one.fence, one) for one in some]
        actions = [_fence_entry(name, write) for write in writes] + list(_content(name, writes, {}))
        began = time.perf_counter()
        for good, _ in streaming_bulk(client, actions, chunk_size=500, params={"request_timeout": 60}):
            assert good
        client.indices.refresh(index=name)
        ratios.append((time.perf_counter() - began) / engine)
    for one in (ours, raw):
        generations.retire(one.generation)
    return float(np.median(ratios[1:]))  # the first turn warms both


def ask(index: OpenSearchIndex, patients: list[str], clients: int) -> list[float]:
    """Seconds of questions of both arms, by so many clients at once."""
    seconds: list[float] = []
    lexicon = top_n_list("fr", 3000)[200:]

    def client(number: int) -> None:
        choose, numbers = random.Random(number), np.random.default_rng(number)
        for _ in range(QUESTIONS // clients):
            asked = words(" ".join(choose.sample(lexicon, 3)))
            vector = numbers.integers(-127, 128, DIMENSIONS, dtype=np.int8).tobytes()
            who, question = choose.choice(patients), Question(asked.clauses, vector, asked.filters, 200)
            began = time.perf_counter()
            index.match(scope(who), question)
            seconds.append(time.perf_counter() - began)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seconds


def ask_all(index: OpenSearchIndex, patients: list[str]) -> dict[str, list[float]]:
    """Seconds of one question over so many patients, as `search_api/finding.py` asks it: the words of each, its own
    question out of them, then both arms; whole and by part. One word of the question is misspelt."""
    parts: dict[str, list[float]] = {"whole": [], "words": [], "questions": [], "arms": []}
    choose, numbers, lexicon = random.Random(7), np.random.default_rng(7), top_n_list("fr", 3000)[200:]
    for _ in range(ROUNDS):
        mine = [scope(who) for who in choose.sample(patients, min(MOST_PATIENTS, len(patients)))]
        text = " ".join((*choose.sample(lexicon, 2), "alergie"))
        vector = numbers.integers(-127, 128, DIMENSIONS, dtype=np.int8).tobytes()
        spent = Counter[str]()
        for start in range(0, len(mine), AT_ONCE):
            some = mine[start : start + AT_ONCE]
            times = [time.perf_counter()]
            known = index.forms_each(some)
            times.append(time.perf_counter())
            shared = Lexicon(frozenset().union(*known))
            thesaurus = medical_thesaurus()
            asked = [build_question(text, forms, vector, thesaurus=thesaurus, lexicon=shared) for forms in known]
            times.append(time.perf_counter())
            index.match_each([(who, each.question) for who, each in zip(some, asked, strict=True)])
            times.append(time.perf_counter())
            spent.update(dict(zip(("words", "questions", "arms"), (b - a for a, b in pairwise(times)), strict=True)))
        for name in spent:
            parts[name].append(spent[name])
        parts["whole"].append(spent.total())
    return parts


def measure(url: str, passages: int) -> dict[str, object]:
    """Everything, on an index of its own that is gone afterwards."""
    generations = OpenSearchGenerations(url, f"scale{passages}")
    client = OpenSearch(hosts=[url], timeout=120)
    index = generations.open(Generation("scale-all", "a" * 12))
    held, asked_at = 0, {}
    spent = 0.0
    few = min(10_000, passages)
    for some in batches(passages, 1):
        began = time.perf_counter()
        index.put(some)
        spent += time.perf_counter() - began
        held += sum(len(one.passages) for one in some)
        if held >= few and few not in asked_at:
            ask(index, ["p0"], 1)  # warms the engine
            asked_at[few] = ask(index, ["p0"], 1)
    client.indices.forcemerge(index=index._name, max_num_segments=1, params={"request_timeout": 3600})
    store = client.indices.stats(index=index._name)["_all"]["primaries"]["store"]["size_in_bytes"]
    node = next(iter(client.nodes.stats(metric="jvm")["nodes"].values()))
    largest, others = ask(index, ["p0"], 1), [f"p{n}" for n in range(1, max(2, (passages - THE_PATIENT) // A_PATIENT))]
    rows = {
        f"one patient of {THE_PATIENT}, {few} passages in all": asked_at[few],
        f"one patient of {THE_PATIENT}": largest,
        f"patients of {A_PATIENT}": ask(index, others, 1),
        f"patients of {A_PATIENT}, {CLIENTS} clients": ask(index, others, CLIENTS),
    }
    several = f"{min(MOST_PATIENTS, len(others))} patients of {A_PATIENT} at once"
    rows |= {several if part == "whole" else f"{several}, {part}": s for part, s in ask_all(index, others).items()}
    ratio = against_raw(generations, client)
    generations.destroy()
    return {
        "machine": machine(),
        "passages": passages,
        "bytes_a_passage": round(store / passages),
        "passages_a_second": round(held / spent),
        "rate_over_raw_bulk": round(ratio, 2),
        "heap_used_mb": round(node["jvm"]["mem"]["heap_used_in_bytes"] / 2**20),
        "questions_ms": {name: [round(milliseconds(s, q), 1) for q in (0.5, 0.95, 0.99)] for name, s in rows.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=20_000)
    parser.add_argument("--url")
    given = parser.parse_args()
    with ExitStack() as held:
        url = given.url or held.enter_context(opensearch(cache_folder(), quick=False))
        found = measure(url, given.passages)
    OUT.mkdir(exist_ok=True)
    (OUT / f"index-{given.passages}.json").write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
