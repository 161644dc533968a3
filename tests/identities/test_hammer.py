"""Nobody makes us hammer the identity provider: what is refused is counted before it is asked."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor

from access.refusal import Refusal
from search_api.oidc import provider as keys
from search_api.oidc.verify import USERINFO_AGAIN
from search_api.rates import Rates
from tests.attacks.test_floods import Ticks
from tests.identities.asking import status
from tests.identities.conftest import ACCOUNTS, Open
from tests.identities.test_launch import launched, page, sign_in
from tests.search_api.world import World
from tests.services.openid import OpenId


def limited(world: World, ticks: Ticks, most: int) -> None:
    world.services = dataclasses.replace(world.services, rates=Rates(ticks), bad_tokens=most)


def test_a_flood_of_made_up_codes_asks_the_provider_no_more_than_the_limit(own_world: World, federated: Open) -> None:
    ticks = Ticks()
    limited(own_world, ticks, 4)
    with OpenId(ACCOUNTS, launches={"x": "ipp-1"}).run() as running:
        http, good = federated(running, page=page(running)), launched(running, "x")
        made_up = good | {"code": "made-up", "iss": ""}
        token = running.login("doctor")
        before = running.fetched()["token"]
        with ThreadPoolExecutor(8) as at_once:
            answers = list(at_once.map(lambda _: sign_in(http, made_up), range(24)))
        assert sorted(each.status_code for each in answers) == [401] * 4 + [429] * 20
        assert running.fetched()["token"] - before == 4
        assert sign_in(http, good).json()["code"] == "too-many-bad-tokens"
        assert running.fetched()["token"] - before == 4
        assert status(http, own_world, token) == (200, "")  # who is in already stays in
        ticks.now += 601
        assert sign_in(http, good).status_code == 200


def test_good_codes_are_not_counted(own_world: World, federated: Open) -> None:
    limited(own_world, Ticks(), 1)
    with OpenId(ACCOUNTS, launches={"x": "ipp-1"}).run() as running:
        http = federated(running, page=page(running))
        assert [sign_in(http, launched(running, "x")).status_code for _ in range(3)] == [200] * 3


def test_what_was_taken_is_given_back_over_the_edge_of_a_window() -> None:
    ticks = Ticks()
    rates = Rates(ticks)
    assert rates.take("a", 1, 300) == "within"
    ticks.now += 300
    rates.give_back("a", 300)
    rates.give_back("a", 300)  # no more than was taken
    rates.give_back("nobody", 300)
    assert [rates.take("a", 1, 300) for _ in range(2)] == ["within", "first"]


def test_a_provider_that_is_away_is_looked_for_once_in_a_while() -> None:
    ticks = Ticks()
    away = OpenId(ACCOUNTS)
    provider = keys.Provider(away.issuer, ticks)

    def found() -> bool:
        try:
            return bool(provider.endpoint("authorization_endpoint"))
        except Refusal:
            return False

    assert not found()
    with away.run():
        assert [found() for _ in range(20)] == [False] * 20
        assert away.fetched()["discovery"] == 0
        ticks.now += keys.COOLDOWN
        assert [found() for _ in range(3)] == [True] * 3
        assert away.fetched()["discovery"] == 1


def test_a_mute_userinfo_is_not_asked_at_every_request_of_one_token(own_world: World, federated: Open) -> None:
    ticks = Ticks()
    with OpenId(ACCOUNTS, mute=True, dumb=True).run() as running:
        http, token = federated(running, ticks, userinfo=True), running.login("doctor")
        assert [status(http, own_world, token) for _ in range(5)] == [(503, "issuer-unavailable")] * 5
        assert running.fetched()["userinfo"] == 1
        ticks.now += USERINFO_AGAIN + 1
        assert status(http, own_world, token) == (503, "issuer-unavailable")
        assert running.fetched()["userinfo"] == 2
