"""Practitioners and organizations, as the directories that a hospital keeps state them. Nothing of a patient."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import delete, insert, select

from access.identifiers import Finess, Rpps
from records import tables
from records.database import Tx


@dataclass(frozen=True, slots=True)
class Practitioner:
    """One professional. `organizations` are FINESS numbers, `teams` care team ids; a suspended one may do nothing.
    `mail`: where a médecin traitant is told of an emergency access; empty: nowhere."""

    rpps: Rpps
    name: str
    profession: str
    specialty: str = ""
    organizations: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    suspended: bool = False
    regulates: bool = False  # a regulating physician of Centre 15
    mail: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Organization:
    finess: Finess
    name: str


def put_practitioner(tx: Tx, one: Practitioner) -> None:
    """Record or replace a practitioner with their memberships."""
    tx.session.execute(delete(tables.Membership).where(tables.Membership.rpps == one.rpps))
    tx.session.execute(delete(tables.Practitioner).where(tables.Practitioner.rpps == one.rpps))
    tx.session.execute(
        insert(tables.Practitioner).values(
            rpps=one.rpps,
            name=one.name,
            profession=one.profession,
            specialty=one.specialty,
            suspended=one.suspended,
            regulates=one.regulates,
            mail=one.mail,
        )
    )
    names = {("organization", name) for name in one.organizations} | {("team", name) for name in one.teams}
    for kind, name in sorted(names):
        tx.session.execute(insert(tables.Membership).values(rpps=one.rpps, kind=kind, name=name))


def practitioner(tx: Tx, rpps: str) -> Practitioner | None:
    """The practitioner with this number."""
    row = tx.session.get(tables.Practitioner, rpps)
    if row is None:
        return None
    members = tx.session.execute(
        select(tables.Membership.kind, tables.Membership.name)
        .where(tables.Membership.rpps == rpps)
        .order_by(tables.Membership.name)
    ).all()
    return Practitioner(
        rpps=Rpps(row.rpps),
        name=row.name,
        profession=row.profession,
        specialty=row.specialty,
        organizations=tuple(m.name for m in members if m.kind == "organization"),
        teams=tuple(m.name for m in members if m.kind == "team"),
        suspended=row.suspended,
        regulates=row.regulates,
        mail=row.mail,
    )


def put_organization(tx: Tx, one: Organization) -> None:
    """Record or replace an organization."""
    tx.session.execute(delete(tables.Organization).where(tables.Organization.finess == one.finess))
    tx.session.execute(insert(tables.Organization).values(finess=one.finess, name=one.name))


def organization(tx: Tx, finess: str) -> Organization | None:
    """The organization with this number."""
    row = tx.session.get(tables.Organization, finess)
    return None if row is None else Organization(Finess(row.finess), row.name)
