"""Episodes of care and their care teams, as hospitals announce them.

An episode opens no record: who cares for a patient is recorded by a person [EX_0.3-1010]. It is shown, so that whoever
records or reviews a grant to a care team sees what the hospital said of it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from datetime import datetime
from functools import reduce
from typing import Any

from sqlalchemy import Row, insert, select, update

from access.identifiers import PatientId
from access.scope import Scope
from records import tables
from records.database import Tx
from records.opaque import opaque
from records.sealed import keyed_hash, seal_json, unseal_json
from records.statements import among, as_set

_T = tables.Episode
_KEPT = 200  # messages of one episode; of longer ones the oldest are kept as one
_DATES = ("stated_at", "begins", "ends")


@dataclass(frozen=True, slots=True)
class Carer:
    """One of the care team. `rpps`: empty when the hospital gives its own number or none."""

    role: str  # attending | referring | consulting | admitting
    name: str = field(repr=False)
    rpps: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Episode:
    """What is known of a stay or a visit; what was not said is empty. `organization`: the FINESS that announces it.

    `stated_at`: of the newest message that spoke of it. `class_code`: HL7 table 0004 (I, O, E...). `episode_id`:
    opaque, the same whoever asks; empty in what a message says.
    """

    organization: str
    visit: str = field(repr=False)
    stated_at: datetime
    class_code: str = ""
    unit: str = field(default="", repr=False)
    begins: datetime | None = None
    ends: datetime | None = None
    cancelled: bool = False
    team: tuple[Carer, ...] = ()
    episode_id: str = ""


@dataclass(frozen=True, slots=True)
class Movement:
    """What one message says of an episode. `reopened`: its end is withdrawn; `cancelled`: it did not take place, None:
    the message does not say."""

    episode: Episode
    reopened: bool = False
    cancelled: bool | None = None

    def told(self) -> Episode:
        """The episode, as after this message."""
        return dataclasses.replace(self.episode, cancelled=bool(self.cancelled))


def announce(tx: Tx, patient_id: PatientId, movement: Movement) -> None:
    """Record what a message says. Said twice it is said once; in whichever order messages come, the newest counts."""
    said = movement.episode
    keys = tx.patient_keys(patient_id)
    blind = keyed_hash(keys.names, "episode", said.organization, said.visit)
    at = (_T.patient_id == patient_id, _T.visit_blind == blind)
    row = tx.session.execute(select(tables.core(_T)).where(*at)).one_or_none()
    known = [] if row is None else _movements(tx, row)
    if movement in known:
        return
    known = sorted([*known, movement], key=lambda one: one.episode.stated_at)
    if len(known) > _KEPT:
        known[:2] = [_joined(known[0], known[1])]
    value = {"movements": [_plain(one) for one in known]}
    sealed = seal_json(keys.columns, value, _place(patient_id, blind))
    if row is None:
        tx.session.execute(insert(_T).values(patient_id=patient_id, visit_blind=blind, sealed=sealed))
    else:
        tx.session.execute(update(_T).where(*at).values(sealed=sealed))


def episodes(tx: Tx, scope: Scope) -> list[Episode]:
    """The episodes that this caller may know of, the latest first. The patient and the médecin traitant know of all;
    another professional of those whose team names them, with whatever else their grant opens; nobody else of any."""
    if scope.is_empty:
        return []
    for identity in sorted(scope.identities):
        tx.patient_keys(identity)  # whether others have episodes here does not show in what is read
    rows = tx.session.execute(
        select(tables.core(_T)).where(among(_T.patient_id, "identities")).order_by(_T.visit_blind),
        {"identities": as_set(scope.identities)},
    ).all()
    found = [dataclasses.replace(_told(tx, row), episode_id=opaque(row.visit_blind)) for row in rows]
    return sorted((one for one in found if _knows(scope, one)), key=_moment, reverse=True)


def _told(tx: Tx, row: Row[Any]) -> Episode:
    return reduce(_joined, _movements(tx, row)).told()


def _knows(scope: Scope, episode: Episode) -> bool:
    if scope.oversees:
        return True
    return any(one.rpps == scope.caller.id for one in episode.team if one.rpps)


def _moment(episode: Episode) -> datetime:
    return episode.begins or episode.stated_at


def _joined(older: Movement, newer: Movement) -> Movement:
    """What two messages say together: what the newer one does not speak of stays as the older one said."""
    was, now = older.episode, newer.episode
    roles = {one.role for one in now.team}
    episode = dataclasses.replace(
        now,
        class_code=now.class_code or was.class_code,
        unit=now.unit or was.unit,
        begins=now.begins or was.begins,
        ends=None if newer.reopened else now.ends or was.ends,
        team=now.team + tuple(one for one in was.team if one.role not in roles),
    )
    cancelled = older.cancelled if newer.cancelled is None else newer.cancelled
    return Movement(episode, newer.reopened or (older.reopened and episode.ends is None), cancelled)


def _place(patient_id: str, blind: bytes) -> str:
    return f"episodes/sealed/{patient_id}/{blind.hex()}"


def _movements(tx: Tx, row: Row[Any]) -> list[Movement]:
    key = tx.patient_keys(PatientId(row.patient_id)).columns
    value = unseal_json(key, row.sealed, _place(row.patient_id, row.visit_blind))
    return [_opened(one) for one in value["movements"]]


def _plain(movement: Movement) -> dict[str, Any]:
    value = dataclasses.asdict(movement)
    del value["episode"]["episode_id"]
    for name in _DATES:
        at = getattr(movement.episode, name)
        value["episode"][name] = None if at is None else at.isoformat()
    return value


def _opened(value: dict[str, Any]) -> Movement:
    said = value["episode"]
    dates = {name: datetime.fromisoformat(said[name]) if said[name] else None for name in _DATES}
    team = tuple(Carer(**one) for one in said["team"])
    return Movement(Episode(**said | dates | {"team": team}), value["reopened"], value["cancelled"])
