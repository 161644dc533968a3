"""A name for everything that a Scope's facts say now: it changes whenever any of them does, whoever changed it.

What is built from facts is kept under it. The name is made of the nonces that seal the facts' rows, so a writer cannot
forget to change it, and of the documents' dates.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import String, cast, func, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction

from access.scope import Scope
from records import tables
from records.database import Tx
from records.facts import TELLING
from records.scoped import scope_values

_T, _D = tables.Fact, tables.Document
_NONCE = (2, 12)  # place and length in a sealed column: see `records/sealed.py`


class _Hex(GenericFunction[str]):
    """Bytes as hexadecimal digits."""

    type = String()
    inherit_cache = True
    name = "hex"


@compiles(_Hex, "postgresql")
def _on_postgresql(element: Any, compiler: Any, **options: Any) -> str:
    return f"encode({compiler.process(element.clauses, **options)}, 'hex')"


_MARKS = (
    select(
        (
            _T.document_id
            + cast(_T.shelf, String)
            + _Hex(func.substr(_T.sealed, *_NONCE))
            + func.coalesce(cast(_D.event_date, String), "-")
        ).label("mark")
    )
    .join(_D, _D.document_id == _T.document_id)
    .where(TELLING)
    .order_by(_T.document_id, _T.shelf)
    .subquery()
)
_ALL = select(func.aggregate_strings(_MARKS.c.mark, ","))


def edition(tx: Tx, scope: Scope) -> bytes:
    """32 bytes: the same for two Scopes that are told the same facts, another as soon as they are told others."""
    marks = tx.session.scalar(_ALL, scope_values(scope)) or ""
    return hashlib.sha256(marks.encode()).digest()
