"""The pieces of an identity on a page: birth dates with the name they belong to, labelled names, sexes.

A piece that belongs to the family, a carer or a recipient is not returned.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, replace

from clinical.dates import Dated, find_dates
from clinical.names import TITLES, fold, words
from clinical.page_cells import Cells
from clinical.people_words import (
    ADDRESS,
    AFTER_NAME,
    BIRTH_BEFORE,
    BIRTH_COLUMN,
    BIRTH_UNREAD,
    FEMALE,
    FILLER,
    LABELS,
    MALE,
    MAYBE_NAMES,
    NAME,
    NEWBORN,
    NOT_NAMES,
    PERSON,
)

_ENDS = (*(pattern for _, pattern in LABELS), AFTER_NAME)
_BEFORE = 90  # characters before a date in which its label stands
_LONGEST = 140  # characters of a person's name with what surrounds it; long lines are not searched beyond
_MOST = 12  # cells of a line in which a name is looked for
_UP = 4  # lines above a birth date in which its name may stand: an address is often between
_LE = re.compile(r"[ ]+LE[ ]+$")
NO_NAMES = NOT_NAMES - MAYBE_NAMES
_SURE = frozenset({"birth-name", "used-name", "given", "name"})
NAMING = _SURE | {"whole"}
"""Kinds of fields that hold a name."""


@dataclass(frozen=True, slots=True)
class Field:
    """A piece at text[start:end]. `kind`: "birth", "whole", "birth-name", "used-name", "given", "name", "sex".

    `other` is a second family name (« née DUPONT »). `labelled`: a label says so, `sure` when it names the patient.
    `child`: named as one. `newborn`: the name is a parent's (« nouveau-né de Mme X »).
    """

    kind: str
    value: str
    start: int
    end: int
    date: Dated | None = None
    other: str = ""
    sex: str = ""
    labelled: bool = False
    sure: bool = False
    child: bool = False
    newborn: bool = False


def fields_of(page: Cells) -> list[Field]:
    """Every piece of the patient's identity on a page, in order of place."""
    found = list(_labelled(page))
    for dated in find_dates(page.text):
        found += _birth(page, dated)
    found += _undated(page, {one.end for one in found if one.kind == "birth"})
    return _unique(found)


def _unique(found: list[Field]) -> list[Field]:
    """One field a place and kind, labelled ones first; no unlabelled name over a labelled one, or over another."""
    kept: dict[tuple[int, str], Field] = {}
    for one in sorted(found, key=lambda f: (not f.labelled, f.start, -f.end)):
        kept.setdefault((one.start, one.kind), one)
    labelled = sorted((f.start, f.end) for f in kept.values() if f.kind in _SURE)
    result: list[Field] = []
    reached = -1
    for one in sorted(kept.values(), key=lambda f: (f.start, -f.end)):
        if one.kind == "whole":
            near = bisect_right(labelled, (one.end, -1)) - 1
            if one.start < reached or (near >= 0 and labelled[near][1] > one.start):
                continue
            reached = one.end
        result.append(one)
    return result


def _undated(page: Cells, dated: set[int]) -> Iterator[Field]:
    """Names before a « née le » whose date is lost: who the patient is stays said."""
    for anchor in BIRTH_UNREAD.finditer(page.folded):
        if dated & set(range(anchor.end(), anchor.end() + _BEFORE // 3)):
            continue
        person = _person_before(page, page.cell(anchor.start())[0], anchor.start())
        if person is not None and not person.newborn and not page.is_others(person.start, anchor.end()):
            yield replace(person, labelled=bool(person.sex))


def _labelled(page: Cells) -> Iterator[Field]:
    """Names and sexes that follow a label."""
    taken: set[int] = set()
    for kind, pattern in LABELS:
        for label in pattern.finditer(page.folded):
            if any(place in taken for place in range(label.start(), label.end())):
                continue
            value = _value(page, label.end())
            if value is None or page.is_others(*value) or page.is_others(label.start(), label.end()):
                continue
            piece = _piece(page, kind, *value, bare=_promises_nothing(label.group()))
            if piece is not None:
                said = label.group()
                piece = replace(
                    piece,
                    sure=kind == "birth-name" or said.startswith(("PATIENT", "CONCERN")) or "DU PATIENT" in said,
                    child=piece.child or said.startswith(("ENFANT", "NOUVEAU")),
                )
                taken.update(range(label.start(), label.end()))
                yield piece


def _value(page: Cells, at: int) -> tuple[int, int] | None:
    """Where the value of a label that ends at `at` stands: here, in the next cell, or under it."""
    while at < len(page.text) and page.text[at] in " :\t|":
        at += 1
    if at < len(page.text) and page.text[at] == "\n":
        at += 1
        while at < len(page.text) and page.text[at] == " ":
            at += 1
    end = min(page.cell(at)[1], at + _LONGEST)
    following = [m.start() for p in _ENDS for m in [p.search(page.folded, at, end + 1)] if m is not None]
    end = min([end, *following])
    return (at, end) if end > at and page.text[at:end].strip() else None


def _piece(page: Cells, kind: str, start: int, end: int, *, bare: bool) -> Field | None:
    """The name at the start of a value. `bare`: the label does not promise a name, so a title must."""
    value = page.text[start:end]
    if kind == "sex":
        first = re.match(r"[A-Z]+", page.folded[start:end].lstrip())
        sex = sex_of(first.group()) if first else ""
        return Field("sex", value, start, end, sex=sex, labelled=True) if sex else None
    if newborn := NEWBORN.search(page.folded, start, end):
        return _parent(page, newborn, end, labelled=True)
    if kind in _SURE:
        plain = re.match(r"[^\d(\[,;:/]*", value)
        name = plain.group().strip() if plain else ""
        if not words(name) or len(words(name)) > 6 or set(fold(name).split()) & NO_NAMES:
            return None
        person = PERSON.fullmatch(name)
        if person and person["other"] and kind == "name":
            return _field(person, start, labelled=True)
        return Field(kind, name, start, start + len(name), labelled=True)
    found = PERSON.match(page.text, start, end)
    if found is None:
        return None
    person_field = _field(found, 0, labelled=True)
    if person_field is None or (bare and not person_field.sex):
        return None
    return person_field if len(words(person_field.value)) >= 2 or person_field.sex else None


def _promises_nothing(label: str) -> bool:
    """Labels after which something else than a name may stand: « Objet : », « Identité : », « Concernant : »."""
    return label.startswith(("OBJET", "REF", "RE", "IDENTITE", "CONCERN")) and "PATIENT" not in label


def _birth(page: Cells, dated: Dated) -> Iterator[Field]:
    """The field of a birth date, and of the name that it belongs to."""
    before = page.folded[max(0, dated.start - _BEFORE) : dated.start]
    anchor = BIRTH_BEFORE.search(before)
    if anchor is not None:
        at = dated.start - len(before) + anchor.start()
        yield from _with_name(page, dated, at, labelled=bool(anchor["label"]), sex=_born_sex(anchor.group()))
    elif _in_birth_column(page, dated.start):
        yield from _row(page, dated)
    else:
        yield from _beside_a_name(page, dated)


def _with_name(page: Cells, dated: Dated, at: int, *, labelled: bool, sex: str) -> Iterator[Field]:
    if page.is_others(at, dated.end):
        return
    field = Field("birth", page.text[at : dated.end], at, dated.end, dated, sex=sex, labelled=labelled)
    start, _ = page.cell(at)
    person = _person_before(page, start, at)
    above = person is None
    if above:
        person = _person_above(page, at)
    if person is not None:
        if page.is_others(person.start, person.end):
            return
        if person.newborn and person.sex == "F" and sex == "F" and not above:
            return  # « nouveau-né de Mme X, née le »: the mother's birth date
        yield person
    yield field


def _beside_a_name(page: Cells, dated: Dated) -> Iterator[Field]:
    """« Mme MARTIN née DUPONT le 02/11/1941 », « Mme Marie MARTIN (12/03/1950) », « Patient : DUPONT 01/02/1950 »."""
    start = max(page.cell(dated.start)[0], dated.start - _LONGEST)
    before = page.text[start : dated.start]
    born = _LE.search(page.folded, start, dated.start)
    for found in PERSON.finditer(before):
        gap = fold(before[found.end() :])
        by_birth = born is not None and found["other"] and gap.strip() == "LE"
        titled = found["title"] and FILLER.fullmatch(gap) and not gap.strip(" (-–,;:") and "(" in gap
        label = re.search(
            r"(?:PATIENTE?(?:\(E\))?|CONCERNANT|CONCERNE|PRENOMS?)[ ]*:[ ]*$", fold(before[: found.start()])
        )
        if not (by_birth or titled or (label and FILLER.fullmatch(gap))):
            continue
        person = _field(found, start, labelled=bool(label))
        if person is not None and not page.is_others(person.start, person.end):
            yield person
            yield Field("birth", page.text[dated.start : dated.end], dated.start, dated.end, dated)


def _person_before(page: Cells, start: int, at: int) -> Field | None:
    """The person whose name ends right before `at`, in the same cell."""
    start = max(start, at - _LONGEST)
    newborns = list(NEWBORN.finditer(page.folded, start, at))
    if newborns:
        return _parent(page, newborns[-1], at)
    for found in reversed(list(PERSON.finditer(page.text, start, at))):
        if FILLER.fullmatch(page.folded, found.end(), at):
            return _field(found, 0, sure=True)
        if found["title"]:
            break
    return None


def _person_above(page: Cells, at: int) -> Field | None:
    """The nearest name above a birth date that stands alone: a titled one, or a line that is nothing but a name."""
    line = page.line(at)
    cells = page.cells(line)
    column = next((n for n, (start, end) in enumerate(cells) if start <= at <= end), 0)
    if column and (beside := _named_cell(page, *cells[column - 1])) is not None:
        return beside
    for above in range(line - 1, max(-1, line - 1 - _UP), -1):
        start, end = page.bounds(above)
        if ADDRESS.search(page.folded, start, end):
            continue
        for cell_start, cell_end in page.cells(above)[:_MOST]:
            if (named := _named_cell(page, cell_start, cell_end)) is not None:
                return named
    return None


def _named_cell(page: Cells, start: int, end: int) -> Field | None:
    """A cell that is a name, or begins with a titled one."""
    if newborn := NEWBORN.match(page.folded, start, end):
        return _parent(page, newborn, end)
    while start < end and page.text[start] in " •-–":
        start += 1
    found = PERSON.match(page.text, start, end)
    if found is None:
        return None
    rest = page.text[found.end() : end].strip(" ,;.()")
    field = _field(found, 0)
    trimmed = field is None or (not found["title"] and field.start > found.start("name"))
    if field is None or trimmed or (rest and not (found["title"] and len(rest) < 40)):
        return None
    capitals = any(len(one) > 1 and one.isupper() for one in re.split(r"[\s'’-]", field.value))
    return field if found["title"] or (capitals and len(words(field.value)) >= 2) else None


def _parent(page: Cells, newborn: re.Match[str], end: int, *, labelled: bool = False) -> Field | None:
    """The parent by whom a newborn is named."""
    found = re.compile(NAME).match(page.text, newborn.end(), end)
    if found is None:
        return None
    sex = "F" if re.search(r"MME|MADAME|MLLE", newborn.group()) else ""
    span = (newborn.start(), found.end())
    return Field("whole", found.group(), *span, sex=sex, labelled=labelled, child=True, newborn=True)


def _field(found: re.Match[str], shift: int, *, labelled: bool = False, sure: bool = False) -> Field | None:
    """A person as matched. Words of letterheads around an untitled name are cut off; `sure`: it is one, PARIS too."""
    title, name = found["title"] or "", found["name"]
    tokens = re.split(r"[ ]+", name)
    last = max((n for n, one in enumerate(tokens) if fold(one).rstrip(".") in TITLES), default=-1)
    if last >= 0:
        title, tokens = tokens[last], tokens[last + 1 :]
    if not title:
        foreign = NO_NAMES if labelled or sure else NOT_NAMES
        stop = max((n for n, one in enumerate(tokens) if fold(one).rstrip(".:") in foreign), default=-1)
        tokens = tokens[stop + 1 :]
    if not words(" ".join(tokens)):
        return None
    value = " ".join(tokens)
    start = found.start("name") + max(0, name.rfind(tokens[0]) if len(tokens) == 1 else name.find(value))
    return Field(
        "whole",
        value,
        shift + start,
        shift + found.end(),
        other=found["other"] or "",
        sex=sex_of(fold(title).rstrip(".")),
        labelled=labelled,
        child=fold(title) in ("ENFANT", "BEBE"),
    )


def _row(page: Cells, dated: Dated) -> Iterator[Field]:
    """The cells of a row whose heads are labels: Nom, Prénom, Date de naissance."""
    line = page.line(dated.start)
    for (start, end), (head, tail) in zip(page.cells(line), page.cells(line - 1), strict=True):
        if start <= dated.start <= end:
            yield Field("birth", page.text[dated.start : dated.end], dated.start, dated.end, dated, labelled=True)
            continue
        for kind, pattern in LABELS:
            if kind != "sex" and pattern.fullmatch(page.folded[head:tail].strip() + ":"):
                value = page.text[start:end].strip()
                if words(value):
                    yield Field(kind, value, start, end, labelled=True)
                break


def _in_birth_column(page: Cells, at: int) -> bool:
    """Whether the cell above is the head of a column of birth dates."""
    line = page.line(at)
    cells = page.cells(line)
    if line == 0 or len(cells) < 2 or page.is_others(at, at):
        return False
    column = next((n for n, (start, end) in enumerate(cells) if start <= at <= end), None)
    above = page.cells(line - 1)
    if column is None or len(above) != len(cells):
        return False
    return BIRTH_COLUMN.fullmatch(page.folded, *above[column]) is not None


def _born_sex(anchor: str) -> str:
    """« née le » is feminine; « né le » may be anybody's, in a form."""
    return "F" if re.match(r"NEE[ ]", anchor) else ""


def sex_of(word: str) -> str:
    """ "F", "M", or "" for a folded title, sex or civility."""
    return "F" if word in FEMALE else "M" if word in MALE else ""
