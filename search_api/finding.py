"""Find inside one Scope: parse, match, rank, recheck against records, open the passages. No door and no journal here.

    parse ─ embed ─ forms ─ match ─ rank ─ recheck against records ─ passages
            index/embedders index/port index/rank   records/         show.py

`ask.py` (one record) and `rounds.py` (the records of one's patients) put the door before and the journal behind it.
Nothing here depends on what lies outside the Scope.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache

from access.identifiers import DocumentId, PassageId
from access.refusal import Refusal
from access.scope import Scope
from index.highlight import highlights
from index.intent import intent_of
from index.lexicon import medical_thesaurus
from index.near import Places, is_far, under
from index.port import Candidates, Filters, Index
from index.query import Lists, Query, no_lists, parse
from index.question import CANDIDATES, Asked, build_question, query_vector
from index.rank import RankedDocument, calibration_of, fuse
from index.vocabulary import Lexicon
from records import documents
from records.database import Tx
from records.documents import Document, DocumentState
from search_api.coverage import SHORTENED, WORDS_ONLY
from search_api.documents import view_of
from search_api.marks import marks_of
from search_api.services import Services
from search_api.shelf import OpenReading
from search_api.show import show
from search_api.sift import facts_of, holds_phrases, narrowed, newest_first, only_new
from search_api.views import HitView, Mode, Sort

QUERY_EMPTY = Refusal("ask", "query-empty", "La question est vide.", "Écrivez au moins un mot.")
NO_SUCH_PASSAGE = Refusal(
    "ask", "no-such-passage", "Ce passage n'est pas parmi ceux que vous pouvez voir.", "Refaites la recherche."
)


MOST_MEANT = 6
"""Terms of a list that its question is embedded with: a model makes an average of more."""


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """A question as asked. `limit`: most documents shown. Filters narrow, never widen; `cursor` goes on behind an
    answer to the same question. `like`: the passage whose text the question is, asked as plain words; its own document
    is left out. `new_only`: what came since the caller's visit before this one; everything at the first visit."""

    query: str
    limit: int = 10
    mode: Mode = "hybrid"
    type_codes: frozenset[str] = frozenset()
    date_from: date | None = None
    date_to: date | None = None
    sort: Sort = "relevance"
    facets: bool = False
    cursor: str | None = None
    like: PassageId | None = None
    new_only: bool = False
    lists: Lists = no_lists  # terms of the lists that the question may call by name
    said: tuple[str, ...] = ()  # what was written out in it

    def filters(self, query: Query) -> Filters:
        """What the request and the question's own fields ask for, both at once."""
        codes = self.type_codes & query.type_codes if self.type_codes and query.type_codes else None
        if codes is not None and not codes:
            codes = frozenset({"none"})  # two kinds that exclude each other
        return Filters(
            self.type_codes | query.type_codes if codes is None else codes,
            max(filter(None, (self.date_from, query.date_from)), default=None),
            min(filter(None, (self.date_to, query.date_to)), default=None),
        )

    def listing(self) -> str:
        """What a cursor is bound to: everything that decides the order."""
        parts = (
            self.query,
            self.like or "",
            self.mode,
            *sorted(self.type_codes),
            str(self.date_from),
            str(self.date_to),
            self.sort,
        )
        return "search:" + hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Understood:
    """A question before any record is opened. asked: what is matched, also of a question that only names fields."""

    request: SearchRequest
    query: Query
    filters: Filters
    asked: Query
    engine: Index
    vector: bytes | None
    embed: Callable[[str], bytes | None]  # a vector comparable with those of the engine, or None

    @property
    def mode(self) -> Mode:
        """How it is answered: by words alone when there is no vector."""
        if self.vector is None:
            return "words"
        return "meaning" if self.request.mode == "meaning" else "hybrid"


@dataclass(frozen=True, slots=True)
class Found:
    """What an engine answered to a question, and how far the question was met."""

    query: Query
    asked: Asked
    candidates: Candidates
    filters: Filters
    mode: Mode
    degraded: list[str]


def cleaned(query: str) -> str:
    """A question as one line that can be stored: no control character, no lone surrogate."""
    text = query.encode("utf-8", "replace").decode("utf-8")
    return " ".join("".join(one if one.isprintable() else " " for one in text).split())


def sequence_of(passage: PassageId) -> int:
    """The number of a passage in its document, from 0: the inverse of `access.identifiers.passage_id`."""
    return int(passage.rpartition(".")[2])


def document_of(passage: PassageId) -> DocumentId:
    """The document of a passage."""
    return DocumentId(passage.rpartition(".")[0])


def text_of(services: Services, tx: Tx, scope: Scope, passage: PassageId) -> str:
    """What a passage of the Scope says. One outside it, of a document without a reading, or of nothing: one Refusal."""
    document = documents.get_document(tx, scope, document_of(passage))
    if document is not None and document.state is DocumentState.SEARCHABLE:
        reading = services.shelf.take(services.blobs, tx, scope, document)
        number = passage.rpartition(".")[2]
        if reading is not None and number.isdecimal() and int(number) < len(reading.passages):
            return reading.passages[int(number)].text
    raise NO_SUCH_PASSAGE


def understand(services: Services, request: SearchRequest) -> Understood:
    """Parse and embed, once a question whatever the number of records. Without comparable vectors, words alone."""
    query = parse(request.query, request.lists) if request.like is None else Query(request.query)
    query = replace(query, said=(*request.said, *query.said))
    text = query.text
    if not text and not query.listed:
        text = " ".join((*query.types, *query.authors, *query.organizations, *query.specialties))
    meant = " ".join((text, *(term for each in query.listed for term in each.terms[:MOST_MEANT]))).strip()
    engine = services.index.current()

    @lru_cache(maxsize=8)
    def embed(text: str) -> bytes | None:
        return None if request.mode == "words" else _vector(services, engine, text)

    return Understood(request, query, request.filters(query), replace(query, text=text), engine, embed(meant), embed)


def find(understood: Understood, tx: Tx, scope: Scope, last: datetime | None = None) -> Found:
    """Expand over the Scope's own words, match inside it. `last`: `visitors.last_visit`, for `new_only`."""
    (found,) = find_each(understood, tx, [scope], last)
    return found


def find_each(understood: Understood, tx: Tx, scopes: Sequence[Scope], last: datetime | None = None) -> list[Found]:
    """`find` in each, in their order, each as if it were asked alone; the engine is asked for all of them at once."""
    engine = understood.engine
    inside = [_inside(understood, tx, scope, last) for scope in scopes]
    known = engine.forms_each(inside)
    lexicon = Lexicon(frozenset().union(*known)) if len(known) > 1 else None
    asked = [_asked(understood, forms, lexicon) for forms in known]
    candidates = engine.match_each([(scope, each.question) for scope, each in zip(inside, asked, strict=True)])
    return [_found(understood, *each) for each in zip(asked, candidates, strict=True)]


def _inside(understood: Understood, tx: Tx, scope: Scope, last: datetime | None) -> Scope:
    """What of the Scope the request may be answered from."""
    request = understood.request
    scope = narrowed(tx, scope, understood.query)
    if request.new_only and last is not None:
        scope = only_new(tx, scope, last)
    if request.like is not None:
        scope = replace(scope, excluded=scope.excluded | {document_of(request.like)})
    return scope


def _asked(understood: Understood, forms: frozenset[str], lexicon: Lexicon | None) -> Asked:
    """The question over these words, its vector that of the text respelt."""
    vector = understood.vector
    asked = build_question(
        understood.asked.text,
        forms,
        vector,
        understood.filters,
        thesaurus=medical_thesaurus(),
        query=understood.asked,
        lexicon=lexicon,
    )
    if asked.meant and vector is not None and (respelt := understood.embed(asked.meant)) is not None:
        asked = replace(asked, question=replace(asked.question, vector=respelt))
    if understood.mode == "meaning":
        return Asked(replace(asked.question, clauses=()))
    return asked


def _found(understood: Understood, asked: Asked, candidates: Candidates) -> Found:
    degraded = [WORDS_ONLY] if understood.vector is None and understood.request.mode != "words" else []
    if asked.shortened:
        degraded.append(SHORTENED)
    return Found(understood.query, asked, candidates, understood.filters, understood.mode, degraded)


def _vector(services: Services, engine: Index, query: str) -> bytes | None:
    """The question's vector, or None when there is no model, it is broken, or the index holds another model's."""
    if not services.index.is_wanted(engine.generation):
        return None
    try:
        return query_vector(services.embedder, query)
    except Refusal:  # over the model's window, or the model does not load: words still answer
        return None


def ranked_in(services: Services, tx: Tx, scope: Scope, request: SearchRequest, found: Found) -> list[RankedDocument]:
    """Every document found, in the order asked for."""
    ranked = fuse(
        found.candidates,
        limit=2 * CANDIDATES,
        question=found.asked.question,
        calibration=calibration_of(services.embedder),
        intent=intent_of(found.query.text),
        facts=facts_of(tx, scope),
    )
    if request.sort == "relevance":
        return ranked
    return newest_first(ranked, documents.get_documents(tx, scope, [each.document_id for each in ranked]))


@dataclass(frozen=True, slots=True)
class Shelves:
    """Looks up what a ranked document shows."""

    services: Services
    tx: Tx
    scope: Scope
    now: datetime
    found: Found
    last: datetime | None = None

    def hits(self, ranked: Sequence[RankedDocument]) -> Iterator[tuple[RankedDocument, str, HitView]]:
        """Hits that records confirm (inside the Scope at this instant, searchable, with a reading), each with a digest
        of all its words."""
        confirmed = documents.get_documents(self.tx, self.scope, [each.document_id for each in ranked])
        for candidate in ranked:
            document = confirmed.get(candidate.document_id)
            if document is None or document.state is not DocumentState.SEARCHABLE:
                continue
            reading = self.services.shelf.take(self.services.blobs, self.tx, self.scope, document)
            if reading is not None and (hit := self._hit(candidate, document, reading)):
                yield candidate, reading.digest, hit

    def _hit(self, candidate: RankedDocument, document: Document, reading: OpenReading) -> HitView | None:
        services, question = self.services, self.found.asked.question

        def places(passage: PassageId) -> Places | None:
            sequence = sequence_of(passage)
            if sequence >= len(reading.passages):
                return None
            titles = (document.title, reading.passages[sequence].section)
            return under(services.shelf.places(reading, sequence), titles)

        shown = (
            show(services.shelf, reading, sequence_of(passage), question, self.scope.patient_id)
            for passage in candidate.passages
        )
        phrases = self.found.query.phrases
        passages = [each for each in shown if each is not None and holds_phrases(each.text, phrases)]
        far = is_far(candidate, question, places) if question.clauses else False
        if not passages:
            return None
        marks = marks_of(services, self.scope, document, self.now, self.last)
        lit = list(highlights(document.title, question))
        return HitView(rank=0, document=view_of(document, marks), passages=passages, far=far, title_highlights=lit)


def page_of(shelves: Shelves, ranked: list[RankedDocument], start: int, limit: int) -> tuple[list[HitView], int]:
    """At most `limit` hits from place `start` on, copies of one content folded into one; and the place reached."""
    hits: list[HitView] = []
    of_content: dict[str, int] = {}
    reached = start
    while reached < len(ranked) and len(hits) < limit:
        step = ranked[reached : reached + limit]
        for candidate, content, hit in shelves.hits(step):
            if content in of_content:
                place = of_content[content]
                copies = [*hits[place].copies, hit.document.id]
                hits[place] = hits[place].model_copy(update={"copies": copies})
                continue
            if len(hits) == limit:
                return hits, ranked.index(candidate)
            of_content[content] = len(hits)
            hits.append(hit.model_copy(update={"rank": start + len(hits) + 1}))
        reached += len(step)
    return hits, reached
