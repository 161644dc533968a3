"""The patient's own copy: all that they may see, nothing else, made while it is sent, each file with its hash."""

from __future__ import annotations

import hashlib
import io
import json
import tracemalloc
import zipfile
from typing import Any

import pytest

from search_api import export
from tests.search_api.conftest import DOCTOR, TEXTS, TRAITANT
from tests.search_api.test_journal import entries
from tests.search_api.world import World


def taken(world: World, headers: dict[str, str], patient: str = "marie") -> dict[str, bytes]:
    answer = world.http.get(world.url(patient, "/export"), headers=headers)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == 'attachment; filename="dossier.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as bundle:
        assert bundle.testzip() is None
        return {name: bundle.read(name) for name in bundle.namelist()}


def documents_in(world: World, files: dict[str, bytes]) -> dict[str, bytes]:
    known = {document: name for name, document in world.documents.items()}
    return {known[n.split("-")[1].split(".")[0]]: c for n, c in files.items() if n.startswith("documents/")}


def test_a_patient_takes_all_that_they_may_see_and_nothing_else(own_world: World) -> None:
    own_world.search("biopsie", own_world.bearer(DOCTOR))
    files = taken(own_world, own_world.as_patient("marie"))
    own = documents_in(own_world, files)
    assert set(own) == {"lettre", "bilan", "ordonnance", "vih"}  # not the biopsy, which waits to be announced
    assert {name: content.decode() for name, content in own.items()} == {name: TEXTS[name] for name in own}
    everything = b"".join(files.values())
    for secret in ("biopsie", "carcinome", own_world.documents["biopsie"], own_world.documents["paul"], "urticaire"):
        assert secret.encode() not in everything, secret
    texts = [content.decode() for name, content in files.items() if name.startswith("textes/")]
    assert any("Sérologie VIH positive" in each for each in texts)
    assert b"a cherch\xc3\xa9 dans le dossier" in files["journal.txt"]
    rights = json.loads(files["autorisations.json"])
    assert {DOCTOR, TRAITANT} <= {each["grantee"] for each in rights["grants"]}
    assert {card["title"] for card in json.loads(files["documents.json"])} >= {"Bilan martial", "Ordonnance"}


def test_the_manifest_has_the_hash_of_every_other_file(own_world: World) -> None:
    files = taken(own_world, own_world.as_patient("marie"))
    manifest = json.loads(files.pop("manifeste.json"))
    assert {each["name"]: (each["sha256"], each["bytes"]) for each in manifest["files"]} == {
        name: (hashlib.sha256(content).hexdigest(), len(content)) for name, content in files.items()
    }
    assert manifest["missing"] == []


def test_what_is_missing_is_said(own_world: World) -> None:
    own_world.deposit("later", "marie", "Lettre.\n\nNon lue encore.")
    own_world.hide("bilan", hidden_from_patient=True)
    path = own_world.services.blobs
    with own_world.services.records.read() as tx:
        from records.documents import document_without_scope

        document = document_without_scope(tx, own_world.documents["lettre"])
    assert document is not None
    path.delete(document.upload)
    files = taken(own_world, own_world.as_patient("marie"))
    assert set(documents_in(own_world, files)) == {"ordonnance", "vih"}
    assert sorted(each["code"] for each in json.loads(files["manifeste.json"])["missing"]) == [
        "blob-missing",
        "not-finished",
    ]


def test_archived_versions_are_in_it(own_world: World) -> None:
    own_world.hide("bilan", status="archived")  # type: ignore[arg-type]
    assert "bilan" in documents_in(own_world, taken(own_world, own_world.as_patient("marie")))


def test_it_is_the_patients_act_and_stands_in_the_journal(own_world: World) -> None:
    for headers, code in ((own_world.bearer(TRAITANT), "act-not-allowed"), (own_world.as_patient("paul"), "no-access")):
        answer = own_world.http.get(own_world.url("marie", "/export"), headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, code)
    taken(own_world, own_world.as_patient("marie"))
    entry = entries(own_world, "marie")[0]
    assert (entry.action, entry.outcome, entry.caller_kind) == ("export", "granted", "patient")
    assert set(entry.documents) == {own_world.documents[name] for name in ("lettre", "bilan", "ordonnance", "vih")}


def test_a_parent_takes_what_they_may_see_and_no_journal(own_world: World) -> None:
    from datetime import date

    from access.facts import RelationKind
    from records import relations
    from records.patients import Identity
    from tests.search_api.world import ins_of

    child = Identity(ins_of("2200175123456"), "qualified", "MARTIN", "ZOE", date(2020, 1, 20), "F", "75112")
    own_world.add_patient("zoe", child)
    own_world.deposit("seen", "zoe", "Lettre.\n\nVaccin fait.")
    own_world.deposit("secret", "zoe", "Lettre.\n\nConfidence.")
    own_world.work()
    own_world.hide("secret", hidden_from_representatives=True)
    with own_world.services.records.write() as tx:
        relations.record_representative(
            tx,
            own_world.patients["zoe"],
            own_world.patients["marie"],
            RelationKind.LEGAL_REPRESENTATIVE,
            now=own_world.clock.now,
            by="t",
            valid_until=None,
        )
    files = taken(own_world, own_world.as_patient("marie"), "zoe")
    assert set(documents_in(own_world, files)) == {"seen"}
    assert b"Confidence" not in b"".join(files.values())
    assert not {"journal.txt", "autorisations.json"} & set(files)


def test_later_parts_join(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def gives(_: Any, scope: Any) -> Any:
        return {"of": scope.patient_id}

    monkeypatch.setattr(export, "EXTRAS", [("faits.json", gives)])
    files = taken(own_world, own_world.as_patient("marie"))
    assert json.loads(files["faits.json"]) == {"of": own_world.patients["marie"]}


def test_a_large_record_is_never_whole_in_memory(own_world: World) -> None:
    """Twelve documents of 180 kB: what is held at a time stays under the size of the whole."""
    import random

    source = random.Random(5)
    for number in range(12):
        words = " ".join(f"{source.randrange(10**9):09d}" for _ in range(18_000))
        own_world.deposit(f"big{number}", "marie", f"Lettre {number}.\n\n{words}")
    own_world.work()
    from access.decide import decide
    from access.scope import Caller, CallerKind, Purpose, Scope
    from records import documents
    from records.rights import access_facts

    marie, now, services = own_world.patients["marie"], own_world.clock.now, own_world.services
    caller = Caller(CallerKind.PATIENT, marie)
    with services.records.read() as tx:
        facts = access_facts(tx, caller, marie, now, services.policy)
        scope = decide(caller, marie, Purpose.SELF, now, facts, services.policy, all_states=True)
        assert isinstance(scope, Scope)
        listed = documents.list_documents(tx, scope)
    assert len(listed) == 16
    tracemalloc.start()
    largest = total = 0
    for piece in export.archive(services, scope, listed, now):
        largest, total = max(largest, len(piece)), total + len(piece)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert total > 1_500_000
    assert largest < 400_000
    assert peak < 8_000_000
