"""Something done again and again as long as the service runs, in a thread; a failure is logged and tried again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from access.refusal import let_go

log = logging.getLogger("anamnese.periodic")


class Periodic:
    """Calls `work` at once and then every `seconds`."""

    def __init__(self, name: str, seconds: float, work: Callable[[], object]) -> None:
        self._name, self._seconds, self._work = name, seconds, work
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Periodic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                self._work()
            except Exception as error:  # whatever was away may be back at the next turn
                log.error("%s: %s", self._name, type(error).__name__)
            let_go()
            if self._stop.wait(self._seconds):
                return
