"""What a file that no parser reads is, in French: the sentence of its refusal names it."""

from __future__ import annotations

import re

import puremagic

from ingest.decode import decode

_OFFICE = (
    (b"xl/", "un classeur Excel (XLSX)"),
    (b"ppt/", "une présentation PowerPoint (PPTX)"),
    (b"opendocument.spreadsheet", "un classeur OpenDocument (ODS)"),
    (b"opendocument.presentation", "une présentation OpenDocument (ODP)"),
)
_MAGIC = (
    (b"PK\x05\x06", "une archive ZIP vide"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "un ancien document Office (DOC, XLS) ou un message Outlook"),
    (b"\x1f\x8b", "une archive GZIP"),
    (b"7z\xbc\xaf\x27\x1c", "une archive 7-Zip"),
    (b"Rar!\x1a\x07", "une archive RAR"),
    (b"BZh", "une archive BZIP2"),
    (b"\xfd7zXZ\x00", "une archive XZ"),
    (b"GIF87a", "une image GIF"),
    (b"GIF89a", "une image GIF"),
    (b"BM", "une image BMP"),
    (b"RIFF", "un fichier audio, vidéo ou une image WebP"),
    (b"%!PS", "un document PostScript"),
    (b"MZ", "un programme Windows"),
    (b"\x7fELF", "un programme Linux"),
    (b"SQLite format 3\x00", "une base SQLite"),
    (b"\x00\x00\x00\x0cjP  ", "une image JPEG 2000"),
)
_TEXTS = (
    (re.compile(r"\s*%PDF|(?s:.*?)\bstartxref\s+\d"), "un PDF abîmé"),
    (re.compile(r"\s*MSH\b"), "un message HL7 v2 abîmé"),
    (re.compile(r'\s*(\{\s*"[^"\n]{1,80}"\s*:|\[\s*[{\[])'), "des données JSON qui ne sont pas du FHIR"),
)


def binary_name(head: bytes) -> str | None:
    """What a binary signature says, for kinds that no parser reads; None for all the rest."""
    if head.startswith(b"PK\x03\x04"):
        return next((name for mark, name in _OFFICE if mark in head), None)
    for magic, name in _MAGIC:
        if head.startswith(magic) and (len(magic) > 2 or decode(head, cut=True) is None):
            return name
    return None


def text_name(text: str) -> str | None:
    """What a text is that is not meant to be read as it stands."""
    return next((name for kind, name in _TEXTS if kind.match(text)), None)


def guess(head: bytes) -> str:
    """puremagic's guess, in its own words, for the formats that are too rare for a French name here."""
    try:
        extension = puremagic.from_string(head)
    except (puremagic.PureError, ValueError):
        return "un contenu binaire inconnu"
    return f"un fichier binaire, sans doute « {extension.lstrip('.')} »"
