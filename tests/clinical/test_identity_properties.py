"""Whatever way an identity is written: one's own is never doubted, another's always."""

from __future__ import annotations

from datetime import date

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clinical.identity import compare
from clinical.names import Match, Name, match_names
from records.content import Metadata, Page
from records.patients import Identity
from tests.clinical.writing import BLOCKS, BODIES, DATES, HEADS, SHORT_DATES, Person, block, plain

FAMILIES = (
    "Martin", "Bernard", "Petit", "Durand", "Le Goff", "de La Tour", "N'Guyen", "Ben Saïd", "Lefèvre", "Da Silva",
    "Garcia-Lopez", "O'Connor", "Traoré", "Leroy", "Saint-Aubin", "Weiß", "Çelik", "Ly", "Van den Berghe",
    "Paris", "Leblanc-Morel", "Mars", "Hérault", "d'Estienne",
)  # fmt: skip
WOMEN = ("Marie", "Anne-Sophie", "Chloé", "Zoé", "Léa", "Françoise", "Hélène", "Nathalie", "Inès", "Aïcha", "Rose")
MEN = ("Jean", "Jean-Pierre", "Hugo", "Théo", "Noël", "François", "Mohamed", "Loïc", "Paul", "Gaël")


@st.composite
def people(draw: st.DrawFn) -> Person:
    sex = draw(st.sampled_from("FM"))
    firsts = draw(st.lists(st.sampled_from(WOMEN if sex == "F" else MEN), min_size=1, max_size=2, unique=True))
    return Person(
        draw(st.sampled_from(FAMILIES)),
        " ".join(firsts),
        draw(st.dates(date(1920, 1, 1), date(2019, 12, 31))),
        sex,
    )


def record(person: Person) -> Identity:
    return Identity(None, "", person.family, person.given, person.born, person.sex, "31555")


pages = st.tuples(
    st.sampled_from(HEADS), st.sampled_from(BLOCKS), st.sampled_from(SHORT_DATES), st.sampled_from(BODIES)
)
full_pages = st.tuples(st.sampled_from(HEADS), st.sampled_from(BLOCKS), st.sampled_from(DATES), st.sampled_from(BODIES))


def page(person: Person, drawn: tuple[str, str, str, str], number: int = 1) -> Page:
    head, form, style, body = drawn
    return Page(number, head + block(person, form, style) + body)


@settings(max_examples=600)
@given(people(), pages, st.data())
def test_ones_own_identity_is_never_doubted(
    person: Person, drawn: tuple[str, str, str, str], data: st.DataObject
) -> None:
    """Order, accents, case, spaces, hyphens, date styles and second first names left out change nothing."""
    family = data.draw(st.sampled_from((person.family, plain(person.family), person.family.replace("-", " "))))
    first = person.given.split()[0]
    given_name = data.draw(st.sampled_from((person.given, plain(person.given), first, first.replace("-", " "))))
    written = Person(family, given_name, person.born, person.sex)
    doubt = compare(record(person), Metadata(), [page(written, drawn)])
    assert doubt is None, (page(written, drawn).text, doubt)


def differ(one: Person, other: Person) -> bool:
    """Another birth date, or first names that nobody takes for each other."""
    if one.born != other.born:
        return True
    found = match_names(Name((other.family,), other.given), (one.family,), one.given)
    return found in (Match.OTHER, Match.OTHER_GIVEN)


@settings(max_examples=600)
@given(people(), people(), full_pages, st.booleans())
def test_anothers_full_identity_is_always_found(
    one: Person, other: Person, drawn: tuple[str, str, str, str], same_day: bool
) -> None:
    other = Person(other.family, other.given, one.born if same_day else other.born, other.sex)
    assume(differ(one, other))
    read = page(other, drawn)
    assert compare(record(one), Metadata(), [read]) is not None, read.text


@settings(max_examples=200)
@given(people(), people(), full_pages, full_pages, st.integers(0, 3))
def test_a_stray_page_is_found_and_named(
    one: Person, other: Person, own: tuple[str, str, str, str], drawn: tuple[str, str, str, str], before: int
) -> None:
    assume(one.born != other.born)
    read = [page(one, own, number) for number in range(1, before + 2)] + [page(other, drawn, before + 2)]
    doubt = compare(record(one), Metadata(), read)
    assert doubt is not None
    assert {evidence.stated.page for evidence in doubt.evidence} == {before + 2}


RELATIVES = (
    "Père : {given} {family}, né le {born}",
    "Mère : Mme {given} {family} née le {born}",
    "Son épouse, Mme {given} {family}, née le {born}, est présente.",
    "Personne de confiance : {given} {family} né(e) le {born}",
    "Personne à prévenir\nNom : {family}\nPrénom : {given}\nNé(e) le {born}",
    "Représentant légal : M. {given} {family} né le {born}",
    "Accompagné de son fils {given} {family}, né le {born}.",
    "Assuré : {family} {given} {born}",
    "Médecin traitant : Dr {given} {family}",
    "Prescripteur\nNom : {family}\nPrénom : {given}\nRPPS : 10001234567",
    "Copie : Dr {given} {family}, Pr {family}",
    "Frère : {given}, né le {born}. Sœur : bonne santé.",
)


@settings(max_examples=300)
@given(people(), people(), full_pages, st.sampled_from(RELATIVES), st.booleans())
def test_family_and_carers_are_not_the_patient(
    one: Person, other: Person, own: tuple[str, str, str, str], form: str, after: bool
) -> None:
    born = f"{other.born:%d/%m/%Y}"
    told = form.format(given=other.given.split()[0], family=other.family, born=born)
    text = page(one, own).text
    read = Page(1, f"{text}\n\n{told}" if after else f"{told}\n\n{text}")
    assert compare(record(one), Metadata(), [read]) is None, read.text
