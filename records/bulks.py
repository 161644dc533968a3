"""Imports of many documents: what each brings, in order, and what became of it. A killed one goes on where it was.

running → done            every item is deposited or refused
running ⇄ paused          by a person; whoever was depositing stops after the item in hand
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Literal, cast

from sqlalchemy import delete, func, insert, or_, select, update

from access.identifiers import DocumentId, PatientId
from access.refusal import Refusal
from access.scope import Caller, CallerKind
from records import tables
from records.database import Tx
from records.opaque import opaque, random_id
from records.presence import NAME
from records.sealed import keyed_hash, seal_json, unseal_json
from records.statements import among, as_set

Kind = Literal["folder", "ndjson", "zip"]
Part = Literal["", "archive", "file", "line"]
"""What an item of an archive is: the archive itself until it was looked through, then what is in it. Other imports have
items of one kind only."""
_B, _I = tables.Bulk, tables.BulkItem
_STEP = 500  # rows an INSERT
NO_SUCH_BULK = Refusal(
    "receive", "no-such-bulk", "Aucun import n'a cet identifiant.", "Vérifiez-le, ou voyez « anamnese bulk status »."
)
NOT_ACTIVE = Refusal("receive", "bulk-not-active", "Cet import n'est pas en cours.", "Voyez « anamnese bulk status ».")


@dataclass(frozen=True, slots=True)
class Sent:
    """A file that came over HTTP: who sent it, and its sealed blob, named by a key, until it is imported."""

    kind: CallerKind
    by: str
    blob: str
    content_hash: str


@dataclass(frozen=True, slots=True)
class Bulk:
    """One import. `path`: of the folder or file; `whole`: the patient of all of it, when given; `sent`: when it came
    over HTTP."""

    bulk_id: str
    kind: Kind
    state: str
    path: str = field(repr=False)
    size: int
    modified: int  # nanoseconds: with the size, that a file is the one that was counted
    whole: PatientId | None
    organization: str
    creates: bool
    started_at: datetime
    ended_at: datetime | None
    sent: Sent | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to deposit. `name`: of the file under the folder; `place`: the first byte of a line, or of a file in an
    archive."""

    number: int
    name: str = field(repr=False)
    place: int = 0
    part: Part = ""


@dataclass(frozen=True, slots=True)
class Line:
    """What became of an item."""

    number: int
    name: str = field(repr=False)
    state: str
    document_id: DocumentId | None
    known: bool
    refusal: Refusal | None


def begin(
    tx: Tx,
    kind: Kind,
    items: Iterable[tuple[str, int]],
    *,
    path: str,
    size: int,
    modified: int,
    whole: PatientId | None,
    organization: str,
    creates: bool,
    now: datetime,
    sent: Sent | None = None,
    bulk_id: str = "",
) -> Bulk:
    """Record an import and all that it brings, as names and places, in order; an archive, as itself. `bulk_id`: a new
    one when not given."""
    bulk_id = bulk_id or random_id()
    told = None if sent is None else asdict(sent)
    words = {"path": path, "size": size, "modified": modified, "whole": whole, "sent": told}
    tx.session.execute(
        insert(_B).values(
            bulk_id=bulk_id,
            kind=kind,
            state="running",
            sealed=seal_json(_key(tx), words, f"bulks/sealed/{bulk_id}"),
            organization=organization,
            creates=creates,
            started_at=now,
        )
    )
    part: Part = "archive" if kind == "zip" else ""
    _write(tx, bulk_id, ((name, place, part) for name, place in items))
    return one(tx, bulk_id)


def unpacked(tx: Tx, bulk_id: str, items: Iterable[tuple[str, int, Part]]) -> None:
    """An archive was looked through: what is in it takes its place among what waits; once, whoever else did it too."""
    first = next_item(tx, bulk_id)
    if first is None or first.part != "archive":
        return
    tx.session.execute(delete(_I).where(_I.bulk_id == bulk_id))
    _write(tx, bulk_id, items)


def _write(tx: Tx, bulk_id: str, items: Iterable[tuple[str, int, Part]]) -> None:
    rows = [
        {
            "bulk_id": bulk_id,
            "number": number,
            "place": place,
            "state": "waiting",
            "sealed": _sealed(tx, bulk_id, number, {"name": name, "part": part}),
            "known": False,
        }
        for number, (name, place, part) in enumerate(items, 1)
    ]
    for start in range(0, len(rows), _STEP):
        tx.session.execute(insert(_I), rows[start : start + _STEP])


def one(tx: Tx, bulk_id: str) -> Bulk:
    """An import by its id; Refusal "no-such-bulk"."""
    found = find(tx, bulk_id)
    if found is None:
        raise NO_SUCH_BULK
    return found


def sent_by(tx: Tx, bulk_id: str, caller: Caller) -> Bulk:
    """An import that this caller sent. Refusal "no-such-bulk" for another's as for one that never was."""
    found = find(tx, bulk_id)
    if found is None or found.sent is None or (found.sent.kind, found.sent.by) != (caller.kind, caller.id):
        raise NO_SUCH_BULK
    return found


def find(tx: Tx, bulk_id: str) -> Bulk | None:
    """An import by its id."""
    row = tx.session.get(_B, bulk_id, populate_existing=True)
    return None if row is None else _bulk(tx, row)


def id_of_key(tx: Tx, caller: Caller, key: str) -> str:
    """The id of what this caller sends under an idempotency key: their own, always the same."""
    return opaque(keyed_hash(tx.service_key("lookup"), "bulk", caller.kind, caller.id, key))


def every(tx: Tx) -> list[Bulk]:
    """Every import, newest first."""
    return [_bulk(tx, row) for row in tx.session.scalars(select(_B).order_by(_B.started_at.desc(), _B.bulk_id))]


def take(tx: Tx, bulk_id: str, holder: str, now: datetime, lease: timedelta) -> bool:
    """Become, or stay, the one that deposits it until now + lease. False: another does, or it is paused or done."""
    free = or_(_B.holder.is_(None), _B.holder == holder, _B.leased_until <= now, _B.leased_until > now + 2 * lease)
    mine = update(_B).where(_B.bulk_id == bulk_id, _B.state == "running", free)
    return _changed(tx, mine.values(holder=holder, leased_until=now + lease))


def release(tx: Tx, bulk_id: str, holder: str) -> None:
    """Let another go on with it at once."""
    mine = (_B.bulk_id == bulk_id, _B.holder == holder)
    tx.session.execute(update(_B).where(*mine).values(holder=None, leased_until=None))


def free(tx: Tx, names: Collection[str]) -> None:
    """Make what these processes (`Presence.dead`) were importing nobody's."""
    held = update(_B).where(among(func.substr(_B.holder, 1, NAME), "names"))
    tx.session.execute(held.values(holder=None, leased_until=None), {"names": as_set(names)})


def pause(tx: Tx, bulk_id: str) -> None:
    """Stop after the item in hand. Refusals "no-such-bulk", "bulk-not-active"."""
    one(tx, bulk_id)
    if not _changed(tx, update(_B).where(_B.bulk_id == bulk_id, _B.state == "running").values(state="paused")):
        raise NOT_ACTIVE


def resume(tx: Tx, bulk_id: str, *, retry: bool = False) -> None:
    """Go on with it; `retry`: with what was refused, too. Refusals "no-such-bulk", and "bulk-not-active" for a file
    that was sent and is done: its bytes are gone, and what was refused in it is sent again."""
    found = one(tx, bulk_id)
    if found.sent is not None and found.state == "done":
        raise NOT_ACTIVE
    if retry:
        refused = (_I.bulk_id == bulk_id, _I.state == "refused")
        tx.session.execute(update(_I).where(*refused).values(state="waiting", refusal_stage=None, refusal_code=None))
    tx.session.execute(update(_B).where(_B.bulk_id == bulk_id).values(state="running", ended_at=None))


def next_item(tx: Tx, bulk_id: str) -> Item | None:
    """The first item that waits."""
    row = tx.session.scalars(
        select(_I).where(_I.bulk_id == bulk_id, _I.state == "waiting").order_by(_I.number).limit(1)
    ).one_or_none()
    if row is None:
        return None
    words = _words(tx, row)
    return Item(row.number, str(words["name"]), row.place, cast(Part, words.get("part", "")))


def deposited(tx: Tx, bulk_id: str, item: Item, patient_id: PatientId, document_id: DocumentId, *, known: bool) -> None:
    """An item is stored; `known`: it had been before."""
    values = {"state": "deposited", "patient_id": patient_id, "document_id": document_id, "known": known}
    tx.session.execute(update(_I).where(_I.bulk_id == bulk_id, _I.number == item.number).values(values))


def refused(tx: Tx, bulk_id: str, item: Item, refusal: Refusal) -> None:
    """An item could not be stored."""
    words = {"name": item.name, "part": item.part, "message": refusal.message, "remedy": refusal.remedy}
    values = {
        "state": "refused",
        "sealed": _sealed(tx, bulk_id, item.number, words),
        "refusal_stage": refusal.stage,
        "refusal_code": refusal.code,
    }
    tx.session.execute(update(_I).where(_I.bulk_id == bulk_id, _I.number == item.number).values(values))


def end(tx: Tx, bulk_id: str, now: datetime) -> None:
    """Every item was looked at."""
    tx.session.execute(update(_B).where(_B.bulk_id == bulk_id).values(state="done", ended_at=now))


def counts_without_scope(tx: Tx, bulk_id: str) -> dict[str, int]:
    """How many items wait, were refused at the door, are being read, and what those that were read have become."""
    state, document = _I.state, tables.Document.state
    rows = tx.session.execute(
        select(state, document, func.count())
        .outerjoin(tables.Document, tables.Document.document_id == _I.document_id)
        .where(_I.bulk_id == bulk_id)
        .group_by(state, document)
    ).all()
    found = {"total": 0, "waiting": 0, "reading": 0, "searchable": 0, "quarantined": 0, "refused": 0, "gone": 0}
    for item, become, count in rows:
        name = item if item != "deposited" else (become or "gone")  # gone: to another record, by a person
        found["reading" if name == "received" else name] += count
        found["total"] += count
    return found


def refused_as_without_scope(tx: Tx, bulk_id: str, code: str) -> int:
    """How many documents of an import were refused for this reason after they were deposited."""
    rows = select(func.count()).select_from(_I).join(tables.Document, tables.Document.document_id == _I.document_id)
    refused = (_I.bulk_id == bulk_id, tables.Document.state == "refused", tables.Document.refusal_code == code)
    return tx.session.scalar(rows.where(*refused)) or 0


def lines_without_scope(tx: Tx, bulk_id: str, *, after: int = 0, limit: int | None = None) -> list[Line]:
    """Every item in order, for the report of who imports; or the first `limit` ones behind number `after`."""
    wanted = select(_I).where(_I.bulk_id == bulk_id, _I.number > after).order_by(_I.number)
    return [_line(tx, row) for row in tx.session.scalars(wanted if limit is None else wanted.limit(limit))]


def _line(tx: Tx, row: tables.BulkItem) -> Line:
    words = _words(tx, row)
    refusal = None
    if row.refusal_stage is not None and row.refusal_code is not None:
        refusal = Refusal(row.refusal_stage, row.refusal_code, str(words["message"]), str(words["remedy"]))
    document_id = None if row.document_id is None else DocumentId(row.document_id)
    return Line(row.number, str(words["name"]), row.state, document_id, row.known, refusal)


def _bulk(tx: Tx, row: tables.Bulk) -> Bulk:
    words = unseal_json(_key(tx), row.sealed, f"bulks/sealed/{row.bulk_id}")
    return Bulk(
        bulk_id=row.bulk_id,
        kind=cast(Kind, row.kind),
        state=row.state,
        path=words["path"],
        size=words["size"],
        modified=words["modified"],
        whole=None if words["whole"] is None else PatientId(words["whole"]),
        organization=row.organization,
        creates=row.creates,
        started_at=row.started_at,
        ended_at=row.ended_at,
        sent=_sent(words.get("sent")),
    )


def _sent(told: Mapping[str, str] | None) -> Sent | None:
    if told is None:
        return None
    return Sent(CallerKind(told["kind"]), told["by"], told["blob"], told["content_hash"])


def _key(tx: Tx) -> bytes:
    return tx.service_key("bulks")


def _sealed(tx: Tx, bulk_id: str, number: int, words: dict[str, str]) -> bytes:
    return seal_json(_key(tx), words, f"bulk_items/sealed/{bulk_id}/{number}")


def _words(tx: Tx, row: tables.BulkItem) -> dict[str, object]:
    return unseal_json(_key(tx), row.sealed, f"bulk_items/sealed/{row.bulk_id}/{row.number}")


def _changed(tx: Tx, statement: object) -> bool:
    return bool(tx.session.execute(statement).rowcount)  # type: ignore[call-overload]
