"""Annotated texts (tests/cases/identity): whose they are, in the record of an invented person."""

from __future__ import annotations

from pathlib import Path

import pytest

from clinical.identity import compare
from records.content import Metadata, Page
from tests.clinical.people import RECORDS, number

CASES = Path(__file__).parents[1] / "cases" / "identity"
FLOOR = {"hers": 50, "others": 40}  # fewer cases than that: the file was not read
VALUES = {"corse": number("247052A004063")[-2:], "other_corse": number("199012A123456")[-2:]}


def cases(name: str) -> list[tuple[str, str]]:
    chunks = (CASES / f"{name}.txt").read_text("utf-8").split("=== ")[1:]
    found = [(head.strip(), body.strip("\n")) for head, _, body in (chunk.partition("\n") for chunk in chunks)]
    assert len(found) >= FLOOR[name]
    return found


def pages(body: str) -> list[Page]:
    for key, value in VALUES.items():
        body = body.replace(f"{{{key}}}", value)
    return [Page(n, text.strip("\n")) for n, text in enumerate(body.split("--- page"), 1)]


@pytest.mark.parametrize(("head", "body"), cases("hers"), ids=lambda text: text[:60])
def test_the_patients_own_documents_are_accepted(head: str, body: str) -> None:
    doubt = compare(RECORDS[head.split(" | ")[0]], Metadata(), pages(body))
    assert doubt is None, doubt


@pytest.mark.parametrize(("head", "body"), cases("others"), ids=lambda text: text[:60])
def test_another_patients_documents_are_found(head: str, body: str) -> None:
    read = pages(body)
    doubt = compare(RECORDS[head.split(" | ")[0]], Metadata(), read)
    assert doubt is not None
    for evidence in doubt.evidence:
        assert evidence.reasons
        page = next(page for page in read if page.number == evidence.stated.page)
        assert all(page.text[start:end].strip() for start, end in evidence.stated.spans)
    if "stray page" in head:
        assert {evidence.stated.page for evidence in doubt.evidence} == {read[-1].number}
