"""The search index as the rest of the product sees it: what is put in, what may be asked, what comes back.

Two production engines implement it (`index/embedded.py`, `index/opensearch.py`) and one contract suite
(`tests/index/test_contract.py`) holds both to the same ids in the same order. Every read takes a `Scope`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from access.categories import Category
from access.identifiers import DocumentId, PassageId, PatientId
from access.scope import Scope


@dataclass(frozen=True, slots=True)
class Generation:
    """A named build of the index: prefix and the fingerprint of mapping + analysis + embedder (12 hex digits)."""

    prefix: str
    fingerprint: str

    @property
    def name(self) -> str:
        return f"{self.prefix}-{self.fingerprint}"

    @classmethod
    def parse(cls, name: str) -> Generation | None:
        """Inverse of `name`; None for a name that is not ours."""
        prefix, dash, fingerprint = name.rpartition("-")
        if not dash or not prefix or len(fingerprint) != 12 or not set(fingerprint) <= set("0123456789abcdef"):
            return None
        return cls(prefix, fingerprint)


@dataclass(frozen=True, slots=True)
class IndexedPassage:
    """A passage as the engines hold it: tokens of `analysis.analyse`, its exact forms, its int8 vector."""

    passage_id: PassageId
    tokens: tuple[str, ...]  # what lexical terms match, verbatim, with repetitions
    forms: tuple[str, ...]  # folded whole words, distinct: the vocabulary that typos and prefixes expand over
    length: int  # words, for the length norm
    vector: bytes | None = None  # int8, little endian, None in words-only mode
    heads: tuple[str, ...] = ()  # tokens of its document's title and of its section's, distinct


@dataclass(frozen=True, slots=True)
class IndexedDocument:
    """One document's passages. `fence` grows with every write about a document; a lower one than stored is ignored."""

    patient_id: PatientId
    document_id: DocumentId
    category: Category
    type_code: str
    event_date: date | None
    fence: int
    passages: tuple[IndexedPassage, ...]


@dataclass(frozen=True, slots=True)
class Removal:
    """A document that must leave the index and stay out, whatever older write arrives later."""

    patient_id: PatientId
    document_id: DocumentId
    fence: int


@dataclass(frozen=True, slots=True)
class WeightedTerm:
    """A token and its patient-independent weight."""

    token: str
    weight: float


@dataclass(frozen=True, slots=True)
class Clause:
    """One word of the question: the best of its variants counts (stem, exact form, corrected spelling)."""

    terms: tuple[WeightedTerm, ...]


@dataclass(frozen=True, slots=True)
class Alternative:
    """One way to write an idea: the sum of its clauses. whole: only where every clause is held."""

    clauses: tuple[Clause, ...]
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """Several ways to ask for the same: in each passage the best way counts.

    one_idea: each way names one thing, so that a part of it names another (read by `index/near.py`, not by engines).
    """

    alternatives: tuple[Alternative, ...]
    one_idea: bool = True


Part = Clause | Choice


@dataclass(frozen=True, slots=True)
class Filters:
    """Narrowing asked for by the caller; never widens a Scope. Dates are inclusive; undated documents fail them."""

    type_codes: frozenset[str] = frozenset()
    date_from: date | None = None
    date_to: date | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of an engine. Either arm may be absent (`clauses` empty, `vector` None).

    required: each part must be held by a passage, whichever the arm. without: no token may be.
    heads: what a clause gains, as a share of its heaviest term, in a passage whose heads hold one of its tokens.
    """

    clauses: tuple[Part, ...]
    vector: bytes | None = None
    filters: Filters = Filters()
    limit: int = 200  # candidates an arm
    required: tuple[Part, ...] = ()
    without: frozenset[str] = frozenset()
    heads: float = 0.0

    @property
    def tokens(self) -> frozenset[str]:
        """Every token that may match, in any way of writing."""
        return frozenset(t.token for clause in clauses_of((*self.clauses, *self.required)) for t in clause.terms)


def clauses_of(parts: Iterable[Part]) -> Iterator[Clause]:
    """The clauses of parts, those of every alternative included."""
    for part in parts:
        if isinstance(part, Clause):
            yield part
        else:
            yield from (clause for way in part.alternatives for clause in way.clauses)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage that matched one arm. `score` is an exact integer; it never leaves the package."""

    passage_id: PassageId
    document_id: DocumentId
    score: int


@dataclass(frozen=True, slots=True)
class Candidates:
    """Both arms, each by falling score then passage id; and how many of the Scope's documents hold a query word."""

    words: tuple[Candidate, ...]
    meaning: tuple[Candidate, ...]
    matched_documents: int


@dataclass(frozen=True, slots=True)
class InventoryLine:
    """What the engine holds of one document, for `verify`: passages, and a digest over them."""

    patient_id: PatientId
    document_id: DocumentId
    fence: int
    passages: int
    digest: str


class Index(Protocol):
    """One generation, open for reading and writing."""

    @property
    def generation(self) -> Generation: ...

    def put(self, documents: Sequence[IndexedDocument]) -> None:
        """Replace these documents whole. On return each is found by the next search; on a Refusal none is trusted."""

    def remove(self, removals: Sequence[Removal]) -> None:
        """Take these documents out for good (for fences up to the given one)."""

    def match(self, scope: Scope, question: Question) -> Candidates:
        """Candidates inside `scope`; an empty Scope gives none. The filter is inside each arm, never after."""

    def match_each(self, questions: Sequence[tuple[Scope, Question]]) -> list[Candidates]:
        """`match` of each, in their order: for many Scopes at once, each as if it were asked alone."""

    def forms(self, scope: Scope) -> frozenset[str]:
        """Every exact form in the Scope's passages: the only words that a typo or a prefix may become."""

    def forms_each(self, scopes: Sequence[Scope]) -> list[frozenset[str]]:
        """`forms` of each, in their order."""

    def inventory_without_scope(self) -> Iterator[InventoryLine]:
        """Every document held, in order of id. For `verify` only: it shows no text."""


class Generations(Protocol):
    """The builds of an index. At most one serves."""

    def names(self) -> Sequence[Generation]:
        """Every generation present, serving or building."""

    def serving(self) -> Generation | None:
        """The one that answers, or None on a new home."""

    def open(self, generation: Generation) -> Index:
        """Open a generation, creating it empty when absent (an interrupted build resumes)."""

    def serve(self, generation: Generation) -> None:
        """Make it the one that answers, in one step."""

    def retire(self, generation: Generation) -> None:
        """Delete a generation that does not serve; refused for the serving one."""

    def ping(self) -> None:
        """Raise a Refusal (stage "index", code "index-unavailable") when the engine cannot answer now."""
