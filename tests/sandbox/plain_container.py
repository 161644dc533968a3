"""What a container's own seccomp profile does to the process in it: calls that it forbids fail."""

from __future__ import annotations

import errno
from collections.abc import Sequence

import seccompy

CALLS = {
    "namespaces": ("unshare", "setns"),
    "landlock": ("landlock_create_ruleset",),
    "seccomp": ("seccomp",),
}


def deny(parts: Sequence[str]) -> None:
    """Forbid this process, and all that it forks, what these parts of the sandbox need."""
    made = seccompy.Filter(default=seccompy.Action.ALLOW)
    for part in parts:
        for name in CALLS[part]:
            made.errno(name, errno.EPERM if part == "namespaces" else errno.ENOSYS)
    if parts:
        made.load()
