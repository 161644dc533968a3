"""Sandboxes of several strengths, and a way to ask a child for mischief."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ingest.sandbox.bounds import Bounds
from ingest.sandbox.client import Sandbox
from ingest.sandbox.fork_server import ForkServer
from ingest.sandbox.run import Run

PROJECT = Path(__file__).resolve().parents[2]
EVIL = "tests.sandbox.evil_server"
STRENGTHS = ("", "namespaces", "namespaces+landlock", "namespaces+landlock+seccomp")
"""What the machine forbids, from nothing to everything."""


@contextmanager
def evil_server(without: str = "") -> Iterator[ForkServer]:
    """A server whose children misbehave, on a machine that lacks some parts."""
    server = ForkServer(EVIL, {"PYTHONPATH": str(PROJECT), "WITHOUT": without})
    try:
        server.active()
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def server() -> Iterator[ForkServer]:
    """All that this machine has."""
    with evil_server() as made:
        yield made


@pytest.fixture(scope="session", params=STRENGTHS, ids=lambda without: f"without-{without or 'nothing'}")
def any_server(request: pytest.FixtureRequest) -> Iterator[ForkServer]:
    """The same on weaker and weaker machines."""
    with evil_server(request.param) as made:
        yield made


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """The product's own."""
    made = Sandbox()
    yield made
    made.close()


Ask = Callable[..., list[Any]]


def ask(server: ForkServer, act: str, bounds: Bounds = Bounds(), **request: Any) -> list[Any]:
    """The last thing that a child says which was asked for an act; raises what the client makes of it."""
    said: list[Any] = []
    with running(server, act, bounds, **request) as run:
        for value in run.values():
            said = value
            if act not in ("eat", "eat_by_many", "flood"):
                return said
    return said


@contextmanager
def running(server: ForkServer, act: str, bounds: Bounds = Bounds(), **request: Any) -> Iterator[Run]:
    """A child that was asked for an act."""
    data = os.memfd_create("test")
    try:
        run = Run(server, data, {"do": act, "bounds": dataclasses.asdict(bounds), **request}, bounds)
    finally:
        os.close(data)
    with run:
        yield run
