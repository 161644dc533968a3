"""Folders of derived files in a cache, made once and whole."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

RECIPE = "4"
"""Grows with every change of the graph or the tokenizer: it names their folders and enters the fingerprint."""


def prepared(cache: Path, name: str, write: Callable[[Path], None]) -> Path:
    """The folder `name` of `cache`; when absent, `write` fills it.

    Written aside, flushed, then renamed in one step: several processes may start on an empty cache (the first to end
    wins, all write the same), and a crash or a full disk leaves no half.
    """
    target = cache / name
    if target.is_dir():
        return target
    cache.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=".building-", dir=cache))
    try:
        write(aside)
        for path in aside.rglob("*"):
            if path.is_file():
                with open(path, "rb") as file:
                    os.fsync(file.fileno())
        try:
            aside.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return target
