"""What the fork server does once so that no child does it again: imports, tables, a first reading of each kind."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from PIL import Image

from access.refusal import Refusal
from clinical import official
from clinical.assertion import denials
from ingest.limits import Limits
from ingest.page_image import page_image
from ingest.parse import parse
from ocr.null import NullOcr
from ocr.ppocr.weights import networks
from ocr.words import exists

TEXT = "Compte rendu : œdème, fièvre à 38,5 °C.\n"
TELLING = """Allergies : pénicilline (urticaire), pas d'autre allergie connue.
Antécédents : diabète de type 2, AVC en 2019, pose d'un stent coronaire ; père : infarctus.
Traitement : Eliquis 5 mg matin et soir, apixabam, arrêt du Kardégic.
Vaccin grippe le 12/10/2023. Groupe sanguin A Rh positif.
Créatinine 90 µmol/L (N : 60 - 110), poids 72 kg. Pas de fièvre. Grossesse de 12 SA ? Directives anticipées rédigées.
Personne de confiance : Mme Dupont, 06 00 00 00 00. Appendicectomie. No history of asthma.
"""
"""What reads facts out of text loads its vocabulary at the first words that need it: no child may open files of ours,
and a child that loads one of a library loads it for itself alone (« apixabam », a drug with one letter wrong, asks for
the 34 MiB of all French words: 130 ms of processor time and as much memory in every child, measured)."""
CDA = (
    '<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>Compte rendu</title>'
    "<component><structuredBody><component><section><title>Examen</title><text><paragraph>Sans particularité."
    "</paragraph></text></section></component></structuredBody></component></ClinicalDocument>"
)


LETTERS = (
    TEXT,
    TELLING,
    CDA,
    "MSH|^~\\&|A|B|||20240101||ORU^R01|1|P|2.5\rOBX|1|TX|1^Note||Sans particularité\r",
    '{"resourceType": "Observation", "status": "final", "code": {"text": "Hb"}, "valueString": "normale"}',
    '<Observation xmlns="http://hl7.org/fhir"><code><text value="Hb"/></code><valueString value="oui"/></Observation>',
    "<!DOCTYPE html><html><body><p>Compte rendu</p></body></html>",
    "From: a@b.fr\nTo: c@d.fr\nSubject: Compte rendu\nMIME-Version: 1.0\n\nCompte rendu\n",
    "{\\rtf1\\ansi Compte rendu}",
)


def warm() -> None:
    """Read one small document of each kind but DICOM, whose library is large and seldom needed; draw one page."""
    official.use(Path(folder) if (folder := os.environ.get(official.ENVIRONMENT)) else None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for data in _documents():
            parse(data, "", NullOcr(), Limits())
        page_image(b"", "text/plain", 1, text=TEXT)
        denials(TELLING)
        for word in ("fièvre", "fever"):
            exists(word)
    with suppress(Refusal):  # without its weights the engine cannot be chosen
        networks()


def _documents() -> Iterator[bytes]:
    yield from (letter.encode() for letter in LETTERS)
    yield TEXT.encode("cp1252")
    yield from (_pdf(), _picture("PNG"), _picture("TIFF"))
    yield _zip("lettre.txt", TEXT)
    yield _zip(
        "word/document.xml",
        '<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        "<w:body><w:p><w:r><w:t>Compte rendu</w:t></w:r></w:p></w:body></w:document>",
    )


def _zip(name: str, text: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, text)
    return out.getvalue()


def _pdf() -> bytes:
    from fpdf import FPDF

    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("helvetica", size=12)
    pdf.text(20, 20, "Compte rendu d'hospitalisation")
    return bytes(pdf.output())


def _picture(kind: str) -> bytes:
    out = io.BytesIO()
    Image.new("L", (32, 32), 255).save(out, kind)
    return out.getvalue()
