"""Both arms over HTTP, with the default model: what is found by its meaning, and what is said when it is not."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from access.refusal import Refusal
from index.embedders.factory import build_embedder
from index.embedders.none import NoEmbedder
from index.port import Generation
from records.patients import Identity
from search_api.ask import answer
from search_api.finding import SearchRequest
from search_api.services import ServingIndex
from search_api.tokens import Bearer, caller_of
from search_api.visit import PURPOSES, CallerKind
from tests.search_api.conftest import DOCTOR, TEXTS
from tests.search_api.world import World, ins_of, open_world

CACHE = Path(os.environ.get("ANAMNESE_CACHE", Path(__file__).resolve().parents[2] / ".cache"))


@pytest.fixture(scope="module")
def hybrid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = open_world(tmp_path_factory.mktemp("hybrid") / "home", build_embedder("onnx", None, CACHE))
    marie = Identity(ins_of("2850375123456"), "qualified", "MARTIN", "MARIE", date(1985, 3, 12), "F", "75112")
    with world.http:
        world.add_patient("marie", marie)
        world.add_practitioner(DOCTOR)
        world.grant("doctor", "marie", DOCTOR)
        for name, text in TEXTS.items():
            world.deposit(name, "marie", text)
        world.work()
        yield world
    world.close()


def test_a_question_without_a_common_word_is_found_by_its_meaning(hybrid: World) -> None:
    result = hybrid.search("intolérance à un antibiotique", hybrid.bearer(DOCTOR)).json()
    assert result["mode"] == "hybrid"
    assert result["coverage"]["degraded"] == []
    found = [hit["document"]["id"] for hit in result["hits"]]
    assert found[:1] in ([hybrid.documents["lettre"]], [hybrid.documents["ordonnance"]])


def test_meaning_alone_can_be_asked(hybrid: World) -> None:
    result = hybrid.search(
        "tumeur maligne du sein, résultat de la biopsie", hybrid.bearer(DOCTOR), mode="meaning"
    ).json()
    assert result["mode"] == "meaning"
    assert [hit["document"]["id"] for hit in result["hits"]][:1] == [hybrid.documents["biopsie"]]
    assert all(not passage["highlights"] for hit in result["hits"] for passage in hit["passages"])


def test_a_question_over_the_models_window_is_asked_by_its_words(hybrid: World) -> None:
    result = hybrid.search("pénicilline " * 160, hybrid.bearer(DOCTOR)).json()
    assert result["mode"] in ("words", "hybrid")
    assert (result["mode"] == "words") == ("words only" in result["coverage"]["degraded"])
    assert result["hits"]


def test_an_index_of_another_model_is_asked_by_words_only(hybrid: World) -> None:
    """Vectors of two models do not compare: better no meaning than a wrong one."""
    generations = hybrid.generations
    services = dataclasses.replace(
        hybrid.services, index=ServingIndex(generations, lambda: Generation("anamnese", "0" * 12))
    )
    with services.records.read() as tx:
        caller = caller_of(tx, Bearer(CallerKind.PRACTITIONER, DOCTOR))
    view = answer(services, caller, hybrid.patients["marie"], SearchRequest("pénicilline"), hybrid.clock.now, "r")
    assert (view.mode, view.coverage.degraded) == ("words", ["words only"])
    assert view.hits
    assert PURPOSES[caller.kind] == "care"


class BrokenEmbedder(NoEmbedder):
    """A model that does not load, for bad days."""

    dimensions = 384

    def embed_query(self, text: str) -> object:  # type: ignore[override]  # noqa: ARG002
        raise Refusal("embed", "embedder-unavailable", "Le modèle ne se charge pas.", "Réinstallez-le.")


def test_a_broken_model_leaves_the_words(hybrid: World) -> None:
    services = dataclasses.replace(hybrid.services, embedder=BrokenEmbedder())  # type: ignore[arg-type]
    with services.records.read() as tx:
        caller = caller_of(tx, Bearer(CallerKind.PRACTITIONER, DOCTOR))
    view = answer(services, caller, hybrid.patients["marie"], SearchRequest("pénicilline"), hybrid.clock.now, "r")
    assert (view.mode, view.coverage.degraded) == ("words", ["words only"])
    assert view.hits
