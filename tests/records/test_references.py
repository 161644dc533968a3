"""Every reference between rows is led by an index: deleting what is referred to looks for who refers to it, in both
databases, and no plan shows that look."""

from __future__ import annotations

import pytest
from sqlalchemy import Table

from records.erasure import KEPT
from records.tables import Base


def led(table: Table) -> set[str]:
    """The columns that an index of all rows, or the key, begins with."""
    whole = [each for each in table.indexes if each.dialect_options["postgresql"]["where"] is None]
    return {each.columns[0].name for each in (*whole, table.primary_key)}


@pytest.mark.parametrize("table", Base.metadata.sorted_tables, ids=lambda table: table.name)
def test_each_reference_is_led_by_an_index(table: Table) -> None:
    """And whose a row is, by which an erasure finds it (`records.erasure`)."""
    looked_for = {key.parent.name for key in table.foreign_keys}
    owner = next((name for name in ("patient_id", "document_id") if name in table.columns), None)
    if owner is not None and table.name not in KEPT:
        looked_for.add(owner)
    assert looked_for <= led(table)
