"""Acknowledged means on the disk: the kernel's own record of what was written and synced before the answer left.

strace follows a command from its first system call. At the moment of the acknowledgement, no file of the home may hold
bytes that were not synced, and no directory a name that was not. Passing files are left out: locks, the shared memory
of a database (rebuilt from its log), what is in `blobs/partial` (renamed, or nobody's).
"""

from __future__ import annotations

import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from cli.compose import open_home, resolve_patient
from cli.settings import load_settings
from records import grants
from search_api.tokens import issue_token
from tests.e2e.killing import DOCTOR, UNREGISTERED
from tests.records.building import ins

CALLS = "openat,mkdir,rename,renameat,renameat2,fsync,fdatasync,write,pwrite64,writev,pwritev,sendto,sendmsg,ftruncate"
PASSING = re.compile(r"-shm$|\.lock$|/presence(/|$)|/partial(/|$)|/reserve$")
LINE = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+)")
NAMES = re.compile(r'"((?:[^"\\]|\\.)*)"')


def unsynced(lines: list[str], home: Path, acknowledged: Callable[[str], bool]) -> list[set[str]]:
    """What was not on the disk at each acknowledgement."""
    dirty: set[str] = set()
    found: list[set[str]] = []
    for line in whole(lines):
        call = LINE.match(line)
        if call is None or int(call[3]) < 0:
            continue
        name, arguments = call[1], call[2]
        if acknowledged(line):
            found.append({path for path in dirty if not PASSING.search(path)})
        held = re.match(r"\d+<([^>]*)>", arguments)
        if name in {"fsync", "fdatasync"} and held:
            dirty.discard(held[1])
        elif name in {"write", "pwrite64", "writev", "pwritev", "ftruncate"} and held:
            dirty |= inside({held[1]}, home)
        elif (name == "openat" and "O_CREAT" in arguments and "O_EXCL" in arguments) or name == "mkdir":
            made = NAMES.findall(arguments)[0]
            dirty |= set() if PASSING.search(made) else inside({str(Path(made).parent)}, home)
        elif name.startswith("rename"):
            before, after = NAMES.findall(arguments)[:2]
            assert before not in dirty, f"renamed before it was synced: {before}"
            dirty |= inside({str(Path(after).parent)}, home)
    return found


def whole(lines: list[str]) -> Iterator[str]:
    """Calls that another thread interrupted in the trace, joined; they count when they end."""
    begun: dict[str, str] = {}
    for line in lines:
        thread = line.split(maxsplit=1)[0]
        if "<unfinished ...>" in line:
            begun[thread] = line.partition("<unfinished")[0]
        elif resumed := re.match(r"\d+ +<\.\.\. \w+ resumed>(.*)", line):
            yield begun.pop(thread, "") + resumed[1]
        else:
            yield line


def inside(paths: set[str], home: Path) -> set[str]:
    return {path for path in paths if path == str(home) or path.startswith(f"{home}/")}


@contextmanager
def traced(folder: Path, *argv: str, **more: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """A command under strace, its trace's file, its output thrown away."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANAMNESE_")}
    environment |= {"ANAMNESE_HOME": str(folder / "home"), "ANAMNESE_EMBEDDER": "none", "ANAMNESE_OCR": "none", **more}
    trace = folder / f"trace-{len(list(folder.iterdir()))}"
    command = ["strace", "-f", "-y", "-s", "48", "-e", f"trace={CALLS}", "-o", str(trace)]
    with subprocess.Popen(
        [*command, sys.executable, "-m", "cli", *argv],
        env=environment,
        cwd=Path(__file__).resolve().parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            yield process, trace
        finally:  # the command ends first: strace writes the end of its trace when it has nobody left to follow
            with suppress(psutil.NoSuchProcess):
                for child in psutil.Process(process.pid).children():
                    child.terminate()
            process.wait(timeout=60)


def test_a_printed_object_is_on_the_disk(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("Allergie à la pénicilline.")
    with traced(tmp_path, "ingest", str(tmp_path / "a.txt"), "--patient", ins(1).matricule, "--json") as (run, trace):
        assert b'"searchable"' in run.communicate(timeout=200)[0]
    lines = trace.read_text(errors="replace").splitlines()
    assert unsynced(lines, tmp_path / "home", lambda line: bool(re.search(r' write\(1<.*"\{', line))) == [set()]


def test_a_moved_file_is_on_the_disk(tmp_path: Path) -> None:
    landed = tmp_path / "in" / ins(1).matricule / "a.txt"
    landed.parent.mkdir(parents=True)
    landed.write_text("Allergie à la pénicilline.")
    argv = ("watch", str(tmp_path / "in"), "--once", "--settle", "0", "--create")
    with traced(tmp_path, *argv) as (run, trace):
        assert run.wait(timeout=200) == 0
    lines = trace.read_text(errors="replace").splitlines()
    moving = [line.split(maxsplit=1)[0] for line in lines if " rename(" in line and "/.done/" in line]
    mine = [line for line in lines if line.split(maxsplit=1)[0] in moving]  # others are reading it already
    assert unsynced(mine, tmp_path / "home", lambda line: " rename(" in line and "/.done/" in line) == [set()]


def test_a_202_is_on_the_disk(tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home", embedder="none", ocr="none", reserve=0)
    with open_home(settings) as home:
        patient_id = resolve_patient(home, ins(1).matricule, create=True)
        with home.services.records.write() as tx:
            grants.add_grant(
                tx,
                patient_id=patient_id,
                grantee_kind="practitioner",
                grantee=DOCTOR,
                kind="consent",
                categories=None,
                valid_from=home.clock(),
                valid_until=None,
                recorded_by="test",
                now=home.clock(),
            )
        token = issue_token(
            home.services, rpps=DOCTOR, unregistered=UNREGISTERED, lifetime=timedelta(hours=1), now=home.clock()
        )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with traced(tmp_path, "serve", "--port", str(port)) as (run, trace):
        status = post(port, f"/v1/patients/{patient_id}/documents", token, run)
    assert status == 202
    lines = trace.read_text(errors="replace").splitlines()
    # A type that nothing reads: kept and answered like any other, and no reader thread writes meanwhile.
    assert unsynced(lines, tmp_path / "home", lambda line: "HTTP/1.1 202" in line) == [set()]


def post(port: int, url: str, token: str, run: subprocess.Popen[bytes]) -> int:
    body = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.exe"\r\n\r\nMZ\x90\0\3' + bytes(60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "multipart/form-data; boundary=b"}
    while run.poll() is None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("POST", url, body + b"\r\n--b--\r\n", headers)
            return connection.getresponse().status
        except ConnectionRefusedError:
            time.sleep(0.1)
        finally:
            connection.close()
    pytest.fail("the service ended")


def test_the_reader_of_traces_sees_what_is_missing() -> None:
    """Each line that protects, left out in turn, is noticed."""
    lines = [
        '7 mkdir("/h/blobs/aa", 0700) = 0',
        "7 fsync(3</h/blobs>) = 0",
        '7 write(4</h/blobs/partial/x>, "..."..., 9) = 9',
        "7 fsync(4</h/blobs/partial/x>) = 0",
        '7 rename("/h/blobs/partial/x", "/h/blobs/aa/upload-1") = 0',
        "7 fsync(3</h/blobs/aa>) = 0",
        '7 pwrite64(6</h/records.db-wal>, "..."..., 24, 0 <unfinished ...>',
        "8 fsync(9</h/other>) = 0",
        "7 <... pwrite64 resumed>) = 24",
        "7 fsync(6</h/records.db-wal>) = 0",
        '7 write(1</dev/pts/0>, "{"..., 1) = 1',
    ]

    def at_the_end(some: list[str]) -> list[set[str]]:
        return unsynced(some, Path("/h"), lambda line: "write(1<" in line)

    assert at_the_end(lines) == [set()]
    for number, line in enumerate(lines):
        if "fsync" in line and "other" not in line:
            shorter = lines[:number] + lines[number + 1 :]
            if "partial" in line:
                with pytest.raises(AssertionError, match="renamed before"):
                    at_the_end(shorter)
            else:
                assert at_the_end(shorter) != [set()]
