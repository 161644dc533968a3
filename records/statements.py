"""What SQLite and PostgreSQL write differently, once: sets of ids, plain strings."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Any

from sqlalchemy import Boolean, Dialect, String, Text, TypeDecorator, bindparam
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine

_POSTGRESQL = "postgresql"


PREPARED = "anamnese_prepared"
"""Execution option of a statement that PostgreSQL plans once a connection, not at each turn. For those of every request
whose plan takes longer than their rows, and does not depend on their values: a generic plan uses no partial index, and
compares a Scope's exclusions one by one."""


class PlainString(TypeDecorator[str]):
    """Text that both databases take and give back alike.

    PostgreSQL refuses NUL and neither stores half a surrogate pair; both come from hostile documents and addresses, and
    become "?". A member of a StrEnum is its value: psycopg would take its name.
    """

    impl = String
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else plain(value)


def plain(value: str) -> str:
    """The string as it is stored."""
    text = str(value)
    if text.isascii():
        return text.replace("\0", "?")
    return text.replace("\0", "?").encode("utf-8", "replace").decode("utf-8")


class IdSet(TypeDecorator[Collection[str]]):
    """A whole set in one variable: JSON on SQLite, an array on PostgreSQL."""

    impl = String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(ARRAY(Text()) if dialect.name == _POSTGRESQL else String())

    def process_bind_param(self, value: Collection[str] | None, dialect: Dialect) -> Any:
        values = sorted(map(plain, value or ()))
        return values if dialect.name == _POSTGRESQL else json.dumps(values)


class _Among(FunctionElement[bool]):
    """A condition that stands as it is in a WHERE. As a function it would become `(…) = 1` on SQLite, which then looks
    into no index: each list of a patient's documents read everybody's (tests/search_api/test_plans.py)."""

    name = "among"
    type = Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> Any:  # noqa: ARG002
        return self  # both forms below have their own brackets


def among(column: InstrumentedAttribute[Any] | ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """`column IN :name` with one variable, whatever the number of values: give `as_set(values)` when executing.

    SQLite takes 250,000 variables at most, and a Scope may exclude more; 70,000 cost 0.2 s there.
    """
    return _Among(column, bindparam(name, type_=IdSet))


def as_set(values: Collection[str]) -> list[str]:
    """The value of a variable of `among`. An empty set holds nothing."""
    return sorted(values)


def _two(element: FunctionElement[bool], compiler: SQLCompiler, options: Any) -> tuple[str, str]:
    one, two = element.clauses.clauses
    return compiler.process(one, **options), compiler.process(two, **options)


@compiles(_Among)
def _among(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = _two(element, compiler, options)
    return f"({column} IN (SELECT value FROM json_each({values})))"


@compiles(_Among, _POSTGRESQL)
def _among_postgresql(element: _Among, compiler: SQLCompiler, **options: Any) -> str:
    column, values = _two(element, compiler, options)
    return f"({column} = ANY({values}))"
