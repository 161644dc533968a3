"""What this process must never do, whatever the command: leave its memory on a disk, or show it to a neighbour."""

from __future__ import annotations

import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4  # linux/prctl.h


def harden() -> None:
    """No core dump of this process or of those that it starts, no debugger of the same user.

    A crash handler that takes dumps through a pipe ignores the limit, so the process says too that it may not be
    dumped; a program that it starts (Tesseract) has the limit alone, and such a handler is the operator's to switch off
    (docs/security-at-rest.md). Memory may still be swapped.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
