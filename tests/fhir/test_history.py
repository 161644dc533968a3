"""The history of a DocumentReference: what it is, and what it replaced, to whom may see that."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import update

from records import tables
from tests.fhir.asking import code_of, get, provided, reference
from tests.search_api.conftest import BIOLOGIST, STRANGER
from tests.search_api.test_journal import entries
from tests.search_api.world import World

TEXT = "Compte rendu.\n\nFracture du col fémoral droit, ostéosynthèse."


@pytest.fixture
def replaced(own_world: World) -> list[str]:
    """Three versions of one letter, each sent to replace the one before: their addresses, oldest first."""
    made: list[str] = []
    for number in ("1", "2", "3"):
        related = [{"code": "replaces", "target": {"reference": made[-1]}}] if made else []
        more: dict[str, Any] = {"relatesTo": related} if related else {}
        made.append(provided(own_world, reference(own_world, number, **more), f"{TEXT} Version {number}."))
    own_world.work()
    return made


def kept(world: World, address: str, who: dict[str, str] | None = None) -> list[dict[str, Any]]:
    return [each["resource"] for each in get(world, f"/{address}/_history", who).json()["entry"]]


def test_the_versions_that_a_document_replaced_are_its_history(own_world: World, replaced: list[str]) -> None:
    newest = replaced[-1]
    current = get(own_world, f"/{newest}").json()
    bundle = get(own_world, f"/{newest}/_history").json()
    versions = [each["resource"] for each in bundle["entry"]]
    assert (bundle["type"], bundle["total"], len(versions)) == ("history", 3, 3)
    assert versions[0] == current
    assert {each["id"] for each in versions} == {current["id"]}
    assert [each["status"] for each in versions] == ["current", "superseded", "superseded"]
    assert len({each["meta"]["versionId"] for each in versions}) == 3
    assert [each["request"]["method"] for each in bundle["entry"]] == ["PUT", "PUT", "POST"]
    for entry, number in zip(bundle["entry"], "321", strict=True):
        version = entry["resource"]
        assert entry["response"]["etag"] == f'W/"{version["meta"]["versionId"]}"'
        read = get(own_world, f"/{newest}/_history/{version['meta']['versionId']}")
        assert read.json() == version
        assert read.headers["etag"] == entry["response"]["etag"]
        where = version["content"][0]["attachment"]["url"].partition("Binary/")[2]
        assert get(own_world, f"/Binary/{where}").text.endswith(f"Version {number}.")
    assert entries(own_world, "marie")[0].action == "download"


def test_an_older_version_knows_what_came_before_it_and_nothing_newer(own_world: World, replaced: list[str]) -> None:
    for address, count in zip(replaced, (1, 2, 3), strict=True):
        assert len(kept(own_world, address)) == count
    newest = get(own_world, f"/{replaced[2]}").json()["meta"]["versionId"]
    assert code_of(get(own_world, f"/{replaced[0]}/_history/{newest}")) == "no-such-resource"


def test_each_version_shown_is_journalled(own_world: World, replaced: list[str]) -> None:
    get(own_world, f"/{replaced[2]}/_history")
    names = [each.partition("/")[2].partition(".")[2] for each in reversed(replaced)]
    entry = entries(own_world, "marie")[0]
    assert (entry.action, list(entry.documents)) == ("read-document", names)
    version = kept(own_world, replaced[2])[1]["meta"]["versionId"]
    get(own_world, f"/{replaced[2]}/_history/{version}")
    assert list(entries(own_world, "marie")[0].documents) == [names[1]]


@pytest.mark.parametrize("hidden", [{"masked": True}, {"category": "certificate"}, {"state": "refused"}])
def test_a_version_outside_the_scope_is_not_there(
    own_world: World, replaced: list[str], hidden: dict[str, Any]
) -> None:
    """Nor is its version id: the answer is that to an id of nothing."""
    path, document_id = f"/{replaced[2]}/_history", replaced[1].partition(".")[2]
    with own_world.services.records.read() as tx:
        category = tx.session.get_one(tables.Document, document_id).category
    own_world.grant("reader", "marie", STRANGER, categories=frozenset({category}))
    reader = own_world.bearer(STRANGER)
    middle = kept(own_world, replaced[2], reader)[1]["meta"]["versionId"]
    with own_world.services.records.write() as tx:
        tx.session.execute(update(tables.Document).where(tables.Document.document_id == document_id).values(**hidden))
    shown = kept(own_world, replaced[2], reader)
    assert len(shown) == 2
    assert all(document_id not in str(each["content"]) for each in shown)
    gone, nothing = (get(own_world, f"{path}/{each}", reader) for each in (middle, "0000000000000000"))
    assert gone.status_code == 404
    assert gone.content == nothing.content
    get(own_world, path, reader)
    assert document_id not in entries(own_world, "marie")[0].documents


def test_a_history_is_behind_the_door(own_world: World, replaced: list[str]) -> None:
    for rpps in (STRANGER, BIOLOGIST):
        answer = get(own_world, f"/{replaced[2]}/_history", own_world.bearer(rpps))
        nobody = get(own_world, f"/DocumentReference/{'a' * 26}.{'b' * 26}/_history", own_world.bearer(rpps))
        assert answer.status_code in (403, 404)
        if rpps == STRANGER:
            assert answer.content == nobody.content


def test_the_statement_is_true(own_world: World) -> None:
    told = get(own_world, "/metadata").json()["rest"][0]["resource"]
    assert {each["type"] for each in told if each.get("readHistory")} == {"DocumentReference"}
