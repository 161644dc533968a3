"""Mail to patients, read from a real SMTP server: that somebody looked, never who nor what; late rather than lost."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import timedelta
from email import message_from_bytes
from email.message import Message
from email.policy import default
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from records import notifications
from search_api.notifier import MailServer, Sent, notifier, send_due
from tests.search_api.conftest import DOCTOR, STRANGER
from tests.search_api.test_emergency import break_glass
from tests.search_api.test_will import act, sees
from tests.search_api.world import World


class Box:
    """What arrived: recipients and the message."""

    def __init__(self) -> None:
        self.received: list[tuple[list[str], Message]] = []
        self.refuse = False

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        if self.refuse:
            return "451 busy"
        self.received.append((envelope.rcpt_tos, message_from_bytes(envelope.content, policy=default)))
        return "250 OK"


@pytest.fixture
def mail() -> Iterator[tuple[Box, MailServer]]:
    box = Box()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port)
    controller.start()
    yield box, MailServer("127.0.0.1", port, "anamnese@exemple.test", starttls=False)
    controller.stop()


def deliver(world: World, server: MailServer) -> Sent:
    return send_due(world.services.records, world.services.policy, server, world.clock.now)


def body(message: Message) -> str:
    return str(message.get_content())  # type: ignore[attr-defined]


def test_a_patient_is_written_to_and_the_mail_names_nobody_and_nothing(
    own_world: World, mail: tuple[Box, MailServer]
) -> None:
    box, server = mail
    world, patient = own_world, own_world.as_patient("marie")
    world.add_practitioner("10000000041", specialty="Psychiatrie", organizations=("750000001",))
    assert act(world, "PUT", "/contact", patient, mail="marie@exemple.test").status_code == 204
    assert act(world, "GET", "/record", patient).json()["has_contact"] is True
    break_glass(world, "10000000041")
    act(world, "POST", "/grants", world.bearer(STRANGER), kind="attested")
    sees(world, world.bearer("10000000041"))
    assert deliver(world, server) == Sent(sent=3)
    assert [to for to, _ in box.received] == [["marie@exemple.test"]] * 3
    texts = [body(message) for _, message in box.received]
    assert "en urgence" in texts[0]
    assert "présent et d'accord" in texts[1]
    assert "pour la première fois" in texts[2]
    assert "le 01/03/2026 à 13:00" in texts[0]
    secret = (
        "sychiatr", "10000000041", STRANGER, "750000001", "MARTIN", "MARIE", "285037", "Lettre", "pénicilline",
        "VIH", "unconscious", "coma", world.patients["marie"], "médecin",
    )  # fmt: skip
    for _, message in box.received:
        whole = f"{message['Subject']} {message['From']} {body(message)}"
        assert [word for word in secret if word.lower() in whole.lower()] == []
    assert deliver(world, server) == Sent()


def test_a_server_that_is_down_or_busy_loses_nothing(own_world: World, mail: tuple[Box, MailServer]) -> None:
    box, server = mail
    world = own_world
    act(world, "PUT", "/contact", world.as_patient("marie"), mail="marie@exemple.test")
    sees(world, world.bearer(DOCTOR))
    nobody_listens = MailServer("127.0.0.1", 1, "a@exemple.test", starttls=False)
    assert deliver(world, nobody_listens) == Sent(failed=1)
    assert deliver(world, server) == Sent()  # not before a minute
    world.clock.now += timedelta(minutes=1)
    box.refuse = True
    assert deliver(world, server) == Sent(failed=1)
    box.refuse = False
    world.clock.now += timedelta(minutes=2)
    assert deliver(world, server) == Sent(sent=1)
    assert len(box.received) == 1


def test_a_server_without_tls_gets_nothing_when_tls_is_wanted(own_world: World, mail: tuple[Box, MailServer]) -> None:
    box, server = mail
    world = own_world
    act(world, "PUT", "/contact", world.as_patient("marie"), mail="marie@exemple.test")
    sees(world, world.bearer(DOCTOR))
    wanted = MailServer(server.host, server.port, server.sender)
    assert deliver(world, wanted) == Sent(failed=1)
    assert box.received == []


def test_without_an_address_nothing_leaves_and_a_later_one_gets_it(
    own_world: World, mail: tuple[Box, MailServer]
) -> None:
    box, server = mail
    world = own_world
    sees(world, world.bearer(DOCTOR))
    assert deliver(world, server) == Sent(unaddressed=1)
    act(world, "PUT", "/contact", world.as_patient("marie"), mail="marie@exemple.test")
    world.clock.now += timedelta(minutes=1)
    assert deliver(world, server) == Sent(sent=1)
    assert len(box.received) == 1


def test_an_address_is_one_address(world: World) -> None:
    for wrong in ("pas une adresse", "a@b, c@d", "a@b\nBcc: c@d", "<a@b>", "@"):
        assert act(world, "PUT", "/contact", world.as_patient("marie"), mail=wrong).status_code == 422


def test_an_attempt_is_one_senders(own_world: World) -> None:
    world = own_world
    sees(world, world.bearer(DOCTOR))
    with world.services.records.read() as tx:
        (one,) = notifications.due_without_scope(tx, world.clock.now, 10)
    claims = []
    for _ in range(2):
        with world.services.records.write() as tx:
            claims.append(notifications.claim(tx, one, world.clock.now))
    assert claims == [True, False]


def test_the_thread_sends_what_is_due(own_world: World, mail: tuple[Box, MailServer]) -> None:
    box, server = mail
    world = own_world
    act(world, "PUT", "/contact", world.as_patient("marie"), mail="marie@exemple.test")
    sees(world, world.bearer(DOCTOR))
    with notifier(world.services.records, world.services.policy, server):  # it looks once before it can be stopped
        pass
    assert len(box.received) == 1
