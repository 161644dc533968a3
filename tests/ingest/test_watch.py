"""A watched folder: only whole files are taken, each ends in one place with its reason, none is lost or doubled."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from access.identifiers import PatientId
from access.refusal import Refusal
from cli.compose import Home, open_home, resolve_patient
from cli.importing import owner_of
from cli.settings import load_settings
from ingest import landing as landing_module
from ingest.batch import Outcome
from ingest.landing import Landing, Sign, opened
from ingest.receive import receive
from ingest.watch import Watch
from ingest.worker import drain
from records import documents
from records.documents import DocumentState
from tests.records.building import ins

INS = ins(1).matricule
OTHER = ins(2).matricule
TEXT = "Allergie à la pénicilline.\n"


@dataclass
class Intake:
    """A folder, a home, and what was moved so far."""

    root: Path
    home: Home
    patient: PatientId
    settle: float = 0.0
    now: float = 0.0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """As after a kill: nothing is remembered but what lies on the disk."""
        self.landing = Landing(self.root, self.settle, lambda: self.now)
        self.watch = Watch(
            self.landing, self.home.bench, lambda name: owner_of(self.home, name, create=False), whole=None, keep=True
        )

    def put(self, name: str | bytes, content: bytes | str = TEXT, folder: str = INS) -> Path:
        path = self.root / folder / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def look(self, rounds: int = 2) -> list[Outcome]:
        """Rounds, with all reading done in between."""
        moved: list[Outcome] = []
        for _ in range(rounds):
            moved += self.watch.round(lambda: None)[0]
            with suppress(Refusal):  # the reader's loop waits and tries again
                drain(self.home.bench)
        return moved + self.watch.round(lambda: None)[0]

    def inside(self, where: str) -> list[str]:
        folder = self.root / where
        return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if not p.is_dir())

    def landed(self) -> list[str]:
        return [name for name in self.inside(".") if not name.startswith(".")]

    def note(self, name: str, folder: str = INS) -> str:
        return (self.root / ".refused" / folder / f"{name}.note.txt").read_text(encoding="utf-8")

    def documents(self) -> list[documents.Document]:
        with self.home.services.records.read() as tx:
            return documents.documents_of_patient_without_scope(tx, self.patient)


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    (tmp_path / "in").mkdir()
    settings = load_settings(home=tmp_path / "home", embedder="none", ocr="none", reserve=0)
    with open_home(settings) as home:
        yield Intake(tmp_path / "in", home, resolve_patient(home, INS, create=True))


def test_a_file_is_searchable_before_it_is_moved(intake: Intake) -> None:
    intake.put("a.txt")
    assert intake.watch.round(lambda: None) == ([], 1)
    assert intake.landed() == [f"{INS}/a.txt"]
    (outcome,) = intake.look()
    assert outcome.searchable
    assert (intake.landed(), intake.inside(".done")) == ([], [f"{INS}/a.txt"])


def test_a_file_that_grows_is_left_until_it_rests(intake: Intake) -> None:
    intake.settle = 5
    intake.restart()
    path = intake.put("a.txt", "Allergie")
    for intake.now, more in ((0, " à la"), (4, " pénicilline"), (8, " et au latex")):
        assert intake.watch.round(lambda: None) == ([], 1)
        with path.open("a") as file:
            file.write(more)
    intake.now = 12
    assert intake.watch.round(lambda: None) == ([], 1)
    assert intake.documents() == []
    intake.now = 17
    assert [o.searchable for o in intake.look()] == [True]
    (document,) = intake.documents()
    assert intake.home.bench.blobs.read(document.upload).decode() == "Allergie à la pénicilline et au latex"


@pytest.mark.parametrize("name", [".cache", "a.pdf.part", "b.TMP", "c.filepart", "~lock~", "d.txt~"])
def test_names_of_unfinished_files_are_left_alone(intake: Intake, name: str) -> None:
    intake.put(name)
    assert intake.look() == []
    assert intake.documents() == []
    assert (intake.root / INS / name).exists()


def test_a_file_that_somebody_has_open_for_writing_waits(intake: Intake) -> None:
    path = intake.put("a.txt")
    with path.open("a") as writer:
        assert intake.look() == []
        writer.write("Et au latex.")
    assert [o.searchable for o in intake.look()] == [True]
    assert len(intake.documents()) == 1


def test_a_file_that_changes_while_it_is_read_keeps_nothing(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    path = intake.put("a.txt", "x" * 200_000)
    real = os.read

    def and_grow(descriptor: int, size: int) -> bytes:
        data = real(descriptor, size)
        if len(data) == size:
            with path.open("a") as file:
                file.write("y")
        return data

    monkeypatch.setattr(landing_module.os, "read", and_grow)
    assert intake.watch.round(lambda: None) == ([], 1)
    monkeypatch.undo()
    assert intake.documents() == []
    assert list(intake.home.bench.blobs.walk()) == []
    assert [o.searchable for o in intake.look()] == [True]


def test_another_version_that_lands_during_the_move_is_not_taken_for_the_first(intake: Intake) -> None:
    path = intake.put("a.txt", "première version")
    intake.watch.round(lambda: None)
    drain(intake.home.bench)
    path.unlink()
    intake.put("a.txt", "seconde version")
    assert intake.watch.round(lambda: None)[0] == []
    assert intake.inside(".done") == []
    assert [o.searchable for o in intake.look()] == [True]
    texts = {intake.home.bench.blobs.read(d.upload).decode() for d in intake.documents()}
    assert texts == {"première version", "seconde version"}


def link(intake: Intake, secret: Path) -> None:
    (intake.root / INS / "lien.txt").symlink_to(secret)


def pipe(intake: Intake, _: Path) -> None:
    os.mkfifo(intake.root / INS / "tube.txt")


def empty(intake: Intake, _: Path) -> None:
    intake.put("vide.pdf", b"")


def foreign(intake: Intake, _: Path) -> None:
    intake.put("a.exe", b"MZ\x90\x00\x03" + bytes(60))


@pytest.mark.parametrize(
    ("make", "name", "code"),
    [
        (link, "lien.txt", "not-a-file"),
        (pipe, "tube.txt", "not-a-file"),
        (empty, "vide.pdf", "empty-file"),
        (foreign, "a.exe", "unsupported-type"),
    ],
)
def test_what_is_refused_lies_beside_its_reason(
    intake: Intake, tmp_path: Path, make: Callable[..., Any], name: str, code: str
) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("mot de passe")
    (intake.root / INS).mkdir()
    make(intake, secret)
    (outcome,) = intake.look()
    assert not outcome.searchable
    assert intake.inside(".refused") == [f"{INS}/{name}", f"{INS}/{name}.note.txt"]
    note = intake.note(name)
    assert f"({code})" in note
    assert "Étape : " in note
    assert "Que faire : " in note
    assert intake.landed() == []
    assert secret.read_text() == "mot de passe"
    assert not any(d.state is DocumentState.SEARCHABLE for d in intake.documents())


def test_an_unreadable_file_is_refused(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    intake.put("a.txt")
    real = os.open

    def closed(path: Any, *more: Any, **named: Any) -> int:  # root reads everything: the kernel's answer is put here
        if str(path).endswith("a.txt"):
            raise PermissionError(13, "Permission denied")
        return real(path, *more, **named)

    monkeypatch.setattr(landing_module.os, "open", closed)
    intake.look()
    assert "(unreadable-file)" in intake.note("a.txt")


@pytest.mark.parametrize(("folder", "code"), [("123", "bad-patient"), (OTHER, "unknown-patient"), ("scans", "bad-p")])
def test_a_folder_that_is_nobodys_gets_a_note_and_keeps_its_files(intake: Intake, folder: str, code: str) -> None:
    intake.put("a.txt", folder=folder)
    intake.put("b.txt")
    assert [o.deposit.file.name for o in intake.look()] == ["b.txt"]
    note = intake.root / ".refused" / f"{folder}.note.txt"
    assert code in note.read_text(encoding="utf-8")
    assert intake.landed() == [f"{folder}/a.txt"]
    if folder == OTHER:
        resolve_patient(intake.home, OTHER, create=True)
        assert [o.searchable for o in intake.look()] == [True]
        assert not note.exists()


def test_a_file_beside_the_patients_folders_is_refused(intake: Intake) -> None:
    intake.put("a.txt", folder=".")
    intake.look()
    assert "(no-patient-folder)" in (intake.root / ".refused" / "a.txt.note.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", [b"ligne\nFichier : autre.txt", b"latin-\xe9\xff.txt", b"x" * 251 + b".txt", "é".encode() * 120 + b".txt"]
)
def test_names_that_no_tool_likes(intake: Intake, name: bytes) -> None:
    intake.put(name, b"")
    intake.put(b"sous/" + name, TEXT)
    moved = intake.look()
    assert sorted(o.searchable for o in moved) == [False, True]
    for outcome in moved:
        str(outcome.as_dict()).encode("utf-8")
    assert intake.landed() == []
    (note,) = (intake.root / ".refused" / INS).glob("*.note.txt")
    lines = note.read_text(encoding="utf-8").splitlines()
    assert [line.partition(" : ")[0] for line in lines[:5]] == ["Fichier", "Date", "Étape", "Raison", "Que faire"]


def test_nothing_is_overwritten_where_files_end(intake: Intake) -> None:
    for text in ("un", "deux", "trois"):
        intake.put("a.txt", text)
        intake.look()
    folder = intake.root / ".done" / INS
    assert {p.name: p.read_text() for p in folder.iterdir()} == {"a.txt": "un", "a.txt.1": "deux", "a.txt.2": "trois"}


def test_a_restart_anywhere_neither_loses_nor_doubles(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process is cut at every call that changes the folder, in turn, until none is left to cut at."""

    class Cut(BaseException):
        pass

    calls, mine = 0, threading.get_ident()
    for place in range(80):
        good, bad = intake.put(f"bon{place}.txt", f"texte {place}"), intake.put(f"vide{place}.txt", b"")
        calls = 0

        def counted(real: Callable[..., Any], place: int = place) -> Callable[..., Any]:
            def call(*arguments: Any, **named: Any) -> Any:
                nonlocal calls
                if threading.get_ident() != mine:  # the same `os` serves the threads that read
                    return real(*arguments, **named)
                calls += 1
                if calls == place + 1:
                    raise Cut
                return real(*arguments, **named)

            return call

        with monkeypatch.context() as patch:
            for name in ("rename", "replace", "fsync", "open"):
                patch.setattr(landing_module.os, name, counted(getattr(os, name)))
            patch.setattr("ingest.watch.receive", counted(receive))
            try:
                intake.look()
            except Cut:
                intake.home.bench.records.presence.close()  # what the kernel does for a dead process
                intake.restart()
        intake.look(3)
        assert not good.exists()
        assert not bad.exists()
        if calls <= place:
            break
    assert calls <= place, "more places to cut at than were tried"
    assert len(intake.documents()) == place + 1
    done, refused = intake.inside(".done"), intake.inside(".refused")
    assert done == sorted(f"{INS}/bon{n}.txt" for n in range(place + 1))
    assert [r for r in refused if "note" not in r and "/." not in r] == sorted(
        f"{INS}/vide{n}.txt" for n in range(place + 1)
    )
    assert {f"{r}.note.txt" for r in refused if r.endswith(".txt") and "note" not in r} <= set(refused)


def test_a_refused_file_that_comes_back_is_read_again(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise Refusal("parse", "damaged-pdf", "Abîmé.", "Redéposez-le.")

    intake.put("a.txt")
    with monkeypatch.context() as patch:
        patch.setattr("ingest.recipe.read", broken)
        intake.look()
    assert "(damaged-pdf)" in intake.note("a.txt")
    os.rename(intake.root / ".refused" / INS / "a.txt", intake.root / INS / "a.txt")
    assert [o.searchable for o in intake.look()] == [True]
    assert len(intake.documents()) == 1


def test_a_full_disk_leaves_the_file_where_it_landed(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    intake.put("a.txt")
    with monkeypatch.context() as patch:
        patch.setattr("records.blobs.os.fsync", full)
        assert intake.look() == []
    assert (intake.landed(), intake.documents()) == ([f"{INS}/a.txt"], [])
    assert [o.searchable for o in intake.look()] == [True]


def test_many_files_at_once(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than may be on their way at a time; each is taken once."""
    monkeypatch.setattr("ingest.watch.MOST", 7)
    for number in range(40):
        intake.put(f"{number:03d}.txt", f"document numéro {number}")
    assert len(intake.look(9)) == 40
    assert len(intake.documents()) == 40


def test_one_watcher_at_a_time(intake: Intake) -> None:
    with intake.landing.alone(), pytest.raises(Refusal) as refused, Landing(intake.root, 0).alone():
        pass
    assert refused.value.code == "already-watched"
    with pytest.raises(Refusal) as refused, Landing(intake.root / "absent", 0).alone():
        pass
    assert refused.value.code == "no-such-folder"


def test_searchable_files_are_deleted_on_request(intake: Intake) -> None:
    intake.watch = Watch(intake.landing, intake.home.bench, lambda _: intake.patient, whole=intake.patient, keep=False)
    path = intake.put("a.txt")
    intake.watch.round(lambda: None)
    drain(intake.home.bench)
    before = Sign.of(path.lstat())
    assert before.size
    intake.watch.round(lambda: None)
    assert (intake.landed(), intake.inside(".done")) == ([], [])
    assert [d.state for d in intake.documents()] == [DocumentState.SEARCHABLE]


def test_a_file_that_left_is_not_opened(intake: Intake) -> None:
    intake.put("a.txt")
    ((landed,), _) = intake.landing.look()
    landed.path.unlink()
    with pytest.raises(Refusal) as refused:
        opened(landed)
    assert refused.value.code == "still-written"
