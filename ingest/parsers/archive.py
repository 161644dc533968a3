"""ZIP archives: an IHE XDM submission (its METADATA.XML says which files are documents), or files as they are.

The files of one archive are the pages of one document, since one upload is one document here: with several, each has
a section of its name around its pages.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from urllib.parse import unquote
from zipfile import ZipInfo

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.media_type import HEAD, ODT, ZIP, is_type
from ingest.parsers import office
from ingest.parsers.members import Inside, Member, bytes_of, noted, read_parts
from ingest.parsers.office import OfficeParser
from ingest.parsers.port import Kept, Pages
from ingest.parsers.xdm import current_of, entries_of, metadata_of
from ingest.parsers.xml_tree import tree_of
from ingest.parsers.zip_file import ZipFile
from ingest.unread import binary_name
from ocr.port import Ocr
from records.content import Metadata

SUBMISSION = re.compile(r"(?:.*/)?IHE_XDM/[^/]+/METADATA\.XML", re.IGNORECASE)
NOISE = re.compile(r"(?:^|/)(?:__MACOSX/|\._|\.DS_Store$|Thumbs\.db$|desktop\.ini$)", re.IGNORECASE)
"""What systems leave in folders beside people's files."""
_OFFICE = re.compile(r"(?:xl|ppt)/")


class ArchiveParser:
    """`inside` reads the files of the archive."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def claims(self, head: bytes, name: str) -> float:  # noqa: ARG002
        return 0.9 if is_type(head, ZIP) else 0.0

    def pages(self, data: bytes, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
        archive = ZipFile(data, limits)
        if _is_letter(archive):
            return OfficeParser(self._inside).pages(data, ocr, limits, kept)
        members, envelope, replaced = _contents(archive)
        note = f"{replaced} document(s) remplacé(s) ou périmé(s) du lot ne sont pas montrés."
        return noted(read_parts(members, envelope, self._inside, ocr, limits, kept), note if replaced else "")


def embedded_files(data: bytes) -> Iterator[bytes]:
    """The documents of an archive, in the order of their pages."""
    archive = ZipFile(data, Limits())
    yield from office.embedded_files(data) if _is_letter(archive) else bytes_of(_contents(archive)[0])


def _is_letter(archive: ZipFile) -> bool:
    """A Word or OpenDocument letter whose parts stand too far in the file for its head to tell."""
    names = frozenset(archive.names)
    if "[Content_Types].xml" in names:
        return any(re.fullmatch(r"word/document\d*\.xml", name) for name in names)
    return {"mimetype", "content.xml"} <= names and archive.read("mimetype").startswith(ODT.encode())


def _contents(archive: ZipFile) -> tuple[list[Member], Metadata, int]:
    """The documents, what the envelope says, and how many documents are left out because they are obsolete."""
    submissions = sorted(name for name in archive.names if SUBMISSION.fullmatch(name))
    if not submissions:
        return _plain(archive), Metadata(), 0
    trees = ((name.rpartition("/")[0], tree_of(archive.read(name), "lot XDM")) for name in submissions)
    found = [entry for folder, root in trees for entry in entries_of(root, folder)]
    if not found:
        raise Refusal(
            "parse", "no-document", "Le lot XDM ne contient aucun document.", "Demandez-le à nouveau à l'émetteur."
        )
    current = current_of(found)
    members = [Member(_bytes(archive, _named(archive, one.folder, one.uri)), one.title) for one in current]
    return _sections(members), metadata_of(current), len(found) - len(current)


def _plain(archive: ZipFile) -> list[Member]:
    if "[Content_Types].xml" in archive.names and (seen := _office(archive)):
        raise Refusal(
            "receive", "unsupported-type", f"Ce type de fichier n'est pas lu : c'est {seen}.", "Déposez-le en PDF."
        )
    files = [one for one in archive.entries if not NOISE.search(one.filename)]
    if not files:
        raise Refusal("parse", "no-document", "L'archive ne contient aucun fichier.", "Vérifiez-la.")
    return _sections([Member(_bytes(archive, one), one.filename.rpartition("/")[2][:200]) for one in files])


def _office(archive: ZipFile) -> str | None:
    """A spreadsheet or a presentation whose parts stand too far in the file for its head to tell."""
    part = next((one for one in archive.names if _OFFICE.match(one)), None)
    return binary_name(b"PK\x03\x04" + part.encode("utf-8", "replace")[:HEAD]) if part else None


def _sections(members: list[Member]) -> list[Member]:
    """One document needs no section of its own."""
    return members if len(members) > 1 else [Member(one.data, vital=True) for one in members]


def _named(archive: ZipFile, folder: str, uri: str) -> ZipInfo | None:
    """The file of the archive that an entry names from the folder of its METADATA.XML; careless senders write the name
    percent-encoded, or from the archive's root."""
    for written in (uri, unquote(uri)):
        for path in (f"{folder}/{written}", written):
            wanted = posixpath.normpath(path.replace("\\", "/")).lstrip("/").lower()
            for one in archive.entries:
                if one.filename.lower() == wanted:
                    return one
    return None


def _bytes(archive: ZipFile, name: ZipInfo | None) -> bytes | Refusal:
    """A file's bytes. What breaks the archive's limits refuses it whole; a damaged file is its own."""
    if name is None:
        return Refusal(
            "parse", "missing-file", "Un document annoncé manque dans l'archive.", "Demandez-la à nouveau à l'émetteur."
        )
    try:
        return archive.read(name)
    except Refusal as refusal:
        if refusal.code != "damaged-zip":
            raise
        return refusal
