"""Runs commands of whatever code is on the path in one process: a start costs seconds, and a day has twenty commands.

    python driver.py < '[["verify", "--json"], ["DEPOSIT", "file", "patient"], ...]'

Prints a JSON list of {"code", "out"} and where the code lies. DEPOSIT stores a document as `ingest` does and stops
there, as a machine that is switched off. Only what the first pinned commit has already may be imported here.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, os.getcwd())

from typer.testing import CliRunner

import records.keys
from access.refusal import Refusal
from cli.compose import open_home, resolve_patient
from cli.main import app
from cli.settings import load_settings
from ingest.batch import deposit


def run(arguments: list[str]) -> dict[str, object]:
    if arguments[0] == "DEPOSIT":
        with open_home(load_settings()) as home:
            done = deposit(Path(arguments[1]), resolve_patient(home, arguments[2]), home.bench, by="administration")
        return {"code": 1 if done.refusal else 0, "out": ""}
    result = CliRunner().invoke(app, arguments)
    if isinstance(result.exception, Refusal):
        return {"code": 1, "out": result.exception.code}
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return {"code": result.exit_code, "out": result.stdout}


if __name__ == "__main__":
    outcomes = [run(arguments) for arguments in json.load(sys.stdin)]
    print(json.dumps({"code": records.keys.__file__, "outcomes": outcomes}))
