"""`search`: the API's answer, with the same rights, in a terminal."""

from __future__ import annotations

import secrets
from typing import Annotated

import typer
from rich.markup import escape
from rich.text import Text

from cli.acting import speaking
from cli.compose import Home, open_home, resolve_patient
from cli.console import out, print_json
from cli.settings import load_settings
from search_api.ask import answer
from search_api.bearers import Bearer
from search_api.finding import SearchRequest
from search_api.tokens import caller_of
from search_api.views import AnswerView, PassageView

FAR = "  [yellow]éloigné[/]"


def register(app: typer.Typer) -> None:
    app.command()(search)


def search(
    query: Annotated[str, typer.Argument(help="Mots, question, code, date…")],
    patient: Annotated[str, typer.Option("--patient", help="INS ou identifiant du patient.")],
    practitioner: Annotated[str, typer.Option("--as", help="RPPS du professionnel qui demande.")],
    limit: Annotated[int, typer.Option(min=1, max=50, help="Documents montrés au plus.")] = 10,
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON : la réponse de l'API.")] = False,
) -> None:
    """Chercher dans le dossier d'un patient, dans les limites de ses autorisations."""
    settings = load_settings()
    bearer = speaking(settings, practitioner)
    with open_home(settings) as home:
        found = ask_as(home, bearer, patient, query, limit)
    if json:
        print_json(found.model_dump(mode="json", by_alias=True))
    else:
        show(found)


def ask_as(home: Home, bearer: Bearer, patient: str, query: str, limit: int = 10) -> AnswerView:
    """What `bearer` is answered, journalled like any other access; the door's Refusal included."""
    with home.services.records.read() as tx:
        caller = caller_of(tx, bearer)
    patient_id = resolve_patient(home, patient)
    request = SearchRequest(query=query, limit=limit)
    return answer(home.services, caller, patient_id, request, home.clock(), secrets.token_hex(8))


def show(found: AnswerView) -> None:
    """Hits with their matched words marked, then what was and was not searched."""
    for each in found.corrections:
        out.print(f"[dim]« {escape(each.from_)} » cherché aussi comme « {escape(each.to)} »[/]")
    for line in found.understood:
        out.print(f"compris : {line}", style="dim", markup=False)
    for each in found.suggestions:
        out.print(f"« {each.from_} » : vouliez-vous dire « {each.to} » ?", style="dim", markup=False)
    if found.expansions:
        also = ", ".join(dict.fromkeys(each.to for each in found.expansions))
        out.print(f"cherché aussi : {also}", style="dim", markup=False)
    for hit in found.hits:
        document = hit.document
        facts = (document.type, str(document.event_date or "sans date"), document.author, document.organization)
        about = escape(" · ".join(filter(None, facts)))
        out.print(
            f"[bold]{hit.rank}. {escape(document.title or document.type)}[/]  [dim]{about}[/]{FAR if hit.far else ''}"
        )
        for signature in document.signatures:
            if signature.verdict == "broken":
                out.print(f"   {signature.message}", style="red", markup=False)
        for passage in hit.passages[:2]:
            out.print(_excerpt(passage))
        for note in document.notes:
            out.print(f"   p. {', '.join(map(str, note.pages))} : {note.message}", style="dim", markup=False)
    covered = found.coverage
    out.print(
        f"[dim]{found.total} document(s) contiennent un mot cherché ; {covered.searched} cherché(s), "
        f"{covered.pending} en attente, {covered.unreadable_pages} page(s) illisible(s).[/]"
    )
    for line in (*covered.degraded, covered.notice):
        out.print(line, style="dim", markup=False)


def _excerpt(passage: PassageView) -> Text:
    """The passage on one line, matched words underlined, after its page and section."""
    text = Text(passage.text.replace("\n", " "))
    for start, end in passage.highlights:
        text.stylize("bold underline", start, end)
    denied = " (dit absent)" if passage.assertion == "absent" else ""
    where = f"   p. {passage.page}{denied}" + (f", {passage.section}" if passage.section else "") + " : "
    return Text(where, style="dim") + text
