"""The words that a person typed to a Question that engines can answer, and what was changed on the way."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from access.refusal import Refusal
from clinical.assertion import Denials, denials
from index.analysis import ENGLISH, EXACT, FRENCH, Analysis, Word, analyse, stems
from index.embedders.port import Embedder, quantise
from index.passages import DENIED
from index.port import Alternative, Choice, Clause, Filters, Part, Question, WeightedTerm
from index.scoring import MOST_CLAUSES, heaviest, quantised
from index.stopwords import STOP_WORDS
from index.thesaurus import NO_THESAURUS, Link, Thesaurus, Way
from index.vocabulary import Expansion, Kind, Vocabulary, expand, vocabulary
from index.weights import weight, weight_of_zipf

MOST_WORDS = 512
MOST_CHARACTERS = 20_000
STEM_SHARE = 0.8
"""A stem's weight beside its exact form: 0.7322 at 1 and 0.7597 at 0.8 (quaero_fr dev, words, nDCG@10)."""
CANDIDATES = 400
"""Passages an arm; one cut from an arm counts zero there. Fused nDCG@10 on nfcorpus: 0.322 at 200, 0.324 at 400."""
OTHER_ASSERTION = 0.6
"""Share of a denial when what is asked for is not denied, and the other way round."""
MOST_WAYS = 60
SHORTEST_STEMMED = 4
NUMBER_SHARE = 0.85
FAMILY_SHARE = 0.8
UNCERTAIN = 0.6
SHARES = {
    Link.SYNONYM: 0.95,
    Link.ABBREVIATION: 0.95,
    Link.LAY: 0.85,
    Link.ENGLISH: 0.85,
    Link.NARROWER: 0.5,
    Link.BROADER: 0.2,
}
_ABBREVIATION_ZIPF = 4.0
"""Most that an abbreviation counts as common: « LES » (lupus) is not the article."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A typed word and a form of the Scope that was searched in its place."""

    typed: str
    became: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Synonym:
    """A part of the question and another way to write it that was searched beside it."""

    typed: str
    also: str
    link: Link


@dataclass(frozen=True, slots=True)
class Asked:
    """A question ready for an engine. `shortened`: only its 64 heaviest words are matched, which the answer says."""

    question: Question
    corrections: tuple[Correction, ...] = ()
    shortened: bool = False
    synonyms: tuple[Synonym, ...] = ()


def build_question(
    text: str,
    forms: frozenset[str],
    vector: bytes | None = None,
    filters: Filters | None = None,
    limit: int = CANDIDATES,
    thesaurus: Thesaurus = NO_THESAURUS,
) -> Asked:
    """The Question of `text`. forms: `Index.forms` of the same Scope. vector: `query_vector` of the same text.

    Any text is accepted, down to one without a word (then only the vector, if any, asks); over 512 words or 20,000
    characters it is a Refusal (stage "ask", code "query-too-long").
    """
    text = unicodedata.normalize("NFC", text)
    words = _words(text)
    known, denied = vocabulary(forms), denials(text)
    corrections: list[Correction] = []
    clauses: list[Clause] = []
    for word in words.words:
        terms = dict(_own_terms(word, text, words))
        for expansion in expand(word.exact, known, thesaurus.forms):
            corrections.append(Correction(text[word.start : word.end], expansion.form, expansion.kind))
            for token, value in _expanded_terms(expansion):
                terms[token] = max(value, terms.get(token, 0.0))
        for token, value in _family_terms(word, known, weight(word.exact)):
            terms.setdefault(token, value)
        clauses.append(_clause(terms, denied.covers(word.start, word.end)))
    kept = _heaviest(clauses)
    parts, synonyms = _with_ideas(words.words, kept, text, known, thesaurus, denied)
    question = Question(tuple(parts), vector, filters or Filters(), limit)
    return Asked(question, tuple(dict.fromkeys(corrections)), len(kept) < len(clauses), tuple(synonyms))


def _with_ideas(
    words: Sequence[Word], kept: Mapping[int, Clause], text: str, known: Vocabulary, thesaurus: Thesaurus, denied: Denials
) -> tuple[list[Part], list[Synonym]]:
    """The clauses of a question, those of one concept joined with the other ways to write it that the Scope holds."""
    simple = [place for place in range(len(words)) if not _joins(words, place)]
    parts: dict[int, Part] = dict(kept)
    synonyms: list[Synonym] = []
    room = MOST_WAYS
    for idea in thesaurus.ideas([words[place] for place in simple], text):
        first, last = simple[idea.start], simple[idea.end - 1]
        inside = [p for p in kept if words[first].start <= words[p].start and words[p].end <= words[last].end]
        ways = [way for way in idea.ways if all(known.holds(word.exact) for word in way.words)][:room]
        if not inside or not ways:
            continue
        room -= len(ways)
        heavy = sum(heaviest(kept[place]) for place in inside if place in simple)
        typed = Alternative(tuple(kept[place] for place in inside))
        absent = denied.covers(words[first].start, words[last].end)
        choice = Choice((typed, *(_alternative(way, heavy, absent) for way in ways)))
        synonyms.extend(Synonym(text[words[first].start : words[last].end], way.text, way.link) for way in ways)
        for place in inside:
            parts.pop(place, None)
        parts[inside[0]] = choice
    return [parts[place] for place in sorted(parts)], synonyms


def _joins(words: Sequence[Word], place: int) -> bool:
    """Whether a word is the joined form of others."""
    word = words[place]
    return any(word.start <= each.start and each.end <= word.end for n, each in enumerate(words) if n != place)


def _clause(terms: Mapping[str, float], absent: bool) -> Clause:
    """Each term as stated and as denied; what is not asked for counts less."""
    stated, denied = (OTHER_ASSERTION, 1.0) if absent else (1.0, OTHER_ASSERTION)
    return Clause(
        tuple(
            WeightedTerm(mark + token, quantised(value * share))
            for token, value in terms.items()
            for mark, share in (("", stated), (DENIED, denied))
        )
    )


def _alternative(way: Way, heavy: float, absent: bool) -> Alternative:
    """A way that weighs its share of what was typed, spread over its words by their own weights."""
    share = SHARES[way.link] * (1.0 if way.certain else UNCERTAIN)
    weights = [weight(word.exact) for word in way.words]
    clauses = []
    for word, own in zip(way.words, weights, strict=True):
        value = heavy * share * own / sum(weights)
        terms = {EXACT + word.exact: value}
        if len(word.exact) >= SHORTEST_STEMMED and way.link is not Link.ABBREVIATION:
            terms[ENGLISH + word.english if way.english else FRENCH + word.french] = value * STEM_SHARE
        clauses.append(_clause(terms, absent))
    return Alternative(tuple(clauses), whole=len(clauses) > 1)


def _family_terms(word: Word, known: Vocabulary, heavy: float) -> Iterator[tuple[str, float]]:
    if FAMILY_SHARE:
        yield from ((EXACT + form, heavy * FAMILY_SHARE) for form in known.family(word.exact))


def query_vector(embedder: Embedder, text: str) -> bytes | None:
    """The int8 vector of a question, or None in words-only mode. Over the model's window it is a Refusal."""
    if not embedder.dimensions or not text.strip():
        return None
    return quantise(embedder.embed_query(unicodedata.normalize("NFC", text)), embedder.scale).tobytes()


def _words(text: str) -> Analysis:
    words = analyse(text) if len(text) <= MOST_CHARACTERS else None
    if words is None or words.length > MOST_WORDS:
        raise Refusal(
            "ask",
            "query-too-long",
            f"La question est trop longue : {MOST_WORDS} mots au plus.",
            "Gardez les mots qui comptent : un nom de médicament, un diagnostic, un examen.",
        )
    return words


def _own_terms(word: Word, text: str, words: Analysis) -> Iterator[tuple[str, float]]:
    """The word itself, then its stems; for a number its exact form, and the other ways to write a date."""
    heavy = weight(word.exact)
    if _is_abbreviation(word, text, words):
        heavy = max(heavy, weight_of_zipf(_ABBREVIATION_ZIPF))
    yield EXACT + word.exact, heavy
    if word.exact.count("-") == 2:
        year, month, day = word.exact.split("-")
        others = [year[2:]] if len(year) == 4 else ["19" + year, "20" + year]
        yield from ((f"{EXACT}{other}-{month}-{day}", heavy * STEM_SHARE) for other in others)
    elif word.exact.isdigit():
        if len(word.exact) == 4 and word.exact[:2] in {"19", "20"}:
            yield ENGLISH + word.exact, heavy * STEM_SHARE  # the year of a date
    elif word.exact not in STOP_WORDS:
        yield from ((EXACT + form, heavy * NUMBER_SHARE) for form in _other_number(word.exact))
        yield FRENCH + word.french, heavy * STEM_SHARE
        yield ENGLISH + word.english, heavy * STEM_SHARE


def _other_number(form: str) -> Iterator[str]:
    """The plural of a singular, or the singular of a plural; one of them may be no word, and then finds nothing."""
    if form.isalpha() and len(form) > 3:
        yield form[:-1] if form[-1] in "sx" else form + "s"


def _expanded_terms(expansion: Expansion) -> Iterator[tuple[str, float]]:
    """The form; for a typo its stems too, because « alergie » asks for « allergies » as « allergie » does."""
    heavy = weight(expansion.form) * expansion.share
    yield EXACT + expansion.form, heavy
    if expansion.kind is Kind.TYPO:
        french, english = stems(expansion.form)
        yield FRENCH + french, heavy * STEM_SHARE
        yield ENGLISH + english, heavy * STEM_SHARE


def _is_abbreviation(word: Word, text: str, words: Analysis) -> bool:
    written = text[word.start : word.end]
    shouted = words.length > 2 and text.isupper()
    return 2 <= len(written) <= 5 and written.isupper() and not shouted


def _heaviest(clauses: list[Clause]) -> dict[int, Clause]:
    """At most MOST_CLAUSES, the heaviest, by their place in the order typed; among equals the first typed."""

    def lightness(place: int) -> tuple[float, int]:
        return -heaviest(clauses[place]), place

    kept = set(sorted(range(len(clauses)), key=lightness)[:MOST_CLAUSES])
    return {place: clause for place, clause in enumerate(clauses) if place in kept}
