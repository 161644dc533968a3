"""Where the files of imports that came over HTTP wait: sealed blobs under the tray's key, nobody's yet."""

from __future__ import annotations

from records.blobs import Blobs
from records.bulks import Sent, every
from records.database import Tx
from records.patients import tray_id
from records.shelf import BlobRef

BLOB = "bulk"
"""Their kind."""


def file_of(tx: Tx, blobs: Blobs, sent: Sent) -> BlobRef:
    """Where the bytes of a file that was sent are: under the key of the tray, whose documents are nobody's yet."""
    tray = tray_id(tx.keys)
    return blobs.named(tray, BLOB, sent.blob, tx.patient_keys(tray))


def lines_key(sent: Sent) -> str:
    """The key of the blob that the lines of an archive's NDJSON files are kept in."""
    return f"{sent.blob}/lines"


def lines_of(tx: Tx, blobs: Blobs, sent: Sent) -> BlobRef:
    """Where those lines are, once the archive was looked through and when it has any."""
    tray = tray_id(tx.keys)
    return blobs.named(tray, BLOB, lines_key(sent), tx.patient_keys(tray))


def files_without_scope(tx: Tx, blobs: Blobs) -> set[BlobRef]:
    """The files that imports which are not done still need."""
    needed = [each.sent for each in every(tx) if each.sent is not None and each.state != "done"]
    return {place(tx, blobs, sent) for sent in needed for place in (file_of, lines_of)}
