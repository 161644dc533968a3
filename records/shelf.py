"""Where finished blobs stand, as ciphertext under opaque names: a folder, or a bucket (`records/bucket.py`).

root/<first two of patient>/<patient id>/<kind>-<64 hexadecimal digits>
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

from access.identifiers import PatientId, is_opaque_id
from access.refusal import Refusal
from records.disk import on_disk
from records.home import make_private_directory, replace_durably, sync_directory

KIND = re.compile(r"[a-z][a-z0-9_]{0,30}")
_NAME = re.compile(KIND.pattern + r"-[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class BlobRef:
    """Where a blob is. Says nothing of what it holds but its kind."""

    patient_id: PatientId
    name: str

    @property
    def kind(self) -> str:
        return self.name.partition("-")[0]

    @property
    def path(self) -> str:
        """Its name below the root of a shelf. ValueError for what names no blob: nothing leads out of a shelf."""
        if not is_opaque_id(self.patient_id) or not _NAME.fullmatch(self.name):
            raise ValueError("not the reference of a blob")
        return f"{self.patient_id[:2]}/{self.patient_id}/{self.name}"


def ref_of(path: str) -> BlobRef | None:
    """The blob that stands under this name below the root of a shelf; None when none does."""
    *_, patient, name = ["", *path.split("/")]
    found = BlobRef(PatientId(patient), name)
    known = is_opaque_id(patient) and _NAME.fullmatch(name)
    return found if known and found.path == path else None


@dataclass(frozen=True, slots=True)
class Kept:
    """A blob that stands on a shelf. `size`: bytes of ciphertext. `mtime`: when it was put there, in nanoseconds; two
    that were put under one name one after the other differ in it."""

    ref: BlobRef
    size: int
    mtime: int


@dataclass(frozen=True, slots=True)
class Place:
    """Which bucket, where. `url`: s3://bucket, or s3://bucket/prefix for several homes in one. `endpoint`: the store's
    address; Amazon's own when None. `authorities`: PEM file, beside those of the machine when None."""

    url: str
    endpoint: str | None = None
    region: str = "us-east-1"
    authorities: Path | None = None

    def parts(self) -> tuple[str, str]:
        """Bucket, and prefix of its keys. ValueError for an address that is none."""
        split = urlsplit(self.url)
        if split.scheme != "s3" or not split.netloc or split.query or split.fragment:
            raise ValueError("the address of a bucket is s3://bucket/prefix")
        prefix = split.path.strip("/")
        return split.netloc, f"{prefix}/" if prefix else ""


class Shelf(Protocol):
    """What a shelf does. OSError where it cannot, with the errno of what that means; FileNotFoundError for what is not
    there. Safe for threads and several processes."""

    def put(self, file: Path, ref: BlobRef) -> None:
        """Keep a finished file under its name, in one step in place of what had it; it survives a power cut once this
        returns, and `file` is gone."""

    def open(self, ref: BlobRef) -> BinaryIO:
        """A seekable reader of the ciphertext as it stood when opened, not for several threads."""

    def find(self, ref: BlobRef) -> Kept | None:
        """What stands under this name."""

    def delete(self, ref: BlobRef) -> None:
        """Remove one, durably; nothing happens when there is none."""

    def erase(self, patient_id: PatientId) -> int:
        """Remove every blob of a patient; how many there were."""

    def walk(self) -> Iterator[Kept]:
        """All of them, in order of patient and name, at most one patient's in memory."""

    def ready(self) -> None:
        """OSError when nothing could be put here now."""


class Folder:
    """A shelf that is a directory, of one machine or shared by several."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, ref: BlobRef) -> Path:
        """The file of a blob."""
        return self._root / ref.path

    def put(self, file: Path, ref: BlobRef) -> None:
        target = self.path(ref)
        for folder in (target.parent.parent, target.parent):
            if not folder.is_dir():
                make_private_directory(folder)
        with file.open("rb") as written:
            os.fsync(written.fileno())
        os.replace(file, target)
        sync_directory(target.parent)

    def open(self, ref: BlobRef) -> BinaryIO:
        return self.path(ref).open("rb", buffering=0)

    def find(self, ref: BlobRef) -> Kept | None:
        try:
            told = self.path(ref).stat()
        except FileNotFoundError:
            return None
        return Kept(ref, told.st_size, told.st_mtime_ns)

    def delete(self, ref: BlobRef) -> None:
        path = self.path(ref)
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_directory(path.parent)

    def erase(self, patient_id: PatientId) -> int:
        if not is_opaque_id(patient_id):
            raise ValueError("not a patient's identifier")
        folder = self._root / patient_id[:2] / patient_id
        files = len(list(folder.iterdir())) if folder.is_dir() else 0
        shutil.rmtree(folder, ignore_errors=True)
        if folder.parent.is_dir():
            sync_directory(folder.parent)
        return files

    def walk(self) -> Iterator[Kept]:
        for first in _names(self._root):
            for patient in _names(self._root / first) if len(first) == 2 else ():
                for name in _names(self._root / first / patient):
                    ref = ref_of(f"{first}/{patient}/{name}")
                    kept = self.find(ref) if ref is not None else None
                    if kept is not None:  # None: deleted since it was listed, or none of ours
                        yield kept

    def ready(self) -> None:
        """Blobs are written beside it first, which tells."""


def _names(folder: Path) -> list[str]:
    """What a folder holds, by name; nothing for what is no folder, or was one until it was erased."""
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


def shelf_of(root: Path, place: Place | None) -> Shelf:
    """The shelf of the home whose blobs are written in `root`. Refusal "blobs-elsewhere" when they stand in another
    place than the settings say: nothing would be found, and what comes in would be scattered; and "bucket-of-another"
    when a home that has none yet is given a bucket that holds blobs: to its `verify` they would be nobody's."""
    make_private_directory(root)
    marker = root / "place"
    said = marker.read_text(encoding="utf-8") if marker.exists() else ""
    url = "" if place is None else place.url
    if said != url and (said or any(Folder(root).walk())):
        raise Refusal(
            "start",
            "blobs-elsewhere",
            "Les fichiers de ce dossier de données ne sont pas à l'endroit que disent les réglages.",
            "Remettez ANAMNESE_BLOBS_URL comme il était ; pour changer d'endroit : « backup », puis « restore ».",
        )
    if place is None:
        return Folder(root)
    shelf = bucket_of(place)
    if not said:
        with on_disk():
            taken = next(shelf.walk(), None) is not None
        if taken:
            raise Refusal(
                "start",
                "bucket-of-another",
                "Le compartiment de ANAMNESE_BLOBS_URL contient déjà les fichiers d'un autre dossier de données.",
                "Donnez à celui-ci un compartiment, ou un préfixe, qui soit à lui seul.",
            )
        mark(root, place)
    return shelf


def mark(root: Path, place: Place) -> None:
    """Write down where the blobs of this home stand."""
    replace_durably(root / "place", place.url.encode())


def bucket_of(place: Place) -> Shelf:
    """The shelf in a bucket."""
    from records.bucket import Bucket  # boto3 takes a while to load, and few homes need it

    return Bucket(place)
