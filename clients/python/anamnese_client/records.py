"""A patient's record: documents, the emergency card, results, authorisations; and a refusal."""

from __future__ import annotations

from datetime import date, datetime

from anamnese_client.answers import DocumentInfo, Point, Source
from anamnese_client.model import Model


class PatientFound(Model):
    """An opaque id of the same form whether or not the service knows the identity."""

    patient_id: str


class Me(Model):
    """The bearer of the token. `patient_id` is null for who is no patient, `role` empty for who has none."""

    kind: str
    id: str
    name: str
    profession: str
    specialty: str
    role: str
    patient_id: str | None


class Identity(Model):
    """The traits of the banner (RNIV), the rule that opened the record, and the notice of an emergency access."""

    patient_id: str
    family_name: str
    given_names: str
    used_name: str
    birth_date: date | None
    sex: str
    ins: str
    ins_status: str
    basis: str
    banner: str
    seconds_left: int | None


class Deposited(Model):
    """An upload is stored durably; reading it goes on. Ask `url` for its state."""

    document_id: str
    url: str
    state: str = "received"


class ReadingRefusal(Model):
    """Why a document is not searchable, and what to do."""

    stage: str
    code: str
    message: str
    remedy: str


class Receipt(Model):
    """One way by which the document came."""

    origin: str
    received_at: datetime


class DocumentItem(DocumentInfo):
    """A document with its state."""

    state: str
    pages: int
    unreadable_pages: tuple[int, ...]
    media_type: str
    size: int
    received_at: datetime
    searchable_at: datetime | None
    refusal: ReadingRefusal | None
    url: str


class Document(DocumentItem):
    """One document with what binds it to others: copies that came otherwise, what it completes, what completes it."""

    receipts: tuple[Receipt, ...]
    appends: str | None
    appended_by: tuple[str, ...]


class DocumentList(Model):
    """Newest event first. `next` continues the list, for this caller only."""

    patient_id: str
    banner: str
    documents: tuple[DocumentItem, ...]
    next: str | None


class Read(Model):
    """What the card rests on, within the caller's authorisations."""

    documents: int
    first_date: date | None
    last_date: date | None
    pending: int
    unreadable_pages: int
    refused: int
    quarantined: int
    to_read_again: int


class CardLine(Model):
    """A line. `date` is as exact as it is known: 2019, 2019-02 or 2019-02-24; empty when it is not."""

    text: str
    date: str
    certainty: str
    assertion: str
    group: str
    remarks: tuple[str, ...]
    contradicted: bool
    source: Source | None
    also: tuple[str, ...]


class CardSection(Model):
    """`empty` is what was read when there is no line; it never says that there is nothing."""

    key: str
    title: str
    lines: tuple[CardLine, ...]
    empty: str


class EmergencyCard(Model):
    """The emergency card, in its fixed order."""

    patient_id: str
    at: datetime
    banner: str
    sections: tuple[CardSection, ...]
    read: Read
    notice: str
    last_line: str


class Series(Model):
    """The results of one analyte, oldest first."""

    analyte: str
    unit: str
    known: bool
    points: tuple[Point, ...]


class ObservationList(Model):
    patient_id: str
    banner: str
    series: tuple[Series, ...]
    read: Read
    notice: str


class Grant(Model):
    """An authorisation. `categories` null means all."""

    grant_id: str
    kind: str
    grantee_kind: str
    grantee: str
    grantee_name: str = ""
    categories: tuple[str, ...] | None
    valid_from: datetime
    valid_until: datetime | None
    revoked_at: datetime | None


class GrantList(Model):
    patient_id: str
    grants: tuple[Grant, ...]


class EmergencyAccess(Model):
    """An emergency access is open until then; the same request extends it."""

    patient_id: str
    until: datetime


class LaunchLink(Model):
    """`url` is relative to the service's address. It says nothing of who exists."""

    url: str
    expires_at: datetime


class FieldError(Model):
    """Where a request is malformed. Never repeats what was sent."""

    field: str
    reason: str


class Problem(Model):
    """RFC 9457 with the fields of a Refusal."""

    type: str
    title: str
    status: int
    stage: str
    code: str
    remedy: str
    errors: tuple[FieldError, ...] | None = None
    reference: str | None = None
