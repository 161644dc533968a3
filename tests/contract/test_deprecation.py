"""An address that ends says so on every answer: RFC 9745, RFC 8594, the description, and the Python client."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime

import pytest
from fastapi import APIRouter
from starlette.testclient import TestClient

from search_api.app import create_app
from search_api.deprecation import ending
from search_api.desk import AtDesk
from tests.clients.conftest import serving
from tests.search_api.conftest import DOCTOR
from tests.search_api.world import World

SINCE, SUNSET = date(2027, 1, 1), date(2028, 7, 1)


router = APIRouter(prefix="/v1")


@router.get("/me-of-old/{name}", **ending(since=SINCE, sunset=SUNSET, successor="/v1/me"))
def of_old(name: str, desk: AtDesk) -> dict[str, str]:
    """An address that ends."""
    return {"id": desk.caller.id, "name": name}


@pytest.fixture(scope="module")
def http(world: World) -> Iterator[TestClient]:
    app = create_app(world.services)
    app.include_router(router)
    with TestClient(app) as opened:
        yield opened


@pytest.mark.parametrize(("known", "status"), [(True, 200), (False, 401)])
def test_each_answer_of_it_says_so(world: World, http: TestClient, known: bool, status: int) -> None:
    answer = http.get("/v1/me-of-old/x", headers=world.bearer(DOCTOR) if known else {})
    assert answer.status_code == status
    assert answer.headers["deprecation"].startswith("@")
    assert datetime.fromtimestamp(int(answer.headers["deprecation"][1:]), UTC).date() == SINCE
    assert answer.headers["sunset"].endswith(" GMT")
    assert parsedate_to_datetime(answer.headers["sunset"]).date() == SUNSET
    assert answer.headers["link"] == '</v1/me>; rel="successor-version"'


def test_no_other_answer_does(world: World, http: TestClient) -> None:
    for path in ("/v1/me", "/v1/nowhere", "/healthz"):
        answer = http.get(path, headers=world.bearer(DOCTOR))
        assert not {"deprecation", "sunset", "link"} & set(answer.headers)


def test_the_description_says_it(http: TestClient) -> None:
    told = http.get("/openapi.json").json()["paths"]["/v1/me-of-old/{name}"]["get"]
    assert (told["deprecated"], told["x-deprecated-since"], told["x-sunset"]) == (True, "2027-01-01", "2028-07-01")


def test_an_end_comes_a_year_after_it_is_told() -> None:
    with pytest.raises(ValueError, match="a year"):
        ending(since=date(2027, 1, 1), sunset=date(2027, 12, 31))


def test_the_python_client_warns(world: World) -> None:
    with serving(world, router) as served, served.client(DOCTOR) as anamnese:
        with pytest.warns(DeprecationWarning, match="Sat, 01 Jul 2028") as told:
            anamnese._wire.ask("GET", "/v1/me-of-old/marie")
        assert "marie" not in str(told[0].message)
        assert anamnese.me().id == DOCTOR  # a warning would be an error here
