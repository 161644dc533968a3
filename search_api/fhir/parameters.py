"""Search parameters of R4: read from an address or a form, refused or ignored when unknown, matched on resources.

    token       system|code, code, |code       string     begins with, case and accents aside
    date        [eq ne gt lt ge le sa eb ap]   reference  Type/id, id, or its whole address

Repeated parameters are all asked for; values separated by commas, any of them. A modifier is refused: ignoring one
would widen what is found.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

from clinical.text.plain import plain
from search_api.fhir.elements import Resource
from search_api.fhir.outcome import Malformed, bad_parameter
from search_api.fhir.words import each
from search_api.marks import PARIS

Kind = Literal["token", "string", "date", "reference", "uri", "special"]
Instants = tuple[datetime, datetime]
MOST = 200  # resources in one page; a client that asks for more gets this many (R4: a server may return fewer)
USUAL = 50
RESULTS = frozenset({"_count", "_sort", "_summary", "_elements", "_include", "_revinclude", "_format", "_total"})
"""What shapes an answer and narrows nothing."""
_PREFIXES = frozenset({"eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"})
_DATE = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?)?)?")


@dataclass(frozen=True, slots=True)
class Parameter:
    """One search parameter of a resource: its kind, and where its values stand ("context.period")."""

    kind: Kind
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as it was understood. `narrowing`: (parameter, value) pairs to be all met."""

    narrowing: tuple[tuple[str, str], ...]
    count: int
    sort: tuple[str, ...]
    summary: str
    elements: tuple[str, ...]
    includes: tuple[str, ...]
    ignored: tuple[str, ...]

    def values(self, name: str) -> list[str]:
        """Every value of a parameter, those separated by commas apart."""
        return [one for key, value in self.narrowing if key == name for one in split(value)]

    def one(self, name: str) -> str:
        """The one value of a parameter, empty when it is not asked. Refusal 400 for two: no record is both."""
        found = [value for key, value in self.narrowing if key == name]
        if len(found) > 1 or (found and len(split(found[0])) != 1):
            raise bad_parameter(name, "one value only")
        return found[0] if found else ""


def understood(
    pairs: Sequence[tuple[str, str]], known: Mapping[str, Parameter], *, strict: bool, includes: frozenset[str]
) -> Asked:
    """Parse and check. Refusal 400: a bad value or modifier, and with `strict` a parameter that is not known."""
    narrowing: list[tuple[str, str]] = []
    ignored: list[str] = []
    wanted: list[str] = []
    results: dict[str, str] = {}
    for name, value in pairs:
        bare, colon, modifier = name.partition(":")
        if bare in ("_include", "_revinclude"):
            (wanted if value in includes else ignored).append(value if value in includes else bare)
        elif bare in RESULTS:
            results[bare] = value
        elif bare not in known:
            ignored.append(bare)
        elif colon and modifier != "Patient":
            raise bad_parameter(bare, "modifier not supported")
        elif value:
            if known[bare].kind == "date":
                for one in split(value):
                    dated(bare, one)
            narrowing.append((bare, value))
    if strict and ignored:
        raise Malformed(
            "unknown-parameter",
            "Un paramètre de la recherche n'est pas connu ici.",
            "Retirez-le, ou demandez « Prefer: handling=lenient ».",
            [(f"http.{_safe(name)}", "unknown parameter") for name in ignored],
        )
    return Asked(
        narrowing=tuple(narrowing),
        count=_count(results.get("_count", "")),
        sort=tuple(_sorted(results.get("_sort", ""), known)),
        summary=_summary(results.get("_summary", "false")),
        elements=tuple(filter(None, results.get("_elements", "").split(","))),
        includes=tuple(wanted),
        ignored=tuple(dict.fromkeys(_safe(name) for name in ignored)),
    )


def _safe(name: str) -> str:
    """A parameter's name as it may come back: what is no name is not repeated."""
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.\-]{0,40}", name) else "?"


def _count(text: str) -> int:
    if not text:
        return USUAL
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise bad_parameter("_count", "not a number")
    return min(int(text), MOST)


def _summary(text: str) -> str:
    if text not in ("true", "false", "text", "data", "count"):
        raise bad_parameter("_summary", "true, false, text, data or count")
    return text


def _sorted(text: str, known: Mapping[str, Parameter]) -> Iterator[str]:
    for name in filter(None, text.split(",")):
        if known.get(name.removeprefix("-"), Parameter("special")).kind != "date":
            raise bad_parameter("_sort", "a date parameter, with - for the newest first")
        yield name


def split(value: str) -> list[str]:
    """The values between commas; a backslash keeps the one behind it."""
    return [part.replace("\\,", ",").replace("\\|", "|") for part in re.split(r"(?<!\\),", value) if part]


def matches(resource: Resource, asked: Asked, known: Mapping[str, Parameter]) -> bool:
    """Whether a resource meets all that is asked of it by parameters that have a place in it."""
    return all(
        any(_MATCH[known[name].kind](list(_at(resource, known[name].paths)), name, one) for one in split(value))
        for name, value in asked.narrowing
        if known[name].paths
    )


def date_at(resource: Resource, paths: Iterable[str]) -> str:
    """The date or the beginning of the period that stands at the first of these elements; empty for none."""
    values = (resource.get(path) for path in paths)
    found = next((one for one in values if one), "")
    return str(found.get("start", "")) if isinstance(found, dict) else str(found)


def _at(resource: Resource, paths: Sequence[str]) -> Iterator[Any]:
    for path in paths:
        found: list[Any] = [resource]
        for part in path.split("."):
            found = [inner for one in found if isinstance(one, dict) for inner in each(one.get(part))]
        yield from found


def _token(found: list[Any], _: str, value: str) -> bool:
    system, bar, code = value.rpartition("|")
    for one in found:
        codings = each(one.get("coding", one)) if isinstance(one, dict) else [{"code": one}]
        for each_one in codings:
            has = str(each_one.get("code", each_one.get("value", "")))
            if (not code or has == code) and (not bar or each_one.get("system", "") == system):
                return True
    return False


def _string(found: list[Any], _: str, value: str) -> bool:
    wanted = plain(value).strip()
    return any(word.startswith(wanted) for one in found for word in _words(one))


def _words(one: Any) -> Iterator[str]:
    """A text as compared: from its start, and from the start of each of its words."""
    texts = [str(one)] if not isinstance(one, dict) else [str(v) for v in one.values() if isinstance(v, str)]
    for text in texts:
        folded = plain(text).strip()
        yield folded
        yield from (folded[match.start() :] for match in re.finditer(r"(?<=\W)\w", folded))


def _reference(found: list[Any], _: str, value: str) -> bool:
    tail = "/".join(value.split("/")[-2:])
    for one in found:
        named = str(one.get("reference", "")) if isinstance(one, dict) else str(one)
        short = "/".join(named.split("/")[-2:])
        if value and (short == tail or short.split("/")[-1] == value):
            return True
    return False


def _date(found: list[Any], name: str, value: str) -> bool:
    prefix, (low, high) = dated(name, value)
    return any(_holds(prefix, (low, high), own) for one in found if (own := _period(one)) is not None)


def _holds(prefix: str, asked: Instants, own: Instants) -> bool:
    (low, high), (start, end) = asked, own
    around = max(timedelta(days=1), (datetime.now(UTC) - low) / 10) if prefix == "ap" else timedelta(0)
    tests: dict[str, Callable[[], bool]] = {
        "eq": lambda: low <= start and end <= high,
        "ne": lambda: not (low <= start and end <= high),
        "gt": lambda: end > high,
        "lt": lambda: start < low,
        "ge": lambda: end > high or (low <= start and end <= high),
        "le": lambda: start < low or (low <= start and end <= high),
        "sa": lambda: start >= high,
        "eb": lambda: end <= low,
        "ap": lambda: start - high < around and low - end < around,  # at the end of time nothing is added
    }
    return tests[prefix]()


def _period(value: Any) -> Instants | None:
    """The instants that a date, an instant or a Period covers; an end that is not said is far away."""
    if isinstance(value, dict):
        start, end = value.get("start"), value.get("end")
        first = _span(str(start)) if start else (datetime.min.replace(tzinfo=UTC),) * 2
        last = _span(str(end)) if end else (datetime.max.replace(tzinfo=UTC),) * 2
        return None if first is None or last is None else (first[0], last[1])
    return _span(str(value))


def dated(name: str, value: str) -> tuple[str, Instants]:
    """A date parameter: its prefix and the instants it covers. Refusal 400 when it is none."""
    prefix = value[:2] if value[:2] in _PREFIXES else "eq"
    span = _span(value.removeprefix(prefix) if value[:2] == prefix else value)
    if span is None:
        raise bad_parameter(name, "not a date")
    return prefix, span


def _span(text: str) -> Instants | None:
    """From the first instant of a date, as exact as it is written, to the first one behind it. A day without a zone is
    a day in Paris: that of the documents."""
    match = _DATE.fullmatch(text.replace(" ", "+"))
    if match is None:
        return None
    year, month, number, clock, zone = match.groups()
    try:
        first = date(int(year), int(month or 1), int(number or 1))
        if clock is not None:
            moment = datetime.fromisoformat(f"{first}T{clock}{(zone or '').replace('Z', '+00:00')}")
            moment = moment if zone else moment.replace(tzinfo=PARIS)
            return moment, moment + (timedelta(minutes=1) if clock.count(":") == 1 else timedelta(seconds=1))
        if number:
            last = first + timedelta(days=1)
        else:
            last = date(first.year + (first.month == 12 or not month), first.month % 12 + 1 if month else 1, 1)
        return datetime.combine(first, time(), PARIS), datetime.combine(last, time(), PARIS)
    except (ValueError, OverflowError):
        return None


def _uri(found: list[Any], _: str, value: str) -> bool:
    return value in found


_MATCH: dict[Kind, Callable[[list[Any], str, str], bool]] = {
    "token": _token,
    "string": _string,
    "date": _date,
    "reference": _reference,
    "uri": _uri,
    "special": lambda _found, _name, _value: True,
}
