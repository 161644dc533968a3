"""What a child that was taken over can do: nothing outside its folder and its allowance, on weak machines too."""

from __future__ import annotations

import errno
import os
import platform
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from access.refusal import Refusal
from clinical import official
from ingest.sandbox import confine
from ingest.sandbox.bounds import MIB, Bounds
from ingest.sandbox.client import Isolation
from ingest.sandbox.fork_server import ForkServer
from ingest.sandbox.run import Run
from ingest.sandbox.verdict import ChildLost
from tests.sandbox.conftest import ask, evil_server, running

X32 = 0x40000000  # x86's second ABI
SMALL = Bounds(cpu=1, wall=20, memory=256 * MIB, file=8 * MIB, answer=8 * MIB)


@pytest.fixture
def listener() -> Iterator[int]:
    """A port on this machine that answers."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_this_machine_has_every_part(server: ForkServer) -> None:
    """Where the tests run; a machine that lacks one fails here and not silently elsewhere."""
    assert server.active() == (confine.NETWORK, confine.PROCESSES, confine.FILES, confine.CALLS)


def test_what_is_active_is_said(any_server: ForkServer, request: pytest.FixtureRequest) -> None:
    without = request.node.callspec.params["any_server"]
    active = any_server.active()
    assert (confine.NETWORK in active) == (confine.PROCESSES in active) == ("namespaces" not in without)
    assert (confine.FILES in active) == ("landlock" not in without)
    assert (confine.CALLS in active) == ("seccomp" not in without)
    sentence = Isolation(active).sentence()
    assert ("réseau coupé" in sentence) == (active != ())
    assert (sentence == "limites seulement") == (active == ())


def test_no_network(any_server: ForkServer, listener: int) -> None:
    """The plain machine, which has only limits, shows that the question is put rightly."""
    if any_server.active():
        assert ask(any_server, "connect", port=listener)[0] == "error"
    else:
        with pytest.raises(ChildLost):  # it connects, then waits in vain: nobody accepts
            ask(any_server, "connect", replace(SMALL, wall=1), port=listener)


def test_files_outside_are_closed(any_server: ForkServer, tmp_path: Path) -> None:
    secret = tmp_path / "master.key"
    secret.write_bytes(b"secret")
    closed = confine.FILES in any_server.active()
    expected = ["error", errno.EACCES] if closed else ["done", b"secret"]
    assert ask(any_server, "read_file", path=str(secret)) == expected
    assert ask(any_server, "write_file", path=str(tmp_path / "new"))[0] == ("error" if closed else "done")
    assert ask(any_server, "read_file", path="/proc/cpuinfo")[0] == "done"


def test_its_own_folder_is_open_and_each_file_bounded(server: ForkServer) -> None:
    assert ask(server, "write_file", SMALL, path="page.pgm", size=4 * MIB) == ["done", 4 * MIB]
    assert ask(server, "write_file", SMALL, path="page.pgm", size=9 * MIB) == ["error", errno.EFBIG]


def test_the_folder_of_another_document_is_closed(server: ForkServer) -> None:
    with running(server, "sleep") as other:
        folder = next(other.values())[1][0]
        assert os.path.exists(f"{folder}/left-behind")
        assert ask(server, "read_file", path=f"{folder}/left-behind") == ["error", errno.EACCES]


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of calls are an architecture's")
@pytest.mark.parametrize(
    "call",
    [
        (41, 2, 1, 0),
        (41 | X32, 2, 1, 0),
        (272, 0x10000000),
        (165, 0, 0, 0, 0, 0),
        (101, 0, 0, 0, 0),
        (321, 0, 0),
    ],
    ids=["socket", "socket by x32", "unshare", "mount", "ptrace", "bpf"],
)
def test_calls_that_lead_out_are_refused(server: ForkServer, call: tuple[int, ...]) -> None:
    assert ask(server, "call", call=list(call)) == ["error", errno.EPERM]


def test_no_process_of_ours_can_be_struck(server: ForkServer) -> None:
    assert ask(server, "kill", pid=os.getpid())[0] == "error"
    assert ask(server, "kill", pid=server.pid())[0] == "error"
    assert server.active()


def test_a_child_holds_nothing_of_the_house(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANAMNESE_REDIS_URL", "redis://:secret@localhost")
    monkeypatch.setenv("ANAMNESE_MASTER_KEY_FILE", "/somewhere")
    with evil_server() as server:
        seen = ask(server, "look")[1]
    ours = {name for name in seen["environment"] if name.startswith("ANAMNESE_")}
    assert ours <= {official.ENVIRONMENT}  # where the official vocabulary lies, once a home was opened in this process
    assert seen["open"] == [0, 1, 2, 3]
    assert seen["core"] == [1, 1]
    assert seen["dumpable"] == 0
    assert seen["no_new_privileges"] == 1
    loaded = set(seen["modules"])
    assert {"pypdfium2", "lxml", "PIL", "pdfminer"} <= loaded
    assert not {"sqlalchemy", "sqlcipher3", "apsw", "celery", "records.keys", "fastapi"} & loaded


@pytest.mark.parametrize(
    ("act", "code"),
    [("burn", "too-slow"), ("burn_by_turns", "too-slow"), ("eat", "too-much-memory"), ("flood", "too-much-text")],
)
def test_an_allowance_that_is_used_up_is_a_refusal(any_server: ForkServer, act: str, code: str) -> None:
    with pytest.raises(Refusal) as refused:
        ask(any_server, act, SMALL)
    assert (refused.value.stage, refused.value.code) == ("parse", code)
    assert refused.value.remedy


@pytest.mark.parametrize("by_thread", [False, True])
def test_memory_is_summed_over_a_child_and_its_programs(any_server: ForkServer, by_thread: bool) -> None:
    roomy = replace(SMALL, memory=512 * MIB)  # each of the four has some 225 MiB of what the server has loaded
    with pytest.raises(Refusal, match="512 Mio"):
        ask(any_server, "eat_by_many", roomy, each=100 * MIB, by_thread=by_thread)


def test_processes_are_counted(any_server: ForkServer) -> None:
    with pytest.raises(Refusal) as refused:
        ask(any_server, "fork_bomb", replace(SMALL, memory=2**40))  # shared memory is summed: 41 times it
    assert refused.value.code == "parser-failed"


def test_a_child_that_only_waits_is_killed_and_may_be_tried_again(any_server: ForkServer) -> None:
    with pytest.raises(ChildLost), running(any_server, "sleep", replace(SMALL, wall=1)) as run:
        for _ in run.values():
            pass


@pytest.mark.parametrize("fault", ["null", "abort"])
def test_a_crash_is_a_refusal_at_once(any_server: ForkServer, fault: str) -> None:
    with pytest.raises(Refusal) as refused:
        ask(any_server, "crash", by=fault)
    assert refused.value.code == "parser-crashed"


def test_a_lack_of_room_is_the_machines(any_server: ForkServer) -> None:
    with pytest.raises(ChildLost):
        ask(any_server, "crash", by="no room")


def test_a_kill_from_elsewhere_is_the_machines(any_server: ForkServer) -> None:
    """As the kernel does when it is out of memory."""
    with running(any_server, "sleep") as run:
        values = run.values()
        next(values)
        os.kill(run.child, signal.SIGKILL)
        with pytest.raises(ChildLost):
            next(values)


@pytest.mark.parametrize(
    ("error", "code"),
    [("memory", "too-much-memory"), ("machine", None), ("bug", "parser-failed"), ("recursion", "parser-failed")],
)
def test_an_exception_is_judged(server: ForkServer, error: str, code: str | None) -> None:
    with pytest.raises(Refusal if code else ChildLost) as ended:
        ask(server, "raise_it", error=error)
    assert code is None or ended.value.code == code  # type: ignore[union-attr]


@pytest.mark.parametrize("code", [0, 1, 7])
def test_leaving_without_a_word_is_a_refusal(server: ForkServer, code: int) -> None:
    with pytest.raises(Refusal) as refused:
        ask(server, "leave", code=code)
    assert refused.value.code == "parser-failed"


def test_nothing_is_left_of_a_child(any_server: ForkServer) -> None:
    """However it ends: no file, no process, Tesseract's like included."""
    marker = 700_000 + os.getpid() + len(any_server.active())
    with running(any_server, "sleep", marker=marker) as run:
        folder, _ = next(run.values())[1]
        assert os.path.exists(folder)
        _until(lambda: _sleepers(marker))  # Popen answers before the kernel has put its command line in place
    _until(lambda: not os.path.exists(folder) and not _sleepers(marker) and not _is_alive(run))


def test_the_server_has_one_thread(server: ForkServer) -> None:
    """A process with threads makes no namespace of users, and leaves a zombie where the one that was killed leads."""
    assert server.active()
    assert len(os.listdir(f"/proc/{server.pid()}/task")) == 1


def test_nothing_is_left_when_the_server_is_killed(server: ForkServer) -> None:
    marker = 800_000 + os.getpid()
    with running(server, "sleep", marker=marker) as run:
        folder, _ = next(run.values())[1]
        os.kill(server.pid(), signal.SIGKILL)
        with pytest.raises(ChildLost):
            next(run.values())
    assert server.active()  # another one, and the folder of the first is gone
    _until(lambda: not os.path.exists(folder) and not _sleepers(marker) and not _is_alive(run))


def _sleepers(marker: int) -> list[str]:
    found = []
    for entry in Path("/proc").iterdir():
        with suppress(OSError):
            if entry.name.isdigit() and f"sleep\0{marker}\0".encode() in (entry / "cmdline").read_bytes():
                found.append(entry.name)
    return found


def _is_alive(run: Run) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{run.child}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _until(condition: object) -> None:
    """Wait for what other processes do; the test's own timeout ends a vain wait."""
    while not condition():  # type: ignore[operator]
        time.sleep(0.01)
