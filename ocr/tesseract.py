"""Tesseract through pytesseract: a picture in, words with boxes and confidence out.

pytesseract finds the program, its languages and its errors; the program itself is run here, because pytesseract writes
picture and text into files, and a page of a patient must not lie on a disk. It reads and answers through pipes.
"""

from __future__ import annotations

import io
import os
import shlex
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytesseract
from PIL import Image
from pytesseract import pytesseract as runner

from access.refusal import Refusal
from ocr.orient import sample_of, sideways
from ocr.port import ReadPicture, ReadWord, too_slow
from ocr.prepare import Prepared, evened, turned
from ocr.private import private_folder, sweep
from ocr.words import legibility, mean_confidence

LANGUAGES = "fra+eng"
PACKAGES = {"fra": "tesseract-ocr-fra", "eng": "tesseract-ocr-eng", "osd": "tesseract-ocr-osd"}
# Upside down, six pages tried had means of 0.39 to 0.54; the worst readable typewritten page has 0.79 upright.
SURE = 0.72
FAINTEST = 24  # grey levels between the darkest and the lightest point of a sheet with anything on it
ENOUGH_LETTERS = 24
SURE_OF_ORIENTATION = 2.0  # OSD's own measure; right above it on all rotated pages of tests/ocr

_threads = threading.Lock()
_running = 0
_before: str | None = None


class TesseractOcr:
    """Reads upright and straightened pictures, whatever way they were given.

    languages  Tesseract's names, joined with "+"
    timeout    seconds for one picture, every attempt at its orientation included
    folder     where pictures lie while they are read; None: a private place, in memory if possible
    known_as   its name, when another process made sure that all is installed
    """

    def __init__(
        self, languages: str = LANGUAGES, timeout: float = 180.0, *, folder: Path | None = None, known_as: str = ""
    ) -> None:
        if folder is None:
            sweep()
        self._languages = languages
        self._timeout = timeout
        self._folder = folder
        self.name = known_as or f"tesseract {_installed(languages)} {languages}"

    def read(self, picture: Image.Image, dpi: float | None) -> ReadPicture:
        """Words in Tesseract's reading order, boxes in pixels of `picture`.

        Raises Refusal (stage "read"): "ocr-timeout", "ocr-failed", "ocr-missing".
        """
        if min(picture.size) < 8:  # a rule or a dot: Tesseract calls it an error
            return ReadPicture((), engine=self.name)
        deadline = time.monotonic() + self._timeout
        even = evened(picture, dpi)
        if np.ptp(np.asarray(even)) < FAINTEST:
            return ReadPicture((), engine=self.name)
        with private_folder(self._folder) as folder:
            prepared, words = self._upright(even, picture.size, folder, deadline)
        return ReadPicture(tuple(words), prepared.rotation, prepared.skew, self.name)

    def _upright(
        self, even: Image.Image, given: tuple[int, int], folder: Path, deadline: float
    ) -> tuple[Prepared, list[ReadWord]]:
        """The reading in the right orientation. A page that reads well as it comes is not asked again."""
        first = 90 if sideways(even) else 0
        best = self._attempt(even, given, first, folder, deadline) if first == 0 else None
        if best is not None and _sure(best[1]):
            return best
        told = self._told_rotation(even, folder, deadline)
        if told is None:
            told = self._tried_rotation(even, folder, deadline)
        if best is None or told != best[0].rotation:
            other = self._attempt(even, given, told, folder, deadline)
            if best is None or legibility(other[1]) > legibility(best[1]):
                best = other
        return best

    def _attempt(
        self, even: Image.Image, given: tuple[int, int], rotation: int, folder: Path, deadline: float
    ) -> tuple[Prepared, list[ReadWord]]:
        prepared = turned(even, given, rotation)
        return prepared, [
            ReadWord(w.text, prepared.box_back(w.box), w.confidence, w.block, w.line)
            for w in self._words(prepared, "--psm 3", folder, deadline)
        ]

    def _told_rotation(self, even: Image.Image, folder: Path, deadline: float) -> int | None:
        """What Tesseract's orientation detector says, in degrees counter-clockwise; None when it is unsure."""
        try:
            told = runner.osd_to_dict(_run(even, "osd", "--psm 0", "osd", folder, deadline))
        except runner.TesseractError:  # "Too few characters": its way to say that it does not know
            return None
        if float(told.get("orientation_conf", 0.0)) < SURE_OF_ORIENTATION:
            return None
        return -int(told["rotate"]) % 360

    def _tried_rotation(self, even: Image.Image, folder: Path, deadline: float) -> int:
        """The orientation in which the busiest part of the page reads best; 0 unless another is clearly better."""
        sample = sample_of(even)
        scores = {
            rotation: legibility(self._words(turned(sample, sample.size, rotation), "--psm 3", folder, deadline))
            for rotation in (0, 180, 90, 270)
        }
        best = max(scores, key=lambda rotation: scores[rotation])
        return best if scores[best] > 1.3 * scores[0] else 0

    def _words(self, prepared: Prepared, options: str, folder: Path, deadline: float) -> list[ReadWord]:
        # Unstated, Tesseract guesses one and warns; stated, its layout analysis knows what a letter is.
        options = f"{options} --dpi {prepared.dpi}"
        try:
            table = _run(prepared.image, "tsv", options, self._languages, folder, deadline)
        except runner.TesseractError as error:
            raise Refusal(
                "read",
                "ocr-failed",
                "La reconnaissance de texte a échoué sur cette page.",
                "Numériser à nouveau le document, ou le déposer dans un autre format.",
            ) from error
        return list(_parsed(table))


def _sure(words: list[ReadWord]) -> bool:
    return sum(c.isalnum() for w in words for c in w.text) >= ENOUGH_LETTERS and mean_confidence(words) >= SURE


def _parsed(table: str) -> Iterator[ReadWord]:
    """Words of Tesseract's TSV. Lines are numbered through the page; a word of blanks only is left out."""
    lines: dict[tuple[str, ...], int] = {}
    for row in table.split("\n")[1:]:
        cells = row.rstrip("\r").split("\t")
        if len(cells) < 12 or cells[0] != "5" or not cells[11].strip():
            continue
        line = lines.setdefault(tuple(cells[2:5]), len(lines))
        left, top, width, height = map(float, cells[6:10])
        confidence = min(1.0, max(0.0, float(cells[10]) / 100))
        yield ReadWord(cells[11].strip(), (left, top, left + width, top + height), confidence, int(cells[2]), line)


def _run(image: Image.Image, kind: str, options: str, languages: str, folder: Path, deadline: float) -> str:
    """Tesseract's output of one kind ("tsv", "osd") for a grey image. Picture and text go through pipes, never a file.

    `folder` is where it works: what it may write in spite of that lies there, and is wiped with it.
    """
    given = io.BytesIO()
    image.save(given, "PPM")  # of a grey image PGM: no compression to pay, 9 MB for a page
    command = [runner.tesseract_cmd, "stdin", "stdout", "-l", languages, *shlex.split(_config(kind, options))]
    try:
        with _one_thread():
            done = subprocess.run(
                command,
                input=given.getbuffer(),
                capture_output=True,
                cwd=folder,
                timeout=max(0.1, deadline - time.monotonic()),
                check=False,
            )
    except FileNotFoundError as error:
        raise _missing() from error
    except subprocess.TimeoutExpired:
        raise too_slow() from None  # the exception holds what was read so far
    if done.returncode:
        raise runner.TesseractError(done.returncode, runner.get_errors(done.stderr))
    return done.stdout.decode("utf-8", "replace")


def _config(kind: str, options: str) -> str:
    return f"{options} -c tessedit_create_tsv=1" if kind == "tsv" else options


@contextmanager
def _one_thread() -> Iterator[None]:
    """OMP_THREAD_LIMIT=1 while any Tesseract starts and runs, then as before the first.

    Pages are read side by side, so threads inside one page only contend for the same cores. pytesseract passes on this
    process's environment, so the variable is set here and not for good: torch, if it is loaded later in this process,
    must keep its threads.
    """
    global _running, _before
    with _threads:
        if _running == 0:
            _before = os.environ.get("OMP_THREAD_LIMIT")
            os.environ["OMP_THREAD_LIMIT"] = "1"
        _running += 1
    try:
        yield
    finally:
        with _threads:
            _running -= 1
            if _running == 0 and _before is None:
                os.environ.pop("OMP_THREAD_LIMIT", None)
            elif _running == 0 and _before is not None:
                os.environ["OMP_THREAD_LIMIT"] = _before


def _installed(languages: str) -> str:
    """Tesseract's version; a Refusal that names the Debian package when it or a language is missing."""
    try:
        version = str(pytesseract.get_tesseract_version())
        present = set(pytesseract.get_languages())
    except (runner.TesseractNotFoundError, SystemExit) as error:
        raise _missing() from error
    for language in (*languages.split("+"), "osd"):
        if language not in present:
            package = PACKAGES.get(language, f"tesseract-ocr-{language.replace('_', '-')}")
            raise Refusal(
                "read",
                "ocr-language-missing",
                f"La langue « {language} » de Tesseract n'est pas installée.",
                f"Installer le paquet Debian {package} (apt install {package}), puis redémarrer.",
            )
    return version


def _missing() -> Refusal:
    return Refusal(
        "read",
        "ocr-missing",
        "Le programme Tesseract, qui lit les pages numérisées, n'est pas installé.",
        "Installer les paquets Debian tesseract-ocr, tesseract-ocr-fra et tesseract-ocr-osd "
        "(apt install tesseract-ocr tesseract-ocr-fra tesseract-ocr-osd), puis redémarrer.",
    )
