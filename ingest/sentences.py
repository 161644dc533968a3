"""Where French sentences end, in text that abbreviates."""

from __future__ import annotations

import re
from collections.abc import Iterator

ABBREVIATIONS = """
dr drs pr prs m mm mr mme mmes mlle mlles me st ste cf n no nos num art chap fig tab p pp vol éd ed réf ref ex
env approx tél tel fax poste av bd bld rte pl bp etc vs c-à-d i.e e.g
inj cp cpr gél gel amp sol susp ung supp iv im sc po per.os h min sec j sem ttt tt atcd hosp serv dép dept
g d dt gche lat ant post inf sup int ext max moy norm nég pos
janv févr fév avr juil sept oct nov déc lun mar mer jeu ven sam dim
"""
"""Words that a full stop shortens more often than it ends a sentence."""

MAY_END = """
etc h min j max norm nég pos po iv im sc g d sup inf sem
"""
"""Those of them that also end sentences: they do when a capital follows."""

_ABBREVIATIONS = frozenset(ABBREVIATIONS.split())
_MAY_END = frozenset(MAY_END.split())
_END = re.compile(r"[.!?…]+[\"»”’)\]]*(?=\s)")
_BEFORE = re.compile(r"([^\s(«\"]+)$")
_NEXT = re.compile(r"\s+[\"«“‘(\[\-–—•]*\s*(\S)")


def sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Offsets of the sentences of text[start:end], in order, without the white space around them."""
    here = start
    for mark in _END.finditer(text, start, end):
        if _ends(text, mark, here, end):
            yield from _stripped(text, here, mark.end())
            here = mark.end()
    yield from _stripped(text, here, end)


def _ends(text: str, mark: re.Match[str], start: int, end: int) -> bool:
    after = _NEXT.match(text, mark.end(), end)
    if after is None:
        return False
    following = after.group(1)
    if following.islower():
        return False
    if not mark.group().startswith(".") or mark.group().startswith(".."):
        return True
    before = _BEFORE.search(text, start, mark.start())
    word = before.group(1).lower().rstrip(".") if before else ""
    is_initial = len(word) == 1 and before is not None and before.group(1).isupper()
    if word in _ABBREVIATIONS and not is_initial:
        return word in _MAY_END and following.isupper()
    is_number = word.isdigit() and len(word) <= 2 and before is not None and _begins_line(text, before.start(), start)
    return not (is_initial or is_number)


def _begins_line(text: str, at: int, start: int) -> bool:
    """Whether only spaces stand before `at` on its line: "2. Diabète" numbers an item."""
    line = text.rfind("\n", start, at) + 1 or start
    return not text[line:at].strip()


def _stripped(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    if start < end:
        yield start, end
