"""Versions: documents of one set replace each other, and the newest that can be read is the approved one.

A newer version takes over when it becomes searchable, not when it arrives: while it is being read, or when it is
refused or quarantined, the older one stays in the default view. Masks only spread: when a version joins its set, all
take the strictest mask.

All this among documents whose senders may speak for each other (`records.claims`). What says to replace another
sender's document stands beside it; what says to be a copy of it gives way to it when it shows nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Select, and_, or_, select, update

from access.confidentiality import Asked
from access.identifiers import PatientId
from records import claims, events, names, tables
from records.claims import Voices
from records.database import Tx
from records.document_rows import blind, open_words

_T = tables.Document
_NEVER = datetime.min.replace(tzinfo=UTC)
PRINT = 8  # bytes of a page's print


def join(tx: Tx, row: tables.Document, asked: Asked) -> None:
    """Put a document whose metadata was just set with its versions; hide them all like the strictest.

    Sets that a "replaces" connects become one: not every maker states a set, or the same one for each version. What
    the document itself asks for counts for the versions that were there: a mask that arrives late masks them too.
    """
    _hide_as_asked(tx, row, asked)
    tx.session.flush()
    kin = _kin(tx, row)
    known = claims.voices(tx, (row.document_id, *(one.document_id for one in kin)))
    joined = [one for one in kin if _is_version(tx, row, one, known)]
    related = {one.set_blind for one in joined if one.set_blind is not None}
    own = blind(tx, PatientId(row.patient_id), "set", row.document_id)
    row.set_blind = min(related, default=own) if names.names_of(tx, row.document_id) or joined else None
    tx.session.flush()
    if related:
        others = update(_T).where(_T.patient_id == row.patient_id, _T.set_blind.in_(related))
        tx.session.execute(others.values(set_blind=row.set_blind), execution_options={"synchronize_session": False})
    _hide_alike(tx, row, kin)


def _is_version(tx: Tx, row: tables.Document, other: tables.Document, known: Voices) -> bool:
    """Whether two documents that a name connects are versions of one. If who says so may not speak for the other's
    sender, it waits for a person. A document between two others connects them only when it may speak for both."""
    mine, theirs = known.speaks(row.document_id, other.document_id), known.speaks(other.document_id, row.document_id)
    replaces = row.replaces_blind is not None and row.replaces_blind in names.names_of(tx, other.document_id)
    replaced = other.replaces_blind is not None and other.replaces_blind in names.names_of(tx, row.document_id)
    after = replaces or (not replaced and row.version > other.version)
    before = replaced or (not replaces and other.version > row.version)
    if after and not mine:
        claims.note(tx, row.document_id)
    if before and not theirs:
        claims.note(tx, other.document_id)
    let = (after and row.document_id in known.accepted) or (before and other.document_id in known.accepted)
    return let or (mine and (replaces or theirs))


def _hide_as_asked(tx: Tx, row: tables.Document, asked: Asked) -> None:
    """What was opened to representatives stays open (EX_3.3-1045)."""
    _mask(tx, row, row.masked or asked.masked)
    row.hidden_from_patient = row.hidden_from_patient or asked.hidden_from_patient
    secret = asked.hidden_from_representatives and not row.opened_to_representatives
    row.hidden_from_representatives = row.hidden_from_representatives or secret


def _hide_alike(tx: Tx, row: tables.Document, kin: Sequence[tables.Document]) -> None:
    """A document takes the strictest state of its versions, of those who speak for it, and of the first that was
    here and its sender's: a copy by another way must not show what is masked. The others take its state as far as it
    may speak for them: who sends a message hides their own documents, and no other."""
    around = {one.document_id: one for one in (row, *kin, *relatives(tx, row))}
    if len(around) == 1:
        return
    known = claims.voices(tx, around)
    first = min(around.values(), key=_arrival).document_id
    strict = [m for m in around.values() if any(known.speaks(m.document_id, x) for x in (row.document_id, first))]
    _take(tx, row, strictest([row, *strict]))
    for each in around.values():
        if known.speaks(row.document_id, each.document_id) or known.speaks(row.document_id, first):
            _take(tx, each, strictest([row, each]))
    tx.session.flush()


def _mask(tx: Tx, row: tables.Document, masked: bool) -> None:
    if masked and not row.masked and row.state == "searchable":  # before, nobody could have seen it
        events.note(tx, "masked", row.patient_id, row.document_id)
    row.masked = masked


def _take(tx: Tx, row: tables.Document, common: Hiding) -> None:
    _mask(tx, row, common.masked)
    row.hidden_from_patient, row.hidden_at = common.hidden_from_patient, common.hidden_at
    row.hidden_from_representatives = common.hidden_from_representatives


@dataclass(frozen=True, slots=True)
class Hiding:
    """From whom a document is kept. `hidden_at`: the latest time that one of them was hidden from the patient."""

    masked: bool
    hidden_from_patient: bool
    hidden_at: datetime | None
    hidden_from_representatives: bool


def strictest(members: Sequence[tables.Document]) -> Hiding:
    """What versions and duplicates inherit from each other."""
    hidden = [m.hidden_at or m.received_at for m in members if m.hidden_from_patient]
    return Hiding(
        masked=any(m.masked for m in members),
        hidden_from_patient=bool(hidden),
        hidden_at=max(hidden, default=None),
        hidden_from_representatives=any(m.hidden_from_representatives for m in members),
    )


def relatives(tx: Tx, row: tables.Document) -> list[tables.Document]:
    """A document with its versions, its duplicates, and the copies of it that came later by another's hands: what an
    act on one of them covers. A copy that came later covers none of those before it: anybody can make one."""
    same = [_T.document_id == row.document_id, _T.content_hash == row.content_hash]
    if row.set_blind is not None:
        same.append(_T.set_blind == row.set_blind)
    if row.unique_blind is not None:
        same.append(and_(_T.unique_blind == row.unique_blind, _later(row)))
    return _rows(tx, row, or_(*same))


def copies(tx: Tx, row: tables.Document) -> list[tables.Document]:
    """Every document that says to be this one, whoever sent it: what is masked is masked in all of them."""
    return [] if row.unique_blind is None else _rows(tx, row, _T.unique_blind == row.unique_blind)


def claimed(tx: Tx, row: tables.Document) -> list[str]:
    """The documents that a name connects with this one, whoever sent them."""
    return [one.document_id for one in _kin(tx, row)]


def before(tx: Tx, row: tables.Document) -> list[tables.Document]:
    """The documents of its set that a document comes after, newest first; its own copies are none of them. What is
    said to be replaced is older than what replaces it, whatever their dates."""
    if row.set_blind is None:
        return []
    members = {one.document_id: one for one in _rows(tx, row, _T.set_blind == row.set_blind)}
    called = {name: names.names_of(tx, name) for name in members}
    replaced: dict[str, set[str]] = {}

    def follow(name: str, into: set[str]) -> set[str]:
        """Into: what it replaces, and what that replaces. Circles end."""
        blind_of = members[name].replaces_blind
        for other in [each for each in members if blind_of is not None and blind_of in called[each]]:
            if other not in into:
                into.add(other)
                follow(other, into)
        return into

    for name in members:
        replaced[name] = follow(name, set()) - {name}
    mine = replaced[row.document_id]
    older = [
        one
        for name, one in members.items()
        if not _copies(one, row) and (name in mine or (row.document_id not in replaced[name] and _age(one) < _age(row)))
    ]
    return sorted(older, key=lambda one: (len(replaced[one.document_id]), _age(one)), reverse=True)


def settle(tx: Tx, row: tables.Document) -> None:
    """Approve the newest searchable version of the set of `row`, deprecate the other searchable ones.

    A withdrawn version counts for nothing, so that what it replaced stands again. Of several copies of the newest
    (the same report alone and in a mail), each that shows a page which no other shows stands too: no text leaves the
    default view. Archived documents take no part. Depends on what is recorded, not on the order in which it came.
    """
    tx.session.flush()
    around = _around(tx, row)
    before = {m.document_id: (m.status, m.withdrawn) for m in around}
    for member in around:
        member.withdrawn = names.is_withdrawn(tx, member)
    active = [m for m in around if m.status != "archived"]
    for member in active:
        member.status = "deprecated" if member.withdrawn else "approved"
    valid = [m for m in active if not m.withdrawn]
    if len(valid) > 1:
        known = claims.voices(tx, (m.document_id for m in valid))
        for member in valid:
            group = [m for m in valid if _speaks_over(m, member, known)]
            if any(m.state == "searchable" for m in group):
                member.status = _status(tx, member, group)
        _give_way([m for m in valid if m.state == "searchable" and m.status == "approved"])
    _tell(tx, around, before)
    tx.session.flush()


def _tell(tx: Tx, around: Sequence[tables.Document], before: Mapping[str, tuple[str, bool]]) -> None:
    """Note what changed for those that are searched: replaced, withdrawn, or standing again."""
    for member in around:
        status, withdrawn = before[member.document_id]
        if member.state != "searchable" or (member.status, member.withdrawn) == (status, withdrawn):
            continue
        if member.withdrawn:
            what: events.What = "withdrawn"
        else:
            what = "replaced" if member.status == "deprecated" else "searchable"
        events.note(tx, what, member.patient_id, member.document_id)


def _speaks_over(one: tables.Document, member: tables.Document, known: Voices) -> bool:
    versions = one.set_blind is not None and one.set_blind == member.set_blind
    return one is member or (versions and known.speaks(one.document_id, member.document_id))


def _status(tx: Tx, member: tables.Document, group: Sequence[tables.Document]) -> str:
    """What one document is among those that may speak for it."""
    searchable = [m for m in group if m.state == "searchable"]
    replaced = {m.replaces_blind for m in searchable if m.replaces_blind is not None}
    standing = [m for m in searchable if replaced.isdisjoint(names.names_of(tx, m.document_id))] or searchable
    best = max(standing, key=_age)
    kept = _of_their_own(best, [m for m in standing if _copies(m, best)])
    after = member.replaces_blind in names.names_of(tx, best.document_id) or _age(member) > _age(best)
    waiting = member.state != "searchable" and after
    return "approved" if waiting or member in kept else "deprecated"


def _give_way(standing: Sequence[tables.Document]) -> None:
    """Of the same report by several senders the first stands, and what came later and shows no other page, under
    no other type or date, gives way. Nothing that was here gives way to what another sent: they could have left a fact
    out of it. Nor does anything to what is hidden from somebody: it would disappear for them."""
    for later in standing:
        shown = _prints(later)
        if not shown:
            continue
        for first in standing:
            alike = first.set_blind != later.set_blind and _copies(first, later) and _arrival(first) < _arrival(later)
            if alike and _described(first) == _described(later) and shown <= _prints(first) and not _is_hidden(first):
                later.status = "deprecated"


def _described(row: tables.Document) -> tuple[object, ...]:
    return row.category, row.type_code, row.event_date


def _is_hidden(row: tables.Document) -> bool:
    return row.masked or row.hidden_from_patient or row.hidden_from_representatives


def _age(member: tables.Document) -> tuple[int, datetime, datetime, str]:
    """What makes a version newer. One that does not say when it was made is older than any that does."""
    return member.version, member.issued_at or _NEVER, member.received_at, member.document_id


def _arrival(member: tables.Document) -> tuple[datetime, str]:
    return member.received_at, member.document_id


def _copies(one: tables.Document, other: tables.Document) -> bool:
    return one is other or (one.unique_blind is not None and one.unique_blind == other.unique_blind)


def _of_their_own(best: tables.Document, copies: Sequence[tables.Document]) -> list[tables.Document]:
    """Those of `copies` whose pages are not all in another; of two that show the same, the newer."""
    shown = {m.document_id: _prints(m) for m in copies}
    kept: list[tables.Document] = []
    for one in sorted(copies, key=lambda m: (len(shown[m.document_id]), _age(m)), reverse=True):
        if not any(shown[one.document_id] <= shown[other.document_id] for other in kept):
            kept.append(one)
    return kept or [best]


def _prints(member: tables.Document) -> frozenset[bytes]:
    """One of a document that was read before pages had prints is like no other: its set is then decided by age."""
    data = member.page_prints or b""
    return frozenset(data[at : at + PRINT] for at in range(0, len(data), PRINT))


def _around(tx: Tx, row: tables.Document) -> list[tables.Document]:
    """The set of a document, with the sets of the copies of its members, and so on: what is settled together."""
    found = {row.document_id: row}
    sets, uniques = {row.set_blind} - {None}, {row.unique_blind} - {None}
    while sets or uniques:
        near = _rows(tx, row, or_(_T.set_blind.in_(sets), _T.unique_blind.in_(uniques)))
        fresh = [one for one in near if one.document_id not in found]
        sets = {one.set_blind for one in fresh} - {None}
        uniques = {one.unique_blind for one in fresh} - {None}
        found |= {one.document_id: one for one in fresh}
    return list(found.values())


def _kin(tx: Tx, row: tables.Document) -> list[tables.Document]:
    """What this document replaces, what replaces it, and what says to be of its set or to be the same document;
    whichever came first, whoever sent it."""
    called = names.names_of(tx, row.document_id)
    of_set = blind(tx, PatientId(row.patient_id), "set", open_words(tx, row).set_id)
    relations: list[ColumnElement[bool]] = []
    for name in (row.replaces_blind, of_set):
        if name is not None:
            relations.append(_T.document_id.in_(_called(row, name)))
    if called:
        relations.append(_T.replaces_blind.in_(called))
    if row.unique_blind is not None:
        relations.append(_T.unique_blind == row.unique_blind)
    if of_set is not None:
        relations.append(_T.set_blind == of_set)  # of a document read before sets were names
    if not relations:
        return []
    return [one for one in _rows(tx, row, or_(*relations)) if one is not row]


def _called(row: tables.Document, name: bytes) -> Select[str]:
    name_of = tables.DocumentName
    return select(name_of.document_id).where(name_of.patient_id == row.patient_id, name_of.name_blind == name)


def _later(row: tables.Document) -> ColumnElement[bool]:
    same_time = and_(_T.received_at == row.received_at, _T.document_id > row.document_id)
    return or_(_T.received_at > row.received_at, same_time)


def _rows(tx: Tx, row: tables.Document, those: ColumnElement[bool]) -> list[tables.Document]:
    found = select(_T).where(_T.patient_id == row.patient_id, those).order_by(_T.received_at, _T.document_id)
    return list(tx.session.scalars(found.execution_options(populate_existing=True)))
