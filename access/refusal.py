"""The expected failure, in one shape for every stage.

    Refusal                     stage, code, sentence, remedy
    every stage of the two ways (receive, parse, read, understand, split, embed, store;
    ask, grant, match, find, rank, show) raises or returns this one class; `code` tells them apart.

A Refusal is both a value (`decide` returns it) and an exception (parsers raise it). Its texts are shown to users,
so they never hold document text, an identity or a path.
"""

from __future__ import annotations

import sys

_STANDING: list[Refusal] = []
"""Those that modules hold as constants."""


class Refusal(Exception):
    """An expected failure.

    stage   where it happened, a stage name of docs/architecture.md ("receive", "parse", "grant"...)
    code    stable kebab-case reason ("encrypted-pdf", "no-access"...), safe to branch on
    message one sentence for a person
    remedy  what that person can do next
    """

    def __init__(self, stage: str, code: str, message: str, remedy: str) -> None:
        super().__init__(f"{message} {remedy}")
        self.stage = stage
        self.code = code
        self.message = message
        self.remedy = remedy
        if sys._getframe(1).f_code.co_name == "<module>":
            _STANDING.append(self)

    def __repr__(self) -> str:
        return f"Refusal({self.stage!r}, {self.code!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Refusal) and self.as_dict() == other.as_dict()

    def __hash__(self) -> int:
        return hash((self.stage, self.code, self.message, self.remedy))

    def __reduce__(self) -> tuple[type[Refusal], tuple[str, str, str, str]]:
        return (Refusal, (self.stage, self.code, self.message, self.remedy))

    def as_dict(self) -> dict[str, str]:
        """The four fields, in the order that every surface shows them."""
        return {"stage": self.stage, "code": self.code, "message": self.message, "remedy": self.remedy}


def let_go() -> None:
    """Make the constant Refusals forget where they were raised: called at the end of each request, job or file.

    Raising one again adds to its traceback, for ever, and a traceback holds the frames that it passed with all that
    they hold: 1,500 refused lines of 64 KB kept 190 MiB of them, in clear (measured).
    """
    for refusal in _STANDING:
        if refusal.__traceback__ is not None or refusal.__context__ is not None:
            refusal.__traceback__ = refusal.__context__ = None
