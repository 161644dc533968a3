"""One small home, built once with a real scan in it, copied for tests that change it; one Chromium for all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from cli.sample_home import Sample
from samples.generate import generate
from tests.web.site import CHROMIUM, Site, build, open_site, wanted


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("samples")
    manifest = generate(folder, "demo", wanted)
    return Sample(folder, json.loads(manifest.read_text("utf-8")))


@pytest.fixture(scope="session")
def built(sample: Sample, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("built") / "home"
    build(folder, sample)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, as installed: no browser is downloaded."""
    program = next(filter(None, map(shutil.which, CHROMIUM)), None)
    assert program is not None, "Chromium is missing: run `bash tools/system-packages.sh browser`"
    with sync_playwright() as playwright:
        expect.set_options(timeout=60_000)  # a first search loads the model; nothing here measures time
        launched = playwright.chromium.launch(
            executable_path=program,
            args=["--no-sandbox", "--disable-background-networking", "--disable-dev-shm-usage", "--disable-gpu"],
        )
        yield launched
        launched.close()


@pytest.fixture(scope="session")
def site(built: Path, sample: Sample, browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A copy of the home for the tests that change nothing but the journal."""
    with open_site(built, tmp_path_factory.mktemp("site") / "home", sample, browser) as opened:
        yield opened


@pytest.fixture(scope="module")
def changed_site(
    built: Path, sample: Sample, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """A copy for the tests of a module that change it without standing in each other's way: a copy costs seconds."""
    with open_site(built, tmp_path_factory.mktemp("changed") / "home", sample, browser) as opened:
        yield opened


@pytest.fixture
def own_site(built: Path, sample: Sample, browser: Browser, tmp_path: Path) -> Iterator[Site]:
    """A copy for one test, which may change it."""
    with open_site(built, tmp_path / "home", sample, browser) as opened:
        yield opened
