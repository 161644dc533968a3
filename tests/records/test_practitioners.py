"""Practitioners and organizations come back as they were put."""

from __future__ import annotations

from access.identifiers import Finess, Rpps
from records.practitioners import (
    Organization,
    Practitioner,
    organization,
    practitioner,
    put_organization,
    put_practitioner,
)
from tests.records.building import Home


def test_put_replace_and_find(home: Home) -> None:
    one = Practitioner(Rpps("10001234567"), "Dr Aubin", "10", "SM26", ("750000001", "750000002"), ("équipe 4",))
    with home.records.write() as tx:
        put_practitioner(tx, one)
        put_organization(tx, Organization(Finess("750000001"), "Hôpital"))
        assert practitioner(tx, one.rpps) == one
    later = Practitioner(Rpps("10001234567"), "Dr Aubin", "10", "SM26", ("750000003",), suspended=True)
    with home.records.write() as tx:
        put_practitioner(tx, later)
        put_organization(tx, Organization(Finess("750000001"), "Hôpital neuf"))
    with home.records.read() as tx:
        assert practitioner(tx, "10001234567") == later
        assert practitioner(tx, "10001234568") is None
        assert organization(tx, "750000001") == Organization(Finess("750000001"), "Hôpital neuf")
        assert organization(tx, "750000009") is None
