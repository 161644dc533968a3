"""A real object store that speaks S3 (S3Proxy, from the Java registry, its objects in a folder), for the tests."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from records.shelf import Place
from tests.services.installed import installed

HERE = Path(__file__).parent / "s3"
_PROPERTIES = """\
s3proxy.endpoint={url}
s3proxy.authorization=aws-v4
s3proxy.identity={account}
s3proxy.credential={secret}
jclouds.provider=filesystem-nio2
jclouds.identity=none
jclouds.credential=none
jclouds.filesystem.basedir={folder}
"""


@dataclass
class ObjectStore:
    """A store of one test session. `folder`: where it keeps buckets, a file an object."""

    folder: Path
    port: int
    account: str = "anamnese"
    secret: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def environment(self) -> dict[str, str]:
        """What tells boto3 the account: a file, as in service."""
        return {"AWS_SHARED_CREDENTIALS_FILE": str(self.folder / "credentials"), "AWS_EC2_METADATA_DISABLED": "true"}

    def bucket(self, prefix: str = "") -> Place:
        """A new, empty bucket."""
        name = f"t{uuid.uuid4().hex[:12]}"
        self.client().create_bucket(Bucket=name)
        return Place(f"s3://{name}/{prefix}" if prefix else f"s3://{name}", self.url)

    def client(self) -> Any:
        """A client of its own, beside what is tested."""
        return boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id=self.account,
            aws_secret_access_key=self.secret,
            config=Config(request_checksum_calculation="when_required", response_checksum_validation="when_required"),
        )

    def start(self) -> None:
        """Start it, on its port, and wait until it answers."""
        jars = installed("object-store", HERE / "pom.xml", ("java", "mvn"), _copied)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    *("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx256m"),
                    f"-Dlogback.configurationFile={HERE / 'logback.xml'}",
                    *("-cp", f"{jars}/*", "org.gaul.s3proxy.Main", "--properties", str(self.folder / "properties")),
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        for _ in range(600):
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        pytest.fail(f"the object store did not start: {(self.folder / 'log').read_text()[-800:]}")

    def stop(self) -> None:
        """Stop it; what it holds stays."""
        if self.process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(30)


def _copied(made: Path) -> list[str]:
    copy = ("dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={made}")
    return ["mvn", "-B", "-q", "-C", "-f", str(HERE / "pom.xml"), *copy]


@contextmanager
def object_store_in(folder: Path) -> Iterator[ObjectStore]:
    """A store that keeps its objects in `folder`, running."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    store = ObjectStore(folder, port)
    objects = folder / "objects"
    objects.mkdir()
    said = _PROPERTIES.format(url=store.url, account=store.account, secret=store.secret, folder=objects)
    (folder / "properties").write_text(said, encoding="utf-8")
    account = f"[default]\naws_access_key_id = {store.account}\naws_secret_access_key = {store.secret}\n"
    (folder / "credentials").write_text(account, encoding="utf-8")
    store.start()
    try:
        yield store
    finally:
        store.stop()
