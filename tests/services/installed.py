"""What others wrote and tests use, from its registry, pinned, installed once."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.local_services import cache_folder


def installed(name: str, pin: Path, programs: tuple[str, ...], command: Callable[[Path], list[str]]) -> Path:
    """The folder that `command` filled, once for what `pin` (a pom, a lock file) says. Fails, saying why, where it
    cannot."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.fail(f"{program} is not installed: apt-get install default-jdk maven nodejs npm")
    folder = cache_folder() / f"{name}-{hashlib.sha256(pin.read_bytes()).hexdigest()[:12]}"
    if not (folder / "installed").exists():
        made = folder.with_name(f"{folder.name}-{os.getpid()}")
        made.mkdir(parents=True)
        done = subprocess.run(command(made), capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.fail(f"{name} could not be installed: {done.stdout[-300:]}{done.stderr[-300:]}")
        (made / "installed").touch()
        shutil.rmtree(folder, ignore_errors=True)
        made.rename(folder)
    return folder
