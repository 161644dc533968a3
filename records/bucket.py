"""A shelf that is a bucket of an object store that speaks S3: Amazon's, MinIO, Ceph, Scality, Cellar…

A store answers a PUT when the object would survive what it promises to survive, and shows it from then on, whole, to
whoever asks (S3's consistency since December 2020). Objects are the same ciphertext as files, under the same names: who
keeps the bucket reads nothing. Accounts come from where boto3 looks for them: AWS_SHARED_CREDENTIALS_FILE, a file,
above all.
"""

from __future__ import annotations

import errno
import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from urllib3.exceptions import HTTPError

from access.identifiers import PatientId, is_opaque_id
from records.shelf import BlobRef, Kept, Place, ref_of

BLOCK = 1 << 20  # bytes a request: most blobs come whole by the first
_HELD = 2  # blocks a reader keeps: a chunk of a stream may lie across two
_TRANSFER = TransferConfig(multipart_threshold=32 << 20, multipart_chunksize=16 << 20, use_threads=False)
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"mode": "standard", "max_attempts": 3},
    # Other stores than Amazon's refuse the checksums that boto3 adds by default; ciphertext proves itself.
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
_MISSING = frozenset({"NoSuchKey", "404", "PreconditionFailed"})
"""The last: what was opened was replaced while it was read, and nobody has the old one any more."""
_FULL = frozenset({"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage"})


class Bucket:
    """The shelf. Every failure is an OSError, as of a disk."""

    def __init__(self, place: Place) -> None:
        self._name, self._prefix = place.parts()
        self._client: Any = boto3.session.Session().client(
            "s3",
            endpoint_url=place.endpoint,
            region_name=place.region,
            verify=str(place.authorities) if place.authorities else None,
            # A store of one's own seldom has a name in DNS for each bucket.
            config=_CONFIG.merge(Config(s3={"addressing_style": "path" if place.endpoint else "auto"})),
        )

    def put(self, file: Path, ref: BlobRef) -> None:
        with _as_files(), file.open("rb") as body:
            self._client.upload_fileobj(body, self._name, self._key(ref), Config=_TRANSFER)
        file.unlink()

    def open(self, ref: BlobRef) -> BinaryIO:
        return cast(BinaryIO, _Object(self._client, self._name, self._key(ref)))

    def find(self, ref: BlobRef) -> Kept | None:
        try:
            with _as_files():
                told = self._client.head_object(Bucket=self._name, Key=self._key(ref))
        except FileNotFoundError:
            return None
        return _kept(ref, told["ContentLength"], told)

    def delete(self, ref: BlobRef) -> None:
        with _as_files():
            self._client.delete_object(Bucket=self._name, Key=self._key(ref))

    def erase(self, patient_id: PatientId) -> int:
        if not is_opaque_id(patient_id):
            raise ValueError("not a patient's identifier")
        refs = [kept.ref for kept in self._listed(f"{patient_id[:2]}/{patient_id}/")]
        for ref in refs:
            self.delete(ref)
        return len(refs)

    def walk(self) -> Iterator[Kept]:
        return self._listed("")

    def ready(self) -> None:
        with _as_files():
            self._client.list_objects_v2(Bucket=self._name, Prefix=self._prefix, MaxKeys=1)

    def close(self) -> None:
        """Give back its connections."""
        self._client.close()

    def _key(self, ref: BlobRef) -> str:
        return self._prefix + ref.path

    def _listed(self, below: str) -> Iterator[Kept]:
        token: dict[str, str] = {}
        while True:
            with _as_files():
                page = self._client.list_objects_v2(Bucket=self._name, Prefix=self._prefix + below, **token)
            for told in page.get("Contents", ()):
                ref = ref_of(told["Key"].removeprefix(self._prefix))
                if ref is not None:
                    yield _kept(ref, told["Size"], told)
            if not page["IsTruncated"]:
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}


class _Object(io.RawIOBase):
    """A reader of one object, a block a request; each request names the version that the first one found."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        super().__init__()
        self._client, self._named = client, {"Bucket": bucket, "Key": key}
        self._position = 0
        self._blocks: dict[int, bytes] = {}
        self._size = BLOCK  # until the first answer says
        self._version: dict[str, str] = {}
        self._block(0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._position = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence] + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        done = 0
        while done < len(view) and self._position < self._size:
            number, at = divmod(self._position, BLOCK)
            part = self._block(number)[at : at + len(view) - done]
            view[done : done + len(part)] = part
            done, self._position = done + len(part), self._position + len(part)
        return done

    def _block(self, number: int) -> bytes:
        if number not in self._blocks:
            while len(self._blocks) >= _HELD:
                del self._blocks[next(iter(self._blocks))]
            self._blocks[number] = self._fetched(number)
        return self._blocks[number]

    def _fetched(self, number: int) -> bytes:
        start, end = number * BLOCK, (number + 1) * BLOCK
        with _as_files():
            try:
                answer = self._client.get_object(**self._named, **self._version, Range=f"bytes={start}-{end - 1}")
            except ClientError as error:
                if error.response["Error"]["Code"] != "InvalidRange":
                    raise
                self._size = 0  # of an empty object, which is none of ours, nothing can be asked
                return b""
            self._size = int(answer["ContentRange"].rpartition("/")[2])
            self._version = {"IfMatch": answer["ETag"]}
            with answer["Body"] as body:
                found: bytes = body.read()
        if len(found) != min(end, self._size) - start:
            raise OSError(errno.EIO, "an object came short")
        return found


def _kept(ref: BlobRef, size: int, told: dict[str, Any]) -> Kept:
    """A store tells the second; the rest is taken from the ETag, so that two of one second differ."""
    put: datetime = told["LastModified"]
    within = int.from_bytes(hashlib.sha256(told["ETag"].encode()).digest()[:8], "big") % 10**9
    return Kept(ref, size, int(put.timestamp()) * 10**9 + within)


@contextmanager
def _as_files() -> Iterator[None]:
    """Give what goes wrong the errno that a disk would give it."""
    try:
        yield
    except ClientError as error:
        code, status = error.response["Error"].get("Code", ""), error.response["ResponseMetadata"]["HTTPStatusCode"]
        raise OSError(_errno(code, status), f"stockage des fichiers : {code}") from error
    except (BotoCoreError, HTTPError) as error:
        raise OSError(errno.EIO, f"stockage des fichiers : {type(error).__name__}") from error


def _errno(code: str, status: int) -> int:
    if code in _MISSING:
        return errno.ENOENT
    if code in _FULL or status == 507:
        return errno.ENOSPC
    return errno.EACCES if status in (401, 403) else errno.EIO
