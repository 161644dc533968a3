"""The words that a person typed to a Question that engines can answer, and what was changed on the way."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import islice

from access.refusal import Refusal
from clinical.assertion import Denials, denials
from index.analysis import ENGLISH, EXACT, FRENCH, Analysis, Word, analyse, fold, stems
from index.embedders.port import Embedder, quantise
from index.ideas import STEM_SHARE, Synonym, Typed, clause_of, with_ideas
from index.lists import choice_of
from index.passages import DENIED
from index.port import Clause, Filters, Part, Question
from index.query import Query
from index.scoring import MOST_CLAUSES, heaviest
from index.stopwords import STOP_WORDS
from index.thesaurus import NO_THESAURUS, Thesaurus, simple_words
from index.vocabulary import Expansion, Kind, Lexicon, Vocabulary, expand, suggestion, vocabulary
from index.weights import weight, weight_of_zipf

MOST_WORDS = 512
MOST_CHARACTERS = 20_000
TOO_LONG = Refusal(
    "ask",
    "query-too-long",
    f"La question est trop longue : {MOST_WORDS} mots au plus.",
    "Gardez les mots qui comptent : un nom de médicament, un diagnostic, un examen.",
)
CANDIDATES = 400
"""Passages an arm; one cut from an arm counts zero there. Fused nDCG@10 on nfcorpus: 0.322 at 200, 0.324 at 400."""
NUMBER_SHARE = 0.8
"""A plural's weight beside its singular, and the other way round: nearer than what only shares a stem."""
HEADS = 0.5
"""Share of its weight that a word gains under a title that says it, of the document or of the section; a title alone
brings as much. samples/judgements dev, fused nDCG@10: 0.877 without, 0.878 at 0.2, 0.883 at 0.5, 0.881 at 0.7, 0.877 at
1.5, which ranks letters by what they are called."""
FAMILY_SHARE = 0.87
"""« rétinien » beside « rétine »: synonym-only quaero_fr dev 0.144 without families and 0.184 with them, words."""
MOST_BEGINNINGS = 40
_ABBREVIATION_ZIPF = 4.0
"""Most that an abbreviation counts as common: « LES » (lupus) is not the article."""


@dataclass(frozen=True, slots=True)
class Correction:
    """A typed word and a form of the Scope that was searched in its place."""

    typed: str
    became: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Asked:
    """A question ready for an engine. `shortened`: only its 64 heaviest words are matched, which the answer says."""

    question: Question
    corrections: tuple[Correction, ...] = ()
    shortened: bool = False
    synonyms: tuple[Synonym, ...] = ()
    suggestions: tuple[tuple[str, str], ...] = ()  # typed, and the medical word that was perhaps meant
    meant: str = ""  # the text respelt, to be embedded in its place; "" when no word of it was misspelt


def build_question(
    text: str,
    forms: frozenset[str],
    vector: bytes | None = None,
    filters: Filters | None = None,
    limit: int = CANDIDATES,
    thesaurus: Thesaurus = NO_THESAURUS,
    query: Query | None = None,
    lexicon: Lexicon | None = None,
) -> Asked:
    """The Question of `text`. forms: `Index.forms` of the same Scope. vector: `query_vector` of the same text.

    query: what else was asked beside plain words (phrases, exclusions, beginnings, what must be denied).
    lexicon: of the forms of every Scope that is asked the same, so that they are compared once.
    Any text is accepted, down to one without a word (then only the vector, if any, asks); over 512 words or 20,000
    characters it is a Refusal (stage "ask", code "query-too-long").
    """
    text = unicodedata.normalize("NFC", text)
    query = query or Query(text)
    words, known = _words(text), vocabulary(forms, lexicon)
    denied = _denied(text, query)
    corrections: dict[Correction, None] = {}
    corrected: dict[int, str] = {}
    suggested: dict[str, str] = {}
    clauses: list[Clause] = []
    for place, word in enumerate(words.words):
        expansions = (*expand(word.exact, known, thesaurus.forms), *_beginnings(word, known, query))
        stands = not expansions or known.holds(word.exact)
        terms = dict(_own_terms(word, text, words)) if stands else {}
        for expansion in expansions:
            corrections[Correction(text[word.start : word.end], expansion.form, expansion.kind)] = None
            if expansion.kind is Kind.TYPO:
                corrected.setdefault(place, expansion.form)
            for token, value in _expanded_terms(expansion):
                terms[token] = max(value, terms.get(token, 0.0))
        if place not in corrected and (meant := suggestion(word.exact, known, thesaurus.words)):
            corrected[place] = suggested[text[word.start : word.end]] = meant
        for form in known.family(word.exact) if stands else ():
            terms.setdefault(EXACT + form, weight(word.exact) * FAMILY_SHARE)
        clauses.append(clause_of(terms, denied.covers(word.start, word.end)))
    kept = _heaviest(clauses)
    parts, synonyms = with_ideas(Typed(text, words.words, kept, corrected, denied), known, thesaurus)
    parts += [choice_of(each, known) for each in query.listed]
    question = Question(tuple(parts), vector, filters or Filters(), limit)
    question = replace(question, required=tuple(_required(query)), without=frozenset(_without(query)), heads=HEADS)
    meant = _spelt(text, words, corrected)
    return Asked(
        question, tuple(corrections), len(kept) < len(clauses), tuple(synonyms), tuple(suggested.items()), meant
    )


def _spelt(text: str, words: Analysis, corrected: Mapping[int, str]) -> str:
    """The text with its misspelt words as they were probably meant; "" when none is."""
    pieces, end = [], 0
    for place in sorted(corrected):
        word = words.words[place]
        if word.start >= end:  # the joined form of a hyphenated word overlaps its parts
            pieces += [text[end : word.start], corrected[place]]
            end = word.end
    return "".join((*pieces, text[end:])) if pieces else ""


def query_vector(embedder: Embedder, text: str) -> bytes | None:
    """The int8 vector of a question, or None in words-only mode. Over the model's window it is a Refusal."""
    if not embedder.dimensions or not text.strip():
        return None
    return quantise(embedder.embed_query(unicodedata.normalize("NFC", text)), embedder.scale).tobytes()


def _words(text: str) -> Analysis:
    words = analyse(text) if len(text) <= MOST_CHARACTERS else None
    if words is None or words.length > MOST_WORDS:
        raise TOO_LONG
    return words


def _denied(text: str, query: Query) -> Denials:
    """What the question states as absent, in its own words or by the field `absent:`."""
    spans = [(start, start + len(each)) for each in query.absent if (start := text.find(each)) >= 0]
    return Denials(tuple(sorted((*denials(text).spans, *spans))))


def _required(query: Query) -> Iterator[Part]:
    """Each word of a phrase, and each word that must be denied. Their order is checked on the text that is shown."""
    for phrase in query.phrases:
        yield from (clause_of({EXACT + word.exact: 1.0}, absent=False) for word in analyse(phrase).words)
    for absent in query.absent:
        for word in analyse(absent).words:
            terms = clause_of(dict.fromkeys(word.tokens, 1.0), absent=True).terms
            yield Clause(tuple(term for term in terms if term.token.startswith(DENIED)))


def _without(query: Query) -> Iterator[str]:
    for each in query.without:
        for word in analyse(each).words:
            for token in (EXACT + word.exact, FRENCH + word.french):
                yield from (token, DENIED + token)
    for term in (term for each in query.without_listed for term in each.terms):
        words = simple_words(term)
        if len(words) == 1:  # of several words, one alone names something else
            yield from (EXACT + words[0].exact, DENIED + EXACT + words[0].exact)


def _beginnings(word: Word, known: Vocabulary, query: Query) -> Iterator[Expansion]:
    """The Scope's forms that begin with a word typed with a star, common or not."""
    if word.exact not in {fold(each) for each in query.prefixes}:
        return
    starting = islice(known.starting(word.exact), MOST_BEGINNINGS)
    yield from (Expansion(form, Kind.PREFIX, 0.8) for form in starting if form != word.exact)


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
