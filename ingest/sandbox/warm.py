"""What the fork server does once so that no child does it again: imports, tables, a first reading of each kind."""

from __future__ import annotations

import io
import warnings

from PIL import Image

from ingest.limits import Limits
from ingest.page_image import page_image
from ingest.parse import parse
from ocr.null import NullOcr
from ocr.words import exists

TEXT = "Compte rendu : œdème, fièvre à 38,5 °C.\n"
CDA = (
    '<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3"><title>Compte rendu</title>'
    "<component><structuredBody><component><section><title>Examen</title><text><paragraph>Sans particularité."
    "</paragraph></text></section></component></structuredBody></component></ClinicalDocument>"
)


def warm() -> None:
    """Read one small document of each kind, draw one page."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for data in (TEXT.encode(), TEXT.encode("cp1252"), CDA.encode(), _pdf(), _picture("PNG"), _picture("TIFF")):
            parse(data, "", NullOcr(), Limits())
        page_image(b"", "text/plain", 1, text=TEXT)
        for word in ("fièvre", "fever"):
            exists(word)


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
