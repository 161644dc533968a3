"""Which engine a setting names."""

from __future__ import annotations

from pathlib import Path

from access.refusal import Refusal
from ocr.null import NullOcr
from ocr.port import Ocr
from ocr.ppocr.engine import PpOcr
from ocr.ppocr.weights import check
from ocr.tesseract import LANGUAGES, TesseractOcr


def build_ocr(name: str) -> Ocr:
    """The engine called `name`: "ppocr", "tesseract" or "none".

    Raises Refusal (stage "read"): code "unknown-ocr" for another name, "ocr-missing" or "ocr-language-missing" when
    Tesseract or one of its languages is not installed, "ocr-weights-missing" without the weights of PP-OCR.
    """
    if name == "ppocr":
        check()
        return PpOcr()
    if name == "tesseract":
        return TesseractOcr()
    if name == "none":
        return NullOcr()
    raise _unknown(name)


def ocr_named(full_name: str, folder: Path) -> Ocr:
    """The engine whose `name` is this one, which another process made sure of: nothing is tried again.

    Pictures of pages lie in `folder` while they are read. Raises Refusal "unknown-ocr".
    """
    if full_name == NullOcr.name:
        return NullOcr()
    if full_name == PpOcr.name:
        return PpOcr()
    if full_name.startswith("tesseract "):
        return TesseractOcr(full_name.rpartition(" ")[2] or LANGUAGES, folder=folder, known_as=full_name)
    raise _unknown(full_name)


def _unknown(name: str) -> Refusal:
    return Refusal(
        "read",
        "unknown-ocr",
        f"Le moteur de reconnaissance de texte « {name} » n'existe pas.",
        "Choisir « ppocr », « tesseract » ou « none » dans le réglage ANAMNESE_OCR.",
    )
