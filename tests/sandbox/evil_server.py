"""A fork server whose children do what a parser that was taken over might: one task a kind of mischief."""

from __future__ import annotations

import ctypes
import mmap
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ingest.sandbox import child, server
from ingest.sandbox.child import Send
from tests.sandbox.plain_container import deny

Act = Callable[[dict[str, Any]], object]


def _tried(act: Act) -> Callable[[dict[str, Any], bytes, Path, Send], None]:
    """A task that answers with what the act returned, or with the error that it met."""

    def task(request: dict[str, Any], data: bytes, folder: Path, send: Send) -> None:  # noqa: ARG001
        try:
            send(["done", act(request)])
        except OSError as error:
            send(["error", error.errno])

    return task


def connect(request: dict[str, Any]) -> str:
    with socket.create_connection(("127.0.0.1", request["port"]), timeout=5) as line:
        return line.recv(100).decode()


def read_file(request: dict[str, Any]) -> bytes:
    return Path(request["path"]).read_bytes()[:100]


def write_file(request: dict[str, Any]) -> int:
    return Path(request["path"]).write_bytes(b"x" * request.get("size", 1))


def kill(request: dict[str, Any]) -> None:
    os.kill(request["pid"], signal.SIGKILL)


def call(request: dict[str, Any]) -> int:
    """A raw system call by number; its error as OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(*request["call"]) < 0:
        raise OSError(ctypes.get_errno(), "")
    return 0


def look(request: dict[str, Any]) -> dict[str, Any]:  # noqa: ARG001
    libc = ctypes.CDLL(None)
    return {
        "environment": dict(os.environ),
        "open": [n for n in range(64) if _is_open(n)],
        "core": list(resource.getrlimit(resource.RLIMIT_CORE)),
        "dumpable": libc.prctl(3, 0, 0, 0, 0),
        "no_new_privileges": libc.prctl(39, 0, 0, 0, 0),
        "folder": os.getcwd(),
        "modules": sorted(sys.modules),
    }


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def eat(request: dict[str, Any], data: bytes, folder: Path, send: Send) -> None:  # noqa: ARG001
    held = []
    while True:
        held.append(bytearray(os.urandom(1)) * (16 << 20))
        send(["done", len(held)])


def eat_by_many(request: dict[str, Any], data: bytes, folder: Path, send: Send) -> None:
    """Each process stays under its own limit; `by_thread`: none is the child of the main thread."""
    if request.pop("by_thread", False):
        threading.Thread(target=eat_by_many, args=(request, data, folder, send)).start()
        time.sleep(600)
    for _ in range(3):
        if os.fork() == 0:
            held = bytearray(b"x") * request["each"]
            time.sleep(600)
            os._exit(len(held) % 2)
    send(["done", 0])
    time.sleep(600)


def burn(request: dict[str, Any], data: bytes, folder: Path, send: Send) -> None:  # noqa: ARG001
    while True:
        pass


def burn_by_turns(request: dict[str, Any], data: bytes, folder: Path, send: Send) -> None:  # noqa: ARG001
    """No process ever reaches its own limit of processor time."""
    while True:
        subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.3: pass"], check=False)


def sleep(request: dict[str, Any], data: bytes, folder: Path, send: Send) -> None:  # noqa: ARG001
    (folder / "left-behind").write_text("x")
    helper = subprocess.Popen(["sleep", str(request.get("marker", 600))])
    send(["done", [str(folder), helper.pid]])
    time.sleep(600)


def fork_bomb(request: dict[str, Any], data: bytes, folder: Path, send: Send) -> None:  # noqa: ARG001
    made = 0
    while made < 40:
        if os.fork() == 0:
            time.sleep(600)
        made += 1
    time.sleep(600)


def crash(request: dict[str, Any], data: bytes, folder: Path, send: Send) -> None:  # noqa: ARG001
    """Faults as a parser of C has them."""
    libc = ctypes.CDLL(None)
    if request["by"] == "abort":
        libc.abort()
    elif request["by"] == "no room":  # a mapped file that became shorter, or could not grow
        with (folder / "mapped").open("w+b") as file:
            file.truncate(4096)
            mapped = mmap.mmap(file.fileno(), 4096)
            file.truncate(0)
            mapped[0] = 1
    ctypes.string_at(0)


def raise_it(request: dict[str, Any], data: bytes, folder: Path, send: Send) -> None:  # noqa: ARG001
    raise {"memory": MemoryError, "machine": OSError, "bug": KeyError, "recursion": RecursionError}[request["error"]]()


def flood(request: dict[str, Any], data: bytes, folder: Path, send: Send) -> None:  # noqa: ARG001
    while True:
        send(["done", b"x" * (1 << 20)])


def say(request: dict[str, Any], data: bytes, folder: Path, send: Send) -> None:  # noqa: ARG001
    send(request["value"])


def leave(request: dict[str, Any], data: bytes, folder: Path, send: Send) -> None:  # noqa: ARG001
    os._exit(request["code"])


TASKS = {
    **{act.__name__: _tried(act) for act in (connect, read_file, write_file, kill, call, look)},
    **{
        act.__name__: act
        for act in (eat, eat_by_many, burn, burn_by_turns, sleep, fork_bomb, crash, raise_it, flood, say, leave)
    },
}

if __name__ == "__main__":
    deny(list(filter(None, os.environ["WITHOUT"].split("+"))))
    child.TASKS.update(TASKS)
    server.main(int(sys.argv[1]), Path(sys.argv[2]))
