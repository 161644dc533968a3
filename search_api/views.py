"""The JSON that leaves the service: pydantic models, one a thing, shared by HTTP and `anamnese search --json`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from search_api.card_views import ValuesView
from search_api.view_base import View

Mode = Literal["hybrid", "words", "meaning"]
Sort = Literal["relevance", "date"]


class RefusalView(View):
    """Why a document is not searchable, and what to do."""

    stage: str
    code: str
    message: str
    remedy: str


class SignatureView(View):
    """An electronic signature of a mail (S/MIME), as checked when it was read. It never says that an authority
    confirmed who signed, nor changes who may see the document."""

    verdict: Literal["intact", "broken", "unchecked"] = Field(
        description="intact : le texte et les pièces jointes sont ceux qui ont été signés ; broken : rompue"
    )
    signer: str = Field(description="nom et adresse selon le certificat, qu'aucune autorité n'a confirmé ; ou vide")
    message: str
    whole: bool = Field(description="couvre tout le texte et toutes les pièces jointes")


class ReadingNote(View):
    """What could not be read of these pages, or was read otherwise than it stands."""

    pages: list[int]
    message: str


class DocumentView(View):
    """What names a document on a list of results."""

    id: str
    title: str
    type_code: str = Field(description="LOINC, ou terme de l'ANS")
    type: str = Field(description="libellé français du type")
    category: str
    event_date: date | None
    author: str
    organization: str
    origin: str
    version: int
    status: str = Field(description="approved, archived, deprecated (remplacé) ou cancelled (annulé par son émetteur)")
    masked: bool | None = Field(description="masqué aux professionnels ; null pour qui n'a pas à le savoir")
    hidden_from_representatives: bool | None = Field(description="null pour qui n'a pas à le savoir")
    by_patient: bool = Field(description="déposé par le patient")
    warning: str = Field(description="à lire avant d'en parler au patient ; vide sinon")
    new: bool = Field(default=False, description="arrivé depuis votre visite précédente de ce dossier")
    signatures: list[SignatureView] = Field(default=[], description="signatures électroniques d'un mail")
    notes: list[ReadingNote] = Field(default=[], description="ce qui n'a pas été lu du document")


class DocumentItem(DocumentView):
    """A document with its state."""

    state: str
    pages: int
    unreadable_pages: list[int]
    media_type: str
    size: int = Field(description="octets")
    received_at: datetime
    searchable_at: datetime | None
    refusal: RefusalView | None
    url: str


class ReceiptView(View):
    """One way by which the document came."""

    origin: str
    received_at: datetime


class DocumentCard(DocumentItem):
    """One document with what binds it to others: copies that came otherwise, what it completes, what completes it."""

    receipts: list[ReceiptView]
    appends: str | None = Field(description="document que celui-ci complète, parmi ceux qui vous sont accessibles")
    appended_by: list[str] = Field(description="documents qui complètent celui-ci")


class PageText(View):
    """What is searched of a page: as read (version 0), or as a person corrected it."""

    document_id: str
    page: int
    version: int = Field(description="0 : lu par la machine ; à redonner pour corriger")
    text: str
    corrected_by: str | None
    corrected_at: datetime | None


class DocumentList(View):
    """Newest event first. `next` continues the list, for this caller only."""

    patient_id: str
    banner: str = Field(description="accès d'urgence en cours ; vide sinon")
    documents: list[DocumentItem]
    next: str | None


class Deposited(View):
    """An upload is stored durably; reading it goes on. Ask `url` for its state."""

    document_id: str
    url: str
    state: str = "received"


class PassageView(View):
    """A matched passage. Highlights are code point ranges of `text`; boxes are page units, origin top left."""

    passage_id: str
    text: str
    section: str
    page: int
    highlights: list[tuple[int, int]]
    section_highlights: list[tuple[int, int]] = Field(default=[], description="ce qui répond dans le titre de section")
    boxes: list[tuple[float, float, float, float]]
    page_url: str | None = Field(description="image de la page, les mots encadrés ; null quand il n'y a pas d'image")
    page_size: tuple[float, float] | None = Field(
        None, description="largeur et hauteur de la page, dans l'unité des cadres ; null quand il n'y a pas d'image"
    )
    assertion: Literal["present", "absent"] | None = Field(
        None, description="absent : le texte nie ce qui a été trouvé ; null quand rien n'y est écrit de la question"
    )
    corrected_by: str | None = Field(None, description="texte corrigé par cette personne ; l'image reste la référence")


class HitView(View):
    """A document and its best passages."""

    rank: int
    document: DocumentView
    passages: list[PassageView]
    far: bool = Field(default=False, description="éloigné : ne répond pas à la question, montré faute de mieux")
    copies: list[str] = Field(default=[], description="documents de même contenu, repliés sous celui-ci")
    title_highlights: list[tuple[int, int]] = Field(default=[], description="ce qui répond dans le titre du document")


class Correction(View):
    """A word of the question that was also read as another, present in the documents."""

    from_: str = Field(alias="from")
    to: str


class Expansion(View):
    """Another way to write a part of the question, searched beside it and weighing less."""

    from_: str = Field(alias="from")
    to: str
    relation: str = Field(description="synonym, abbreviation, lay, english, narrower, broader")


class FacetValue(View):
    value: str
    label: str
    count: int


class Facets(View):
    """Documents found, counted within the caller's authorisations, the most frequent first."""

    type: list[FacetValue]
    year: list[FacetValue]
    author: list[FacetValue]
    specialty: list[FacetValue]
    organization: list[FacetValue]
    origin: list[FacetValue]
    state: list[FacetValue]


class CoverageView(View):
    """What was searched and what was not, within what the caller may know of."""

    searched: int
    pending: int
    unreadable_pages: int
    refused: int
    quarantined: int
    first_date: date | None
    last_date: date | None
    filters: list[str]
    degraded: list[str]
    before_facts: int = Field(0, description="pour une réponse de faits : documents lus avant leur extraction")
    notice: str


class AnswerView(View):
    """What a search returns. `total` counts the documents that hold a word of the question."""

    patient_id: str
    query: str
    mode: Mode
    banner: str = Field(description="accès d'urgence en cours ; vide sinon")
    hits: list[HitView]
    total: int
    corrections: list[Correction]
    coverage: CoverageView
    understood: list[str] = Field(
        default=[], description="la question telle qu'elle a été comprise, au-delà de ses mots"
    )
    expansions: list[Expansion] = Field(default=[])
    suggestions: list[Correction] = Field(default=[], description="mot du vocabulaire médical peut-être voulu")
    facets: Facets | None = None
    values: list[ValuesView] = Field(
        default=[], description="résultats qui répondent à une question de valeur (« créatinine > 150 »), par série"
    )
    next: str | None = Field(None, description="suite de la réponse, pour ce demandeur et cette question seulement")


class PersonView(View):
    """Whose record a group of results is."""

    patient_id: str
    family_name: str = Field(description="nom de naissance")
    given_names: str
    birth_date: date | None
    sex: str


class PatientHits(View):
    """One of the caller's patients whose record answers, and the best documents of it."""

    patient: PersonView
    hits: list[HitView]
    total: int = Field(description="documents de ce dossier qui contiennent un mot de la question")


class PatientsAnswerView(View):
    """A search over the records of the caller's patients, grouped by patient, the strongest answer first."""

    query: str
    mode: Mode
    patients: list[PatientHits]
    searched_patients: int
    more: bool = Field(description="d'autres dossiers répondent peut-être, moins bien : précisez la question")
    understood: list[str]
    expansions: list[Expansion]
    coverage: CoverageView


class PatientFound(View):
    """An opaque id of the same form whether or not the service knows the identity."""

    patient_id: str


class Part(View):
    """One part of the service: `ok`, and one sentence without any health data."""

    ok: bool
    detail: str


class Readiness(View):
    """`degraded` still answers, and each answer says what it lacks."""

    status: Literal["ready", "degraded", "unavailable"]
    parts: dict[str, Part]


class Alive(View):
    status: Literal["alive"] = "alive"
