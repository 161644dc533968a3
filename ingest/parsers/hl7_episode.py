"""What an ADT message says of an episode of care: PV1, ROL (HL7 v2, chapters 3 and 15; the French profile of IHE PAM).

A01 A04    it begins                      A11    it did not take place
A02 A12    the unit; after A12 PV1-3 is where the patient is, since the move did not take place
A03        it ends                        A13    it did not end
A08        what changed
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from access.identifiers import is_rpps
from ingest.parsers.cda_header import parse_instant
from ingest.parsers.er7 import Message, Segment
from ingest.parsers.hl7_header import kind_of
from records.episodes import Carer, Episode, Movement

EVENTS = frozenset({"A01", "A02", "A03", "A04", "A08", "A11", "A12", "A13"})
_BEGINS = frozenset({"A01", "A04"})
_ROLES = {7: "attending", 8: "referring", 9: "consulting", 17: "admitting"}
_ROL = {"AT": "attending", "RP": "referring", "CP": "consulting", "AD": "admitting"}
"""Of table 0443. Who cares for the patient whatever the episode (PP, FHCP, the French ODRP) is not of its team."""
_PROFESSIONALS = "1.2.250.1.71.4.2.1"  # the OID of the French national numbers of professionals
_LONGEST = 200  # characters of a name, a number or a unit
_MOST = 20  # people of one role


def movement_of(message: Message, organization: str, now: datetime) -> Movement | None:
    """What a message says of an episode; None when it is of no event listed above, or names no visit.

    `organization`: the FINESS for which its sender deposits. `now` stands in for a time that it does not state.
    """
    code, event = kind_of(message)
    visit = next((one for one in message if one.name == "PV1"), None)
    if code != "ADT" or event not in EVENTS or visit is None:
        return None
    number = _number(message, visit)
    if not number:
        return None
    stated = _stated_at(message) or now
    happened = _happened(message) or stated
    begins = parse_instant(visit.text(44)) or (happened if event in _BEGINS else None)
    ends = parse_instant(visit.text(45)) or (happened if event == "A03" else None)
    episode = Episode(
        organization=organization,
        visit=number,
        stated_at=stated,
        class_code=visit.text(2).upper()[:1],
        unit=_unit(message, visit),
        begins=begins,
        ends=None if event == "A13" else ends,
        team=tuple(dict.fromkeys([*_team(visit), *_roles(message, stated)])),
    )
    cancelled = True if event == "A11" else False if event in _BEGINS else None
    return Movement(episode, reopened=event == "A13", cancelled=cancelled)


def _number(message: Message, visit: Segment) -> str:
    """PV1-19, or the number of the administrative file (PID-18) of senders that give no other."""
    file = next((one.text(18) for one in message if one.name == "PID"), "")
    return (visit.text(19) or file)[:_LONGEST]


def _stated_at(message: Message) -> datetime | None:
    """When the sender recorded it: EVN-2, else MSH-7."""
    event = next((one for one in message if one.name == "EVN"), None)
    recorded = None if event is None else parse_instant(event.text(2))
    return recorded or parse_instant(message[0].text(7))


def _happened(message: Message) -> datetime | None:
    """EVN-6, or the beginning of the movement (ZBE-2, French profile)."""
    stamps = {"EVN": 6, "ZBE": 2}
    found = (parse_instant(one.text(stamps[one.name])) for one in message if one.name in stamps)
    return next((at for at in found if at is not None), None)


def _unit(message: Message, visit: Segment) -> str:
    """The medical unit's name (ZBE-7, French profile), else the point of care (PV1-3), the service (PV1-10), the
    building (PV1-3)."""
    named = next((one.text(7) for one in message if one.name == "ZBE"), "")
    return (named or visit.text(3) or visit.text(10) or visit.text(3, 4))[:_LONGEST]


def _team(visit: Segment) -> Iterator[Carer]:
    for field, role in _ROLES.items():
        yield from _people(visit, field, role)


def _roles(message: Message, stated: datetime) -> Iterator[Carer]:
    """Those of ROL whose part has not ended (ROL-6) when it is stated, and is not withdrawn (ROL-2)."""
    for one in islice((one for one in message if one.name == "ROL"), _MOST):
        role, until = _ROL.get(one.text(3).upper()), parse_instant(one.text(6))
        if role and one.text(2).upper() not in ("DE", "UN") and (until is None or until > stated):
            yield from _people(one, 4, role)


def _people(segment: Segment, field: int, role: str) -> Iterator[Carer]:
    for number in range(1, min(len(segment.repetitions(field)), _MOST) + 1):
        parts = [segment.text(field, component, number) for component in (6, 3, 2)]
        name, rpps = " ".join(filter(None, parts))[:_LONGEST], _rpps(segment, field, number)
        if name or rpps:
            yield Carer(role, name, rpps)


def _rpps(visit: Segment, field: int, number: int) -> str:
    """XCN-1 under the national authority: an RPPS, alone or behind the digit 8 that says what it is."""
    if visit.sub(field, 9, 2, number) != _PROFESSIONALS:
        return ""
    said = visit.text(field, 1, number)
    said = said[1:] if len(said) == 12 and said[0] == "8" else said
    return said if is_rpps(said) else ""
