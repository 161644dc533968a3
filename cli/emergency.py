"""`emergency`: the API's card, with the same rights, in a terminal."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer
from rich.text import Text

from cli.acting import speaking
from cli.compose import Home, open_home, resolve_patient
from cli.console import out, print_json
from cli.settings import load_settings
from search_api.bearers import Bearer
from search_api.card import card_answer
from search_api.card_views import CardView, LineView
from search_api.tokens import caller_of


def register(app: typer.Typer) -> None:
    app.command()(emergency)


def emergency(
    patient: Annotated[str, typer.Option("--patient", help="INS ou identifiant du patient.")],
    practitioner: Annotated[str, typer.Option("--as", help="RPPS du professionnel qui demande.")],
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON : la réponse de l'API.")] = False,
) -> None:
    """La carte d'urgence d'un patient, dans les limites de ses autorisations ; sans index ni modèle."""
    settings = load_settings()
    bearer = speaking(settings, practitioner)
    with open_home(settings) as home:
        found = card_as(home, bearer, patient)
    if json:
        print_json(found.model_dump(mode="json"))
    else:
        show(found)


def card_as(home: Home, bearer: Bearer, patient: str) -> CardView:
    """What `bearer` is answered, journalled like any other access; the door's Refusal included."""
    with home.services.records.read() as tx:
        caller = caller_of(tx, bearer)
    return card_answer(home.services, caller, resolve_patient(home, patient), home.clock(), secrets.token_hex(8))


def show(found: CardView) -> None:
    """Section by section; where nothing is told, what was read."""
    if found.banner:
        out.print(found.banner, style="bold yellow", markup=False)
    for section in found.sections:
        out.print(section.title, style="bold", markup=False)
        for line in section.lines:
            out.print(_line(line))
        if section.empty:
            out.print(f"  {section.empty}", style="dim", markup=False)
    if found.notice:
        out.print(found.notice, style="yellow", markup=False)
    out.print(found.last_line, style="bold", markup=False)


def _line(line: LineView) -> Text:
    """The line, what is remarked of it, and where it stands."""
    told = Text(f"  {'≠ ' if line.contradicted else ''}{line.text}", style="red" if "grave" in line.remarks else "")
    if line.remarks:
        told.append(f" [{' ; '.join(line.remarks)}]", style="yellow")
    if line.source is not None:
        where = f"{line.source.document}, p. {line.source.page}"
        others = f" et {len(line.also)} autre(s)" if line.also else ""
        told.append(f"  {line.date or 'sans date'} · {line.certainty} · {where}{others}", style="dim")
    return told
