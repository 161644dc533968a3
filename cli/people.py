"""`practitioner`, `representative`, `contact`, `break-glass`, `notify`: the people around a record."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, time
from typing import Annotated, Literal

import typer
from rich.table import Table

from access.acts import Act
from access.facts import RelationKind
from access.identifiers import Rpps
from access.refusal import Refusal
from cli.acting import ADMINISTRATION, Json, Patient, acting, nothing_to_undo, professional, speaking, told
from cli.compose import open_home, resolve_patient
from cli.console import out, print_json
from cli.intake import day
from cli.outlets import mail_server
from cli.settings import load_settings
from records import emergencies, notifications, patients, practitioners, relations
from records.practitioners import Practitioner
from search_api.door import break_in
from search_api.marks import PARIS
from search_api.notifier import send_due
from search_api.reminders import remind
from search_api.tokens import caller_of
from search_api.visit import Visit

Reason = Literal["unconscious", "life_threatening", "cannot_consent", "other"]
Kind = Literal["legal_representative", "guardian", "curator"]


def register(app: typer.Typer) -> None:
    for command in (practitioner, representative, contact, notify):
        app.command()(command)
    app.command("break-glass")(break_glass)


def practitioner(
    rpps: Annotated[str, typer.Argument(help="RPPS.")],
    profession: Annotated[str, typer.Option(help="Profession : mot usuel ou code ANS (10, 60…).")],
    specialty: Annotated[str, typer.Option(help="Spécialité : mots usuels ou code (SM54…).")] = "",
    name: Annotated[str, typer.Option(help="Nom.")] = "",
    organization: Annotated[list[str] | None, typer.Option(help="FINESS d'un établissement.")] = None,
    team: Annotated[list[str] | None, typer.Option(help="Équipe de soins.")] = None,
    regulates: Annotated[bool, typer.Option(help="Médecin régulateur du Centre 15.")] = False,
    suspended: Annotated[bool, typer.Option(help="Ne peut plus rien.")] = False,
    mail: Annotated[
        str | None,
        typer.Option(
            help="Où l'avertir, médecin traitant, d'un accès d'urgence ; vide : nulle part ; sinon comme avant."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Enregistrer ou remplacer un professionnel ; dit la ligne de la matrice d'habilitation qui est la sienne."""
    one = Practitioner(
        Rpps(professional(rpps)),
        name,
        profession,
        specialty,
        tuple(organization or ()),
        tuple(team or ()),
        suspended=suspended,
        regulates=regulates,
    )
    with open_home(load_settings()) as home:
        with home.services.records.write() as tx:
            before = practitioners.practitioner(tx, rpps) if mail is None else None
            kept = before.mail if before else mail or ""
            practitioners.put_practitioner(tx, replace(one, mail=kept))
        role = home.services.policy.matrix.role_of(profession, specialty)
    sentence = f"Habilitation : {role.name or 'aucune'} ({len(role.types)} types de documents)."
    told(json, sentence, rpps=rpps, role=role.name, types=len(role.types))


def representative(
    patient: Patient,
    person: Annotated[str, typer.Option("--person", help="INS ou identifiant de la personne.")],
    kind: Annotated[Kind, typer.Option(help="Représentant d'un mineur, tuteur à la personne, curateur.")],
    until: Annotated[str | None, typer.Option(help="Dernier jour inclus (AAAA-MM-JJ).")] = None,
    end: Annotated[bool, typer.Option("--end", help="Y mettre fin.")] = False,
    json: Json = False,
) -> None:
    """Enregistrer qui regarde pour un patient, ou y mettre fin."""
    with open_home(load_settings()) as home:
        who = resolve_patient(home, person)
    act = Act.END_REPRESENT if end else Act.REPRESENT
    with acting(patient, act, detail=f"{kind} {who}") as (tx, patient_id, now):
        if not patients.exists(tx, patient_id):
            raise Refusal("act", "no-such-patient", "Ce patient n'est pas enregistré.", "Vérifiez l'identité.")
        if end:
            ids = relations.ids_without_scope(tx, patient_id, who, RelationKind(kind))
            if not sum(relations.end_relation(tx, patient_id, each, now) for each in ids):
                raise nothing_to_undo()
        else:
            relations.record_representative(
                tx,
                patient_id,
                who,
                RelationKind(kind),
                now=now,
                by=ADMINISTRATION,
                valid_until=datetime.combine(day(until), time.max, PARIS) if until else None,
            )
    told(json, "Enregistré.", patient_id=patient_id, person=who, kind=kind, ended=end)


def contact(
    patient: Patient,
    mail: Annotated[str, typer.Option("--mail", help="Adresse ; vide pour ne plus écrire.")],
    reminders: Annotated[
        bool | None, typer.Option(help="Écrire aussi les rappels de vaccination ; comme avant sinon.")
    ] = None,
    json: Json = False,
) -> None:
    """Où écrire au patient quand on a regardé son dossier."""
    with acting(patient, Act.CONTACT, create=True) as (tx, patient_id, now):
        notifications.set_address(tx, patient_id, mail, now, reminders=reminders)
    told(json, "Adresse enregistrée.", patient_id=patient_id)


def break_glass(
    patient: Patient,
    practitioner: Annotated[str, typer.Option("--as", help="RPPS du professionnel.")],
    reason: Annotated[Reason, typer.Option(help="Motif.")],
    comment: Annotated[str, typer.Option(help="Commentaire, pour l'auditeur.")] = "",
    json: Json = False,
) -> None:
    """Urgence vitale : ouvrir le dossier pour une heure, ou prolonger. Journalisé, notifié, relu."""
    settings = load_settings()
    bearer = speaking(settings, practitioner)
    with open_home(settings) as home:
        with home.services.records.read() as tx:
            caller = caller_of(tx, bearer)
        patient_id = resolve_patient(home, patient)
        visit = Visit(home.services, caller, patient_id, Act.BREAK_GLASS, home.clock(), secrets.token_hex(8))
        until = break_in(visit, reason, comment)
    told(json, f"Accès d'urgence jusqu'à {until.astimezone(PARIS):%H:%M}.", patient_id=patient_id, until=until)


def notify(json: Json = False) -> None:
    """Mettre en attente les rappels dus, puis envoyer ce qui attend, une fois."""
    settings = load_settings()
    server = mail_server(settings)
    if server is None:
        raise Refusal(
            "notify",
            "no-mail-server",
            "Aucun serveur de courrier n'est réglé : les notifications attendent.",
            "Réglez ANAMNESE_SMTP_HOST et ANAMNESE_MAIL_FROM.",
        )
    with open_home(settings) as home:
        remind(home.services.records, home.services.policy, home.clock())
        done = send_due(home.services.records, home.services.policy, server, home.clock())
    told(
        json,
        f"{done.sent} envoyée(s), {done.failed} en échec, {done.unaddressed} sans adresse, {done.withheld} retenue(s).",
        **done.as_dict(),
    )


def show_emergencies(
    every: Annotated[bool, typer.Option("--all", help="Aussi ceux qui ont été relus.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Les plus récents d'abord.")] = 50,
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON par accès.")] = False,
) -> None:
    """Les accès d'urgence à relire."""
    with open_home(load_settings()) as home, home.services.records.read() as tx:
        found = emergencies.emergencies_for_audit_without_scope(tx, unreviewed=not every, limit=limit)
    if json:
        for each in found:
            print_json(emergencies.as_dict(each))
        return
    table = Table("quand", "qui", "patient", "motif", "jusqu'à", "prolongé", "relu")
    for each in found:
        when, until = f"{each.opened_at:%Y-%m-%d %H:%M}", f"{each.valid_until:%H:%M}"
        verdict = each.verdict or "—"
        table.add_row(when, each.practitioner, each.patient_id, each.reason, until, str(each.extensions), verdict)
    out.print(table)
