"""A real service that stops in the middle of it all: its process is there, its port is open, and nothing answers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import psutil


@contextmanager
def halted(port: int) -> Iterator[None]:
    """The process that listens there does nothing for a while."""
    found = [c.pid for c in psutil.net_connections("tcp") if c.status == "LISTEN" and c.laddr.port == port]
    (pid,) = {one for one in found if one}
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
