"""A Scope as a condition in SQL over documents: what every statement that reads for a caller carries."""

from __future__ import annotations

from sqlalchemy import and_, not_

from access.scope import Scope
from records import tables
from records.statements import among, as_set

_T = tables.Document
INSIDE = and_(
    among(_T.patient_id, "identities"), among(_T.category, "categories"), not_(among(_T.document_id, "excluded"))
)
"""Its values by `scope_values`. An empty Scope is false: nothing is in an empty set."""


def scope_values(scope: Scope) -> dict[str, list[str]]:
    """The variables of `INSIDE`."""
    return {
        "identities": as_set(scope.identities),
        "categories": as_set(scope.categories),
        "excluded": as_set(scope.excluded),
    }
