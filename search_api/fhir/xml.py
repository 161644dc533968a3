"""FHIR JSON to XML and back (R4, "XML Representation of Resources"). What is read has no DTD and no entities."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any
from xml.sax.saxutils import quoteattr

from lxml import etree
from lxml.etree import _Element

from ingest.media_type import FHIR_NS
from ingest.parsers.xml_tree import tree_of
from search_api.fhir.elements import NUMBERS, Element, Resource, elements_of, is_resource

_XHTML = "http://www.w3.org/1999/xhtml"
_NS = FHIR_NS.strip("{}")


def to_xml(resource: Resource) -> bytes:
    """A resource as XML, in UTF-8. Its elements come out in R4's order, whatever their order was."""
    parts = ['<?xml version="1.0" encoding="UTF-8"?>', *_written(resource["resourceType"], resource, f' xmlns="{_NS}"')]
    return "".join(parts).encode("utf-8", "replace")


def _written(kind: str, value: Resource, attributes: str = "", name: str = "") -> Iterator[str]:
    """An element of this type: its attributes, then its children in order."""
    shown = ("url",) if kind == "Extension" else ()
    shown = (*shown, "id") if "resourceType" not in value else shown
    said = "".join(f" {one}={_quoted(value[one])}" for one in ("id", "url") if one in shown and one in value)
    yield f"<{name or kind}{attributes}{said}>"
    for element in elements_of(kind).values():
        if element.name not in shown:
            yield from _children_of(value, element)
    yield f"</{name or kind}>"


def _children_of(value: Resource, element: Element) -> Iterator[str]:
    """The values of an element with what is said beside them ("_name")."""
    own, beside = value.get(element.name), value.get(f"_{element.name}")
    values = (own or []) if element.many else [own]
    shadows = (beside or []) if element.many else [beside]
    for one, shadow in zip_longest(values, shadows):
        if one is not None or shadow is not None:
            yield from _child(element, one, shadow)


def _child(element: Element, value: Any, shadow: Any) -> Iterator[str]:
    if element.of == "xhtml":
        yield str(value)
    elif element.of == "Resource":
        yield f"<{element.name}>"
        yield from _written(value["resourceType"], value)
        yield f"</{element.name}>"
    elif element.primitive:
        text = ("true" if value else "false") if isinstance(value, bool) else value
        attribute = "" if value is None else f" value={_quoted(text)}"
        yield from _written(element.of, shadow or {}, attribute, element.name)
    else:
        yield from _written(element.of, value, name=element.name)


def _quoted(value: object) -> str:
    return quoteattr(_legal(str(value)))


def _legal(text: str) -> str:
    """Without what XML 1.0 cannot hold."""
    return "".join(one for one in text if one in "\t\n\r" or (" " <= one < "\ud800") or one > "\udfff")


def from_xml(data: bytes) -> Resource:
    """The resource of an XML document, as JSON. Refusal when it is no well-formed FHIR; what R4 does not know stays,
    under its name, for the check to say so."""
    return _resource(tree_of(data, "message FHIR"))


def _resource(element: _Element) -> Resource:
    kind = etree.QName(element).localname
    return {"resourceType": kind, **_read(element, kind)}


def _read(element: _Element, kind: str) -> Resource:
    known, found = elements_of(kind), dict[str, Any]()
    for key, text in element.attrib.items():
        if key != "value" or not kind[0].islower():
            found[str(key)] = str(text)
    for child, name in _children(element):
        one = known.get(name, Element(name, True, "string"))
        value, shadow = _value(child, one)
        if not one.many:
            found |= {} if value is None else {name: value}
            found |= {f"_{name}": shadow} if shadow else {}
            continue
        found.setdefault(name, []).append(value)
        if shadow:
            shadows = found.setdefault(f"_{name}", [])
            shadows += [None] * (len(found[name]) - 1 - len(shadows)) + [shadow]
    return found


def _children(element: _Element) -> Iterator[tuple[_Element, str]]:
    for child in element:
        yield child, etree.QName(child).localname


def _value(child: _Element, element: Element) -> tuple[Any, Any]:
    if element.of == "xhtml":
        return etree.tostring(child, encoding="unicode", with_tail=False), None
    if element.of == "Resource":
        inner = [one for one, name in _children(child) if is_resource(name)]
        return (_resource(inner[0]) if len(inner) == 1 else {}), None
    if not element.primitive:
        return _read(child, element.of), None
    text = child.get("value")
    return (None if text is None else _typed(str(text), element.of)), _read(child, element.of)


def _typed(text: str, of: str) -> Any:
    """A primitive as JSON has it; one that is none of its type stays as text."""
    if of == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if of in NUMBERS:
        try:
            return float(text) if of == "decimal" else int(text)
        except ValueError:
            return text
    return text
