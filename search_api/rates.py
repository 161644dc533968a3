"""How often somebody may ask, counted in this process: callers by who they are, tokens that are none by where they
come from.

A sliding window of two halves: what the window before had counts by the part of it that is still within reach. Exact
for a steady flow, and two numbers a key. Whoever asks within the limit is never slowed by who does not.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Literal

from access.refusal import Refusal

MOST = 50_000  # keys remembered; the one unseen for longest goes first

TOO_FAST = Refusal(
    "ask", "too-many-requests", "Trop de demandes en peu de temps.", "Attendez une minute, puis reprenez."
)
TOO_MANY_TOKENS = Refusal(
    "token",
    "too-many-bad-tokens",
    "Trop de jetons refusés depuis cette adresse.",
    "Attendez cinq minutes ; un jeton valable est reçu entre-temps.",
)
TOO_MANY_SIGN_INS = Refusal(
    "token",
    TOO_MANY_TOKENS.code,
    "Trop de connexions refusées depuis cette adresse.",
    "Attendez cinq minutes, puis reconnectez-vous.",
)
RETRY = {TOO_FAST.code: 60, TOO_MANY_TOKENS.code: 300, "too-many-attempts": 600}
"""Seconds of `Retry-After` by code: fixed, so that they tell nothing."""


@dataclass(slots=True)
class _Count:
    window: int
    before: int
    now: int
    told: bool = False


class Rates:
    """Counters by key. Safe in threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._counts: OrderedDict[str, _Count] = OrderedDict()

    def take(self, key: str, limit: int, seconds: int) -> Literal["within", "first", "over"]:
        """Count one more under `key`: within `limit` in `seconds`, the first beyond it in a window, or further.

        A `limit` of 0 is none. What is beyond the limit is not counted: waiting is enough.
        """
        if limit <= 0:
            return "within"
        now = self._clock()
        window, part = int(now // seconds), now % seconds / seconds
        with self._lock:
            count = self._counts.setdefault(key, _Count(window, 0, 0))
            self._counts.move_to_end(key)
            if len(self._counts) > MOST:
                self._counts.popitem(last=False)
            if count.window != window:
                before = count.now if count.window == window - 1 else 0
                count.window, count.before, count.now, count.told = window, before, 0, False
            if count.before * (1 - part) + count.now < limit:
                count.now += 1
                return "within"
            first, count.told = not count.told, True
            return "first" if first else "over"

    def give_back(self, key: str, seconds: int) -> None:
        """What was taken under `key` a moment ago turned out well: it is not counted."""
        with self._lock:
            count = self._counts.get(key)
            if count is None:
                return
            window = int(self._clock() // seconds)
            if count.window == window and count.now > 0:
                count.now -= 1
            elif count.window == window and count.before > 0:  # taken in the window before
                count.before -= 1
            elif count.window == window - 1 and count.now > 0:
                count.now -= 1
