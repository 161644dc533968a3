"""Entries and text of one document: what an entry says is not told again by its narrative, and repeats count once."""

from __future__ import annotations

from ingest.told import Joiner, once
from records.content import Page
from records.fact import Assertion, Fact, FactKind, FactSource, Quote


def entry(page: str, words: str, label: str, kind: FactKind, assertion: Assertion = Assertion.PRESENT) -> Fact:
    start = page.index(words)
    return Fact(kind, label, Quote(1, start, start + len(words), words), FactSource.STRUCTURED, assertion)


def kinds(page: Page) -> list[tuple[str, str, str]]:
    return [(fact.kind.value, fact.label.lower(), fact.source.value) for fact in page.facts]


def test_the_narrative_of_an_entry_tells_nothing_more() -> None:
    text = "Traitements\nEliquis 5 mg matin et soir\nKardégic 75 mg le midi"
    page = Page(1, text, facts=(entry(text, "Eliquis 5 mg matin et soir", "ELIQUIS 5 mg", FactKind.MEDICATION),))
    told = Joiner().joined(page)
    assert told.facts[0] == page.facts[0]
    assert [fact.label.lower() for fact in told.facts[1:] if fact.kind is FactKind.MEDICATION] == ["kardégic"]


def test_an_entry_that_denies_is_not_contradicted_by_its_own_line() -> None:
    text = "Problèmes\nHypertension artérielle"
    denied = entry(text, "Hypertension artérielle", "Hypertension artérielle", FactKind.CONDITION, Assertion.ABSENT)
    assert Joiner().joined(Page(1, text, facts=(denied,))).facts == (denied,)


def test_text_that_contradicts_an_entry_elsewhere_is_told() -> None:
    text = "Allergies\nAucune allergie connue\n\nLe patient est allergique à la pénicilline."
    none = entry(text, "Aucune allergie connue", "Aucune allergie connue", FactKind.ALLERGY, Assertion.ABSENT)
    told = Joiner().joined(Page(1, text, facts=(none,)))
    assert (FactKind.ALLERGY, Assertion.PRESENT) in [(fact.kind, fact.assertion) for fact in told.facts]


def test_what_the_text_repeats_counts_once_and_entries_stay() -> None:
    first = Joiner().joined(Page(1, "Allergie à la pénicilline."))
    again = Joiner().joined(Page(2, "Rappel : allergie à la pénicilline."))
    assert first.facts
    assert again.facts
    kept = once([first, again])
    assert kept[0].facts == first.facts
    assert [fact for fact in kept[1].facts if fact.kind is FactKind.ALLERGY] == []
    text = "PENICILLINE"
    twice = Page(3, text, facts=(entry(text, text, "PENICILLINE", FactKind.ALLERGY),) * 2)
    assert once([twice]) == (twice,)


def test_a_section_goes_on_over_the_page() -> None:
    joiner = Joiner()
    joiner.joined(Page(1, "Allergies"))
    told = joiner.joined(Page(2, "Amoxicilline"))
    assert [kind for kind, *_ in kinds(told)] == ["allergy"]
