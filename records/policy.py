"""The policy in force: the shipped matrix, read once, and the settings of the doubtful points."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from access.habilitation import Matrix, parse_matrix
from access.policy import Policy

CURRENT_MATRIX = "2026-1"


@cache
def load_matrix(version: str = CURRENT_MATRIX) -> Matrix:
    """A version of the matrix. ValueError when its file is not one: the service does not start on a doubtful one."""
    text = (files("access") / "matrix" / f"{version}.yaml").read_text(encoding="utf-8")
    return parse_matrix(yaml.safe_load(text))


def load_policy(**settings: Any) -> Policy:
    """The policy with these settings of `access.policy.Policy`."""
    return Policy(load_matrix(), **settings)
