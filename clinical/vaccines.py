"""Where a person stands in the French vaccination calendar (`calendar/fr-2025.txt`), by what documents prove.

    done       the documented doses cover the calendar's last rendezvous; in childhood, every one so far
    due        some doses are documented, and one that the calendar expects by now is not
    unknown    no document tells of a dose, or their dates are not known: it may have been given elsewhere

It is never concluded that somebody is up to date, nor that a dose was not given: only what the documents read tell. The
calendar's general recommendations only; illnesses, pregnancy, travel and professions change them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache

from clinical.folding import holds, plain
from clinical.series import day_of, when_of
from clinical.tables import HERE, listed, rows
from records.fact import Assertion, Fact, FactKind, Told

CALENDAR = HERE / "calendar" / "fr-2025.txt"
SEASON_DAYS = 365
EARLY_DAYS = 62
"""A dose given up to two months before its rendezvous counts for it; for those in adult life, two years."""
_ADULT_MONTHS, _ADULT_EARLY = 20 * 12, 730


class Status(StrEnum):
    DONE = "done"
    DUE = "due"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Vaccine:
    """One line of the calendar. Ages are months; `seasonal`: a dose each season instead."""

    name: str
    ages: tuple[int, ...]
    first: int
    last: int
    words: tuple[str, ...]
    atc: tuple[str, ...]
    seasonal: bool

    def given_by(self, fact: Fact) -> bool:
        """Whether an immunization of the record is one against this."""
        said = plain(f"{fact.label} {fact.concept} {fact.detail('brand')} {fact.detail('substance')}")
        codes = (code.code.upper() for code in fact.codes)
        return any(holds(said, word) for word in self.words) or any(code.startswith(self.atc) for code in codes)


@dataclass(frozen=True, slots=True)
class Standing:
    """A vaccine's status. `doses`: the proofs, oldest first, one a day; `next_due` when the calendar names a day."""

    vaccine: Vaccine
    status: Status
    reason: str
    doses: tuple[Told, ...]
    next_due: date | None = None


@lru_cache(maxsize=1)
def calendar() -> tuple[Vaccine, ...]:
    """Every vaccine of the calendar, in its order."""
    found = []
    for name, ages, span, words, codes, rule in rows(CALENDAR, 6):
        first, _, last = span.partition("..")
        seasonal = rule == "saison"
        months = () if seasonal else tuple(_months(age) for age in listed(ages))
        found.append(
            Vaccine(
                name, months, _months(first), _months(last), tuple(map(plain, listed(words))), listed(codes), seasonal
            )
        )
    return tuple(found)


def standings(facts: Iterable[Told], born: date | None, now: date) -> list[Standing]:
    """The status of each vaccine of the calendar that concerns this age, and of each other one with a proof."""
    given = [
        each
        for each in facts
        if each.fact.kind is FactKind.IMMUNIZATION
        and each.fact.assertion in (Assertion.PRESENT, Assertion.PAST)
        and each.fact.when.start[:10] <= now.isoformat()  # « rappel le 12/03/2031 » is an appointment
    ]
    found = []
    for vaccine in calendar():
        doses = _doses(vaccine, given)
        age = None if born is None else _age_in_months(born, now)
        if doses or age is None or vaccine.first <= age <= vaccine.last:
            found.append(_standing(vaccine, doses, born, now))
    return found


def vaccine_name(fact: Fact) -> str:
    """The calendar's name of what an immunization is against, else its own words."""
    found = [vaccine.name for vaccine in calendar() if vaccine.given_by(fact)]
    return (
        f"{fact.label} ({' ; '.join(dict.fromkeys(name.partition(' (')[0] for name in found))})"
        if found
        else fact.label
    )


def _standing(vaccine: Vaccine, doses: tuple[Told, ...], born: date | None, now: date) -> Standing:
    days = [day for each in doses if (day := day_of(when_of(each))) is not None]
    if not doses:
        return Standing(vaccine, Status.UNKNOWN, "aucune dose citée dans les documents lus", ())
    if not days or born is None:
        return Standing(vaccine, Status.UNKNOWN, "doses citées, dates ou naissance inconnues", doses)
    if vaccine.seasonal:
        recent = (now - days[-1]).days <= SEASON_DAYS
        status, reason = (
            (Status.DONE, "dose de moins d'un an") if recent else (Status.DUE, "dernière dose de plus d'un an")
        )
        return Standing(vaccine, status, reason, doses)
    expected = [_at_age(born, months) for months in vaccine.ages]
    passed = [day for day in expected if day <= now]
    following = next((day for day in expected if day > now), None)
    if not passed:
        return Standing(vaccine, Status.DONE, "doses citées avant le premier rendez-vous", doses, following)
    early = _ADULT_EARLY if _age_in_months(born, passed[-1]) >= _ADULT_MONTHS else EARLY_DAYS
    if (passed[-1] - days[-1]).days > early:
        reason = "aucune dose citée depuis le dernier rendez-vous du calendrier"
        return Standing(vaccine, Status.DUE, reason, doses, passed[-1])
    childhood = _age_in_months(born, passed[-1]) < _ADULT_MONTHS
    needed = len(passed) if childhood else passed.count(passed[-1])
    if len(days) < needed:
        reason = f"{len(days)} dose(s) citée(s), {needed} attendue(s)"
        return Standing(vaccine, Status.DUE, reason, doses, following)
    return Standing(
        vaccine, Status.DONE, "dernier rendez-vous du calendrier couvert par une dose citée", doses, following
    )


def _doses(vaccine: Vaccine, given: list[Told]) -> tuple[Told, ...]:
    by_day = {
        when_of(each): each for each in sorted(given, key=lambda told: told.document_id) if vaccine.given_by(each.fact)
    }
    return tuple(by_day[day] for day in sorted(by_day))


def _months(age: str) -> int:
    number = int(age[:-1]) if age != "saison" else 0
    return number * 12 if age.endswith("a") else number


def _age_in_months(born: date, now: date) -> int:
    return (now.year - born.year) * 12 + now.month - born.month - (now.day < born.day)


def _at_age(born: date, months: int) -> date:
    year, month = divmod(born.month - 1 + months, 12)
    return date(born.year + year, month + 1, min(born.day, 28))
