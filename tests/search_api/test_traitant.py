"""The médecin traitant is told of an emergency access (R1111-48), by mail to who still is so when it leaves."""

from __future__ import annotations

import pytest
from sqlalchemy import delete

from access.scope import CallerKind
from records import grants, journal, tables
from search_api.notifier import MailServer, Sent
from tests.search_api.conftest import DOCTOR, STRANGER, TRAITANT
from tests.search_api.test_emergency import break_glass
from tests.search_api.test_notifier import Box, body, deliver, mail
from tests.search_api.test_will import act
from tests.search_api.world import DAY, World

__all__ = ["mail"]
ADDRESS = "traitant@mssante.test"


@pytest.fixture
def addressed(own_world: World) -> World:
    """Marie's médecin traitant has an address in the directory; so has another doctor of hers."""
    for rpps, address in ((TRAITANT, ADDRESS), (DOCTOR, "autre@mssante.test")):
        own_world.add_practitioner(rpps, mail=address)
    return own_world


def told(world: World) -> list[str]:
    """Details of the journal's entries that say that a médecin traitant was told."""
    with world.services.records.read() as tx:
        entries = journal.entries_for_audit_without_scope(tx, world.patients["marie"], 50)
    return [entry.detail for entry in entries if entry.action == "tell-traitant"]


def test_the_medecin_traitant_is_told_without_a_name_and_the_patient_reads_that(
    addressed: World, mail: tuple[Box, MailServer]
) -> None:
    box, server = mail
    world = addressed
    world.add_practitioner("10000000041", specialty="Psychiatrie", organizations=("750000001",))
    world.grant("as traitant", "marie", DOCTOR, kind="as_traitant")
    break_glass(world, "10000000041")
    assert told(world) == []  # nothing left yet
    assert deliver(world, server) == Sent(sent=1, unaddressed=1)  # the patient gave no address
    ((to, message),) = box.received
    assert to == [ADDRESS]
    text = f"{message['Subject']} {body(message)}"
    assert "a été ouvert en urgence" in text
    assert "le 01/03/2026 à 13:00" in text
    assert world.patients["marie"] in text
    secret = (
        "sychiatr", "10000000041", "750000001", "MARTIN", "MARIE", "285037", "12/03/1985", "Lettre", "pénicilline",
        "VIH", "unconscious", "inconscient", "coma", TRAITANT,
    )  # fmt: skip
    assert [word for word in secret if word.lower() in text.lower()] == []
    assert told(world) == [TRAITANT]
    lines = world.http.get(world.url("marie", "/journal"), headers=world.as_patient("marie")).json()["entries"]
    assert any("a averti le médecin traitant d'un accès d'urgence" in line["sentence"] for line in lines)
    assert deliver(world, server) == Sent()


def test_a_server_that_is_busy_gets_it_later_and_the_journal_says_it_once(
    addressed: World, mail: tuple[Box, MailServer]
) -> None:
    box, server = mail
    box.refuse = True
    break_glass(addressed)
    assert deliver(addressed, server) == Sent(failed=1, unaddressed=1)
    box.refuse = False
    addressed.clock.now += DAY
    assert deliver(addressed, server) == Sent(sent=1, unaddressed=1)
    assert [to for to, _ in box.received] == [[ADDRESS]]
    assert told(addressed) == [TRAITANT]


@pytest.mark.parametrize("why", ["revoked", "another", "ended", "blocked", "closed", "suspended", "unaddressed"])
def test_who_is_medecin_traitant_no_more_is_told_nothing(
    addressed: World, mail: tuple[Box, MailServer], why: str
) -> None:
    box, server = mail
    world, patient = addressed, addressed.as_patient("marie")
    if why == "ended":
        world.revoke("traitant", "marie")
        world.grant("short", "marie", TRAITANT, kind="medecin_traitant", valid_until=world.clock.now + DAY)
    break_glass(world)
    if why == "revoked":
        world.revoke("traitant", "marie")
    elif why == "another":  # who keeps the same rights is not told all the same
        world.revoke("traitant", "marie")
        world.grant("as traitant", "marie", TRAITANT, kind="as_traitant")
    elif why == "ended":
        world.clock.now += DAY
    elif why == "blocked":
        assert act(world, "POST", "/blocks", patient, practitioner=TRAITANT).status_code < 300
    elif why == "closed":
        assert act(world, "POST", "/closure", patient).status_code < 300
    elif why == "suspended":
        world.add_practitioner(TRAITANT, mail=ADDRESS, suspended=True)
    else:
        world.add_practitioner(TRAITANT)
    assert deliver(world, server) == Sent(unaddressed=1, withheld=1)
    world.add_practitioner(TRAITANT, mail=ADDRESS)
    world.clock.now += DAY
    assert deliver(world, server) == Sent(unaddressed=1)  # gone: it does not come back with the right
    assert (box.received, told(world)) == ([], [])


def test_nobody_is_told_who_has_no_address_is_not_named_or_opened_it(
    addressed: World, mail: tuple[Box, MailServer]
) -> None:
    _, server = mail
    world = addressed
    break_glass(world, TRAITANT)  # themselves
    world.add_practitioner(TRAITANT)
    break_glass(world)
    world.add_practitioner(TRAITANT, mail=ADDRESS)
    world.revoke("traitant", "marie")
    world.grant("narrow", "marie", TRAITANT, kind="medecin_traitant", categories=frozenset({"biology"}))
    break_glass(world)
    with world.services.records.read() as tx:
        assert "medecin_traitant" in {each.kind for each in grants.grants_without_scope(tx, world.patients["marie"])}
    assert deliver(world, server) == Sent(unaddressed=3)
    assert told(world) == []


def test_a_refused_opening_is_told_to_nobody(addressed: World, mail: tuple[Box, MailServer]) -> None:
    _, server = mail
    act(addressed, "POST", "/oppositions", addressed.as_patient("marie"), kind="break_glass")
    assert break_glass(addressed, STRANGER).status_code == 403
    assert deliver(addressed, server) == Sent()


def test_the_address_is_shown_to_no_caller(addressed: World) -> None:
    for headers in (addressed.bearer(TRAITANT), addressed.as_patient("marie")):
        for path in ("/grants", "/journal", "/record"):
            assert "mssante" not in addressed.http.get(addressed.url("marie", path), headers=headers).text
    assert "mssante" not in addressed.http.get("/v1/me", headers=addressed.bearer(role=CallerKind.AUDITOR)).text


def test_what_the_journal_cannot_hold_does_not_leave_and_holds_up_no_other(
    addressed: World, mail: tuple[Box, MailServer]
) -> None:
    box, server = mail
    world = addressed
    break_glass(world)
    contact = {"mail": "paul@exemple.test"}
    world.http.put(world.url("paul", "/contact"), json=contact, headers=world.as_patient("paul")).raise_for_status()
    world.http.get(world.url("paul", "/documents"), headers=world.bearer(TRAITANT)).raise_for_status()
    with world.services.records.write() as tx:
        tx.session.execute(delete(tables.JournalHead).where(tables.JournalHead.chain == world.patients["marie"]))
    assert deliver(world, server) == Sent(sent=1, failed=1, unaddressed=1)
    assert [to for to, _ in box.received] == [["paul@exemple.test"]]
