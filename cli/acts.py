"""`grant` and `revoke`: recording what a patient allows, for administration and tests."""

from __future__ import annotations

from datetime import datetime, time
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from access.acts import Act
from access.categories import Category
from access.facts import GrantKind
from access.identifiers import is_rpps
from access.refusal import Refusal
from cli.acting import ADMINISTRATION, acting
from cli.console import out, print_json
from cli.intake import day
from records import grants

PARIS = ZoneInfo("Europe/Paris")  # a date typed by a French user begins and ends there


def register(app: typer.Typer) -> None:
    app.command()(grant)
    app.command()(revoke)


def grant(
    patient: Annotated[str, typer.Option("--patient", help="INS ou identifiant du patient.")],
    to: Annotated[str | None, typer.Option("--to", "--as", help="RPPS du professionnel autorisé.")] = None,
    organization: Annotated[str | None, typer.Option(help="FINESS de l'établissement autorisé.")] = None,
    team: Annotated[str | None, typer.Option(help="Équipe de soins autorisée.")] = None,
    category: Annotated[list[str] | None, typer.Option("--category", help="Catégorie permise ; toutes sinon.")] = None,
    since: Annotated[str | None, typer.Option("--from", help="Premier jour (AAAA-MM-JJ) ; maintenant sinon.")] = None,
    until: Annotated[str | None, typer.Option(help="Dernier jour inclus (AAAA-MM-JJ).")] = None,
    medecin_traitant: Annotated[bool, typer.Option(help="Le patient désigne son médecin traitant.")] = False,
    comme_traitant: Annotated[bool, typer.Option(help="Avec les mêmes droits que le médecin traitant.")] = False,
    episode: Annotated[bool, typer.Option(help="À l'équipe de soins (--team) d'un épisode.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON.")] = False,
) -> None:
    """Enregistrer une autorisation donnée par le patient."""
    kind, grantee = _grantee(to, organization, team)
    with acting(patient, Act.GRANT, detail=f"{kind} {grantee}", create=True) as (tx, patient_id, now):
        added = grants.add_grant(
            tx,
            patient_id=patient_id,
            grantee_kind=kind,
            grantee=grantee,
            kind=_kind(medecin_traitant, comme_traitant, episode),
            categories=frozenset(map(_category, category)) if category else None,
            valid_from=_day(since, time.min) if since else now,
            valid_until=_day(until, time.max) if until else None,
            recorded_by=ADMINISTRATION,
            now=now,
        )
    if json:
        print_json({"grant_id": added.grant_id, "patient_id": added.patient_id})
    else:
        out.print(f"Autorisation {added.grant_id} enregistrée.")


def revoke(
    patient: Annotated[str, typer.Option("--patient", help="INS ou identifiant du patient.")],
    grant_id: Annotated[str | None, typer.Option("--grant", help="Identifiant de l'autorisation.")] = None,
    to: Annotated[str | None, typer.Option("--to", "--as", help="Toutes celles de ce professionnel (RPPS).")] = None,
    organization: Annotated[str | None, typer.Option(help="Toutes celles de cet établissement (FINESS).")] = None,
    team: Annotated[str | None, typer.Option(help="Toutes celles de cette équipe.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON.")] = False,
) -> None:
    """Révoquer une autorisation ; effet dès la requête suivante."""
    with acting(patient, Act.REVOKE, detail=grant_id or to or organization or team or "") as (tx, patient_id, now):
        if grant_id is not None:
            ids = [grant_id]
        else:
            kind, grantee = _grantee(to, organization, team)
            ids = [
                g.grant_id
                for g in grants.grants_without_scope(tx, patient_id)
                if (g.grantee_kind, g.grantee) == (kind, grantee) and g.revoked_at is None
            ]
        revoked = [i for i in ids if grants.revoke_grant(tx, i, patient_id, now, ADMINISTRATION)]
        if not revoked:
            raise Refusal(
                "grant", "no-such-grant", "Aucune autorisation en vigueur ne correspond.", "Vérifiez la commande."
            )
    if json:
        print_json({"revoked": revoked})
    else:
        out.print(f"{len(revoked)} autorisation(s) révoquée(s).")


def _grantee(to: str | None, organization: str | None, team: str | None) -> tuple[str, str]:
    named = [(k, v) for k, v in (("practitioner", to), ("organization", organization), ("team", team)) if v]
    if len(named) != 1:
        raise Refusal(
            "grant", "bad-request", "Il faut --to, --organization ou --team, et un seul.", "Corrigez la commande."
        )
    if to and not is_rpps(to):
        raise Refusal("grant", "bad-rpps", "Un numéro RPPS a 11 chiffres.", "Vérifiez le numéro.")
    return named[0]


def _kind(medecin_traitant: bool, comme_traitant: bool, episode: bool) -> GrantKind:
    if medecin_traitant + comme_traitant + episode > 1:
        raise Refusal("grant", "bad-request", "Une autorisation n'est que d'un genre.", "Corrigez la commande.")
    if medecin_traitant:
        return GrantKind.MEDECIN_TRAITANT
    if comme_traitant:
        return GrantKind.AS_TRAITANT
    return GrantKind.CARE_TEAM if episode else GrantKind.CONSENT


def _category(text: str) -> Category:
    try:
        return Category(text)
    except ValueError:
        known = ", ".join(Category)
        raise Refusal("grant", "bad-category", f"Catégorie inconnue : {text}.", f"Choisissez parmi {known}.") from None


def _day(text: str, at: time) -> datetime:
    return datetime.combine(day(text), at, PARIS)
