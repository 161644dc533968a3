"""How EDS-NLP, negspaCy and medspaCy state given spans. Runs in an environment of its own; imports nothing of ours.

Reads one JSON object a line on stdin (`text`, `start`, `end`), writes a JSON list of booleans: stated as absent.
`python benchmarks/assertion_others.py {edsnlp|negspacy|medspacy} {fr|en}`
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from typing import Any

Case = dict[str, Any]


def edsnlp(language: str) -> Callable[[Case], bool]:
    import edsnlp as library
    import edsnlp.pipes as eds

    assert language == "fr"
    pipeline = library.blank("eds")
    pipeline.add_pipe(eds.sentences())
    pipeline.add_pipe(eds.normalizer())
    pipeline.add_pipe(eds.negation())

    def denied(case: Case) -> bool:
        doc = pipeline.make_doc(case["text"])
        doc.ents = [_span(doc, case)]
        for _, pipe in pipeline.pipeline:
            doc = pipe(doc)
        return bool(doc.ents[0]._.negation)

    return denied


def negspacy(language: str) -> Callable[[Case], bool]:
    import spacy
    from negspacy.negation import Negex  # noqa: F401 - registers the component
    from negspacy.termsets import termset

    assert language == "en"
    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    patterns = termset("en_clinical").get_patterns()
    negex = pipeline.add_pipe("negex", config={"neg_termset": patterns, "ent_types": ["X"]})

    def denied(case: Case) -> bool:
        doc = pipeline.get_pipe("sentencizer")(pipeline.make_doc(case["text"]))
        doc.ents = [_span(doc, case)]
        return bool(negex(doc).ents[0]._.negex)

    return denied


def medspacy(language: str) -> Callable[[Case], bool]:
    import spacy
    from medspacy.context import ConText

    assert language == "en"
    pipeline = spacy.blank("en")
    pipeline.add_pipe("sentencizer")
    context = ConText(pipeline)

    def denied(case: Case) -> bool:
        doc = pipeline.get_pipe("sentencizer")(pipeline.make_doc(case["text"]))
        doc.ents = [_span(doc, case)]
        return bool(context(doc).ents[0]._.is_negated)

    return denied


def _span(doc: Any, case: Case) -> Any:
    return doc.char_span(case["start"], case["end"], label="X", alignment_mode="expand")


def _cases() -> Iterator[Case]:
    for line in sys.stdin:
        yield json.loads(line)


if __name__ == "__main__":
    name, language = sys.argv[1:3]
    state = {"edsnlp": edsnlp, "negspacy": negspacy, "medspacy": medspacy}[name](language)
    json.dump({"version": version(name), "denied": [state(case) for case in _cases()]}, sys.stdout)
