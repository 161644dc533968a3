"""DICOM files that hold a document: encapsulated PDF, CDA and the like (PS3.3 A.45), reports (A.35). Not pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from io import BytesIO
from typing import Any

from access.identifiers import INS_OIDS
from access.refusal import Refusal
from ingest.limits import Limits
from ingest.media_type import DICOM, is_type
from ingest.parsers.cda_header import parse_day
from ingest.parsers.dicom_report import report_of
from ingest.parsers.foreign import translated
from ingest.parsers.members import Inside, Member, Part, read_parts
from ingest.parsers.narrative import clean
from ingest.parsers.port import Kept, Pages
from ocr.port import Ocr
from records.content import Metadata, StatedPatient

READER = "dicom"


class DicomParser:
    """`inside` reads the document in the file."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def claims(self, head: bytes, name: str) -> float:  # noqa: ARG002
        return 1.0 if is_type(head, DICOM) else 0.0

    def pages(self, data: bytes, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
        with translated(_damaged):
            dataset = _dataset(data)
            report = report_of(dataset)
            parts: list[Part] = [*report.pages(READER)] if report else [Member(_document(dataset), vital=True)]
            stated = _metadata(dataset)
        return read_parts(parts, stated, self._inside, ocr, limits, kept)


def embedded_files(data: bytes) -> Iterator[bytes]:
    """The document in the file; none in a report, which is its own."""
    with translated(_damaged):
        dataset = _dataset(data)
        documents = [] if dataset.get("ContentSequence") else [_document(dataset)]
    yield from documents


def _damaged() -> Refusal:
    return Refusal("parse", "damaged-dicom", "Le fichier DICOM est abîmé ou incomplet.", "Exportez-le à nouveau.")


def _dataset(data: bytes) -> Any:
    """The file's elements, pixels left out. pydicom (20 MiB, 0.15 s) is loaded for these files only."""
    import pydicom
    import pydicom.config

    # Senders break rules of form that do not matter.
    pydicom.config.settings.reading_validation_mode = pydicom.config.IGNORE
    return pydicom.dcmread(BytesIO(data), stop_before_pixels=True)


def _document(dataset: Any) -> bytes:
    content = dataset.get("EncapsulatedDocument")
    if not isinstance(content, bytes) or not content:
        raise Refusal(
            "parse",
            "dicom-image",
            "Ce fichier DICOM ne contient pas de document : c'est une image ou un autre objet d'imagerie.",
            "Déposez le compte rendu de l'examen ; l'image reste dans le PACS.",
        )
    length = dataset.get("EncapsulatedDocumentLength")
    return content[:length] if isinstance(length, int) and 0 < length <= len(content) else content.rstrip(b"\x00")


def _metadata(dataset: Any) -> Metadata:
    patient = _patient(dataset)
    concepts = dataset.get("ConceptNameCodeSequence") or []
    codes = [_text(one, "CodeValue") for one in concepts if _text(one, "CodingSchemeDesignator") == "LN"]
    return Metadata(
        unique_id=_text(dataset, "SOPInstanceUID"),
        type_code=codes[0] if codes else "",
        title=_text(dataset, "DocumentTitle")
        or _text(dataset, "SeriesDescription")
        or _text(dataset, "StudyDescription"),
        author=_author(dataset),
        organization=_text(dataset, "InstitutionName"),
        event_date=_day(dataset),
        patient_ins=patient.identifiers,
        patients=(patient,) if patient != StatedPatient() else (),
    )


def _author(dataset: Any) -> str:
    """Who signed it, wrote it or read the examination; the referring physician asked for it."""
    signed = [_text(one, "VerifyingObserverName") for one in dataset.get("VerifyingObserverSequence") or []]
    written = [_text(one, "PersonName") for one in dataset.get("AuthorObserverSequence") or []]
    read = _text(dataset, "NameOfPhysiciansReadingStudy")
    return next((_name(one) for one in (*signed, *written, read) if one), "")


def _patient(dataset: Any) -> StatedPatient:
    family, _, given = _text(dataset, "PatientName").partition("=")[0].partition("^")
    issuer = dataset.get("IssuerOfPatientIDQualifiersSequence") or []
    oid = next((one for x in issuer if (one := _text(x, "UniversalEntityID")) in INS_OIDS), "")
    number, issuing = _text(dataset, "PatientID"), _text(dataset, "IssuerOfPatientID")
    birth = _text(dataset, "PatientBirthDate")
    return StatedPatient(
        identifiers=((number, oid),) if oid and number else (),
        used_names=(family,) if family else (),
        given_names=given.replace("^", " ").strip(),
        birth_date=parse_day(birth) if re.match(r"\d{8}", birth) else None,
        sex=_text(dataset, "PatientSex")[:1],
        local=((number, issuing),) if issuing and number and not oid else (),
    )


def _name(person: str) -> str:
    parts = [*person.partition("=")[0].split("^"), "", "", "", ""]
    return " ".join(filter(None, (parts[3], parts[1], parts[0])))


def _day(dataset: Any) -> date | None:
    stamps = (_text(dataset, one) for one in ("ContentDate", "AcquisitionDateTime", "StudyDate", "SeriesDate"))
    return next((day for stamp in stamps if (day := parse_day(stamp)) is not None), None)


def _text(dataset: Any, name: str) -> str:
    return clean(str(dataset.get(name) or ""))[:300]
