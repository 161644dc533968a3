"""Which medicine a fact names, and its classes: the vocabulary's (column "broader"), `critical/` files, ATC codes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from clinical import official
from clinical.folding import plain
from clinical.lexicon import entries
from clinical.tables import HERE, listed, rows
from records.fact import Fact

CRITICAL = HERE / "critical"
ATC = ("2.16.840.1.113883.6.73", "http://www.whocc.no/atc", "ATC", "urn:oid:2.16.840.1.113883.6.73")
_LONGEST = 6  # words of a medicine's name
_SUBSTANCE_CODE = 7  # characters of an ATC code of the fifth level


@dataclass(frozen=True, slots=True)
class CriticalGroup:
    """A line of `drugs.txt`: the card's section, the words shown, the classes that belong and those that do not."""

    section: str
    name: str
    classes: frozenset[str]
    without: frozenset[str]
    atc: tuple[str, ...]


@lru_cache(maxsize=1)
def critical_groups() -> tuple[CriticalGroup, ...]:
    """In the order of the file, which is that of the card."""
    return tuple(
        CriticalGroup(section, name, frozenset(listed(classes)), frozenset(listed(without)), listed(atc))
        for section, name, classes, without, atc in rows(CRITICAL / "drugs.txt", 5)
    )


def medicines_of(fact: Fact) -> tuple[str, ...]:
    """The preferred names of the medicines that a fact names, in order; empty when none is known."""
    return _medicines_of(_words_of(fact), official.current().edition)


def _words_of(fact: Fact) -> tuple[str, ...]:
    """What names a medicine, the surest first. Records repeat themselves: what is found is kept by these words."""
    details = dict(fact.details)
    return fact.concept, details.get("substance", ""), fact.label, details.get("brand", "")


@lru_cache(maxsize=16_384)
def _medicines_of(words: tuple[str, ...], edition: str) -> tuple[str, ...]:
    del edition  # what is in use
    return next((found for text in words if text and (found := medicines_in(text))), ())


def medicines_in(text: str) -> tuple[str, ...]:
    """The medicines and classes of medicines that a text names: the longest names first, words used once."""
    return _medicines_in(text, official.current().edition)


@lru_cache(maxsize=8_192)
def _medicines_in(text: str, edition: str) -> tuple[str, ...]:
    names, words = _names(edition), plain(text).split()
    found: list[tuple[int, str]] = []
    taken = [False] * len(words)
    for length in range(min(_LONGEST, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            name = names.get(" ".join(words[start : start + length]))
            if name is not None and not any(taken[start : start + length]):
                taken[start : start + length] = [True] * length
                found.append((start, name))
    return tuple(dict.fromkeys(name for _, name in sorted(found)))


@lru_cache(maxsize=4_096)
def classes_of(medicine: str) -> frozenset[str]:
    """Every class a medicine is in, itself included."""
    broader = _broader()
    found: set[str] = set()
    waiting = [medicine, *_listed_classes().get(plain(medicine), ())]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting.extend(broader.get(name, ()))
    return frozenset(found)


def class_of(fact: Fact) -> str:
    """The class that a fact names when it names no substance (« anticoagulant », « AVK »); empty otherwise.

    « Héparine » is a class and a substance: a whole ATC code (seven characters) says that it is the substance.
    """
    named = medicines_of(fact)
    whole = any(code.system in ATC and len(code.code.strip()) >= _SUBSTANCE_CODE for code in fact.codes)
    return named[0] if len(named) == 1 and not whole and named[0] in _classes() else ""


def critical_group(fact: Fact) -> CriticalGroup | None:
    """The first group of `drugs.txt` that the fact's medicine belongs to."""
    return _critical_group(_words_of(fact), tuple(code.code.upper() for code in fact.codes if code.system in ATC))


@lru_cache(maxsize=16_384)
def _critical_group(words: tuple[str, ...], codes: tuple[str, ...]) -> CriticalGroup | None:
    each = [classes_of(name) for name in (*_medicines_of(words, official.current().edition), *_substances_in(words))]
    for group in critical_groups():
        if any(code.startswith(group.atc) for code in codes):
            return group
        if any(classes & group.classes and not classes & group.without for classes in each):
            return group
    return None


def shared_class(one: str, other: str) -> str:
    """The narrow class (`allergy_classes.txt`) that two medicines share; empty when they share none."""
    both = classes_of(one) & classes_of(other)
    return next((name for name in _allergy_classes() if name in both), "")


def _substances_in(words: tuple[str, ...]) -> list[str]:
    return [word for word in plain(" ".join(words)).split() if word in _listed_classes()]


@lru_cache(maxsize=2)
def _names(edition: str) -> dict[str, str]:
    """Plain form → preferred name. Abbreviations count unless they need a context; lay words of classes do not."""
    del edition  # what is in use
    names: dict[str, str] = {}
    for entry in official.all_entries():
        if not entry.source.startswith("medicaments"):
            continue
        short = [each.text for each in entry.abbreviations if not each.context and len(each.text) > 2]
        brands = entry.lay if entry.broader or "BDPM" in entry.source else ()
        for form in (entry.preferred, *entry.synonyms, *brands, *entry.english, *short):
            names.setdefault(plain(form), entry.preferred)
    return names


@lru_cache(maxsize=1)
def _broader() -> dict[str, tuple[str, ...]]:
    return {each.preferred: each.broader for each in entries() if each.source.startswith("medicaments")}


@lru_cache(maxsize=1)
def _classes() -> frozenset[str]:
    return frozenset(name for broader in _broader().values() for name in broader)


@lru_cache(maxsize=1)
def _listed_classes() -> dict[str, tuple[str, ...]]:
    return {plain(name): (kind,) for name, kind, _ in rows(CRITICAL / "substances.txt", 3)}


@lru_cache(maxsize=1)
def _allergy_classes() -> tuple[str, ...]:
    return tuple(name for name, _ in rows(CRITICAL / "allergy_classes.txt", 2))
