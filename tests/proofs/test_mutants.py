"""Mutants of the access rules die by the fast suite: a few in the tests, every one with ANAMNESE_LONG=1."""

from __future__ import annotations

import os

import pytest

from tools import mutate_policy

LONG = os.environ.get("ANAMNESE_LONG") == "1"
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")


def test_there_are_mutants_of_every_module() -> None:
    every = mutate_policy.every()
    assert len(every) >= 40
    assert {one.module for one in every} == set(mutate_policy.MODULES)
    assert len({(one.module, one.source) for one in every}) == len(every)


@pytest.mark.timeout(0)
def test_mutants_die_and_the_rules_as_they_are_live() -> None:
    every = mutate_policy.every()
    chosen = every if LONG else every[:: len(every) // 6]
    assert not mutate_policy.killed(mutate_policy.control())
    assert [one.name for one in mutate_policy.survivors(chosen)] == []
