"""The Python client against a running server: what it does, what it says of refusals, and what it tries again."""

from __future__ import annotations

import ast
import sys
import zipfile
from datetime import date, timedelta
from pathlib import Path

import pytest

import anamnese_client
from anamnese_client import (
    Client,
    Conflict,
    Forbidden,
    Malformed,
    NoAccess,
    NotAuthenticated,
    NotFound,
    Unavailable,
    Unreachable,
)
from anamnese_client.bulks import document_line
from tests.clients.conftest import Served, Through
from tests.search_api.conftest import DOCTOR, REVOKED, STRANGER, TRAITANT
from tests.search_api.test_journal import entries
from tests.search_api.world import ins_of

MARIE = ins_of("2850375123456").matricule
LETTER = "Compte rendu.\n\nCréatinine 88 µmol/L. Exanthème après clindamycine, le {}."
BUSY = b'{"type":"x","title":"Pas maintenant.","status":503,"stage":"ask","code":"busy","remedy":"Attendez."}'
NOT_NOW = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nRetry-After: 0\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(BUSY), BUSY)
)


def test_a_doctor_finds_reads_and_sends(served: Served) -> None:
    with served.client(DOCTOR) as anamnese:
        assert (anamnese.me().kind, anamnese.me().id) == ("practitioner", DOCTOR)
        record = anamnese.patient(ins=MARIE)
        assert record.patient_id == served.world.patients["marie"]
        assert record.identity().family_name == "MARTIN"
        answer = record.search("allergie pénicilline", limit=1)
        (hit,) = answer.hits
        assert "pénicilline" in hit.passages[0].text
        start, end = hit.passages[0].highlights[0]
        assert hit.passages[0].text[start:end].casefold() in ("allergie", "pénicilline")
        assert record.content(hit.document.id).startswith(b"Lettre")
        assert record.search("ferritine", type_codes=["11502-2"], date_from=date(2025, 1, 1)).total == 1
        assert {each.id for each in record.documents()} >= {hit.document.id}
        deposited = record.upload(LETTER.format("1er").encode(), name="exanthème.txt", title="Exanthème")
        states = [each.state for each in record.follow(deposited.document_id, every=0.05)]
        assert states[-1] == "searchable"
        assert states == sorted(set(states), key=states.index)
        assert record.document(deposited.document_id).title == "Exanthème"
        assert record.search("exanthème clindamycine").hits[0].document.id == deposited.document_id
        assert record.emergency_card().sections
        assert {each.analyte for each in record.observations().series}


def test_a_file_is_sent_from_the_disk_and_read_again(served: Served, tmp_path: Path) -> None:
    path = tmp_path / "note.txt"
    path.write_text("Note de consultation.\n\nPapule isolée.", encoding="utf-8")
    with served.client(DOCTOR) as anamnese:
        record = anamnese.patient(served.world.patients["marie"])
        sent = record.upload(path, type_code="11488-4", event_date=date(2026, 2, 3))
        *_, last = record.follow(sent.document_id, every=0.05)
        assert (last.state, last.type_code, last.event_date) == ("searchable", "11488-4", date(2026, 2, 3))
        assert record.content(sent.document_id) == path.read_bytes()
        with pytest.raises(TimeoutError):
            list(record.follow(_unread(served), every=0.0, within=0.0))


def _unread(served: Served) -> str:
    """A document that no worker is told of."""
    return served.world.deposit("jamais lu", "marie", "Jamais lu par personne.")


def test_the_door_and_its_two_ways(served: Served) -> None:
    with served.client(STRANGER) as anamnese:
        record = anamnese.patient(ins=MARIE)
        with pytest.raises(NoAccess) as closed:
            record.search("allergie")
        assert (closed.value.status, closed.value.code) == (403, "no-access")
        assert "consentement" in closed.value.remedy
        until = record.break_glass("unconscious", "trouvée au sol").until
        assert until > served.world.clock.now
        assert record.emergency_card().patient_id == served.world.patients["marie"]
        record.end_break_glass()
        with pytest.raises(NoAccess):
            record.emergency_card()
        assert record.attest().kind == "attested"
        assert record.search("allergie").hits


def test_a_patient_allows_and_withdraws(served: Served) -> None:
    marie = served.world.patients["marie"]
    with served.client(patient_id=marie) as anamnese:
        mine = anamnese.patient(marie)
        until = served.world.clock.now + timedelta(days=30)
        given = mine.grant("10000000077", categories=["biology"], valid_until=until)
        assert (given.grantee, given.categories, given.valid_until) == ("10000000077", ("biology",), until)
        assert given.grant_id in {each.grant_id for each in mine.grants()}
        mine.revoke(given.grant_id)
        (now,) = [each for each in mine.grants() if each.grant_id == given.grant_id]
        assert now.revoked_at is not None


def test_a_system_makes_a_link_and_its_practitioner_follows_it(served: Served) -> None:
    with served.client(system="dpi") as dpi, served.client(DOCTOR) as doctor:
        made = dpi.launch_link(DOCTOR, ins=MARIE)
        assert made.url.startswith(f"{served.base}/#launch=")
        link = made.url.partition("#launch=")[2]
        assert doctor.open_launch_link(link).patient_id == served.world.patients["marie"]
        with pytest.raises(NotFound):
            doctor.open_launch_link(link)


def test_a_system_imports_a_folder_and_is_told_of_each_file(served: Served, tmp_path: Path) -> None:
    own, other = tmp_path / MARIE / "2021", tmp_path / "999"
    for folder, name, text in ((own, "a", "Lichen plan."), (own, "b", "Vitiligo."), (other, "c", "À personne.")):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.txt").write_text(text, encoding="utf-8")
    (own / ".caché").write_text("Non.", encoding="utf-8")
    (own / "lien.txt").symlink_to(own / "a.txt")
    with served.client(system="dpi") as dpi, served.client(DOCTOR) as doctor:
        for _ in range(2):  # nothing is doubled by the second
            sent = list(dpi.bulks.send_folder(tmp_path, most=600))
            assert [each.total for each in sent] == [2, 1]
            ends = [list(dpi.bulks.follow(each.bulk_id, every=0.05, within=120))[-1] for each in sent]
            assert [(each.state, each.kept, each.refused) for each in ends] == [("done", 2, 0), ("done", 0, 1)]
        (line,) = dpi.bulks.report(sent[1].bulk_id)
        assert line.refusal is not None
        assert (line.state, line.refusal.code) == ("refused", "bad-patient")
        assert len(doctor.patient(ins=MARIE).search("vitiligo").hits) == 1
        with pytest.raises(NotFound):
            dpi.bulks.state("a" * 26)
        with pytest.raises(Forbidden):
            doctor.bulks.state(sent[0].bulk_id)


def test_a_system_sends_an_archive_larger_than_an_upload(served: Served, tmp_path: Path) -> None:
    archive = tmp_path / "archives.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for number in range(3):
            made.writestr(f"archives/{MARIE}/{number}.txt", f"Érythème noueux {number}. " + "Examen normal. " * 8_000)
        made.writestr("archives/export.ndjson", document_line(b"Granulome.", MARIE))
        made.writestr(f"archives/{MARIE}/vide.txt", b"")
    assert archive.stat().st_size > served.world.services.upload_limit
    with served.client(system="dpi") as dpi, served.client(DOCTOR) as doctor:
        bulk = dpi.bulks.send_archive(archive, key="archives")
        assert dpi.bulks.send_archive(archive, key="archives").bulk_id == bulk.bulk_id
        *_, end = dpi.bulks.follow(bulk.bulk_id, every=0.05, within=120)
        assert (end.state, end.total, end.kept, end.refused) == ("done", 5, 4, 1)
        refused = [each for each in dpi.bulks.report(bulk.bulk_id) if each.refusal is not None]
        assert [each.name for each in refused] == [f"archives/{MARIE}/vide.txt"]
        assert doctor.patient(ins=MARIE).search("érythème noueux").hits
        archive.write_bytes(archive.read_bytes()[:-30])
        *_, end = dpi.bulks.follow(dpi.bulks.send_archive(archive).bulk_id, every=0.05, within=120)
        (line,) = dpi.bulks.report(end.bulk_id)
        assert line.refusal is not None
        assert (line.name, line.refusal.code) == ("archives.zip", "damaged-zip")


def test_an_import_is_paused_and_goes_on_and_is_one_by_its_key(served: Served, tmp_path: Path) -> None:
    """Two files are one import: a line of one refers to a line of the other."""
    (tmp_path / "DocumentReference.ndjson").write_bytes(
        document_line(b"Pemphigus.", MARIE) + document_line(b"Psoriasis.", "urn:oid:1.2.3|42").rstrip(b"\n")
    )
    (tmp_path / "Patient.ndjson").write_text('{"resourceType": "Patient", "id": "p"}\n', encoding="utf-8")
    files = sorted(tmp_path.glob("*.ndjson"))
    served.held.set()
    try:
        with served.client(system="dpi") as dpi:
            bulk = dpi.bulks.send(*files, key="lot 1")
            assert (bulk.total, bulk.waiting) == (3, 3)
            assert dpi.bulks.send(*files, key="lot 1").bulk_id == bulk.bulk_id
            assert dpi.bulks.pause(bulk.bulk_id).state == "paused"
            with pytest.raises(Conflict):
                dpi.bulks.pause(bulk.bulk_id)
            assert dpi.bulks.resume(bulk.bulk_id).state == "running"
            served.held.clear()
            served.wake()
            *_, last = dpi.bulks.follow(bulk.bulk_id, every=0.05, within=120)
            assert (last.kept, last.refused) == (2, 1)
            assert [each.state for each in dpi.bulks.report(bulk.bulk_id)] == ["kept", "kept", "refused"]
    finally:
        served.held.clear()


def test_fhir_is_searched_page_after_page_and_refusals_are_the_same(served: Served) -> None:
    marie = served.world.patients["marie"]
    with served.client(TRAITANT) as anamnese:
        everything = {each["id"] for each in anamnese.fhir.search("DocumentReference", patient=marie)}
        paged = [each["id"] for each in anamnese.fhir.search("DocumentReference", patient=marie, _count=2)]
        assert len(everything) > 2
        assert sorted(paged) == sorted(everything)
        one = anamnese.fhir.read("DocumentReference", paged[0])
        assert (one["resourceType"], one["id"]) == ("DocumentReference", paged[0])
        by_ins = {"patient__identifier": f"urn:oid:1.2.250.1.213.1.4.8|{MARIE}"}
        assert {each["id"] for each in anamnese.fhir.search("DocumentReference", **by_ins)} == everything
        with pytest.raises(Malformed) as wrong:
            list(anamnese.fhir.search("DocumentReference", patient=marie, date="hier"))
        assert (wrong.value.code, wrong.value.problem.errors[0].field) == ("bad-parameter", "http.date")
    with served.client(REVOKED) as anamnese, pytest.raises(NoAccess):
        anamnese.fhir.read("DocumentReference", paged[0])


def test_refusals_have_their_class(served: Served) -> None:
    marie = served.world.patients["marie"]
    with Client(served.base, "a.b.c") as anamnese, pytest.raises(NotAuthenticated):
        anamnese.me()
    with served.client(DOCTOR) as anamnese:
        record = anamnese.patient(marie)
        with pytest.raises(NotFound):
            record.document("zyxwvutsrqponmlkjihgfedcba")
        with pytest.raises(Malformed) as wrong:
            record.search("toux", limit=10**6)
        assert [each.field for each in wrong.value.problem.errors] == ["body.limit"]
        with pytest.raises(Forbidden) as barred:
            record.grant("10000000009")
        assert not isinstance(barred.value, NoAccess)
    with served.client(DOCTOR, base="http://127.0.0.1:9", attempts=2) as anamnese, pytest.raises(Unreachable):
        anamnese.me()


@pytest.mark.parametrize("answer", [b"", NOT_NOW])
def test_what_is_harmless_is_tried_again_and_nothing_else(served: Served, through: Through, answer: bytes) -> None:
    marie = served.world.patients["marie"]
    way = through(2, answer)
    with served.client(DOCTOR, base=way.base) as anamnese:
        assert anamnese.me().id == DOCTOR
        assert way.tries == 3
    way = through(2, answer)
    with served.client(DOCTOR, base=way.base) as anamnese:
        assert anamnese.patient(marie).search("allergie").hits
        assert way.tries == 3
    way = through(9, answer)
    with served.client(DOCTOR, base=way.base, attempts=3) as anamnese:
        with pytest.raises((Unreachable, Unavailable)):
            anamnese.me()
        assert way.tries == 3
    before = len(entries(served.world, "marie"))
    for act in ("break_glass", "attest"):
        way = through(1, answer)
        with served.client(TRAITANT, base=way.base) as anamnese:
            with pytest.raises((Unreachable, Unavailable)):
                getattr(anamnese.patient(marie), act)(*["unconscious"] if act == "break_glass" else [])
            assert way.tries == 1
    assert len(entries(served.world, "marie")) == before + 2


def test_an_upload_whose_answer_is_lost_is_one_document(served: Served, through: Through, tmp_path: Path) -> None:
    path = tmp_path / "perdue.txt"
    path.write_text("Lettre dont la réponse se perd.\n\nÉrythrasma.", encoding="utf-8")
    way = through(2, b"")
    with served.client(DOCTOR, base=way.base) as anamnese:
        record = anamnese.patient(served.world.patients["marie"])
        sent = record.upload(path)
        assert way.tries == 3
    receipts = [each for each in entries(served.world, "marie") if sent.document_id in each.documents]
    assert len([each for each in receipts if each.action == "deposit"]) == 3
    with served.client(DOCTOR) as anamnese:
        *_, document = anamnese.patient(served.world.patients["marie"]).follow(sent.document_id, every=0.05)
        assert len(document.receipts) == 1


@pytest.mark.parametrize("address", ["https://evil.example/x", "//evil.example/x", "http://127.0.0.1:1/x"])
def test_the_token_goes_nowhere_else(served: Served, address: str) -> None:
    with served.client(DOCTOR) as anamnese, pytest.raises(ValueError, match="another origin"):
        anamnese._wire.ask("GET", address)


def test_the_token_may_renew_itself(served: Served) -> None:
    tokens = iter([served.token(DOCTOR), served.token(TRAITANT)])
    with Client(served.base, lambda: next(tokens)) as anamnese:
        assert [anamnese.me().id, anamnese.me().id] == [DOCTOR, TRAITANT]


def test_the_package_stands_alone() -> None:
    """It imports what it declares and nothing of the service."""
    files = list(Path(anamnese_client.__file__).parent.glob("*.py"))
    assert len(files) >= 6
    named = set()
    for path in files:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                named |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                named.add((node.module or "").partition(".")[0])
    assert named - set(sys.stdlib_module_names) == {"anamnese_client", "httpx", "pydantic", "tenacity"}
