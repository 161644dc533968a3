"""The type table: every code exists in the published value set, and the French CDA examples get a true category."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from lxml import etree

from access.categories import Category
from access.document_types import TYPES, UNKNOWN_TYPE, category_of, label_of

SYSTEMS = {"2.16.840.1.113883.6.1", "1.2.250.1.213.1.1.4.12"}


def test_labels_are_distinct_and_every_category_has_a_type() -> None:
    assert len(TYPES) >= 40
    assert len({label for label, _ in TYPES.values()}) == len(TYPES)
    assert {category for _, category in TYPES.values()} == set(Category)


def test_a_code_that_is_not_listed_is_other_and_has_a_neutral_label() -> None:
    assert (category_of("99999-9"), label_of("99999-9")) == (Category.OTHER, UNKNOWN_TYPE)
    assert (category_of(""), label_of("")) == (Category.OTHER, UNKNOWN_TYPE)


@pytest.mark.realdata
def test_every_code_is_in_the_published_value_set(shared_data: Path) -> None:
    with (shared_data / "terminology_fr" / "ans_jdv_flat.csv").open(encoding="utf-8") as lines:
        published = {
            row["code"]
            for row in csv.DictReader(lines)
            if "JDV_J07_XdsTypeCode_CISIS" in row["valuesets"] and row["system"] in SYSTEMS
        }
    assert len(published) > 100
    assert set(TYPES) - published == set()


@pytest.mark.realdata
def test_the_french_cda_examples_have_listed_types(shared_data: Path) -> None:
    codes = set()
    for path in sorted((shared_data / "cda_fr_ansforge").rglob("*.xml")):
        root = etree.parse(str(path), etree.XMLParser(resolve_entities=False, no_network=True)).getroot()
        codes |= {code.get("code", "") for code in root.findall("{urn:hl7-org:v3}code")}
    assert len(codes) >= 15
    assert codes - set(TYPES) == set()
