"""What a decision about one caller and one patient must know: the same statements for everybody, existing or not."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.types import TypeEngine

from access.categories import Category
from access.facts import AccessFacts, EmergencyFact, GranteeKind, GrantFact, RelationFact
from access.identifiers import DocumentId, PatientId
from access.policy import Policy
from access.scope import Caller, CallerKind
from records import tables
from records.database import Tx
from records.statements import PREPARED, PlainString, among, as_set
from records.tables.base import UtcTime

_T, _D, _R, _E, _O = tables.Grant, tables.Document, tables.Relation, tables.Emergency, tables.Opposition
_P, _B = tables.Patient, tables.Block
_id = attrgetter("id")
_TYPE = func.coalesce(_D.type_code, "?")  # one that was not filled in yet: no role sees it


def group() -> Select[str]:
    """Every identity of the person :patient_id: those merged into the same one, that one, itself. None for nobody."""
    asked, other = tables.Patient, aliased(tables.Patient)
    root = select(func.coalesce(asked.merged_into, asked.patient_id)).where(asked.patient_id == bindparam("patient_id"))
    one = root.scalar_subquery()  # what others were merged into was itself merged into nothing (records/merges.py)
    return select(other.patient_id).where(or_(other.patient_id == one, other.merged_into == one))


# Columns of what is recorded: a person, a block, a grant, a relation, an opening, an opposition, a type of document.
_RECORDED: Mapping[str, TypeEngine[Any]] = {
    "id": PlainString(),
    "kind": PlainString(),
    "to_kind": PlainString(),
    "to": PlainString(),
    "categories": PlainString(),
    "purpose": PlainString(),
    "since": UtcTime(),
    "until": UtcTime(),
    "ended": UtcTime(),
    "closed": Boolean(),
    "consented": Boolean(),
    "approved": Boolean(),
}


def _filled(**columns: Any) -> Iterator[ColumnElement[Any]]:
    """The columns of all, those not given empty."""
    return (columns.get(name, cast(null(), kind)).label(name) for name, kind in _RECORDED.items())


def _recorded(what: str, of: InstrumentedAttribute[str], *where: ColumnElement[bool], **columns: Any) -> Select[Any]:
    """Rows of one kind, in the columns of all."""
    return select(literal_column(f"'{what}'").label("what"), *_filled(**columns)).where(of.in_(group()), *where)


_TYPES = select(_TYPE.label("code")).where(_D.patient_id.in_(group())).distinct().subquery()  # grouped: 4 times as long
_CALLER: ColumnElement[str] = bindparam("caller")
# One statement for six: with ix_documents_rights it took the decision from 6.4 % of a search to 4.8 %
# (benchmarks/decision_share.py). Prepared: 1.3 ms on PostgreSQL, 3.5 when it was planned each time.
_ALL = union_all(
    _recorded("person", _P.patient_id, id=_P.patient_id, closed=_P.closed),
    _recorded("block", _B.patient_id, _B.practitioner == _CALLER, id=_B.practitioner),
    _recorded(
        "grant",
        _T.patient_id,
        id=_T.grant_id,
        kind=_T.kind,
        to_kind=_T.grantee_kind,
        to=_T.grantee,
        categories=_T.categories,
        since=_T.valid_from,
        until=_T.valid_until,
        ended=_T.revoked_at,
    ),
    _recorded(
        "relation",
        _R.patient_id,
        _R.person == _CALLER,
        id=_R.relation_id,
        kind=_R.kind,
        to=_R.person,
        categories=_R.categories,
        purpose=_R.purpose,
        since=_R.valid_from,
        until=_R.valid_until,
        ended=_R.ended_at,
        consented=_R.consented,
        approved=_R.approved,
    ),
    _recorded(
        "emergency",
        _E.patient_id,
        _E.practitioner == _CALLER,
        id=_E.emergency_id,
        to=_E.practitioner,
        since=_E.opened_at,
        until=_E.valid_until,
        ended=_E.ended_at,
    ),
    _recorded("opposition", _O.patient_id, _O.withdrawn_at.is_(None), id=_O.opposition_id, kind=_O.kind),
    select(literal_column("'type'").label("what"), *_filled(id=_TYPES.c.code)),
).execution_options(**{PREPARED: True})
_HIDDEN = (
    select(
        _D.document_id,
        _D.masked,
        _D.hidden_from_patient,
        func.coalesce(_D.hidden_at, _D.received_at).label("hidden_since"),
        _D.hidden_from_representatives,
        _D.status,
        _D.deposited_by,
        _TYPE.label("type_code"),
    )
    .where(
        _D.patient_id.in_(group()),
        or_(
            _D.masked,
            _D.hidden_from_patient,
            _D.hidden_from_representatives,
            _D.status != "approved",
            # Unpacking even an empty set for every document took 0.03 ms of whoever exists, and so told who does.
            and_(bindparam("some_unseen", type_=Boolean) == true(), among(_TYPE, "unseen")),
        ),
    )
    .execution_options(**{PREPARED: True})
)


def patients_of(tx: Tx, caller: Caller, now: datetime) -> list[PatientId]:
    """The people, one identity each, of whom a live grant to this caller, their organisations or teams is recorded.

    In order of id. It says who may be asked about; `decide` alone says what may be seen.
    """
    root = func.coalesce(tables.Patient.merged_into, tables.Patient.patient_id)
    live = and_(_T.revoked_at.is_(None), _T.valid_from <= now, or_(_T.valid_until.is_(None), _T.valid_until > now))
    held = or_(
        and_(_T.grantee_kind == GranteeKind.PRACTITIONER, _T.grantee == caller.id),
        and_(_T.grantee_kind == GranteeKind.ORGANIZATION, _T.grantee.in_(sorted(caller.organizations))),
        and_(_T.grantee_kind == GranteeKind.TEAM, _T.grantee.in_(sorted(caller.teams))),
    )
    joined = select(root).join(_T, _T.patient_id == tables.Patient.patient_id)
    statement = joined.where(live, held).distinct().order_by(root)
    return [PatientId(one) for one in tx.session.scalars(statement)]


def access_facts(tx: Tx, caller: Caller, patient_id: PatientId, now: datetime, policy: Policy) -> AccessFacts:  # noqa: ARG001
    """What is recorded about a caller and a patient, for `access.decide`.

    The same statements run whether or not the patient exists, is closed, has blocked or granted. Grants, relations and
    emergencies are given live or not: `decide` alone compares instants with `now`. `authored` names only documents that
    are in some way not for everybody, the only ones for which it matters.
    """
    who = {"patient_id": patient_id}
    direct = tx.session.connection()  # plain rows: through the session a statement took twice as long
    rows: dict[str, list[Any]] = defaultdict(list)
    for row in direct.execute(_ALL, who | {"caller": caller.id}):
        rows[row.what].append(row)
    unseen: list[str] = []
    if caller.kind is CallerKind.PRACTITIONER:  # the matrix judges nobody else
        role = policy.matrix.role_of(caller.profession, caller.specialty)
        unseen = [row.id for row in rows["type"] if not role.sees(row.id)]
    hidden = direct.execute(_HIDDEN, who | {"unseen": as_set(unseen), "some_unseen": bool(unseen)}).all()
    return AccessFacts(
        patient_id=patient_id,
        exists=bool(rows["person"]),
        closed=any(person.closed for person in rows["person"]),
        blocked=bool(rows["block"]),
        identities=frozenset(PatientId(person.id) for person in rows["person"]),
        grants=tuple(
            GrantFact(g.id, g.kind, g.to_kind, g.to, named(g.categories), g.since, g.until, g.ended)
            for g in sorted(rows["grant"], key=_id)
        ),
        relations=tuple(
            RelationFact(
                r.id,
                r.kind,
                r.to,
                r.since,
                r.until,
                r.ended,
                r.consented,
                r.approved,
                r.purpose,
                named(r.categories),
            )
            for r in sorted(rows["relation"], key=_id)
        ),
        emergencies=tuple(
            EmergencyFact(e.id, e.to, e.since, e.until, e.ended) for e in sorted(rows["emergency"], key=_id)
        ),
        oppositions=frozenset(each.kind for each in rows["opposition"]),
        hidden_from_professionals=frozenset(DocumentId(h.document_id) for h in hidden if h.masked),
        hidden_from_patient={DocumentId(h.document_id): h.hidden_since for h in hidden if h.hidden_from_patient},
        hidden_from_representatives=frozenset(
            DocumentId(h.document_id) for h in hidden if h.hidden_from_representatives
        ),
        not_default=frozenset(DocumentId(h.document_id) for h in hidden if h.status != "approved"),
        types={DocumentId(h.document_id): h.type_code for h in hidden},
        authored=frozenset(DocumentId(h.document_id) for h in hidden if h.deposited_by == caller.id),
    )


def named(stored: str | None) -> frozenset[Category] | None:
    """Categories as a column holds them: a JSON list, NULL for all."""
    return None if stored is None else frozenset(Category(name) for name in json.loads(stored))
