"""ZIP archives sent to be imported: whose each file is, what is left out or refused, by itself or whole. Nothing twice,
and never told who is known here."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
from typing import Any

import pytest
from sqlalchemy import select

from access.refusal import Refusal
from ingest import bulk_archive
from ingest.bulk import run
from records import bulk_files, bulks, journal, patients, readings, tables
from records.blobs import BlobReader
from records.documents import DocumentState
from search_api.bulk_sent import sent_taker
from tests.ingest.cda_files import cda
from tests.search_api.conftest import DOCTOR
from tests.search_api.test_bulks import MARIE, NOBODY, PAUL, SYSTEM, bulk_blobs, go_on, ndjson, of_bulk, reference, told
from tests.search_api.world import World, ins_of

OTHER = ins_of("2510375123456").matricule
File = tuple[str | zipfile.ZipInfo, bytes]


def zipped(*files: File, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, data in files:
            archive.writestr(name, data)
    return out.getvalue()


def linked(name: str, target: str) -> File:
    entry = zipfile.ZipInfo(name)
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return entry, target.encode()


def with_flag(data: bytes, name: str, flag: int) -> bytes:
    """The archive with a general purpose flag of one file set, in its directory."""
    changed, at = bytearray(data), data.rindex(name.encode()) - 46
    assert changed[at : at + 4] == b"PK\x01\x02"
    changed[at + 8] |= flag
    return bytes(changed)


def send(world: World, content: bytes, *, system: str = "dpi", key: str = "", name: str = "lot.zip") -> str:
    headers = world.bearer(system=system) | ({"Idempotency-Key": key} if key else {})
    answer = world.http.post("/v1/bulks", headers=headers, files={"file": (name, content)})
    assert answer.status_code == 202, answer.text
    assert (answer.json()["total"], answer.json()["waiting"]) == (1, 1)
    return str(answer.json()["bulk_id"])


def imported(world: World, content: bytes) -> str:
    name = send(world, content)
    assert go_on(world, name)
    world.work()
    return name


def lines(world: World, bulk_id: str) -> dict[str, Any]:
    """Each line of the report by its name: its state, or why it was refused."""
    found = told(world, bulk_id, "/report?limit=1000").json()["lines"]
    assert [one["number"] for one in found] == list(range(1, len(found) + 1))
    assert all(one["refusal"]["remedy"] for one in found if one["refusal"])
    return {one["name"]: one["refusal"]["code"] if one["refusal"] else one["state"] for one in found}


def whole(world: World, content: bytes) -> str:
    """Why an archive was refused, whole: nothing of it was deposited, and nothing of it is left."""
    name = imported(world, content)
    done = told(world, name).json()
    assert (done["state"], done["total"], done["refused"], done["kept"]) == ("done", 1, 1, 0)
    assert of_bulk(world, name) == []
    assert deposited(world) == 0
    assert bulk_blobs(world) == []
    ((archive, why),) = lines(world, name).items()
    assert archive == "lot.zip"
    return str(why)


def deposited(world: World) -> int:
    with world.services.records.read() as tx:
        rows = tx.session.scalars(select(tables.Document.document_id).where(tables.Document.deposited_by == "dpi"))
        return len(rows.all())


def test_files_go_to_whom_their_folder_or_they_themselves_name(own_world: World) -> None:
    """Or to the tray; one kind that is not read is refused, and told without its content."""
    world = own_world
    paul = cda("X", "Y", "19850320", ins=(PAUL, SYSTEM.removeprefix("urn:oid:"))).encode()
    secret = "Allergie aux arachides, urticaire."
    content = zipped(
        (f"{MARIE}/2021/lettre.txt", secret.encode()),
        (f"{MARIE}/vide.txt", b""),
        (f"cardiologie\\{MARIE}\\windows.txt", b"Holter normal."),
        (f"{world.patients['paul']}/note.txt", b"Vu ce jour."),
        ("divers/cda.xml", paul),
        (f"{NOBODY}/inconnu.txt", b"Allergie au latex."),
        ("divers/sans nom.txt", b"Allergie au nickel."),
        (f"{MARIE}/tableau.gif", b"GIF89a" + b"\x01\x00" * 40),
    )
    name = send(world, content)
    files = [path.read_bytes() for path in world.home.rglob("*") if path.is_file()]
    assert not any(each in file for file in files for each in (secret.encode(), MARIE.encode(), b"lettre.txt"))
    assert go_on(world, name)
    world.work()
    assert lines(world, name) == {
        f"{MARIE}/2021/lettre.txt": "kept",
        f"{MARIE}/vide.txt": "empty-file",
        f"cardiologie/{MARIE}/windows.txt": "kept",
        f"{world.patients['paul']}/note.txt": "kept",
        "divers/cda.xml": "kept",
        f"{NOBODY}/inconnu.txt": "kept",
        "divers/sans nom.txt": "kept",
        f"{MARIE}/tableau.gif": "unsupported-type",
    }
    marie, paul_id, tray = world.patients["marie"], world.patients["paul"], patients.tray_id(world.services.keys)
    kept = [one for one in of_bulk(world, name) if one.state is not DocumentState.REFUSED]
    assert [one.patient_id for one in kept] == [marie, marie, paul_id, paul_id, tray, tray]
    assert [one.file_name for one in kept][:2] == ["lettre.txt", "windows.txt"]
    assert {one.deposited_by for one in kept} == {"dpi"}
    waiting = [one.evidence for one in kept if one.patient_id == tray]
    assert NOBODY in waiting[0]
    assert "divers" in waiting[1]
    done = told(world, name).json()
    assert [done[each] for each in ("state", "total", "waiting", "kept", "refused")] == ["done", 8, 0, 6, 2]
    assert bulk_blobs(world) == []
    answers = told(world, name).text + told(world, name, "/report").text
    assert not any(one.document_id in answers for one in kept)
    assert "arachides" not in answers
    with world.services.records.read() as tx:
        entries = journal.entries_for_audit_without_scope(tx, marie, 9)
        mine = [one.documents for one in entries if (one.request_id, one.action) == (name, "deposit")]
    assert set(mine) >= {(one.document_id,) for one in kept if one.patient_id == marie}


def test_known_and_unknown_patients_are_told_alike(own_world: World) -> None:
    """The same archive for Paul and for nobody, by INS and by our own form of id, with a refused file of each."""
    world = own_world
    answers = []
    for number, folder in enumerate((PAUL, NOBODY, world.patients["paul"], "z" * 26)):
        text = f"Lettre {number}.".encode()
        files = [(f"{folder}/{n}", data) for n, data in (("a", text), ("b", text), ("c", b"GIF89a\x01\x00"))]
        name = send(world, zipped(*files))
        steps = [told(world, name), told(world, name, "/report")]
        assert go_on(world, name)
        steps += [told(world, name), told(world, name, "/report")]
        world.work()
        steps += [told(world, name), told(world, name, "/report")]
        answers.append([step.text.replace(name, "").replace(folder, "") for step in steps])
    assert answers[0] == answers[1] == answers[2] == answers[3]


def test_the_same_bytes_wait_once_for_each_folder_and_are_one_document_of_a_known_patient(own_world: World) -> None:
    world = own_world
    same = b"Allergie au latex."
    files = [(f"{folder}/a.txt", same) for folder in (NOBODY, OTHER, "dupont", "martin", "martin/bis", MARIE)]
    first = imported(world, zipped(*files, (f"{MARIE}/b.txt", same)))
    assert set(lines(world, first).values()) == {"kept"}
    assert len({one.document_id for one in of_bulk(world, first)}) == 5
    before = deposited(world)
    again = imported(world, zipped(*files))
    assert set(lines(world, again).values()) == {"kept"}
    assert deposited(world) == before == 5


def test_what_nobody_sees_in_a_folder_is_left_out(own_world: World) -> None:
    folder = zipfile.ZipInfo(f"{MARIE}/2021/")
    content = zipped(
        (folder, b""),
        ("dossier\\", b""),
        (f"{MARIE}/.caché.txt", b"Non."),
        (f".git/{MARIE}/a.txt", b"Non."),
        (f"__MACOSX/{MARIE}/._lettre.txt", b"Non."),
        (f"{MARIE}/Thumbs.db", b"Non."),
        (f"./{MARIE}//lettre.txt", b"Oui."),
    )
    name = imported(own_world, content)
    assert lines(own_world, name) == {f"{MARIE}/lettre.txt": "kept"}


def test_what_is_no_file_of_its_own_name_is_refused_and_the_rest_is_kept(own_world: World) -> None:
    world = own_world
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = zipped(
            (f"{MARIE}/a.txt", b"Une."),
            (f"../{MARIE}/b.txt", b"Non."),
            (f"{MARIE}/../../c.txt", b"Non."),
            (f"/{MARIE}/d.txt", b"Non."),
            (f"C:\\{MARIE}\\e.txt", b"Non."),
            linked(f"{MARIE}/lien.txt", "a.txt"),
            (f"{MARIE}/double.txt", b"Avant."),
            (f"{MARIE}/double.txt", b"Allergie."),
            (f"{MARIE}/z.txt", b"Bombe."),
        )
    name = imported(world, content)
    found = told(world, name, "/report").json()["lines"]
    assert [one["refusal"] and one["refusal"]["code"] for one in found] == [
        None, "bad-file-name", "bad-file-name", "bad-file-name", "bad-file-name", "unreadable-file",
        "duplicate-file-name", "duplicate-file-name", None,
    ]  # fmt: skip
    assert len(of_bulk(world, name)) == 2


def test_a_bomb_and_a_locked_file_are_refused_and_the_rest_is_kept(own_world: World) -> None:
    """Before and after them; and a file in a way that may take any memory is not even begun."""
    world = own_world
    content = zipped(
        (f"{MARIE}/a.txt", b"Une."), (f"{MARIE}/bombe.txt", bytes(1_500_000)), (f"{MARIE}/b.txt", b"Deux.")
    )
    assert len(content) < 3_000
    name = imported(world, content)
    assert lines(world, name) == {
        f"{MARIE}/a.txt": "kept", f"{MARIE}/bombe.txt": "suspicious-zip", f"{MARIE}/b.txt": "kept",
    }  # fmt: skip
    locked = with_flag(zipped((f"{MARIE}/c.txt", b"Trois."), (f"{MARIE}/clef.txt", b"Quatre.")), f"{MARIE}/clef.txt", 1)
    assert lines(world, imported(world, locked)) == {f"{MARIE}/c.txt": "kept", f"{MARIE}/clef.txt": "encrypted-zip"}
    packed = zipped((f"{MARIE}/d.txt", b"Cinq."), method=zipfile.ZIP_LZMA)
    assert lines(world, imported(world, packed)) == {f"{MARIE}/d.txt": "unsupported-compression"}
    assert deposited(world) == 3


def test_an_archive_that_expands_too_far_is_refused_whole(own_world: World) -> None:
    bombs = [(f"{MARIE}/{n}.txt", bytes(1_500_000)) for n in range(4)]
    assert whole(own_world, zipped((f"{MARIE}/a.txt", b"Une."), *bombs)) == "too-large"


def overlapping() -> bytes:
    """Two names for the same bytes: the second entry of the directory points at the first file."""
    data = bytearray(zipped(("a.txt", b"Une."), ("b.txt", b"Une.")))
    at = data.rindex(b"b.txt") - 46
    data[at + 42 : at + 46] = struct.pack("<I", 0)
    return bytes(data)


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


LETTERS = zipped(*((f"{MARIE}/{n}.txt", f"Lettre {n}. ".encode() * 50) for n in range(9)))
STORED = zipped(*((f"{MARIE}/{n}.txt", b"Lettre. " * 50) for n in range(9)), method=zipfile.ZIP_STORED)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (cut(LETTERS, 0.5), "damaged-zip"),
        (cut(LETTERS, 0.99), "damaged-zip"),
        (LETTERS[:200] + b"\x00\x01" + LETTERS[202:], "damaged-zip"),
        (STORED.replace(b"Lettre. ", b"Lettre? ", 1), "damaged-zip"),  # well formed, and not what was packed
        (b"PK\x03\x04", "damaged-zip"),
        (overlapping(), "suspicious-zip"),
        (zipped(), "empty-bulk"),
        (zipped(("__MACOSX/._a", b"x"), (".b", b"y")), "empty-bulk"),
        (zipped(("[Content_Types].xml", b"<x/>"), ("word/document.xml", b"<x/>")), "archive-is-a-document"),
        (zipped(("IHE_XDM/SUBSET01/METADATA.XML", b"<x/>"), ("INDEX.HTM", b"x")), "archive-is-a-document"),
    ],
    ids=["half", "nearly all", "a byte", "a letter", "its beginning", "shared", "nothing", "hidden", "docx", "xdm"],
)
def test_a_damaged_archive_is_refused_whole_in_its_report(own_world: World, content: bytes, code: str) -> None:
    assert whole(own_world, content) == code


def test_the_directory_is_bounded_before_it_is_read(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it says it is; and too many files, or lines, are refused whole."""
    world = own_world
    monkeypatch.setattr(bulk_archive, "_DIRECTORY", 400)
    assert whole(world, LETTERS) == "too-many-lines"
    monkeypatch.undo()
    monkeypatch.setattr(bulk_archive, "MOST", 8)
    assert whole(world, LETTERS) == "too-many-lines"
    many = ndjson(*(reference(f"{n}", MARIE) for n in range(9)))
    assert whole(world, zipped(("a.ndjson", many))) == "too-many-lines"
    hidden = [(f"{MARIE}/.{n}", b"x") for n in range(8)]
    name = imported(world, zipped(*hidden, *((f"{MARIE}/{n}", b"Une.") for n in range(8))))
    assert len(lines(world, name)) == 8


def test_files_of_lines_are_one_file_and_each_line_is_told(own_world: World) -> None:
    """As those of an export; beside documents, with numbers of their own; one that is broken is a file."""
    world = own_world
    person = {"resourceType": "Patient", "id": "p", "identifier": [{"system": SYSTEM, "value": PAUL}]}
    letter = reference("Allergie à l'iode.", {"reference": "Patient/p"})
    content = zipped(
        ("export/DocumentReference.ndjson", b"\n" + ndjson(letter, "{pas du JSON").rstrip(b"\n")),
        ("export/vide.ndjson", b"\n"),
        ("export/bombe.ndjson", b"\n" * 1_200_000),
        (f"{MARIE}/lettre.txt", b"Lettre."),
        ("export/Patient.ndjson", b"\n\n" + ndjson(person).rstrip(b"\n")),
        (f"{MARIE}/{NOBODY}.NDJSON", ndjson(reference("Deux.", NOBODY))),
    )
    name = send(world, content)
    assert not go_on(world, name, 1)
    assert len(bulk_blobs(world)) == 2
    with world.services.records.read() as tx:
        spare = {ref.kind for ref in readings.spare_blobs_without_scope(world.services.blobs, tx, ())}
    assert bulk_files.BLOB not in spare
    assert go_on(world, name)
    world.work()
    assert lines(world, name) == {
        "export/bombe.ndjson": "suspicious-zip",
        f"{MARIE}/lettre.txt": "kept",
        "export/DocumentReference.ndjson:2": "kept",
        "export/DocumentReference.ndjson:3": "bad-resource",
        "export/Patient.ndjson:3": "line-not-taken",
        f"{MARIE}/{NOBODY}.NDJSON:1": "kept",
    }
    tray = patients.tray_id(world.services.keys)
    assert [one.patient_id for one in of_bulk(world, name)] == [world.patients["marie"], world.patients["paul"], tray]
    assert bulk_blobs(world) == []


def test_only_its_sender_sees_an_archive(own_world: World) -> None:
    world = own_world
    name = send(world, LETTERS)
    for _ in range(2):  # before it is looked through and afterwards
        for method, rest in (("GET", ""), ("GET", "/report"), ("POST", "/pause"), ("POST", "/resume")):
            theirs = told(world, name, rest, system="pacs", method=method)
            nobody = told(world, "z" * 26, rest, system="pacs", method=method)
            assert (theirs.status_code, theirs.content) == (404, nobody.content)
            refused = world.http.request(method, f"/v1/bulks/{name}{rest}", headers=world.bearer(DOCTOR))
            assert refused.status_code == 403
        assert go_on(world, name)
    file = {"file": ("lot.zip", LETTERS)}
    assert world.http.post("/v1/bulks", headers=world.bearer(DOCTOR), files=file).status_code == 403
    assert world.http.post("/v1/bulks", headers=world.as_patient("marie"), files=file).status_code == 403
    assert bulk_blobs(world) == []


class Killed(BaseException):
    pass


def test_killed_paused_and_resumed_nothing_is_lost_or_twice(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed when it is looked through and not written down; when its first file is deposited and not written down."""
    world = own_world
    content = zipped(*((f"{who}/{n}.txt", f"Lettre {n}.".encode()) for n in range(3) for who in (MARIE, NOBODY)))
    name = send(world, content, key="k")

    def dies(*_: object) -> Any:
        raise Killed

    monkeypatch.setattr(bulks, "unpacked", dies)
    with pytest.raises(Killed):
        go_on(world, name)
    monkeypatch.undo()
    assert told(world, name).json()["total"] == 1

    def stored_then_killed(bulk: bulks.Bulk, item: bulks.Item) -> Any:
        sent_taker(world.bench)(bulk, item)
        raise Killed

    with pytest.raises(Killed):
        run(world.bench, name, stored_then_killed, moved=lambda: None, stop=lambda: False)
    assert told(world, name).json()["waiting"] == 6
    assert deposited(world) == 1
    assert not go_on(world, name, 2)
    assert told(world, name, "/pause", method="POST").json()["state"] == "paused"
    assert not go_on(world, name)
    assert told(world, name).json()["waiting"] == 4
    assert send_again(world, content) == name
    assert told(world, name, "/resume", method="POST").json()["state"] == "running"
    assert go_on(world, name)
    assert len({one.document_id for one in of_bulk(world, name)}) == deposited(world) == 6
    assert bulk_blobs(world) == []


def test_what_was_refused_is_tried_again_as_the_file_it_is(own_world: World) -> None:
    """By the administrator (`bulk resume --retry`), while the archive is still there."""
    world = own_world
    name = send(world, zipped((f"{MARIE}/vide.txt", b""), (f"../{MARIE}/a.txt", b"Non."), (f"{MARIE}/b.txt", b"Oui.")))
    assert not go_on(world, name, 3)
    with world.services.records.write() as tx:
        bulks.pause(tx, name)
        bulks.resume(tx, name, retry=True)
    assert told(world, name).json()["waiting"] == 3
    assert go_on(world, name)
    world.work()
    assert list(lines(world, name).values()) == ["empty-file", "bad-file-name", "kept"]


def test_who_looked_through_it_last_undoes_nothing(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lease is renewed meanwhile; and another process that had it in hand finds the work done."""
    world, renewed = own_world, list[int]()
    monkeypatch.setattr(bulk_archive, "_RENEW", -1.0)
    name = send(world, LETTERS)
    with world.services.records.read() as tx:
        bulk = bulks.one(tx, name)
    assert not go_on(world, name, 3)
    bulk_archive.unpack(world.bench, bulk, lambda: renewed.append(1))
    assert len(renewed) == 9
    assert told(world, name).json()["waiting"] == 7


def send_again(world: World, content: bytes) -> str:
    headers = world.bearer(system="dpi") | {"Idempotency-Key": "k"}
    answer = world.http.post("/v1/bulks", headers=headers, files={"file": ("lot.zip", content)})
    return str(answer.json()["bulk_id"])


def test_a_disk_that_fails_is_no_damaged_archive(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The import waits: were it refused, its bytes would be gone."""
    world = own_world
    name = send(world, LETTERS)

    def fails(*_: object) -> int:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(BlobReader, "readinto", fails)
    with pytest.raises(Refusal) as away:
        go_on(world, name)
    assert away.value.code == "blobs-unavailable"
    monkeypatch.undo()
    assert told(world, name).json()["waiting"] == 1
    assert go_on(world, name)
    assert set(lines(world, name).values()) == {"reading"}


def test_a_file_of_nobody_is_told_as_kept_whatever_a_person_decides(own_world: World) -> None:
    """Its folder is what they are shown."""
    world = own_world
    name = imported(world, zipped((f"{NOBODY}/a.txt", b"Allergie au latex."), (f"{OTHER}/b.txt", b"Vu.")))
    moved, aside = of_bulk(world, name)
    before = told(world, name).text, told(world, name, "/report").text
    for waiting, decision in (
        (moved, {"decision": "reassign", "patient_id": world.patients["marie"]}),
        (aside, {"decision": "refuse"}),
    ):
        answer = world.http.post(
            f"/v1/quarantine/{waiting.document_id}",
            headers=world.bearer(identity_vigilance="cellule"),
            json=decision | {"reason": "vérifié"},
        )
        assert answer.status_code == 200, answer.text
    world.work()
    assert (told(world, name).text, told(world, name, "/report").text) == before
