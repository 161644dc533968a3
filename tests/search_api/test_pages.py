"""A hit opens the page with the words boxed: born-digital PDF, a PDF inside a CDA document, a text without picture."""

from __future__ import annotations

import base64
import dataclasses
import io
from typing import Any

import pytest
from fpdf import FPDF
from PIL import Image
from starlette.testclient import TestClient

from ingest.sandbox.client import Sandbox
from ingest.sandbox.fork_server import ForkServer
from search_api.app import create_app
from tests.search_api.conftest import DOCTOR
from tests.search_api.world import World

WORD = "stimulateur"


def a_pdf() -> bytes:
    pdf = FPDF()
    for page in ("Première page, rien à signaler ici.", f"Le patient porte un {WORD} cardiaque depuis deux ans."):
        pdf.add_page()
        pdf.set_font("Helvetica", size=14)
        pdf.multi_cell(0, 10, page)
    return bytes(pdf.output())


def a_cda(inner: bytes) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><ClinicalDocument xmlns="urn:hl7-org:v3">'
        '<code code="11490-0" codeSystem="2.16.840.1.113883.6.1"/><title>Lettre</title>'
        '<effectiveTime value="20250102"/><component><nonXMLBody>'
        f'<text mediaType="application/pdf" representation="B64">{base64.b64encode(inner).decode()}</text>'
        "</nonXMLBody></component></ClinicalDocument>"
    ).encode()


def uploaded(world: World, data: bytes) -> str:
    headers = world.bearer(DOCTOR)
    answer = world.http.post(world.url("marie", "/documents"), files={"file": data}, headers=headers)
    assert answer.status_code == 202, answer.text
    world.work()
    card = world.http.get(answer.json()["url"], headers=headers).json()
    assert card["state"] == "searchable", card
    return str(answer.json()["document_id"])


def picture(world: World, url: str) -> Image.Image:
    answer = world.http.get(url, headers=world.bearer(DOCTOR))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png"), answer.text
    return Image.open(io.BytesIO(answer.content)).convert("RGB")


def passage_of(world: World, document: str) -> Any:
    hits = world.search(WORD, world.bearer(DOCTOR)).json()["hits"]
    return next(hit["passages"][0] for hit in hits if hit["document"]["id"] == document)


@pytest.mark.parametrize("wrap", [lambda pdf: pdf, a_cda], ids=["pdf", "pdf inside cda"])
def test_the_words_of_a_hit_are_boxed_on_its_page(own_world: World, wrap: Any) -> None:
    document = uploaded(own_world, wrap(a_pdf()))
    passage = passage_of(own_world, document)
    assert passage["page"] == 2
    assert [passage["text"][start:end] for start, end in passage["highlights"]] == [WORD]
    (box,) = passage["boxes"]
    assert passage["page_url"].startswith(own_world.url("marie", f"/documents/{document}/pages/2.png?boxes="))
    drawn = picture(own_world, passage["page_url"])
    plain = picture(own_world, passage["page_url"].partition("?")[0])
    scale = drawn.width / 595.28
    changed = [
        (x, y)
        for y in range(0, drawn.height, 2)
        for x in range(0, drawn.width, 2)
        if drawn.getpixel((x, y)) != plain.getpixel((x, y))
    ]
    assert changed
    x0, y0, x1, y1 = (side * scale for side in box)
    assert all(x0 - 6 <= x <= x1 + 6 and y0 - 6 <= y <= y1 + 6 for x, y in changed)
    ink = [(x, y) for x in range(int(x0), int(x1)) for y in range(int(y0), int(y1)) if _dark(plain, x, y)]
    assert len(ink) > 50, "the box holds the printed word"


def _dark(image: Image.Image, x: int, y: int) -> bool:
    pixel = image.getpixel((x, y))
    return isinstance(pixel, tuple) and sum(pixel) < 300


def test_a_text_is_typeset_and_no_box_is_drawn_in_a_wrong_place(own_world: World) -> None:
    document = uploaded(own_world, f"Le patient porte un {WORD} cardiaque.".encode())
    assert passage_of(own_world, document)["page_url"] is None
    url = own_world.url("marie", f"/documents/{document}/pages/1.png")
    assert picture(own_world, url).tobytes() == picture(own_world, f"{url}?boxes=1,1,90,40").tobytes()


def test_a_page_that_is_not_there_is_said(own_world: World) -> None:
    document = uploaded(own_world, a_pdf())
    url = own_world.url("marie", f"/documents/{document}/pages/3.png")
    answer = own_world.http.get(url, headers=own_world.bearer(DOCTOR))
    assert (answer.status_code, answer.json()["code"]) == (404, "no-such-page")


def test_a_page_is_drawn_in_a_child_and_nowhere_else(own_world: World) -> None:
    """Without a sandbox nothing is drawn: a deposited file may be a trap for what draws it."""
    document = uploaded(own_world, a_pdf())
    url = own_world.url("marie", f"/documents/{document}/pages/1.png")
    assert picture(own_world, url).width > 100
    broken = Sandbox(server=ForkServer("ingest.sandbox.no_such_module"))
    services = dataclasses.replace(own_world.services, sandbox=broken)
    http = TestClient(create_app(services), raise_server_exceptions=False)
    answer = http.get(url, headers=own_world.bearer(DOCTOR))
    assert (answer.status_code, answer.json()["code"]) == (503, "sandbox-unavailable")
    parts = http.get("/readyz").json()["parts"]
    assert not parts["sandbox"]["ok"]
    assert "Un processus par document" in own_world.http.get("/readyz").json()["parts"]["sandbox"]["detail"]
