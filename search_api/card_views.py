"""The JSON of the emergency card, of observations and of immunizations: every line with its source and certainty."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import Field

from search_api.view_base import View


class SourceView(View):
    """The words that say so, and where they stand. `page_url`: the page's picture with these words boxed."""

    document_id: str
    document: str = Field(description="titre ou type du document")
    event_date: date | None
    author: str
    page: int
    start: int = Field(description="offsets de code points dans le texte de la page")
    end: int
    quote: str
    page_url: str


class LineView(View):
    """A line. `date` is as exact as it is known: 2019, 2019-02 or 2019-02-24; empty when it is not."""

    text: str
    date: str
    certainty: str
    assertion: Literal["present", "absent", "suspected", "family", "past", "hypothetical", ""]
    group: str
    remarks: list[str]
    contradicted: bool
    source: SourceView | None = Field(description="null pour l'identité, que le dossier connaît de lui-même")
    also: list[str] = Field(description="autres documents qui disent la même chose")


class SectionView(View):
    """`empty` is what was read when there is no line; it never says that there is nothing."""

    key: str
    title: str
    lines: list[LineView]
    empty: str


class ReadView(View):
    """What the card rests on, within the caller's authorisations."""

    documents: int
    first_date: date | None
    last_date: date | None
    pending: int
    unreadable_pages: int
    refused: int
    quarantined: int
    to_read_again: int = Field(description="lus avant que les faits ne soient extraits")


class CardView(View):
    """The emergency card, in its fixed order."""

    patient_id: str
    at: datetime
    banner: str = Field(description="accès d'urgence en cours ; vide sinon")
    sections: list[SectionView]
    read: ReadView
    notice: str = Field(description="ce qui n'a pas été pris en compte ; vide sinon")
    last_line: str


class PointView(View):
    """A result: as written, and in the series' unit where a reviewed rule leads there. Numbers are decimal strings."""

    date: str
    original: str = Field(description="valeur telle qu'écrite")
    original_unit: str
    original_range: str
    flag: str
    comparator: str
    value: str | None = Field(description="dans l'unité de la série ; null quand elle n'y est pas convertie")
    low: str | None
    high: str | None
    remarks: list[str]
    certainty: str
    source: SourceView
    also: list[str]


class SeriesView(View):
    """The results of one analyte, oldest first."""

    analyte: str
    unit: str = Field(description="code UCUM, ou unité telle qu'écrite pour un analyte inconnu")
    known: bool = Field(description="analyte de la table revue, donc convertible")
    points: list[PointView]


class ValuesView(View):
    """The results of one analyte that answer a question about values, newest first."""

    analyte: str
    unit: str
    understood: str = Field(description="la question telle qu'elle a été comprise, avec l'unité retenue")
    total: int = Field(description="résultats qui répondent, ceux qui ne sont pas montrés compris")
    points: list[PointView]


class ObservationList(View):
    patient_id: str
    banner: str
    series: list[SeriesView]
    read: ReadView
    notice: str


class StandingView(View):
    """A vaccine of the calendar. `done` and `due` rest on the doses listed; `unknown` has no proof."""

    vaccine: str
    status: Literal["done", "due", "unknown"]
    reason: str
    next_due: date | None
    doses: list[LineView]


class ImmunizationList(View):
    patient_id: str
    banner: str
    calendar: str = Field(description="calendrier vaccinal appliqué")
    vaccines: list[StandingView]
    read: ReadView
    notice: str
    last_line: str
