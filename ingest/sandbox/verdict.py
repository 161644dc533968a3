"""From the way a child ended to what its document gets.

    the document's fault   a Refusal at once: it would end the same way again
    the machine's, perhaps `ChildLost`: the attempt counts, another follows, the third is "poison-document"

| how it ended | verdict |
|---|---|
| more processor time than allowed | "too-slow" |
| more memory than allowed, or Python's MemoryError | "too-much-memory" |
| SIGSEGV, SIGABRT, SIGFPE, SIGILL, SIGTRAP | "parser-crashed" ("too-much-memory" when it had most of what is allowed) |
| an exception of a parser, an answer that is none | "parser-failed" |
| a larger answer than is accepted | "too-much-text" |
| more time on the clock than allowed, SIGKILL from elsewhere (the kernel is out of memory), SIGBUS (no room for a |
| page), an error of the system, the fork server gone | ChildLost |
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from access.refusal import Refusal
from ingest.sandbox.bounds import MIB, Bounds

_CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGTRAP, signal.SIGSYS})
_MOST = 0.7  # of the memory allowed: a parser of C that is refused more crashes rather than say so
_OTHER_FORMAT = "Enregistrez-le à nouveau (imprimer en PDF, ou numériser à 300 points par pouce) et déposez-le."


class ChildLost(Exception):
    """The child ended for a reason that may be the machine's. `why` is a word for the log."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended: `status` as wait() gives it, seconds of processor and bytes resident at most, of its own."""

    status: int
    cpu: float
    memory: int


def judge(ending: Ending, bounds: Bounds) -> Refusal | ChildLost:
    """The verdict on a child that ended without its last word and that the client did not kill."""
    if not os.WIFSIGNALED(ending.status):
        return parser_failed()
    number = os.WTERMSIG(ending.status)
    if number == signal.SIGXCPU or (number == signal.SIGKILL and ending.cpu >= bounds.cpu - 1):
        return too_slow(bounds)
    if number in _CRASHES:
        return too_much_memory(bounds) if ending.memory >= _MOST * bounds.memory else parser_crashed()
    return ChildLost(signal.Signals(number).name)


def too_slow(bounds: Bounds) -> Refusal:
    """Over its processor time."""
    message = f"La lecture de ce document dépasse {bounds.cpu} secondes de calcul."
    return Refusal("parse", "too-slow", message, f"Déposez-le en plusieurs parties. {_OTHER_FORMAT}")


def too_much_memory(bounds: Bounds) -> Refusal:
    """Over its memory."""
    message = f"La lecture de ce document demande plus de {bounds.memory // MIB} Mio de mémoire."
    return Refusal("parse", "too-much-memory", message, f"Déposez-le en plusieurs parties. {_OTHER_FORMAT}")


def too_much_text() -> Refusal:
    """Over what the client accepts."""
    return Refusal(
        "parse",
        "too-much-text",
        "Le document contient plus de texte que la limite ne le permet.",
        "Déposez-le en plusieurs parties.",
    )


def parser_crashed() -> Refusal:
    """A library died on it."""
    return Refusal(
        "parse", "parser-crashed", "Ce fichier, abîmé ou piégé, arrête le programme qui le lit.", _OTHER_FORMAT
    )


def parser_failed() -> Refusal:
    """A parser of ours raised what it should not, or lied."""
    return Refusal("parse", "parser-failed", "Ce fichier met en défaut le programme qui le lit.", _OTHER_FORMAT)


def unavailable() -> Refusal:
    """No child can be started: the document waits."""
    return Refusal(
        "parse",
        "sandbox-unavailable",
        "La lecture protégée des documents ne démarre pas sur cette machine.",
        "Vérifiez la mémoire et le nombre de processus permis, puis consultez /readyz.",
    )
