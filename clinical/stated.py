"""The identities that a document states: by its header, and on each of its pages."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from access.identifiers import Ins, parse_ins
from clinical.names import Name, words
from clinical.page_cells import Cells
from clinical.people_fields import NAMING, Field, fields_of
from records.content import Metadata, Page, StatedPatient

_LABEL = re.compile(
    r"(?<![A-Za-zÀ-ÿ])(?:I\.?N\.?S\.?|[Ii]dentit[ée]\s+[Nn]ationale\s+(?:de\s+)?[Ss]ant[ée])(?![A-Za-zÀ-ÿ])"
)
_REACH = 60  # characters between the label and its number: "Matricule INS (NIR), OID 1.2.250.1.213.1.4.8 : "
_NUMBER = re.compile(
    r"(?<![\w.])[1-478](?:[ .\u00a0\u202f]?\d){4}[ .\u00a0\u202f]?(?:\d[ .\u00a0\u202f]?\d|2[ .\u00a0\u202f]?[ABab])"
    r"(?:[ .\u00a0\u202f]?\d){8}(?!\w)"
)
_OID = re.compile(r"1\.2\.250\.1\.213\.1\.4\.\d{1,2}(?!\d)")
_KIND = re.compile(r"[ ]?[\[(](?P<kind>(?:INS[- ]?)?(?:NIR|NIA)(?: de test)?)", re.IGNORECASE)
_KIND_OIDS = {"NIR": "1.2.250.1.213.1.4.8", "NIA": "1.2.250.1.213.1.4.9", "NIR DE TEST": "1.2.250.1.213.1.4.10"}
Piece = Field | tuple[Ins, int, int]
"""A trait, or an INS with its place."""
_MOST = 40  # pieces of one statement: what goes on longer is a list
_FAR = 5  # lines without any piece of identity that end a statement


NOBODY = Name()


@dataclass(frozen=True, slots=True)
class Stated:
    """An identity that a document states: in its header (page None), or at the `spans` of a page's text.

    What is not stated is empty. `birth`: one day, two when its year has two digits. An `ins.oid` is empty when the
    text does not say which kind of matricule it is. `newborn`: a child whose name is a parent's.
    """

    name: Name = NOBODY
    birth: tuple[date, ...] = ()
    sex: str = ""
    birth_place: str = ""
    ins: tuple[Ins, ...] = ()
    page: int | None = None
    spans: tuple[tuple[int, int], ...] = ()
    labelled: bool = False
    sure: bool = False  # the label itself names the patient
    child: bool = False  # named as a child: « enfant », « nouveau-né »
    newborn: bool = False


def stated_in(metadata: Metadata, pages: Sequence[Page]) -> list[Stated]:
    """Every identity that is stated for the patient, the header's first."""
    header = [_of_header(one) for one in metadata.patients]
    if not header and metadata.patient_ins:
        header = [Stated(ins=tuple(Ins(*pair) for pair in metadata.patient_ins))]
    return header + [one for page in pages for one in stated_on(page)]


def stated_on(page: Page) -> list[Stated]:
    """The identities of a page, in order: pieces close to each other are one person's until they contradict."""
    cells = Cells.of(page.text)
    pieces: list[Piece] = [*fields_of(cells)]
    pieces += [one for one in find_ins(page.text) if not cells.is_others(one[1], one[2])]
    groups: list[_Group] = []
    for piece in sorted(pieces, key=_start):
        if groups and groups[-1].takes(piece, cells):
            groups[-1].add(piece)
        else:
            groups.append(_Group())
            groups[-1].add(piece)
    return [one for group in groups if (one := _stated(group.pieces, page.number)) is not None]


class _Group:
    """Pieces close to each other on a page, with the first of each kind."""

    def __init__(self) -> None:
        self.pieces: list[Piece] = []
        self._first: dict[str, Field] = {}
        self._ins: Ins | None = None

    def add(self, piece: Piece) -> None:
        self.pieces.append(piece)
        if isinstance(piece, Field):
            self._first.setdefault(piece.kind, piece)
        else:
            self._ins = self._ins or piece[0]

    def takes(self, piece: Piece, cells: Cells) -> bool:
        """Whether a piece goes on with this identity: near, and not a second value of the same trait."""
        if cells.line(_start(piece)) - cells.line(_end(self.pieces[-1])) > _FAR or len(self.pieces) >= _MOST:
            return False
        if not isinstance(piece, Field):
            return self._ins is None or self._ins.matricule == piece[0].matricule
        first = self._first.get(piece.kind)
        if first is None:
            return True
        if piece.kind == "whole" and first.newborn != piece.newborn:
            return False
        if piece.date is not None and first.date is not None:
            return bool(set(first.date.days) & set(piece.date.days))
        if piece.kind == "sex":
            return first.sex == piece.sex
        return bool(set(words(first.value)) & set(words(piece.value)))


def find_ins(text: str) -> tuple[tuple[Ins, int, int], ...]:
    """Every INS with a right key that stands near a label, with its place, in order.

    A number of a social security card is often a parent's, and is not looked at.
    """
    found: dict[int, tuple[Ins, int, int]] = {}
    for label in _LABEL.finditer(text):
        after = text[label.end() : label.end() + _REACH + 21]
        blanked = _OID.sub(lambda oid: "_" * len(oid.group()), after)
        for number in _NUMBER.finditer(blanked):
            if number.start() > _REACH:
                break
            ins = parse_ins(number.group())
            if ins is not None:
                start, end = label.end() + number.start(), label.end() + number.end()
                found.setdefault(start, (Ins(ins.matricule, _kind(text, label.start(), end)), start, end))
    return tuple(found[start] for start in sorted(found))


def _kind(text: str, start: int, end: int) -> str:
    """The OID that a text gives for a matricule: written out, or as « [NIR] », « [INS-NIR de test] »; else empty."""
    oid = _OID.search(text, start, end + 60)
    if oid is not None:
        return oid.group()
    named = _KIND.match(text, end)
    return _KIND_OIDS.get(re.sub(r"^INS[- ]?", "", named["kind"].upper()), "") if named else ""


def _of_header(one: StatedPatient) -> Stated:
    return Stated(
        name=Name(family=(*one.birth_names, *one.used_names), given=one.given_names),
        birth=() if one.birth_date is None else (one.birth_date,),
        sex=one.sex if one.sex in ("F", "M") else "",
        birth_place=one.birth_place,
        ins=tuple(Ins(value, oid) for value, oid in one.identifiers),
        labelled=True,
        sure=True,
    )


def _start(piece: Piece) -> int:
    return piece.start if isinstance(piece, Field) else piece[1]


def _end(piece: Piece) -> int:
    return piece.end if isinstance(piece, Field) else piece[2]


def _stated(group: list[Piece], page: int) -> Stated | None:
    fields = [one for one in group if isinstance(one, Field)]
    ins = tuple(dict.fromkeys(one[0] for one in group if not isinstance(one, Field)))
    births = [one.date for one in fields if one.date is not None]
    days = min((one.days for one in births), key=len, default=())
    newborn = any(one.newborn for one in fields)
    if not (ins or days or any(one.kind in NAMING and one.labelled for one in fields) or newborn):
        return None
    return Stated(
        name=_name(fields),
        birth=days,
        sex="" if newborn else next((one.sex for one in fields if one.sex), ""),
        ins=ins,
        page=page,
        spans=tuple(sorted((_start(one), _end(one)) for one in group)),
        labelled=any(one.labelled for one in fields),
        sure=any(one.sure for one in fields),
        child=newborn or any(one.child for one in fields),
        newborn=newborn,
    )


def _name(fields: list[Field]) -> Name:
    """Labelled pieces by their part; « Nom : » alone may hold the whole name."""
    family = [one.value for one in fields if one.kind in ("birth-name", "used-name")]
    given = " ".join(dict.fromkeys(one.value for one in fields if one.kind == "given"))
    plain = [one.value for one in fields if one.kind == "name"]
    whole = [one.value for one in fields if one.kind == "whole"]
    if given:
        family += plain
    else:
        whole += plain
    family += [one.other for one in fields if one.other]
    return Name(tuple(dict.fromkeys(family)), given, max(whole, key=lambda one: len(words(one)), default=""))


def spoken(one: Stated) -> Iterator[str]:
    """What is stated, piece by piece, for a person: name, birth date, sex, INS."""
    if not one.name.is_empty:
        yield f"{'enfant de ' if one.newborn else ''}{one.name}"
    if one.birth:
        yield f"né(e) le {one.birth[0]:%d/%m/%Y}"
    if one.sex:
        yield f"sexe {one.sex}"
    for ins in one.ins:
        yield f"INS {ins.matricule}"
