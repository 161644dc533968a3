"""The page's own files over HTTP: known by name, with their headers, holding nothing of anybody."""

from __future__ import annotations

import re

import pytest

from search_api.web.files import TYPES, assets
from tests.search_api.conftest import DOCTOR
from tests.search_api.world import World

FRENCH, ENGLISH = (set(re.findall(r"'([\w.\- ]+)': '", assets()[name].body.decode())) for name in ("fr.js", "en.js"))


def address(name: str) -> str:
    return "/" if name == "index.html" else f"/web/{name}"


@pytest.mark.parametrize("name", sorted(assets()))
def test_each_file_is_sent_with_its_type_and_policy(world: World, name: str) -> None:
    answer = world.http.get(address(name))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == TYPES[name.rpartition(".")[2]]
    policy = answer.headers["content-security-policy"]
    for part in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-cache"
    again = world.http.get(address(name), headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/web/", "/web/../app.py", "/web/%2e%2e/app.py", "/web/files.py", "/web/x.js"])
def test_nothing_else_is_sent(world: World, path: str) -> None:
    assert world.http.get(path).json()["code"] == "no-such-route"


def test_what_the_page_names_is_there() -> None:
    page = assets()["index.html"].body.decode()
    named = set(re.findall(r'(?:href|src)="/web/([^"]+)"', page))
    assert len(named) >= 5
    assert named <= set(assets())
    for name, asset in assets().items():
        folder = name.rpartition("/")[0]
        for other in re.findall(r"from '(\.{1,2}/[^']+)'", asset.body.decode()):
            up = other.startswith("../")
            assert (other[3:] if up else "/".join(filter(None, (folder, other[2:])))) in assets(), (name, other)


def test_both_languages_have_the_same_sentences() -> None:
    """English adds the service's own refusals, which are French already."""
    assert len(FRENCH) > 200
    assert not FRENCH - ENGLISH
    assert {key for key in ENGLISH - FRENCH if not key.startswith(("problem.", "remedy."))} == set()


def test_every_key_that_is_used_is_written() -> None:
    used = {
        key
        for name, asset in assets().items()
        if name.endswith(".js")
        for key in re.findall(r"\bt\('([\w.\- ]+)'", asset.body.decode())
    }
    assert len(used) > 150
    assert used - FRENCH == set()


def test_signing_in_offers_no_persona_outside_the_demo(world: World) -> None:
    answer = world.http.get("/web/sign-in").json()
    assert [way["kind"] for way in answer["ways"]] == ["token"]
    assert answer["ways"][0]["token"] is None
    assert {"search", "documents", "journal", "identity"} <= set(answer["offers"])


def test_who_speaks_and_whose_record(world: World) -> None:
    me = world.http.get("/v1/me", headers=world.bearer(DOCTOR)).json()
    assert (me["kind"], me["id"], me["name"], me["patient_id"]) == ("practitioner", DOCTOR, f"Dr {DOCTOR}", None)
    marie = world.http.get("/v1/me", headers=world.as_patient("marie")).json()
    assert (marie["kind"], marie["patient_id"]) == ("patient", world.patients["marie"])
    assert world.http.get("/v1/me").status_code == 401
    who = world.http.get(world.url("marie", "/identity"), headers=world.bearer(DOCTOR)).json()
    assert (who["family_name"], who["birth_date"], who["ins_status"]) == ("MARTIN", "1985-03-12", "qualified")
    assert (who["basis"], who["banner"], who["seconds_left"]) == ("grant", "", None)
