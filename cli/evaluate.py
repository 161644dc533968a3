"""`evaluate`: how good the ranking is on a judged collection in BEIR format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.compose import evaluation_engine
from cli.console import err, out, print_json
from cli.local_services import cache_folder
from cli.settings import load_settings


def register(app: typer.Typer) -> None:
    app.command()(evaluate)


def evaluate(
    folder: Annotated[Path, typer.Argument(help="Dossier BEIR : corpus.jsonl, queries.jsonl, qrels/.")],
    split: Annotated[str, typer.Option(help="Fichier de jugements, sans .tsv.")] = "dev",
    mode: Annotated[Literal["lexical", "semantic", "hybrid"], typer.Option(help="Bras de la recherche.")] = "hybrid",
    engine: Annotated[Literal["embedded", "opensearch"], typer.Option(help="Moteur.")] = "embedded",
    save: Annotated[Path | None, typer.Option(help="Fichier où garder les valeurs de chaque question.")] = None,
    against: Annotated[Path | None, typer.Option(help="Fichier de --save : les différences par question.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Un objet JSON.")] = False,
) -> None:
    """Mesurer nDCG@10, Recall@100, MRR@10, latence et débit d'indexation."""
    from index.evaluation.compare import compare, load_run, save_run
    from index.evaluation.runner import evaluate as run

    before = None if against is None else load_run(against)
    with evaluation_engine(load_settings(), engine) as (generations, embedder, cut):
        evaluation = run(
            folder,
            split=split,
            mode=mode,
            generations=generations,
            embedder=embedder,
            cut=cut,
            vectors=cache_folder() / "evaluation",
        )
    if save is not None:
        save_run(save, evaluation)
    found = evaluation.as_dict() | ({} if before is None else {"against": compare(evaluation, before).as_dict()})
    if json:
        print_json(found)
    else:
        err.print(f"{folder.name} / {split} / {mode} / {engine}", highlight=False)
        for name, value in found.items():
            out.print(f"{name}: {value}", highlight=False)
