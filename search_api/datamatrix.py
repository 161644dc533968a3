"""The datamatrix of the INS, as a scanner types it: from its characters to the INS it states.

    IS01 + 22 characters of header, then tagged fields: S1 matricule (15), S2 OID of the assigner, S3 given names,
    S4 birth name, S5 sex, S6 birth date, S7 birth place; a field shorter than its longest ends with GS (0x1D)

After the ANS's "Datamatrix INS" format as public implementations write it (the guide itself is not at hand here).
Only S1 and S2 are used: the INS is the identity; the rest would only repeat it.
"""

from __future__ import annotations

import re

from access.identifiers import INS_OIDS, Ins, parse_ins

_FORM = re.compile(r"IS01.{22}S1([0-9AB]{15})S2([0-9.]{1,20})(?![0-9.])", re.DOTALL)
LONGEST = 600  # characters; the fields' limits add up to fewer


def read_datamatrix(text: str) -> Ins | None:
    """The INS that the scanned text states, or None when it is not an INS datamatrix, or its key or OID is wrong."""
    found = _FORM.match(text.strip())
    if found is None or found[2] not in INS_OIDS:
        return None
    return parse_ins(found[1], found[2])
