"""One home for the whole suite, built once and copied: building it takes three seconds, copying it 20 ms."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest

from index.port import Generations
from records.patients import Identity
from records.postgres import Server
from tests.search_api.world import DAY, World, ins_of, open_world

DOCTOR, TRAITANT, BIOLOGIST = "10000000001", "10000000002", "10000000003"
STRANGER, EXPIRED, REVOKED, SUSPENDED = "10000000004", "10000000005", "10000000006", "10000000007"
PEOPLE = (DOCTOR, TRAITANT, BIOLOGIST, STRANGER, EXPIRED, REVOKED)

TEXTS = {
    "lettre": "Lettre de liaison.\n\nLe patient présente une allergie à la pénicilline connue depuis l'enfance.",
    "bilan": "Compte rendu de biologie.\n\nHémoglobine 13,2 g/dL. Ferritine basse à 8 µg/L. Kaliémie normale.",
    "ordonnance": "Ordonnance.\n\nAmoxicilline contre-indiquée. Azithromycine 500 mg par jour pendant trois jours.",
    "vih": "Sérologie.\n\nSérologie VIH positive confirmée par western blot. Charge virale indétectable.",
    "biopsie": "Anatomopathologie.\n\nBiopsie mammaire : carcinome canalaire infiltrant, à annoncer en consultation.",
}


@pytest.fixture(scope="session")
def closed_home(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Marie, with five documents (one masked, one hidden from her), Paul with one, and seven practitioners; closed."""
    world = open_world(tmp_path_factory.mktemp("made") / "home")
    _people(world)
    _documents(world)
    world.close()
    return world


@pytest.fixture(scope="module")
def world(closed_home: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A copy of that home for the tests of a module that change nothing but the journal."""
    with copied(closed_home, tmp_path_factory.mktemp("home") / "home") as world:
        yield world


@pytest.fixture
def own_world(closed_home: World, tmp_path: Path) -> Iterator[World]:
    """A copy for one test, which may change it."""
    with copied(closed_home, tmp_path / "home") as world:
        yield world


@contextmanager
def copied(
    closed: World, home: Path, engine: Generations | None = None, server: Server | None = None
) -> Iterator[World]:
    shutil.copytree(closed.home, home)
    world = open_world(home, engine=engine, server=server)
    for names in ("patients", "documents", "grants"):
        getattr(world, names).update(getattr(closed, names))
    with world.http:
        yield world
    world.close()


def _people(world: World) -> None:
    marie = Identity(ins_of("2850375123456"), "qualified", "MARTIN", "MARIE LOUISE", date(1985, 3, 12), "F", "75112")
    paul = Identity(ins_of("1850375123456"), "qualified", "DURAND", "PAUL", date(1985, 3, 20), "M", "75112")
    world.add_patient("marie", marie)
    world.add_patient("paul", paul)
    for rpps in PEOPLE:
        world.add_practitioner(rpps, organizations=("750000001",) if rpps == DOCTOR else ())
    world.add_practitioner(SUSPENDED, suspended=True)
    world.grant("doctor", "marie", DOCTOR)
    world.grant("traitant", "marie", TRAITANT, kind="medecin_traitant")
    world.grant("biologist", "marie", BIOLOGIST, categories=frozenset({"biology"}))
    world.grant("expired", "marie", EXPIRED, valid_until=world.clock.now - DAY)
    world.grant("revoked", "marie", REVOKED)
    world.grant("suspended", "marie", SUSPENDED)
    world.grant("paul", "paul", TRAITANT)
    world.revoke("revoked", "marie")


def _documents(world: World) -> None:
    for name, text in TEXTS.items():
        world.deposit(name, "marie", text)
    world.deposit("paul", "paul", "Lettre de liaison.\n\nAllergie à la pénicilline chez Paul, urticaire géante.")
    world.work()
    world.describe("lettre", "11490-0", date(2024, 5, 2), "Lettre de sortie")
    world.describe("bilan", "11502-2", date(2025, 1, 9), "Bilan martial")
    world.describe("ordonnance", "57833-6", date(2025, 1, 10), "Ordonnance")
    world.describe("vih", "11502-2", date(2023, 6, 1), "Sérologie")
    world.describe("biopsie", "60568-3", date(2026, 2, 20), "Biopsie")
    world.hide("vih", masked=True)
    world.hide("biopsie", hidden_from_patient=True)
    world.work()
