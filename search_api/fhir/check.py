"""Whether what was sent is R4: known elements, repeated or not, primitives of their form. Profiles are not checked.

Deep enough for what is kept or acted on: a date that is none, an element that R4 does not know or a second value
where there may be one is refused with its place.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from typing import Any

from search_api.fhir.elements import NUMBERS, Element, Resource, elements_of, is_resource

DEEPEST = 40  # elements in elements; real resources stay under 15
_DAY = r"(?:[0-9]{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01])"
_TIME = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)"
_FORMS = {
    "code": r"[^\s]+(?:\s[^\s]+)*",
    "id": r"[A-Za-z0-9\-.]{1,64}",
    "oid": r"urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+",
    "uri": r"\S*",
    "url": r"\S*",
    "canonical": r"\S*",
    "date": _DAY + r")?)?)",
    "dateTime": _DAY + rf"(?:T{_TIME})?)?)?)",
    "instant": rf"[0-9]{{4}}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T{_TIME}",
    "base64Binary": r"[0-9A-Za-z+/=\s]*",
}
_DAYS = frozenset({"date", "dateTime", "instant"})
_MATCH = {of: re.compile(form) for of, form in _FORMS.items()}


def faults(value: object, kind: str = "Resource", path: str = "", depth: int = 0) -> Iterator[tuple[str, str]]:
    """What is wrong, as (FHIRPath, English reason); nothing when `value` is a well-formed resource or element."""
    if not isinstance(value, dict) or depth > DEEPEST:
        yield path or "Resource", "not an object" if depth <= DEEPEST else "too deep"
        return
    if kind == "Resource":
        kind = str(value.get("resourceType"))
        if not is_resource(kind):
            yield path or "Resource", "unknown resource type"
            return
        path = path or kind
    known = elements_of(kind)
    for name, one in value.items():
        if name == "resourceType" and is_resource(kind):
            continue
        element = known.get(name.removeprefix("_"))
        place = f"{path}.{name}"
        if element is None:
            yield place, "unknown element"
        elif name == "modifierExtension":
            yield place, "changes the meaning in a way that is not understood here"
        elif name.startswith("_"):
            yield from _beside(one, element, place, depth)
        elif element.many != isinstance(one, list):
            yield place, "must be a list" if element.many else "must not be a list"
        else:
            for number, each in enumerate(one if isinstance(one, list) else [one]):
                yield from _one(each, element, f"{place}[{number}]" if element.many else place, depth)


def _beside(value: Any, element: Element, path: str, depth: int) -> Iterator[tuple[str, str]]:
    """What stands beside a primitive ("_name"): an id and extensions. A list's gaps are null."""
    if not element.primitive or element.many != isinstance(value, list):
        yield path, "must stand beside its primitive"
        return
    for number, each in enumerate(value if isinstance(value, list) else [value]):
        place = f"{path}[{number}]" if element.many else path
        if each is None and element.many:
            continue
        if not isinstance(each, dict) or not each.keys() <= {"id", "extension"}:
            yield place, "must hold an id or extensions"
        else:
            yield from faults(each, element.of, place, depth + 1)


def _one(value: Any, element: Element, path: str, depth: int) -> Iterator[tuple[str, str]]:
    if not element.primitive:
        yield from faults(value, element.of, path, depth + 1)
    elif value is not None and not _well_formed(value, element.of):
        yield path, f"not a {element.of}"


def _well_formed(value: Any, of: str) -> bool:
    if of == "boolean":
        return isinstance(value, bool)
    if of in NUMBERS:
        whole = isinstance(value, int) and not isinstance(value, bool)
        return whole or (of == "decimal" and isinstance(value, float))
    if not isinstance(value, str) or not value:
        return False
    form = _MATCH.get(of)
    return form is None or (form.fullmatch(value) is not None and (of not in _DAYS or _is_day(value)))


def _is_day(text: str) -> bool:
    """Whether the calendar has the day that a date begins with; one without a day has."""
    try:
        return len(text) < 10 or bool(date.fromisoformat(text[:10]))
    except ValueError:
        return False


def well_formed(resource: Resource) -> bool:
    """Whether there is nothing wrong."""
    return next(faults(resource), None) is None
