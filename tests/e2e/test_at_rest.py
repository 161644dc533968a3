"""At rest, the real processes: while they ingest, read scans, answer and restore, no file holds a planted word.

A thread reads again and again every file that these processes could write: home, copies, temporary folders, /dev/shm,
/tmp, the cache, the working folder, and, through /proc, files that were deleted and are still open (SQLite's temporary
files and spools of uploads are such). Words are made at random for each run, so no other process writes them.
"""

from __future__ import annotations

import ctypes
import io
import os
import random
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from PIL import Image, ImageDraw, ImageFont

from access.identifiers import ins_key
from tests.e2e.running import Home, all_searchable, serving
from tests.records.test_at_rest import shapes

DOCTOR = "10001234567"
BIGGEST = 64 << 20  # bytes of a file looked at
PICTURES = (
    b"\x89PNG\r\n",
    b"\xff\xd8\xff",
    b"II*\0",
    b"MM\0*",
    b"BM",
    b"GIF8",
    b"P4\n",
    b"P5\n",
    b"P5 ",
    b"P6\n",
    b"P6 ",
)


def rare(seed: int) -> str:
    """A word that reads well and that nobody writes: three syllables and an ending, kept clear for OCR."""
    letters = random.Random(f"{os.getpid()}-{time.time_ns()}-{seed}")
    return "".join(letters.choice("BDFGMNPRTZ").lower() + letters.choice("aou") for _ in range(4)) + "mycine"


class Watch:
    """Looks at every file new since it began, and at those that children hold open, until told to stop.

    own      a folder that these processes alone write: words and pictures, at any depth
    shared   folders of the machine: words in what is new there, pictures in what a child of this process holds open
    late     folders looked at once, at the end
    """

    def __init__(
        self, words: dict[str, str], own: Path, spared: Path, shared: Sequence[Path] = (), late: Sequence[Path] = ()
    ) -> None:
        self._needles = {name: list(shapes(word)) for name, word in words.items()}
        self._own, self._spared, self._shared, self._late = own, str(spared), shared, late
        self._since = time.time() - 1
        self._over = threading.Event()
        self._known: dict[Path, tuple[int, int, int]] = {}
        self.found: set[tuple[str, str]] = set()
        self.seen: set[str] = set()
        self.rounds = 0
        self._thread = threading.Thread(target=self._run)

    @contextmanager
    def going_on(self) -> Iterator[Watch]:
        self._thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self._thread.join()
            self._look()
            for root in self._late:
                self._note(self._new(os.walk(root)))

    def _run(self) -> None:
        while not self._over.wait(0.02):
            self._look()

    def _look(self) -> None:
        self._note(self._new(self._walk()), pictures=True)
        for root in self._shared:
            for entry in self._fresh(root):
                self._note(self._new(os.walk(entry) if entry.is_dir() else [(str(root), [], [entry.name])]))
        self._note(self._held_open(), pictures=True)
        self.rounds += 1

    def _fresh(self, root: Path) -> list[Path]:
        """What was made or changed directly in a shared folder since the beginning; other suites' folders aside."""
        found = []
        for entry in root.iterdir():
            with suppress(OSError):
                if entry.stat().st_ctime >= self._since and not entry.name.startswith("pytest-of-"):
                    found.append(entry)
        return found

    def _note(self, files: Iterable[Path], *, pictures: bool = False) -> None:
        """Note what stands in files, or in their names."""
        for path in files:
            content = _read(path)
            if content is None:
                continue
            self.seen.add(path.name)
            name_of_file = path.name.encode()
            for name, needles in self._needles.items():
                if any(needle in content or needle in name_of_file for needle in needles):
                    self.found.add((name, str(path)))
            if pictures and content.startswith(PICTURES):
                self.found.add(("picture", str(path)))

    def _walk(self) -> Iterator[tuple[str, list[str], list[str]]]:
        for folder, folders, names in os.walk(self._own):
            folders[:] = [f for f in folders if os.path.join(folder, f) != self._spared]
            yield folder, folders, names

    def _new(self, walk: Iterable[tuple[str, list[str], list[str]]]) -> Iterator[Path]:
        for folder, _, names in walk:
            for name in names:
                path = Path(folder, name)
                try:
                    told = path.lstat()
                except OSError:
                    continue
                state = (told.st_ino, told.st_ctime_ns, told.st_size)
                if not stat.S_ISREG(told.st_mode) or told.st_uid != os.getuid() or told.st_ctime < self._since:
                    continue
                if self._known.get(path) != state:  # read once in each state
                    self._known[path] = state
                    yield path

    def _held_open(self) -> Iterator[Path]:
        """Files that children hold: the nameless ones, and those in the watched folders. Memory (memfd) is none.

        As /proc/<pid>/fd/<n>, which reads a deleted file too. A hardened process shows them to root alone.
        """
        places = tuple(str(place) for place in (self._own, *self._shared))
        for process in psutil.Process().children(recursive=True):
            try:
                for entry in Path(f"/proc/{process.pid}/fd").iterdir():
                    target = os.readlink(entry)
                    nameless = target.startswith("/") and target.endswith(" (deleted)")
                    if target.startswith((self._spared, "/memfd:")) or not (nameless or target.startswith(places)):
                        continue
                    yield entry
            except OSError:
                continue


def _read(path: Path) -> bytes | None:
    try:
        if path.stat().st_size > BIGGEST or not stat.S_ISREG(path.stat().st_mode):
            return None
        return path.read_bytes()
    except OSError:
        return None


def scan_of(text: str) -> Image.Image:
    """A picture of a few lines, as a scanner makes it."""
    page = Image.new("L", (1700, 700), 255)
    font = ImageFont.load_default(52)
    for line, words in enumerate(text.split("\n")):
        ImageDraw.Draw(page).text((90, 80 + 90 * line), words, fill=0, font=font)
    return page


def pdf_of(page: Image.Image) -> bytes:
    out = io.BytesIO()
    page.save(out, "PDF", resolution=200)
    return out.getvalue()


def png_of(page: Image.Image) -> bytes:
    out = io.BytesIO()
    page.save(out, "PNG", dpi=(200, 200))
    return out.getvalue()


@pytest.fixture
def words() -> dict[str, str]:
    digits = "".join(random.choice("123456789") for _ in range(6))
    thirteen = f"1{random.randrange(40, 99)}0{random.randrange(1, 9)}75{digits}"
    planted = {name: rare(n) for n, name in enumerate(("name", "text", "scan", "upload", "scanned", "file", "query"))}
    return planted | {"ins": f"{thirteen}{ins_key(thirteen):02d}"}


@pytest.mark.timeout(900)  # seven starts of a process, two scans; the watching slows them down
def test_no_file_holds_a_planted_word_while_documents_are_read_searched_saved_and_restored(
    tmp_path: Path, words: dict[str, str]
) -> None:
    given = tmp_path / "given"
    for name in ("given", "temp", "user", "cwd"):
        (tmp_path / name).mkdir()
    (given / f"{words['file']}.txt").write_text(
        f"Patiente {words['name']} née en 1962.\n\nINS {words['ins']}.\n\nTraitement par {words['text']} arrêté."
    )
    (given / "numerisation.png").write_bytes(png_of(scan_of(f"ALLERGIES\nAllergie grave\nMedicament {words['scan']}")))
    temp = str(tmp_path / "temp")
    environment = {"TMPDIR": temp, "HOME": str(tmp_path / "user"), "ANAMNESE_MASTER_KEY_FILE": str(tmp_path / "key")}
    home = Home(tmp_path / "home", environment, tmp_path / "cwd")
    shared = [Path("/dev/shm"), Path("/tmp")]
    watch = Watch(words, tmp_path, given, shared, [Path(os.environ["ANAMNESE_CACHE"])])
    with watch.going_on():
        read = home.json("ingest", str(given), "--patient", words["ins"])
        assert [one["state"] for one in read] == ["searchable"] * 2
        (grant,) = home.json("grant", "--patient", words["ins"], "--to", DOCTOR)
        patient, token = grant["patient_id"], home.run("token", "--as", DOCTOR).strip()
        home.run("search", words["query"], "--patient", words["ins"], "--as", DOCTOR)
        with serving(home) as service:
            big = f"Compte rendu.\n\nTraitement par {words['upload']}.\n\n" + "\n" * 1_500_000
            pages = pdf_of(scan_of(f"CONSULTATION\nTraitement par\nMedicament {words['scanned']}"))
            for name, data in ((f"{words['file']}-2.txt", big.encode()), ("numerisation.pdf", pages)):
                assert service.upload(patient, name, data, token).status_code == 202
            all_searchable(service, patient, token)
            for name in ("name", "text", "scan", "upload", "scanned"):  # they were really read, scans included
                assert service.search(patient, words[name], token)["hits"], name
            service.search(patient, words["query"], token)
            (made,) = home.json("backup", str(tmp_path / "backups"))
        home.json("restore", made["data"], "--home", str(tmp_path / "restored"))
        while watch.rounds <= 20:  # a busy machine looks slowly
            home.run("search", words["query"], "--patient", words["ins"], "--as", DOCTOR)
    assert watch.found == set()
    assert watch.rounds > 20
    assert {"records.db", "records.db-wal", "manifest.jsonl"} <= watch.seen


def test_the_watch_finds_what_would_be_there(tmp_path: Path, words: dict[str, str]) -> None:
    """A file for an instant, a picture, a name, and a deleted file that a child still holds."""
    (tmp_path / "spared").mkdir()
    (tmp_path / "spared" / "a").write_text(words["text"])
    hidden = (
        f"import sys, tempfile; f = tempfile.TemporaryFile(dir={str(tmp_path)!r}); "
        f"f.write({words['query'].encode('utf-16-le')!r}); f.flush(); print(flush=True); sys.stdin.read()"
    )
    watch = Watch(words, tmp_path, tmp_path / "spared")
    with (
        watch.going_on(),
        subprocess.Popen([sys.executable, "-c", hidden], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child,
    ):
        assert child.stdout is not None
        child.stdout.readline()
        (tmp_path / "brief").write_text(f"xx{words['name']}")
        (tmp_path / words["file"]).touch()
        (tmp_path / "page").write_bytes(png_of(Image.new("L", (5, 5))))
        rounds = watch.rounds
        while watch.rounds < rounds + 3:
            time.sleep(0.01)
        (tmp_path / "brief").unlink()
        child.communicate()
    assert {name for name, _ in watch.found} == {"query", "name", "file", "picture"}


def test_no_command_may_dump_its_memory(tmp_path: Path) -> None:
    """The service, killed by a signal that dumps, dumps nothing; a process that did not ask for it may be dumped."""
    home = Home(tmp_path / "home", {"ANAMNESE_EMBEDDER": "none"}, tmp_path)
    with serving(home) as service:
        limits = Path(f"/proc/{service.process.pid}/limits").read_text()
        assert [line.split()[4:6] for line in limits.splitlines() if line.startswith("Max core")] == [["0", "0"]]
        service.process.send_signal(signal.SIGABRT)  # SIGQUIT is ignored where a job runs in the background
        told = os.waitid(os.P_PID, service.process.pid, os.WEXITED | os.WNOWAIT)
        assert told is not None
        assert told.si_code in (os.CLD_KILLED, os.CLD_EXITED)
    assert list(tmp_path.glob("core*")) == []
    asked = "import ctypes; from cli.process import harden; harden(); print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "0\n"
    assert ctypes.CDLL(None).prctl(3, 0, 0, 0, 0) == 1  # PR_GET_DUMPABLE of a process that did not ask
