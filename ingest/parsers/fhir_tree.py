"""FHIR R4 bytes, JSON or XML, to plain dictionaries. Figures stay as they were written ("6.30" is not 6.3).

No model library: fhir.resources is R5 and R4B, validates (which refuses what senders really send), and costs 70 MB
and seconds at import; reading needs none of it (docs/decisions/031). From XML every repeated or single field is a
list: readers take either by `each`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from lxml import etree
from lxml.etree import _Element

from access.refusal import Refusal
from ingest.decode import decode
from ingest.media_type import FHIR_NS
from ingest.parsers.xml_tree import tree_of

Resource = dict[str, Any]
_DEEPEST = 100  # objects in objects; real resources stay under 20
_XHTML = "{http://www.w3.org/1999/xhtml}div"


def resources_of_json(data: bytes) -> list[Resource]:
    """The resources at the top: one, those of an array, or one a line (bulk export)."""
    decoded = decode(data)
    if decoded is None:
        raise _damaged()
    try:
        found = [_loads(decoded.text)]
    except json.JSONDecodeError as error:
        if not error.msg.startswith("Extra data"):
            raise _damaged() from error
        found = [_line(one) for one in decoded.text.split("\n") if one.strip()]
    tops = [one for top in found for one in (top if isinstance(top, list) else [top])]
    if not all(isinstance(one, dict) and isinstance(one.get("resourceType"), str) for one in tops):
        raise _damaged()
    return tops


def resources_of_xml(data: bytes) -> list[Resource]:
    """The resource of an XML document, as the same dictionaries; a narrative is its element."""
    return [_resource(tree_of(data, "document FHIR"))]


def each(value: object) -> list[Any]:
    """The values of a field that may be missing, single or repeated."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def first(value: object) -> Any:
    """The first value of a field, or None."""
    found = each(value)
    return found[0] if found else None


def string(value: object) -> str:
    """The first value of a field if it is a primitive, else the empty string."""
    found = first(value)
    return found if isinstance(found, str) else ""


def objects(value: object) -> list[Resource]:
    """The values of a field that are objects."""
    return [one for one in each(value) if isinstance(one, dict)]


def all_inside(resource: Resource) -> Iterator[Resource]:
    """`resource` and every resource in it: the entries of bundles, what is contained, parameters."""
    yield resource
    for key in ("entry", "contained", "parameter"):
        for one in objects(resource.get(key)):
            for inner in objects(one.get("resource")) if key != "contained" else [one]:
                if string(inner.get("resourceType")):
                    yield from all_inside(inner)


def _line(text: str) -> Any:
    try:
        return _loads(text)
    except json.JSONDecodeError as error:
        raise _damaged() from error


def _loads(text: str) -> Any:
    try:
        value = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except RecursionError as error:
        raise _damaged() from error
    level = [value]
    for _ in range(_DEEPEST):
        level = [inner for one in level if isinstance(one, dict | list) for inner in _inside(one)]
        if not level:
            return value
    raise _damaged()


def _inside(value: dict[str, Any] | list[Any]) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value


def _resource(element: _Element) -> Resource:
    name = etree.QName(element).localname
    return {"resourceType": name, **_fields(element)}


def _fields(element: _Element) -> Resource:
    found: Resource = {str(key): str(value) for key, value in element.attrib.items()}
    for child in element:
        name = etree.QName(child).localname
        found.setdefault(name, [])
        if isinstance(found[name], list):
            found[name].append(_value(child, name))
    return found


def _value(child: _Element, name: str) -> Any:
    if child.tag == _XHTML:
        return child
    if name in ("contained", "resource") and len(child) == 1 and str(child[0].tag).startswith(FHIR_NS):
        return _resource(child[0])
    if child.get("value") is not None:
        return str(child.get("value"))
    return _fields(child)


def _damaged() -> Refusal:
    return Refusal(
        "parse", "damaged-json", "Le document FHIR est mal formé ou incomplet.", "Demandez-le à nouveau à l'émetteur."
    )
