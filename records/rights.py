"""What a decision about one caller and one patient must know: the same statements for everybody, existing or not."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    cast,
    func,
    literal_column,
    not_,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased
from sqlalchemy.types import TypeEngine

from access.categories import Category
from access.document_types import EQUIVALENT, TYPES
from access.facts import AccessFacts, EmergencyFact, GranteeKind, GrantFact, RelationFact
from access.habilitation import UNTYPED
from access.identifiers import DocumentId, PatientId
from access.policy import Policy
from access.scope import Caller
from records import tables
from records.database import Tx
from records.statements import PlainString, holds
from records.tables.base import UtcTime

_T, _D, _R, _E, _O = tables.Grant, tables.Document, tables.Relation, tables.Emergency, tables.Opposition
_P, _B = tables.Patient, tables.Block
# Most of a record first: results, prescriptions, imaging, consultations, stays. SQLite looks for a document's type from
# the left of the text that these make; of 1,600 documents it took 0.7 ms with theirs first and 1.8 ms with theirs last.
_COMMON = ("11502-2", "57833-6", "18748-4", "11488-4", "34112-3", "11490-0")
_KNOWN_TYPES = (*_COMMON, UNTYPED, *(code for code in (*TYPES, *EQUIVALENT) if code not in _COMMON))
_id = attrgetter("id")
_UNKNOWN = "?"  # a type that was not filled in yet: nothing shows it


def group() -> Select[str]:
    """Every identity of the person :patient_id: those merged into the same one, that one, itself. None for nobody."""
    asked, other = tables.Patient, aliased(tables.Patient)
    root = select(func.coalesce(asked.merged_into, asked.patient_id)).where(asked.patient_id == bindparam("patient_id"))
    one = root.scalar_subquery()  # what others were merged into was itself merged into nothing (records/merges.py)
    return select(other.patient_id).where(or_(other.patient_id == one, other.merged_into == one))


# Columns of what is recorded: of a grant, a relation, an opening, an opposition, a block, a person.
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


def _recorded(what: str, of: InstrumentedAttribute[str], *where: ColumnElement[bool], **columns: Any) -> Select[Any]:
    """Rows of one kind, in the columns of all."""
    filled = (columns.get(name, cast(null(), kind)).label(name) for name, kind in _RECORDED.items())
    return select(literal_column(f"'{what}'").label("what"), *filled).where(of.in_(group()), *where)


_CALLER: ColumnElement[str] = bindparam("caller")
# One statement: six took 0.4 ms more of a search's 43.
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
)
_TYPE = func.coalesce(_D.type_code, _UNKNOWN)
# The types are searched for in one text: a set would be built when the first document is met, and not for nobody, which
# took 0.1 ms and told who exists by the time of the answer (benchmarks/door_timing.py: AUC 0.60).
_HIDDEN = select(
    _D.document_id,
    _D.masked,
    _D.hidden_from_patient,
    func.coalesce(_D.hidden_at, _D.received_at).label("hidden_since"),
    _D.hidden_from_representatives,
    _D.status,
    _D.deposited_by,
    _TYPE.label("type_code"),
).where(
    _D.patient_id.in_(group()),
    or_(
        _D.masked,
        _D.hidden_from_patient,
        _D.hidden_from_representatives,
        _D.status != "approved",
        not_(holds(bindparam("types", type_=String), "|" + _TYPE + "|")),
    ),
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
    role = policy.matrix.role_of(caller.profession, caller.specialty)
    seen = [code for code in _KNOWN_TYPES if role.sees(code)]
    who = {"patient_id": patient_id}
    direct = tx.session.connection()  # plain rows: through the session a statement took twice as long
    rows: dict[str, list[Any]] = defaultdict(list)
    for row in direct.execute(_ALL, who | {"caller": caller.id}):
        rows[row.what].append(row)
    hidden = direct.execute(_HIDDEN, who | {"types": "|" + "|".join(seen) + "|"}).all()
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
