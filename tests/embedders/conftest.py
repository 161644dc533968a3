"""Both backends on the same weights. ANAMNESE_TEST_WITHOUT_TORCH=1 leaves the tests of torch out, and says so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from index.embedders.factory import build_embedder
from index.embedders.port import Embedder

PROJECT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("ANAMNESE_CACHE", PROJECT / ".cache"))
WITHOUT_TORCH = os.environ.get("ANAMNESE_TEST_WITHOUT_TORCH") == "1"
_left_out: list[str] = []


def _needs_torch(item: pytest.Item) -> bool:
    return bool({"torch_embedder", "torch_directory"} & set(getattr(item, "fixturenames", ()))) or (
        "[sentence-transformers" in item.name
    )


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not WITHOUT_TORCH:
        return
    out = [item for item in items if _needs_torch(item)]
    _left_out.extend(item.nodeid for item in out)
    config.hook.pytest_deselected(items=out)
    items[:] = [item for item in items if not _needs_torch(item)]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _left_out:
        terminalreporter.write_line(
            f"ANAMNESE_TEST_WITHOUT_TORCH=1: {len(_left_out)} tests of sentence-transformers left out"
        )


@pytest.fixture(scope="session")
def cache() -> Path:
    """The shared cache: the graph is built, and the weights converted, once a machine."""
    return CACHE


@pytest.fixture(scope="session")
def onnx_embedder(cache: Path) -> Embedder:
    return build_embedder("onnx", None, cache)


@pytest.fixture(scope="session")
def torch_embedder(cache: Path) -> Embedder:
    return build_embedder("sentence-transformers", None, cache)


@pytest.fixture(params=["onnx", "sentence-transformers"])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    """Each backend in turn. The fixture is looked up late, so that `onnx` alone never loads torch."""
    name = "onnx_embedder" if request.param == "onnx" else "torch_embedder"
    found: Embedder = request.getfixturevalue(name)
    return found
