"""Units whose slash or last letter a scanner lost or misread: « mmolL », « gdL », « UIL », « mg1L », « mmo/L ».

No unit is so written, so that there is one reading. What was read is kept beside, in the value's note.
"""

from __future__ import annotations

import re

from clinical.text.plain import plain

_MISREAD = re.compile(
    r"(?P<prefix>[mµunpfk]?)(?P<of>mo[l1i|]?|g|ui|iu|eq|u|t)(?:[ ]?[1i|!\\/][ ]?|[ ]?)(?P<per>(?:[dm]|100 ?m)?l)"
)
_CLEARANCE = re.compile(r"m[^\W\d_]? ?/ ?min(?P<surface> ?/ ?1[.,]73 ?m.?)")
"""« mU/min/1.73 m² »: only a volume is so divided."""
_CAPITALS = frozenset(("u", "t"))
"""« UL » and « TL » lost a slash; « ul » is a microlitre."""


def repaired(cell: str) -> str | None:
    """The unit that was misread in a cell, its letters as read; None for any other cell."""
    clearance = _CLEARANCE.fullmatch(plain(cell))
    if clearance is not None:
        return f"mL/min{cell[clearance.start('surface') :]}"
    found = _MISREAD.fullmatch(plain(cell))
    if found is None:
        return None
    of = cell[slice(*found.span("of"))]
    if found["of"] in _CAPITALS and not of.isupper():
        return None
    return f"{cell[: found.start('of')]}{'mol' if of[:2].lower() == 'mo' else of}/{cell[found.start('per') :]}"
