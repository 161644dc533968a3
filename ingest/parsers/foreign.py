"""A library's exceptions at the border: any of them on hostile bytes becomes the parser's own Refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from access.refusal import Refusal


@contextmanager
def translated(damaged: Callable[[], Refusal]) -> Iterator[None]:
    """What a library raises on damaged bytes has no documented bounds: all of it is `damaged`, chained for the log."""
    try:
        yield
    except Refusal:
        raise
    except Exception as error:
        raise damaged() from error
