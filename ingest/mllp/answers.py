"""Acknowledgements (HL7 v2.5, 2.13 to 2.15): MSH, MSA, and ERR with the reason when it is no."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Literal

from access.refusal import Refusal
from ingest.parsers.er7 import Segment

Verdict = Literal["A", "E", "R"]
"""Accepted; not now, send it again; never in this form."""
_CODES = {  # table 0357
    "not-hl7": "100",
    "unknown-sender": "200",
    "too-large": "102",
    "too-slow": "102",
    "no-control-id": "101",
}


def answer(header: Segment | None, verdict: Verdict, now: datetime, refusal: Refusal | None = None) -> bytes:
    """The acknowledgement of a message with this MSH (None: it had none that can be read).

    In enhanced mode (MSH-15 asks for it) the verdict is CA, CE or CR, else AA, AE or AR.
    """
    asked = "" if header is None else header.text(15).upper()
    mode = "C" if asked in ("AL", "SU", "ER") else "A"
    us, them = ("|", "|") if header is None else (_pair(header, 5), _pair(header, 3))
    event = "" if header is None else _plain(header.text(9, 2))
    version = "2.5" if header is None else _plain(header.text(12)) or "2.5"
    control = "" if header is None else _plain(header.text(10))
    stamp = f"{now:%Y%m%d%H%M%S%z}"
    kind = f"ACK^{event}^ACK" if event else "ACK"
    lines = [
        f"MSH|^~\\&|{us}|{them}|{stamp}||{kind}|A{stamp[:14]}{control}"[:199] + f"|P|{version}|||||FRA|UNICODE UTF-8",
        f"MSA|{mode}{verdict}|{control}" + ("" if refusal is None else f"|{_escaped(refusal.message)}"),
    ]
    if refusal is not None:
        code = _CODES.get(refusal.code, "207")
        said = _escaped(f"{refusal.message} {refusal.remedy}")
        lines.append(f"ERR|||{code}^{refusal.code}^HL70357|E||||{said}")
    return ("\r".join(lines) + "\r").encode("utf-8")


def _pair(header: Segment, field: int) -> str:
    return f"{_plain(header.text(field))}|{_plain(header.text(field + 1))}"


def _plain(text: str) -> str:
    """A name out of a stranger's header, as it can stand in ours."""
    return re.sub(r"[^\w .:+/-]", "", text)[:180]


def _escaped(text: str) -> str:
    marks = {"\\": "\\E\\", "|": "\\F\\", "^": "\\S\\", "&": "\\T\\", "~": "\\R\\", "\r": " ", "\n": " "}
    return "".join(marks.get(one, one) for one in text)
