"""A process that has imported the product once and forks commands from itself: a start of 0.02 s instead of 2.

A forked command is a session of its own, with its own output files, and is killed like any other process. Lines of
JSON on stdin: {"argv", "env", "out", "err"} answers {"pid"}; {"wait": pid, "seconds": s} answers {"status": …}, the
wait status, or null when it still runs. The end of stdin kills what is left.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from typing import Any

import celery.bin.celery  # noqa: F401
import uvicorn.protocols.http.auto  # noqa: F401

import index.opensearch  # noqa: F401
import ingest.tasks  # noqa: F401
import search_api.server  # noqa: F401
from cli.main import main
from index.analysis import analyse

PR_SET_PDEATHSIG = 1


def run(order: dict[str, Any]) -> None:
    """The forked child: never returns."""
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)  # nothing outlives the test
    for number, (name, flags) in enumerate(
        (("/dev/null", os.O_RDONLY), (order["out"], os.O_WRONLY), (order["err"], os.O_WRONLY))
    ):
        os.dup2(os.open(name, flags | os.O_CREAT | os.O_APPEND, 0o600), number)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, "r" if n == 0 else "w") for n in range(3))
    for name in [name for name in os.environ if name.startswith("ANAMNESE_")]:
        del os.environ[name]
    os.environ.update(order["env"])
    sys.argv = ["anamnese", *order["argv"]]
    code = 70
    try:
        main()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def wait(pid: int, seconds: float, ended: dict[int, int]) -> int | None:
    deadline = time.monotonic() + seconds
    while pid not in ended:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            ended[pid] = status
            break
        if time.monotonic() > deadline:
            return None
        time.sleep(0.002)
    return ended[pid]


def serve() -> None:
    analyse("un mot")  # its tables are read once, here
    started: set[int] = set()
    ended: dict[int, int] = {}
    for line in sys.stdin:
        order = json.loads(line)
        if "wait" in order:
            answer: dict[str, Any] = {"status": wait(order["wait"], order["seconds"], ended)}
        else:
            pid = os.fork()
            if pid == 0:
                run(order)
            started.add(pid)
            answer = {"pid": pid}
        print(json.dumps(answer), flush=True)
    for pid in started - ended.keys():
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)


if __name__ == "__main__":
    serve()
