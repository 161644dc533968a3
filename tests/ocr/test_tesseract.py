"""The engine reads what was drawn, whatever way the picture came, and says where each word is."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pytesseract import pytesseract as runner

from access.refusal import Refusal
from ocr import prepare, private
from ocr.build import build_ocr
from ocr.null import NullOcr
from ocr.port import Ocr, ReadPicture
from ocr.tesseract import TesseractOcr
from tests.ocr.pictures import LETTER, accuracy, letter, noisy, rotated, uncovered


def text_of(read: ReadPicture) -> str:
    return " ".join(word.text for word in read.words)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_every_quarter_turn_is_set_right(tesseract: Ocr, turn: int) -> None:
    drawn = rotated(letter(), turn)
    read = tesseract.read(drawn.image, 200)
    assert accuracy(LETTER, text_of(read)) >= 0.97
    assert read.rotation == -turn % 360
    assert uncovered(drawn, read) == []


@pytest.mark.parametrize("lean", [-5.0, -2.0, 5.0])
def test_a_leaning_page_is_straightened_and_its_boxes_come_back(tesseract: Ocr, lean: float) -> None:
    drawn = rotated(letter(), lean)
    read = tesseract.read(drawn.image, 200)
    assert accuracy(LETTER, text_of(read)) >= 0.97
    assert read.skew == pytest.approx(-lean, abs=0.2)
    assert uncovered(drawn, read) == []


def test_upside_down_and_leaning_at_once(tesseract: Ocr) -> None:
    drawn = rotated(letter(), 183)
    read = tesseract.read(drawn.image, None)
    assert accuracy(LETTER, text_of(read)) >= 0.97
    assert uncovered(drawn, read) == []


@pytest.mark.parametrize(("dpi", "floor"), [(100, 0.95), (150, 0.97), (300, 0.97)])
def test_resolutions_of_scanners(tesseract: Ocr, dpi: int, floor: float) -> None:
    drawn = letter(dpi)
    read = tesseract.read(drawn.image, dpi)
    assert accuracy(LETTER, text_of(read)) >= floor
    assert uncovered(drawn, read, slack=dpi / 40) == []


def test_grain_specks_and_shadow(tesseract: Ocr) -> None:
    read = tesseract.read(noisy(rotated(letter(), 1.5).image), 200)
    assert accuracy(LETTER, text_of(read)) >= 0.93


def test_a_lie_about_resolution_does_no_harm(tesseract: Ocr) -> None:
    assert accuracy(LETTER, text_of(tesseract.read(letter(150).image, 1200))) >= 0.95


def test_confidence_tells_text_from_noise(tesseract: Ocr) -> None:
    read = tesseract.read(letter().image, 200)
    assert np.mean([word.confidence for word in read.words]) > 0.85
    assert all(0 <= word.confidence <= 1 for word in read.words)


@pytest.mark.parametrize(
    "picture",
    [
        Image.new("L", (600, 400), 255),
        Image.new("L", (600, 400), 0),
        Image.new("1", (3, 900), 1),
        Image.new("RGBA", (200, 200), (0, 0, 0, 0)),
        Image.fromarray(np.full((300, 300), 40_000, dtype=np.uint16)),
        Image.new("CMYK", (64, 64)),
    ],
    ids=["white", "black", "sliver", "transparent", "sixteen-bits", "cmyk"],
)
def test_pictures_without_text_are_read_as_empty(tesseract: Ocr, picture: Image.Image) -> None:
    assert tesseract.read(picture, None).words == ()


def test_sixteen_bits_and_transparency_are_read_as_they_look(tesseract: Ocr) -> None:
    grey = letter().image
    wide = Image.fromarray(np.asarray(grey, dtype=np.uint16) * 200)
    clear = Image.merge("RGBA", (*(Image.new("L", grey.size, 0),) * 3, Image.eval(grey, lambda v: 255 - v)))
    for picture in (wide, clear):
        assert accuracy(LETTER, text_of(tesseract.read(picture, 200))) >= 0.97


def ours(folder: Path) -> set[str]:
    """Folders of this process's readings; other processes may be reading at the same time."""
    return {path.name for path in folder.glob(f"anamnese-ocr-{os.getpid()}-*")} if folder.is_dir() else set()


@pytest.mark.parametrize("in_memory", [True, False])
def test_neither_picture_nor_text_is_ever_a_file(
    tesseract: Ocr, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_memory: bool
) -> None:
    """Tesseract is given no path, works in a private folder that stays empty, and leaves nothing, failing too."""
    place, log = tmp_path / "temp", tmp_path / "log"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    if not in_memory:
        monkeypatch.setattr(private, "MEMORY", tmp_path / "absent")
    script = tmp_path / "tesseract"
    program = shutil.which("tesseract")
    script.write_text(
        f'#!/bin/sh\n{program} "$@"; code=$?\n{{ stat -c %a .; echo "$@"; ls -A .; echo --; }} >> {log}\nexit $code\n'
    )
    script.chmod(0o755)
    monkeypatch.setattr(runner, "tesseract_cmd", str(script))
    assert tesseract.read(letter(100).image, 100).words
    runs = [run.split("\n") for run in log.read_text().split("--\n")[:-1]]
    assert len(runs) >= 1
    for mode, arguments, *files in runs:
        assert mode == "700"
        assert arguments.startswith("stdin stdout ")
        assert "/" not in arguments
        assert files == [""]
    with pytest.raises(Refusal):
        TesseractOcr(timeout=0.05).read(letter(300).image, 300)
    assert ours(private.MEMORY) == ours(place) == set()
    assert list(place.iterdir()) == []


def test_what_a_killed_process_left_is_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private, "MEMORY", tmp_path)
    gone = subprocess.Popen(["true"])
    gone.wait()
    names = {f"anamnese-ocr-{gone.pid}-old": 1e9, f"anamnese-ocr-{os.getpid()}-mine": 1e9, "anamnese-ocr-x-odd": 1e9}
    names |= {f"anamnese-ocr-{gone.pid}-new": time.time(), "other": 1e9}
    for name, moment in names.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "page.pgm").write_bytes(b"P5")
        os.utime(tmp_path / name, (moment, moment))
    build_ocr("tesseract")
    assert {path.name for path in tmp_path.iterdir()} == set(names) - {f"anamnese-ocr-{gone.pid}-old"}


def test_two_readings_at_once_give_the_limit_of_threads_back(tesseract: Ocr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_THREAD_LIMIT", raising=False)
    with ThreadPoolExecutor(2) as pool:
        texts = {text_of(read) for read in pool.map(tesseract.read, [letter(100).image] * 4, [100.0] * 4)}
    assert len(texts) == 1
    assert "OMP_THREAD_LIMIT" not in os.environ


def test_the_limit_of_threads_is_given_back(tesseract: Ocr, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_THREAD_LIMIT", raising=False)
    tesseract.read(letter(100).image, 100)
    assert "OMP_THREAD_LIMIT" not in os.environ
    monkeypatch.setenv("OMP_THREAD_LIMIT", "3")
    tesseract.read(letter(100).image, 100)
    assert os.environ["OMP_THREAD_LIMIT"] == "3"


def test_a_reading_that_takes_too_long_is_refused() -> None:
    with pytest.raises(Refusal) as caught:
        TesseractOcr(timeout=0.05).read(letter(300).image, 300)
    assert (caught.value.stage, caught.value.code) == ("read", "ocr-timeout")


def test_a_missing_tesseract_names_its_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "tesseract_cmd", "tesseract-that-is-not-there")
    with pytest.raises(Refusal) as caught:
        build_ocr("tesseract")
    assert caught.value.code == "ocr-missing"
    for package in ("tesseract-ocr", "tesseract-ocr-fra", "tesseract-ocr-osd"):
        assert package in caught.value.remedy


def test_a_missing_language_names_its_package() -> None:
    with pytest.raises(Refusal) as caught:
        TesseractOcr("fra+zul")
    assert caught.value.code == "ocr-language-missing"
    assert "tesseract-ocr-zul" in caught.value.remedy


def test_names_of_engines() -> None:
    assert build_ocr("none").name == "none"
    assert build_ocr("tesseract").name.startswith("tesseract 5")
    with pytest.raises(Refusal) as caught:
        build_ocr("magic")
    assert caught.value.code == "unknown-ocr"
    assert NullOcr().read(letter().image, None).words == ()


def test_rules_of_dashes_are_not_read_as_words(tesseract: Ocr) -> None:
    words_only = "Conclusion de l'examen absence de fracture visible à revoir si douleur"
    ruled = (
        "Conclusion de l'examen\n" + "-" * 60 + "\nabsence de fracture visible\n" + "- " * 30 + "\nà revoir si douleur"
    )
    read = tesseract.read(letter(200, ruled).image, 200)
    words = text_of(read).split()
    assert "fracture" in words
    assert [w for w in words if any(c.isalnum() for c in w)] == words_only.split()


def test_the_minus_and_the_hyphen_survive() -> None:
    """What rules.py takes out is rules: dashes in a text stay to the last point."""
    drawn = letter(200, "- allergie croisée peut-être - température -4 °C - à revoir - non-fumeur - sous-cutané -")
    assert prepare.without_rules(drawn.image, 25).tobytes() == drawn.image.tobytes()
