"""The service as objects: `Client` is the service, `Record` one patient's record as the token's bearer may see it."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import quote

import httpx

from anamnese_client.answers import Answer
from anamnese_client.bulks import Bulks
from anamnese_client.fhir import Fhir
from anamnese_client.records import (
    Deposited,
    Document,
    DocumentItem,
    DocumentList,
    EmergencyAccess,
    EmergencyCard,
    Grant,
    GrantList,
    Identity,
    LaunchLink,
    Me,
    ObservationList,
    PatientFound,
)
from anamnese_client.wire import Token, Wire

ENDS = frozenset({"searchable", "refused", "quarantined"})
"""The states in which a document stays until a person does something."""


class Client:
    """One service at `base`. `token`: an access token, or what returns one, asked at each request."""

    def __init__(self, base: str, token: Token, *, attempts: int = 4, timeout: float = 60.0) -> None:
        self._wire = Wire(base, token, attempts=attempts, timeout=timeout)
        self.fhir = Fhir(self._wire)
        self.bulks = Bulks(self._wire)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._wire.close()

    def me(self) -> Me:
        """Whom the service takes the bearer of the token for."""
        return Me.model_validate_json(self._wire.ask("GET", "/v1/me", again=True).content)

    def patient(
        self,
        patient_id: str = "",
        *,
        ins: str = "",
        datamatrix: str = "",
        traits: Mapping[str, Any] | None = None,
    ) -> Record:
        """A record by its id, or by one identity that is looked up. That it is returned says nothing of who exists."""
        if patient_id:
            return Record(self._wire, patient_id)
        asked = {"ins": ins or None, "datamatrix": datamatrix or None, "traits": dict(traits) if traits else None}
        body = {name: value for name, value in asked.items() if value is not None}
        answer = self._wire.ask("POST", "/v1/patients/lookup", json=body, again=True)
        return Record(self._wire, PatientFound.model_validate_json(answer.content).patient_id)

    def launch_link(self, practitioner: str, *, patient_id: str = "", ins: str = "") -> LaunchLink:
        """For a system: a link that opens the page on a patient, once, for a practitioner (RPPS). `url` is absolute."""
        named = {"patient_id": patient_id} if patient_id else {"ins": ins}
        answer = self._wire.ask("POST", "/v1/launch-links", json={"practitioner": practitioner, **named})
        made = LaunchLink.model_validate_json(answer.content)
        return made.model_copy(update={"url": str(self._wire.url(made.url))})

    def open_launch_link(self, link: str) -> Record:
        """For the practitioner named: the record that a link stands for. `link` is what follows `#launch=`."""
        answer = self._wire.ask("POST", "/v1/launch-links/open", json={"link": link})
        return Record(self._wire, PatientFound.model_validate_json(answer.content).patient_id)


class Record:
    """One patient's record. Every method may raise `NoAccess`, the door."""

    def __init__(self, wire: Wire, patient_id: str) -> None:
        self.patient_id = patient_id
        self._wire = wire
        self._at = f"/v1/patients/{quote(patient_id, safe='')}"

    def identity(self) -> Identity:
        """The traits of the banner, and the rule that opened the record."""
        return Identity.model_validate_json(self._get("/identity").content)

    def search(
        self,
        query: str = "",
        *,
        like: str | None = None,
        limit: int | None = None,
        mode: str | None = None,
        type_codes: Sequence[str] = (),
        date_from: date | None = None,
        date_to: date | None = None,
        sort: str | None = None,
        facets: bool = False,
        new_only: bool = False,
        cursor: str | None = None,
        all_states: bool = False,
    ) -> Answer:
        """One page of an answer; `Answer.next` is the `cursor` of the next. `like`: passages like that one."""
        asked: dict[str, Any] = {
            "query": query or None,
            "like": like,
            "limit": limit,
            "mode": mode,
            "type_codes": list(type_codes) or None,
            "date_from": date_from and date_from.isoformat(),
            "date_to": date_to and date_to.isoformat(),
            "sort": sort,
            "facets": facets or None,
            "new_only": new_only or None,
            "cursor": cursor,
        }
        body = {name: value for name, value in asked.items() if value is not None}
        states = {"all_states": "true" if all_states else None}
        answer = self._wire.ask("POST", f"{self._at}/search", json=body, params=states, again=True)
        return Answer.model_validate_json(answer.content)

    def documents(self, *, state: str | None = None, all_states: bool = False) -> Iterator[DocumentItem]:
        """The documents, newest first, page after page."""
        cursor: str | None = None
        while True:
            asked = {"state": state, "all_states": "true" if all_states else None, "cursor": cursor}
            page = DocumentList.model_validate_json(self._get("/documents", **asked).content)
            yield from page.documents
            if page.next is None:
                return
            cursor = page.next

    def document(self, document_id: str) -> Document:
        """What a document is, and how far it has come."""
        return Document.model_validate_json(self._get(f"/documents/{quote(document_id, safe='')}").content)

    def content(self, document_id: str) -> bytes:
        """The bytes as they were sent."""
        return self._get(f"/documents/{quote(document_id, safe='')}/content").content

    def upload(
        self,
        file: Path | bytes,
        *,
        name: str = "",
        type_code: str = "",
        title: str = "",
        event_date: date | None = None,
        key: str = "",
    ) -> Deposited:
        """Send a document; it is stored durably when this returns, and read afterwards (`follow`).

        `key` makes it one deposit however often it is sent; one is made when none is given, so that an answer that is
        lost on its way does not make two documents.
        """
        given = {"type_code": type_code, "title": title, "event_date": event_date.isoformat() if event_date else ""}
        fields = {field: value for field, value in given.items() if value}
        called = name or (file.name if isinstance(file, Path) else "document")
        opened: list[BinaryIO] = []

        def made() -> Mapping[str, Any]:
            _close(opened)
            if isinstance(file, bytes):
                return {"data": fields, "files": {"file": (called, file)}}
            opened.append(file.open("rb"))
            return {"data": fields, "files": {"file": (called, opened[-1])}}

        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        try:
            answer = self._wire.ask("POST", f"{self._at}/documents", headers=headers, again=True, made=made)
        finally:
            _close(opened)
        return Deposited.model_validate_json(answer.content)

    def follow(self, document_id: str, *, every: float = 1.0, within: float = 600.0) -> Iterator[Document]:
        """The document each time that its state is another, up to one of ENDS. TimeoutError after `within` seconds."""
        until, before = time.monotonic() + within, ""
        while True:
            document = self.document(document_id)
            if document.state != before:
                before = document.state
                yield document
            if document.state in ENDS:
                return
            if time.monotonic() > until:
                raise TimeoutError(f"still {document.state} after {within:.0f} s")
            time.sleep(every)

    def emergency_card(self) -> EmergencyCard:
        """What an emergency must know, each line with its source."""
        return EmergencyCard.model_validate_json(self._get("/emergency").content)

    def observations(
        self, *, analyte: str | None = None, since: date | None = None, until: date | None = None
    ) -> ObservationList:
        """Results in series."""
        asked = {"analyte": analyte, "since": since and since.isoformat(), "until": until and until.isoformat()}
        return ObservationList.model_validate_json(self._get("/observations", **asked).content)

    def attest(self, valid_until: datetime | None = None) -> Grant:
        """The door: the patient is present and agrees. For this professional alone, a day at most."""
        return self._grant({"kind": "attested", "valid_until": valid_until and valid_until.isoformat()})

    def break_glass(self, reason: str, comment: str = "") -> EmergencyAccess:
        """The door: the patient is in danger and cannot consent. Told to the patient, reviewed by the auditor."""
        answer = self._wire.ask("POST", f"{self._at}/break-glass", json={"reason": reason, "comment": comment})
        return EmergencyAccess.model_validate_json(answer.content)

    def end_break_glass(self) -> None:
        """The emergency is over."""
        self._wire.ask("DELETE", f"{self._at}/break-glass")

    def grants(self) -> tuple[Grant, ...]:
        """Who is allowed what."""
        return GrantList.model_validate_json(self._get("/grants").content).grants

    def grant(
        self,
        grantee: str,
        *,
        grantee_kind: str = "practitioner",
        kind: str = "consent",
        categories: Sequence[str] | None = None,
        valid_until: datetime | None = None,
    ) -> Grant:
        """For the patient: allow somebody (RPPS, FINESS or team)."""
        body = {
            "grantee": grantee,
            "grantee_kind": grantee_kind,
            "kind": kind,
            "categories": None if categories is None else list(categories),
            "valid_until": valid_until and valid_until.isoformat(),
        }
        return self._grant(body)

    def revoke(self, grant_id: str) -> None:
        """Withdraw an authorisation; the next request knows."""
        self._wire.ask("DELETE", f"{self._at}/grants/{quote(grant_id, safe='')}")

    def _grant(self, body: Mapping[str, Any]) -> Grant:
        return Grant.model_validate_json(self._wire.ask("POST", f"{self._at}/grants", json=body).content)

    def _get(self, path: str, **params: Any) -> httpx.Response:
        return self._wire.ask("GET", self._at + path, params=params, again=True)


def _close(opened: list[BinaryIO]) -> None:
    while opened:
        opened.pop().close()
