"""The command `anamnese`: a file a family of commands, one place where a Refusal becomes a message and an exit code."""

from __future__ import annotations

import sys

import typer

from access.refusal import Refusal
from cli import (
    acts,
    audit,
    backup,
    bulk,
    claims,
    copies,
    correct,
    demo,
    emergency,
    episodes,
    evaluate,
    identities,
    intake,
    keys,
    mailbox,
    mllp,
    people,
    projection,
    quarantine,
    search,
    service,
    vocabulary,
    watch,
    webhooks,
    wishes,
)
from cli.console import show_refusal
from cli.process import harden
from records.disk import storage_refusal

app = typer.Typer(
    name="anamnese",
    help="Recherche dans les documents médicaux d'un patient, dans les limites de ses autorisations.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
FAMILIES = (
    demo,
    service,
    intake,
    watch,
    mllp,
    mailbox,
    search,
    emergency,
    episodes,
    acts,
    wishes,
    people,
    quarantine,
    identities,
    claims,
    correct,
    projection,
    evaluate,
    audit,
    keys,
    backup,
    copies,
    vocabulary,
    webhooks,
    bulk,
)
for family in FAMILIES:
    family.register(app)


def main() -> None:
    """Run the command; a Refusal is printed with its remedy and exits 1, never a stack trace."""
    harden()
    try:
        app()
    except Refusal as refusal:
        show_refusal(refusal)
        sys.exit(1)
    except OSError as error:  # the disk of the home, or of what it was given
        show_refusal(storage_refusal(error))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
