"""`mailbox`: an IMAP mailbox as unattended intake."""

from __future__ import annotations

import ipaddress
import threading
from typing import Annotated

import typer

from access.refusal import Refusal
from cli.compose import open_home
from cli.console import err, print_json
from cli.settings import Settings, load_settings
from ingest.mailbox import Account, Round, look

LONGEST = 600.0  # seconds between two tries of a mailbox that is away


def register(app: typer.Typer) -> None:
    app.command()(mailbox)


def mailbox(
    once: Annotated[bool, typer.Option("--once", help="Relever une fois, puis sortir (cron).")] = False,
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON par relève.")] = False,
) -> None:
    """Relever une boîte IMAP : chaque message est déposé, puis rangé ; sans patient connu, il attend une personne."""
    settings = load_settings()
    account = account_of(settings)
    with open_home(settings, serving=True) as home:
        wait, pause = settings.mailbox_poll, threading.Event()
        while True:
            try:
                done = look(account, home.bench)
                home.wake()
                _tell(done, json=json)
                wait = settings.mailbox_poll
                if once:
                    raise typer.Exit(1 if done.refused or done.left else 0)
            except Refusal as refusal:
                if once or refusal.stage == "start":
                    raise
                err.print(f"En attente : {refusal.message}", markup=False, highlight=False)
                wait = min(LONGEST, wait * 2)
            pause.wait(wait)


def account_of(settings: Settings) -> Account:
    """The account of the settings; a Refusal for one that is incomplete, or in clear over a network."""
    if settings.mailbox_host is None or settings.mailbox_user is None or settings.mailbox_password_file is None:
        raise Refusal(
            "start",
            "no-mailbox",
            "Aucune boîte aux lettres n'est réglée.",
            "Réglez ANAMNESE_MAILBOX_HOST, ANAMNESE_MAILBOX_USER et ANAMNESE_MAILBOX_PASSWORD_FILE.",
        )
    if settings.mailbox_security == "none" and not _is_loopback(settings.mailbox_host):
        raise Refusal(
            "start",
            "mailbox-in-clear",
            "Une boîte aux lettres distante ne se relève pas en clair.",
            "Réglez ANAMNESE_MAILBOX_SECURITY à tls ou starttls.",
        )
    try:
        password = settings.mailbox_password_file.read_text(encoding="utf-8").strip("\r\n")
    except (OSError, UnicodeDecodeError):
        raise Refusal(
            "start", "no-password-file", "Le fichier du mot de passe ne se lit pas.", "Vérifiez son chemin."
        ) from None
    return Account(
        host=settings.mailbox_host,
        port=settings.mailbox_port,
        user=settings.mailbox_user,
        password=password,
        security=settings.mailbox_security,
        authorities=None if settings.mailbox_authorities is None else str(settings.mailbox_authorities),
        inbox=settings.mailbox_inbox,
        done=settings.mailbox_done,
        refused=settings.mailbox_refused,
        organisation=settings.mailbox_organisation,
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tell(done: Round, *, json: bool) -> None:
    if json:
        print_json({"taken": done.taken, "waiting": done.waiting, "refused": done.refused, "left": done.left})
    elif done != Round():
        said = f"{done.taken} message(s) déposé(s), dont {done.waiting} sans patient connu ; {done.refused} refusé(s)"
        err.print(said, highlight=False)
