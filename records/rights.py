"""What a decision about one caller and one patient must know: the same statements for everybody, existing or not."""

from __future__ import annotations

import json
from datetime import datetime

from sqlalchemy import Select, String, and_, bindparam, func, not_, or_, select
from sqlalchemy.orm import aliased

from access.categories import Category
from access.document_types import EQUIVALENT, TYPES
from access.facts import AccessFacts, EmergencyFact, GranteeKind, GrantFact, RelationFact
from access.habilitation import UNTYPED
from access.identifiers import DocumentId, PatientId
from access.policy import Policy
from access.scope import Caller
from records import tables
from records.database import Tx
from records.statements import holds

_T, _D, _R, _E, _O = tables.Grant, tables.Document, tables.Relation, tables.Emergency, tables.Opposition
# Most of a record first: results, prescriptions, imaging, consultations, stays. SQLite looks for a document's type from
# the left of the text that these make; of 1,600 documents it took 0.7 ms with theirs first and 1.8 ms with theirs last.
_COMMON = ("11502-2", "57833-6", "18748-4", "11488-4", "34112-3", "11490-0")
_KNOWN_TYPES = (*_COMMON, UNTYPED, *(code for code in (*TYPES, *EQUIVALENT) if code not in _COMMON))
_UNKNOWN = "?"  # a type that was not filled in yet: nothing shows it


def group() -> Select[str]:
    """Every identity of the person :patient_id: those merged into the same one, that one, itself. None for nobody."""
    asked, other = tables.Patient, aliased(tables.Patient)
    root = select(func.coalesce(asked.merged_into, asked.patient_id)).where(asked.patient_id == bindparam("patient_id"))
    one = root.scalar_subquery()  # what others were merged into was itself merged into nothing (records/merges.py)
    return select(other.patient_id).where(or_(other.patient_id == one, other.merged_into == one))


_PEOPLE = select(tables.Patient.patient_id, tables.Patient.closed).where(tables.Patient.patient_id.in_(group()))
_BLOCKS = select(tables.Block.practitioner).where(
    tables.Block.patient_id.in_(group()), tables.Block.practitioner == bindparam("caller")
)
_GRANTS = (
    select(
        _T.grant_id,
        _T.kind,
        _T.grantee_kind,
        _T.grantee,
        _T.categories,
        _T.valid_from,
        _T.valid_until,
        _T.revoked_at,
    )
    .where(_T.patient_id.in_(group()))
    .order_by(_T.grant_id)
)
_RELATIONS = (
    select(
        _R.relation_id,
        _R.kind,
        _R.person,
        _R.valid_from,
        _R.valid_until,
        _R.ended_at,
        _R.consented,
        _R.approved,
        _R.purpose,
        _R.categories,
    )
    .where(_R.patient_id.in_(group()), _R.person == bindparam("caller"))
    .order_by(_R.relation_id)
)
_EMERGENCIES = (
    select(_E.emergency_id, _E.practitioner, _E.opened_at, _E.valid_until, _E.ended_at)
    .where(_E.patient_id.in_(group()), _E.practitioner == bindparam("caller"))
    .order_by(_E.emergency_id)
)
_OPPOSITIONS = select(_O.kind).where(_O.patient_id.in_(group()), _O.withdrawn_at.is_(None))
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
    mine = who | {"caller": caller.id}
    direct = tx.session.connection()  # plain rows: through the session the seven took 0.14 ms each, so they take 0.08
    people = direct.execute(_PEOPLE, who).all()
    blocked = direct.scalars(_BLOCKS, mine).all()
    grants = direct.execute(_GRANTS, who).all()
    relations = direct.execute(_RELATIONS, mine).all()
    emergencies = direct.execute(_EMERGENCIES, mine).all()
    oppositions = direct.scalars(_OPPOSITIONS, who).all()
    hidden = direct.execute(_HIDDEN, who | {"types": "|" + "|".join(seen) + "|"}).all()
    return AccessFacts(
        patient_id=patient_id,
        exists=bool(people),
        closed=any(person.closed for person in people),
        blocked=bool(blocked),
        identities=frozenset(PatientId(person.patient_id) for person in people),
        grants=tuple(GrantFact(g[0], g[1], g[2], g[3], named(g[4]), g[5], g[6], g[7]) for g in grants),
        relations=tuple(RelationFact(*r[:9], named(r[9])) for r in relations),
        emergencies=tuple(EmergencyFact(*e) for e in emergencies),
        oppositions=frozenset(oppositions),
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
