"""FHIR JSON to XML and back (R4, "XML Representation of Resources"). What is read has no DTD and no entities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

from lxml import etree
from lxml.etree import _Element

from ingest.media_type import FHIR_NS
from ingest.parsers.xml_tree import tree_of
from search_api.fhir.elements import NUMBERS, Element, Resource, elements_of, is_resource

_XHTML = "http://www.w3.org/1999/xhtml"
_NS = FHIR_NS.strip("{}")
_ATTRIBUTES = frozenset({("Extension", "url")})  # beside ids, the one element that XML writes as an attribute


def to_xml(resource: Resource) -> bytes:
    """A resource as XML, in UTF-8. Its elements come out in R4's order, whatever their order was."""
    root = ElementTree.Element(resource["resourceType"], xmlns=_NS)
    _write(root, resource["resourceType"], resource)
    return b'<?xml version="1.0" encoding="UTF-8"?>' + ElementTree.tostring(root, encoding="unicode").encode()


def _write(parent: ElementTree.Element, kind: str, value: Resource) -> None:
    for name, element in elements_of(kind).items():
        shadow = value.get(f"_{name}")
        if name not in value and shadow is None:
            continue
        if (name == "id" and "resourceType" not in value) or (kind, name) in _ATTRIBUTES:
            parent.set(name, str(value[name]))
            continue
        values = value.get(name) if element.many else [value.get(name)]
        shadows = shadow if element.many else [shadow]
        for number in range(max(len(values or ()), len(shadows or ()))):
            one = values[number] if values and number < len(values) else None
            _child(parent, element, one, shadows[number] if shadows and number < len(shadows) else None)


def _child(parent: ElementTree.Element, element: Element, value: Any, shadow: Any) -> None:
    if element.of == "xhtml":
        parent.append(ElementTree.fromstring(value))
        return
    child = ElementTree.SubElement(parent, element.name)
    if element.of == "Resource":
        inner = ElementTree.SubElement(child, value["resourceType"])
        _write(inner, value["resourceType"], value)
    elif element.primitive:
        if value is not None:
            child.set("value", ("true" if value else "false") if isinstance(value, bool) else _legal(str(value)))
        if isinstance(shadow, dict):
            _write(child, element.of, shadow)
    else:
        _write(child, element.of, value)


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
