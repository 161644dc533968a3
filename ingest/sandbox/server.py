"""The fork server: `python -m ingest.sandbox.server CONTROL FOLDER`, started by `client.ForkServer`.

It imports the parsers once, then forks a child for each request. It reads no document, holds no key and no database,
and has one thread. A request is three descriptors on the control socket: the document's bytes in memory, the socket
that the child answers on, the socket on which this process says how the child ended. When the client closes that one,
or dies, the child is killed; when the control socket closes, everything is.

Its ends: the client's (the control socket closes), a SIGKILL (children die with it, by the parent death signal and
their process namespace; the client starts another server).
"""

from __future__ import annotations

import gc
import os
import selectors
import shutil
import signal
import socket
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import msgpack

from ingest.sandbox import confine
from ingest.sandbox.child import work
from ingest.sandbox.pages import join_pages

ANSWER = 3
"""A child's only descriptor besides the standard ones, until its document comes."""


class Server:
    """`control` speaks to the client; `base` is the folder in which each child has its own."""

    def __init__(self, control: socket.socket, base: Path, active: tuple[str, ...]) -> None:
        self._control, self._base = control, base
        self._status: dict[int, socket.socket] = {}  # by process
        self._folders: dict[int, Path] = {}
        self._selector = selectors.DefaultSelector()
        self._nested = confine.PROCESSES in active
        self._nursery = confine.Nursery(self._nested)
        self._wake = self._watch_children()
        self._selector.register(control, selectors.EVENT_READ, None)

    def run(self) -> None:
        """Serve until the client is gone."""
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is self._wake:
                    os.read(self._wake, 4096)
                    self._reap()
                elif key.data is not None:
                    self._kill(key.data)
                elif not self._take():
                    self._end()
                    return

    def _watch_children(self) -> int:
        read, write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        self._selector.register(read, selectors.EVENT_READ, None)
        return read

    def _take(self) -> bool:
        """Fork for one request; False when the client is gone."""
        try:
            message, given, _, _ = socket.recv_fds(self._control, 4096, 2)
        except ConnectionError:
            return False
        if not message:
            return False
        answer, status = given
        report = socket.socket(fileno=status)
        try:
            folder = Path(tempfile.mkdtemp(dir=self._base))
            self._nursery.prepare()
            parent = os.getpid()
            process = os.fork()
        except OSError:
            report.send(msgpack.packb(None))
            report.close()
        else:
            if process == 0:
                self._become_child(answer, folder, None if self._nested else parent)
            self._nursery.clean()
            if not self._nested:
                os.setpgid(process, process)
            self._status[process], self._folders[process] = report, folder
            self._selector.register(report, selectors.EVENT_READ, process)
        os.close(answer)
        return True

    def _become_child(self, answer: int, folder: Path, parent: int | None) -> None:
        """Never returns. The descriptors of other children go first."""
        code = 1
        try:
            confine.die_with_parent(parent)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.dup2(answer, ANSWER)
            os.closerange(ANSWER + 1, 4096)
            if not self._nested:
                os.setpgid(0, 0)
            work(socket.socket(fileno=ANSWER), folder)
            code = 0
        finally:
            os._exit(code)

    def _kill(self, process: int) -> None:
        """The client lost interest in this child, which may have ended since the event was seen."""
        if process not in self._status:
            return
        self._selector.unregister(self._status[process])
        self._strike(process)

    def _strike(self, process: int) -> None:
        if self._nested:
            os.kill(process, signal.SIGKILL)  # the first of its namespace: the others go with it
        else:
            os.killpg(process, signal.SIGKILL)

    def _reap(self) -> None:
        while self._status:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                return
            if not self._nested and ended.si_pid in self._status:
                os.killpg(ended.si_pid, signal.SIGKILL)  # what it left running; its number is still taken
            process, status, usage = os.wait4(ended.si_pid, 0)
            report = self._status.pop(process, None)
            if report is None:
                continue  # an orphan that came to us
            shutil.rmtree(self._folders.pop(process), ignore_errors=True)
            if report.fileno() in self._selector.get_map():
                self._selector.unregister(report)
            with suppress(OSError), report:  # the client may be gone
                report.send(msgpack.packb([status, usage.ru_utime + usage.ru_stime, usage.ru_maxrss]))

    def _end(self) -> None:
        for process in self._status:
            self._strike(process)
        while self._status:
            process, _, _ = os.wait4(-1, 0)
            self._status.pop(process, None)
        shutil.rmtree(self._base, ignore_errors=True)


def main(control: int, base: Path) -> None:
    from ingest.sandbox.warm import warm

    warm()
    gc.collect()
    gc.freeze()  # what is loaded is not looked at again, so its pages stay shared with the children
    join_pages()  # before any fork: the process that only waits for this one would keep 183 MiB of its own
    active = confine.leave_the_world()
    if confine.PROCESSES in active and (process := os.fork()):
        os.close(control)
        _, status = os.waitpid(process, 0)
        os._exit(os.waitstatus_to_exitcode(status) & 0xFF)
    if confine.PROCESSES in active:
        confine.die_with_parent()
    else:
        confine.adopt_orphans()
    speaker = socket.socket(fileno=control)
    server = Server(speaker, base, active)
    if confine.offers_landlock():
        active += (confine.FILES,)
    if confine.close_calls():
        active += (confine.CALLS,)
    speaker.send(msgpack.packb(active))
    server.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
