"""Which engine a setting names."""

from __future__ import annotations

from access.refusal import Refusal
from ocr.null import NullOcr
from ocr.port import Ocr
from ocr.tesseract import TesseractOcr


def build_ocr(name: str) -> Ocr:
    """The engine called `name`: "tesseract" or "none".

    Raises Refusal (stage "read"): code "unknown-ocr" for another name, "ocr-missing" or "ocr-language-missing" when
    Tesseract or one of its languages is not installed.
    """
    if name == "tesseract":
        return TesseractOcr()
    if name == "none":
        return NullOcr()
    raise Refusal(
        "read",
        "unknown-ocr",
        f"Le moteur de reconnaissance de texte « {name} » n'existe pas.",
        "Choisir « tesseract » ou « none » dans le réglage ANAMNESE_OCR.",
    )
