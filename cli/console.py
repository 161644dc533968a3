"""What the commands print: with --json, JSON and nothing else on stdout; progress, tables and refusals on stderr."""

from __future__ import annotations

import json
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from access.refusal import Refusal

out = Console()
err = Console(stderr=True)


def print_json(value: dict[str, Any]) -> None:
    """One JSON object on one line of stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, default=str))


def show_refusal(refusal: Refusal) -> None:
    """What happened, at which stage, what to do."""
    err.print(f"[bold red]Refusé[/] ({refusal.stage} / {refusal.code})", highlight=False)
    err.print(refusal.message, markup=False, highlight=False)
    err.print(refusal.remedy, style="bold", markup=False, highlight=False)


def progress_bar() -> Progress:
    """A bar that counts documents, on stderr."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=err
    )
