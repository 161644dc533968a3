"""The marks of a story: `[text]{codes}` says which clinical concepts a phrase states, and how.

Codes are separated by commas. A code is an optional `!` (the document is about it), an optional assertion sign and a
concept id: none present, `-` absent, `?` suspected, `~` family, `<` past (stopped, or resolved), `.` a passing mention.
`[pas d'embolie pulmonaire]{!-embolie-pulmonaire}` is the main finding of a scan.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Assertion(StrEnum):
    """How a document states a concept."""

    PRESENT = "present"
    ABSENT = "absent"
    SUSPECTED = "suspected"
    FAMILY = "family"
    PAST = "past"
    MENTION = "mention"


_SIGNS = {
    "": Assertion.PRESENT,
    "-": Assertion.ABSENT,
    "?": Assertion.SUSPECTED,
    "~": Assertion.FAMILY,
    "<": Assertion.PAST,
    ".": Assertion.MENTION,
}
_MARK = re.compile(r"\[([^\[\]]*)\]\{([^{}]*)\}")
_CODE = re.compile(r"(!?)([-?~<.]?)([a-z0-9][a-z0-9-]*)")


@dataclass(frozen=True, slots=True, order=True)
class Claim:
    """One concept that a document states; `main` when the document is about it."""

    concept: str
    assertion: Assertion = Assertion.PRESENT
    main: bool = False


def parse_codes(codes: str) -> list[Claim]:
    """The claims of one mark's codes. Raises ValueError on a malformed code."""
    claims = []
    for code in codes.split(","):
        found = _CODE.fullmatch(code.strip())
        if found is None:
            raise ValueError(f"malformed code {code!r} in {codes!r}")
        claims.append(Claim(found[3], _SIGNS[found[2]], found[1] == "!"))
    return claims


def unmark(text: str) -> tuple[str, list[Claim]]:
    """`text` without its marks, and what they claim. Marks do not nest."""
    claims: list[Claim] = []
    for _, codes in _MARK.findall(text):
        claims.extend(parse_codes(codes))
    plain = _MARK.sub(r"\1", text)
    if "]{" in plain:
        raise ValueError(f"unfinished mark in {text!r}")
    return plain, claims
