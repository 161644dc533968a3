"""A real IMAP server (Dovecot) with one empty mailbox, for one test."""

from __future__ import annotations

import imaplib
import os
import pwd
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.services.certificates import write_certificate

USER, PASSWORD = "labo@mssante.test", "secret"
CONFIGURATION = """
base_dir = {run}/base
log_path = {run}/log
protocols = imap
listen = 127.0.0.1
ssl = required
ssl_cert = <{certificate}
ssl_key = <{key}
mail_location = maildir:{run}/mail
first_valid_uid = 1
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={run}/home
}}
namespace inbox {{
  inbox = yes
}}
service imap-login {{
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
"""


@dataclass
class Mailbox:
    """Where it is; `certificate` signs itself."""

    port: int
    certificate: Path
    user: str = USER
    password: str = field(default=PASSWORD, repr=False)

    @contextmanager
    def open(self) -> Iterator[imaplib.IMAP4_SSL]:
        context = ssl.create_default_context(cafile=str(self.certificate))
        with imaplib.IMAP4_SSL("localhost", self.port, ssl_context=context, timeout=30) as box:
            box.login(self.user, self.password)
            yield box

    def put(self, *mails: bytes) -> None:
        with self.open() as box:
            for mail in mails:
                assert box.append("INBOX", "", "", mail)[0] == "OK"

    def holds(self, folder: str) -> list[bytes]:
        """The mails of a folder."""
        with self.open() as box:
            if box.select(f'"{folder}"', readonly=True)[0] != "OK":
                return []
            numbers = box.search(None, "ALL")[1][0].split()
            return [box.fetch(one.decode(), "(BODY.PEEK[])")[1][0][1] for one in numbers]  # type: ignore[index]


@contextmanager
def mailbox() -> Iterator[Mailbox]:
    """Started and stopped. Dovecot wants root: its own processes then run as users without rights."""
    server = shutil.which("dovecot")
    assert server is not None, "apt-get install dovecot-imapd"
    folder = Path(tempfile.mkdtemp(prefix="dovecot-", dir="/tmp"))
    folder.chmod(0o755)
    certificate, key = write_certificate(folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    owner = pwd.getpwnam("mail") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
    for name in ("mail", "home", "base"):
        (folder / name).mkdir()
    for name in ("mail", "home"):
        os.chown(folder / name, owner.pw_uid, owner.pw_gid)
    values = {"run": folder, "certificate": certificate, "key": key, "port": port, "password": PASSWORD}
    written = CONFIGURATION.format(uid=owner.pw_uid, gid=owner.pw_gid, **values)
    (folder / "dovecot.conf").write_text(written)
    with subprocess.Popen([server, "-F", "-c", str(folder / "dovecot.conf")]) as process:
        try:
            box = Mailbox(port, certificate)
            _wait(box, folder / "log")
            yield box
        finally:
            process.terminate()
            process.wait(timeout=30)
            shutil.rmtree(folder, ignore_errors=True)


def _wait(box: Mailbox, log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(OSError, imaplib.IMAP4.error), box.open():
            return
        time.sleep(0.1)
    raise AssertionError(log.read_text() if log.exists() else "Dovecot does not start")
