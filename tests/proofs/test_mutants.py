"""Mutants of the access rules die by the fast suite: a few in the tests, every one with ANAMNESE_LONG=1."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tools import mutate_policy

LONG = os.environ.get("ANAMNESE_LONG") == "1"


def test_there_are_mutants_of_every_module() -> None:
    every = mutate_policy.every()
    assert len(every) >= 40
    assert {one.module for one in every} == set(mutate_policy.MODULES)
    assert len({(one.module, one.source) for one in every}) == len(every)


@pytest.mark.timeout(0)
def test_mutants_die_and_the_rules_as_they_are_live() -> None:
    """In a process of its own: where other tests have imported the rules already, a mutant would change nothing."""
    command = [sys.executable, mutate_policy.__file__, *([] if LONG else ["--sample", "6"])]
    done = subprocess.run(command, cwd=mutate_policy.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
