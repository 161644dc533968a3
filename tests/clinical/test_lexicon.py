"""The shipped vocabulary: whole, without a double, and nothing in it that a reader could not review."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from clinical.lexicon import FOLDER, Abbreviation, entries, read


def test_it_is_broad() -> None:
    found = entries()
    assert len(found) >= 1_500
    names = {each.source.partition(":")[0] for each in found}
    assert len(names) >= 7
    assert sum(len(each.lay) for each in found if each.source.startswith("medicaments")) >= 700, "brands"


def test_each_concept_stands_once_and_each_wider_one_exists() -> None:
    found = entries()
    assert [name for name, count in Counter(each.preferred for each in found).items() if count > 1] == []
    names = {each.preferred for each in found}
    assert [(each.source, wider) for each in found for wider in each.broader if wider not in names] == []


def test_no_concept_is_wider_than_itself() -> None:
    wider = {each.preferred: each.broader for each in entries()}
    for name in wider:
        seen, waiting = set(), list(wider[name])
        while waiting:
            above = waiting.pop()
            assert above != name, name
            if above not in seen:
                seen.add(above)
                waiting.extend(wider[above])


def test_the_facts_that_lives_hang_on() -> None:
    """Checked by hand: brand → substance → class."""
    by_name = {each.preferred: each for each in entries()}
    assert "Eliquis" in by_name["apixaban"].lay
    assert by_name["apixaban"].broader == ("anticoagulant oral direct",)
    assert by_name["anticoagulant oral direct"].broader == ("anticoagulant",)
    assert "Augmentin" in by_name["amoxicilline acide clavulanique"].lay
    assert by_name["pénicilline"].broader == ("bêtalactamine",)
    assert by_name["fluindione"].broader == ("antivitamine K",)


def test_the_sources_are_stated() -> None:
    assert "Sources" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_a_line_is_read_into_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    path.write_text("# remark\n\nrein | rénal, néphro | IR (rénale, urée), R | rognon | kidney | \n", encoding="utf-8")
    (entry,) = read(path)
    assert (entry.preferred, entry.synonyms, entry.lay, entry.english) == (
        "rein",
        ("rénal", "néphro"),
        ("rognon",),
        ("kidney",),
    )
    assert entry.abbreviations == (Abbreviation("IR", ("rénale", "urée")), Abbreviation("R", ()))
    assert entry.source == "x.txt:3"


@pytest.mark.parametrize("line", ["rein | rénal", " | a | b | c | d | e"])
def test_a_malformed_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "x.txt"
    path.write_text(f"# remark\n{line}\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.txt, line 2"):
        list(read(path))
