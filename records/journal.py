"""The journal: who looked at what, append-only, hash-chained by patient (see `chains`).

Attempts on identifiers that nobody has share the chain "unknown". What was asked in words, and any detail, is sealed
under the journal's key and the patient's together: only an auditor's reading opens it, and nobody's once the patient is
erased. Then the sealed words leave the row too, and a MAC over what stays takes the place of the one that covered them.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from sqlalchemy import bindparam, insert, select

from access.categories import Category
from access.identifiers import DocumentId, PatientId
from access.scope import Scope
from records import chains, tables
from records.database import Tx
from records.sealed import derive, seal_json, unseal_json
from records.statements import among, as_set

Outcome = Literal["granted", "refused"]
_T = tables.JournalEntry
_KNOWN = select(tables.Patient.patient_id).where(tables.Patient.patient_id == bindparam("patient_id"))
_KNOWN_AMONG = select(tables.Patient.patient_id).where(among(tables.Patient.patient_id, "patient_ids"))
_INSERT = insert(tables.core(tables.JournalEntry))
_SEALED = ("query", "detail")
_BOTH = b"\x02"  # before words sealed under the journal's and the patient's key; a seal itself begins with 1


@dataclass(frozen=True, slots=True)
class Entry:
    """One access, granted or refused. `documents` are those shown, not those asked for."""

    patient_id: PatientId
    caller_kind: str
    caller: str
    on_behalf: str
    role: str
    purpose: str
    action: str
    outcome: Outcome
    documents: tuple[DocumentId, ...]
    query: str | None = field(repr=False)
    policy_version: str
    request_id: str
    at: datetime
    detail: str = field(default="", repr=False)
    basis: str = ""  # the rule that opened the record: access.scope.Basis
    reason: str = ""  # of a break-glass: its code


@dataclass(frozen=True, slots=True)
class Anchor:
    """How long the whole journal was and where it ended. Kept elsewhere, it shows a journal put back."""

    length: int
    last: str  # hexadecimal


@dataclass(frozen=True, slots=True)
class Problem:
    """Where the journal is not what was written. `sequence` counts from 1 in the chain, 0 for the chain as a whole."""

    chain: str
    sequence: int
    kind: Literal["removed", "edited", "reordered", "truncated", "head"]

    def __str__(self) -> str:
        return f"{_SENTENCES[self.kind]} (chaîne {self.chain}, entrée {self.sequence})"


_SENTENCES = {
    "removed": "Une entrée manque",
    "edited": "Une entrée a été modifiée",
    "reordered": "Une entrée a été déplacée",
    "truncated": "La fin de la chaîne a été coupée ou prolongée",
    "head": "La tête de la chaîne manque ou a été modifiée",
}


def append(tx: Tx, entry: Entry) -> int:
    """Write an entry; returns its number in its chain. The same statements run for a patient and for nobody.

    In a writing transaction only. Refusal "broken-chain" when the chain's head does not authenticate.
    """
    key = tx.service_key("journal")
    known = tx.session.scalar(_KNOWN, {"patient_id": entry.patient_id})
    chain = chains.UNKNOWN if known is None else known
    length, previous = chains.head(tx.session, key, chain)
    total, whole = chains.head(tx.session, key, chains.ALL)
    row = _linked(tx, key, entry, chain, length + 1, previous)
    tx.session.execute(_INSERT, row)
    chains.move_head(tx.session, key, chain, length + 1, row["mac"])
    chains.move_head(tx.session, key, chains.ALL, total + 1, chains.link_all(key, row["mac"], whole))
    return length + 1


def append_all(tx: Tx, written: Sequence[Entry]) -> None:
    """`append` of each, in their order, by four statements: every other writer waits meanwhile, and one by one each
    took 3.5 ms on PostgreSQL."""
    if not written:
        return
    key = tx.service_key("journal")
    named = {"patient_ids": as_set({entry.patient_id for entry in written})}
    known = set(tx.session.scalars(_KNOWN_AMONG, named))
    placed = [(entry.patient_id if entry.patient_id in known else chains.UNKNOWN, entry) for entry in written]
    heads = chains.heads_of(tx.session, key, {chains.ALL, *(chain for chain, _ in placed)})
    rows = []
    for chain, entry in placed:
        length, previous = heads[chain]
        total, whole = heads[chains.ALL]
        row = _linked(tx, key, entry, chain, length + 1, previous)
        rows.append(row)
        heads[chain] = length + 1, row["mac"]
        heads[chains.ALL] = total + 1, chains.link_all(key, row["mac"], whole)
    tx.session.execute(_INSERT, rows)
    chains.move_heads(tx.session, key, heads)


def _linked(tx: Tx, key: bytes, entry: Entry, chain: str, sequence: int, previous: bytes) -> dict[str, Any]:
    """The row of an entry at its place in its chain, behind the MAC `previous`."""
    content = canonical(entry)
    sealed = _seal(tx, entry, _place(chain, sequence))
    return {
        "chain": chain,
        "sequence": sequence,
        "patient_id": entry.patient_id,
        "content": content,
        "sealed": sealed,
        "previous": previous,
        "mac": chains.link(key, chain, content, sealed, previous),
    }


def erase_words(tx: Tx, patient_id: PatientId) -> int:
    """Take the sealed words out of every entry about an identifier; the chains stay whole. Returns how many."""
    key = tx.service_key("journal")
    rows = tx.session.scalars(select(_T).where(_T.patient_id == patient_id, _T.erased.is_(None))).all()
    for row in rows:
        row.sealed = b""
        row.erased = chains.without_words(key, row.chain, row.sequence, row.content, row.previous, row.mac)
    tx.session.flush()
    return len(rows)


def entries(tx: Tx, scope: Scope, *, limit: int = 200) -> list[Entry]:
    """The accesses to the Scope's record, newest first, without query texts.

    Documents outside the Scope are left out of each entry: the journal tells nobody of a document hidden from them.
    """
    return [each.entry for each in entries_numbered(tx, scope, limit=limit)]


@dataclass(frozen=True, slots=True)
class Numbered:
    """An entry and where it stands: `place` in its record ("<chain>.<sequence>"), `position` in the whole journal,
    which is told to nobody."""

    entry: Entry
    place: str
    position: int


def entries_numbered(
    tx: Tx, scope: Scope, *, limit: int, before: int | None = None, place: str | None = None
) -> list[Numbered]:
    """The same with their numbers, from behind the position `before` on, or the one at `place` alone."""
    if scope.is_empty:
        return []
    who = {"chains": as_set(scope.identities)}
    wanted = [among(_T.chain, "chains"), _T.content != ""]
    if before is not None:
        wanted.append(_T.position < before)
    if place is not None:
        chain, _, sequence = place.partition(".")
        wanted += [
            _T.chain == chain,
            _T.sequence == (int(sequence) if sequence.isdecimal() and len(sequence) < 19 else 0),
        ]
    rows = tx.session.scalars(select(_T).where(*wanted).order_by(_T.position.desc()).limit(limit), who).all()
    found = [dataclasses.replace(_entry(tx, row), query=None) for row in rows]
    visible = _visible(tx, scope, {document for entry in found for document in entry.documents})
    shown = [dataclasses.replace(e, documents=tuple(d for d in e.documents if d in visible)) for e in found]
    return [Numbered(e, f"{row.chain}.{row.sequence}", row.position) for e, row in zip(shown, rows, strict=True)]


def entries_for_audit_without_scope(
    tx: Tx, patient_id: PatientId | None, limit: int, *, erased: Sequence[PatientId] = ()
) -> list[Entry]:
    """Accesses to one identifier, existing or not, or to all (None); newest first, with query texts.

    `erased` are other identifiers that the same person has or had: what was done to them is shown too.
    """
    statement = select(_T).where(_T.content != "").order_by(_T.position.desc()).limit(limit)
    if patient_id is not None:
        statement = statement.where(_T.patient_id.in_((patient_id, *erased)))
    return [_entry(tx, row) for row in tx.session.scalars(statement)]


def entries_at_without_scope(tx: Tx, positions: Sequence[int]) -> tuple[Entry, ...]:
    """The entries at some positions, newest first, with query texts: for the auditor's search (records/audit.py)."""
    rows = tx.session.scalars(select(_T).where(_T.position.in_(positions)).order_by(_T.position.desc()))
    return tuple(_entry(tx, row) for row in rows)


def all_for_audit_without_scope(tx: Tx, after: int = 0) -> Iterator[tuple[int, Entry]]:
    """Every access in the order written, with its position in the journal, from the one after `after`."""
    statement = select(_T).where(_T.content != "", _T.position > after).order_by(_T.position)
    for row in tx.session.scalars(statement.execution_options(yield_per=1000)):
        yield row.position, _entry(tx, row)


def as_dict(entry: Entry) -> dict[str, Any]:
    """An entry as JSON values, in the order of its fields."""
    return dataclasses.asdict(entry) | {"documents": list(entry.documents), "at": entry.at.isoformat()}


def anchor(tx: Tx) -> Anchor:
    """The journal's end now, to be kept where the database's keepers cannot write."""
    length, last = chains.head(tx.session, tx.service_key("journal"), chains.ALL)
    return Anchor(length, last.hex())


def verify(tx: Tx, *kept: Anchor | None) -> list[Problem]:
    """Recompute every chain and compare it with its head, and with the anchors kept elsewhere (records/anchors.py).

    Finds entries removed, edited, reordered or cut off, by whoever does not hold the journal's key. Without `kept` it
    does not find the whole database put back to an earlier day.
    """
    key = tx.service_key("journal")
    heads = {head.chain: head for head in tx.session.scalars(select(tables.JournalHead))}
    problems = [problem for chain in _chains(tx, heads) for problem in _verify_chain(tx, key, chain, heads.get(chain))]
    return problems + list(_verify_all(tx, key, heads.get(chains.ALL), [each for each in kept if each]))


def _chains(tx: Tx, heads: dict[str, tables.JournalHead]) -> list[str]:
    patients = tx.session.scalars(select(tables.Patient.patient_id))
    written = tx.session.scalars(select(_T.chain).distinct())
    return sorted({*heads, *patients, *written, chains.UNKNOWN} - {chains.ALL})


def _verify_chain(tx: Tx, key: bytes, chain: str, head: tables.JournalHead | None) -> Iterator[Problem]:
    expected, previous = 1, chains.genesis(key, chain)
    rows = select(_T).where(_T.chain == chain).order_by(_T.sequence).execution_options(yield_per=1000)
    for row in tx.session.scalars(rows):
        if row.sequence != expected:
            yield Problem(chain, expected, "removed")
        if not _authentic(key, row):
            yield Problem(chain, row.sequence, "edited")
        elif row.sequence == expected and row.previous != previous:
            yield Problem(chain, row.sequence, "reordered")
        expected, previous = row.sequence + 1, row.mac
    if head is None or head.mac != chains.head_mac(key, chain, head.length, head.last):
        yield Problem(chain, 0, "head")
    elif (head.length, head.last) != (expected - 1, previous):
        yield Problem(chain, expected, "truncated")


def _authentic(key: bytes, row: tables.JournalEntry) -> bool:
    """Whether a row is as it was written, apart from its place."""
    if row.content == "":  # retired at the end of its time (records/retention.py): the chain goes on by its MAC
        gone = chains.without_content(key, row.chain, row.sequence, row.previous, row.mac)
        return row.sealed == b"" and row.patient_id == "" and row.erased == gone
    if row.erased is None:
        authentic = row.mac == chains.link(key, row.chain, row.content, row.sealed, row.previous)
    else:
        kept = chains.without_words(key, row.chain, row.sequence, row.content, row.previous, row.mac)
        authentic = row.sealed == b"" and row.erased == kept
    if not authentic:
        return False
    return bool(json.loads(row.content)["patient_id"] == row.patient_id)


def _verify_all(tx: Tx, key: bytes, head: tables.JournalHead | None, kept: list[Anchor]) -> Iterator[Problem]:
    count, whole = 0, chains.genesis(key, chains.ALL)
    awaited = {anchor for anchor in kept if (anchor.length, anchor.last) != (0, whole.hex())}
    lengths = {anchor.length for anchor in awaited}
    for mac in tx.session.scalars(select(_T.mac).order_by(_T.position).execution_options(yield_per=1000)):
        count, whole = count + 1, chains.link_all(key, mac, whole)
        if count in lengths:
            awaited.discard(Anchor(count, whole.hex()))
    if head is None or head.mac != chains.head_mac(key, chains.ALL, head.length, head.last):
        yield Problem(chains.ALL, 0, "head")
    elif count != head.length:
        yield Problem(chains.ALL, count, "removed" if count < head.length else "truncated")
    elif whole != head.last:
        yield Problem(chains.ALL, 0, "reordered")
    if awaited:
        yield Problem(chains.ALL, min(anchor.length for anchor in awaited), "truncated")


def _visible(tx: Tx, scope: Scope, asked: set[DocumentId]) -> set[DocumentId]:
    d = tables.Document
    statement = select(d.document_id, d.patient_id, d.category).where(among(d.document_id, "asked"))
    rows = tx.session.execute(statement, {"asked": as_set(asked)})
    return {
        DocumentId(row.document_id)
        for row in rows
        if scope.admits(PatientId(row.patient_id), DocumentId(row.document_id), Category(row.category))
    }


def canonical(entry: Entry) -> str:
    """What is chained: the entry without its sealed words, as JSON in one form: sorted keys, ASCII, no blanks."""
    value = {name: text for name, text in as_dict(entry).items() if name not in _SEALED}
    value["at"] = entry.at.astimezone(UTC).isoformat(timespec="microseconds")
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _entry(tx: Tx, row: tables.JournalEntry) -> Entry:
    value = json.loads(row.content)
    value["at"] = datetime.fromisoformat(value["at"])
    value["documents"] = tuple(value["documents"])
    return Entry(**value, **_unseal(tx, row))


def _seal(tx: Tx, entry: Entry, place: str) -> bytes:
    """Query and detail under both keys (2), or, for who is no patient here, under the journal's alone (1)."""
    key = tx.service_key("journal")
    both = tx.keys.words_key(key, entry.patient_id)
    words = {"query": entry.query, "detail": entry.detail}
    return seal_json(_words_key(key), words, place) if both is None else _BOTH + seal_json(both, words, place)


def _unseal(tx: Tx, row: tables.JournalEntry) -> dict[str, Any]:
    """Query and detail; empty when they were erased, or will be: the key goes before the rows do."""
    key, place = tx.service_key("journal"), _place(row.chain, row.sequence)
    if row.erased is not None:
        return {"query": None, "detail": ""}
    if row.sealed[:1] != _BOTH:
        return unseal_json(_words_key(key), row.sealed, place)
    both = tx.keys.words_key(key, row.patient_id)
    return {"query": None, "detail": ""} if both is None else unseal_json(both, row.sealed[1:], place)


def _words_key(key: bytes) -> bytes:
    return derive(key, "anamnese/journal/words/1")


def _place(chain: str, sequence: int) -> str:
    return f"journal/sealed/{chain}/{sequence}"
