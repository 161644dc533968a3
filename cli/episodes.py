"""`episodes`: the stays and visits that hospitals announced, as the API tells them, in a terminal."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from cli.acting import speaking
from cli.compose import Home, open_home, resolve_patient
from cli.console import out, print_json
from cli.settings import load_settings
from search_api.bearers import Bearer
from search_api.episodes import READ_EPISODES, CarerView, EpisodeList, EpisodeView, episodes_of
from search_api.marks import PARIS
from search_api.tokens import caller_of
from search_api.visit import Visit

CLASSES = {"I": "hospitalisation", "O": "consultation externe", "E": "urgences", "P": "préadmission"}
ROLES = {"attending": "responsable", "referring": "adresseur", "consulting": "consultant", "admitting": "a admis"}
OTHERS = "Seulement ce qu'il vous revient de savoir ; d'autres séjours peuvent exister."


def register(app: typer.Typer) -> None:
    app.command()(episodes)


def episodes(
    patient: Annotated[str, typer.Option("--patient", help="INS ou identifiant du patient.")],
    practitioner: Annotated[str, typer.Option("--as", help="RPPS du professionnel qui demande.")],
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON : la réponse de l'API.")] = False,
) -> None:
    """Les séjours et venues annoncés par les établissements ; le médecin traitant les voit tous, un autre professionnel
    ceux dont l'équipe le nomme."""
    settings = load_settings()
    bearer = speaking(settings, practitioner)
    with open_home(settings) as home:
        found = episodes_as(home, bearer, patient)
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        show(found)


def episodes_as(home: Home, bearer: Bearer, patient: str) -> EpisodeList:
    """What `bearer` is answered, journalled like any other access; the door's Refusal included."""
    with home.services.records.read() as tx:
        caller = caller_of(tx, bearer)
    named = resolve_patient(home, patient)
    return episodes_of(Visit(home.services, caller, named, READ_EPISODES, home.clock(), secrets.token_hex(8)))


def show(found: EpisodeList) -> None:
    """The latest first, then the sentence that there may be others."""
    if found.episodes:
        table = Table("début", "fin", "genre", "unité", "établissement", "venue", "équipe")
        for one in found.episodes:
            cells = (_day(one.begins), _end(one), _kind(one), one.unit, one.organization, one.visit)
            team = "\n".join(_plain(_carer(each)) for each in one.team)
            table.add_row(*(_plain(cell) for cell in cells), team)
        out.print(table)
    out.print(OTHERS, style="dim", markup=False)


def _plain(text: str) -> str:
    """What a hospital wrote, without what a terminal would obey or Rich take for markup."""
    return escape("".join(one if one.isprintable() else " " for one in text))


def _day(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(PARIS):%Y-%m-%d %H:%M}"


def _end(one: EpisodeView) -> str:
    return "annulé" if one.cancelled else _day(one.ends)


def _kind(one: EpisodeView) -> str:
    return CLASSES.get(one.class_code, one.class_code)


def _carer(one: CarerView) -> str:
    return f"{one.name or one.rpps} ({ROLES[one.role]})"
