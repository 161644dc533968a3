"""XML bytes to a tree, without entities, DTD or network: a document that declares any is refused (XXE, laughs)."""

from __future__ import annotations

import re

from lxml import etree
from lxml.etree import _Element

from access.refusal import Refusal
from ingest.decode import decode
from ingest.media_type import HEAD, bare_xml, has_doctype, xml_root

DEEPEST = 200  # elements in elements; real documents stay under 40
_DECLARATION = re.compile(
    rb"(?:\xef\xbb\xbf)?(?:<\?xml[^>]{0,150}?(?:encoding=[\"']([\w-]{1,40})[\"'][^>]{0,50})?\?>)?"
)
_LARGE = 9_000_000  # bytes from which lxml's own limit on a text node (10 MB, an embedded PDF) may be met


def tree_of(data: bytes, what: str) -> _Element:
    """The root of `data`, comments and instructions left out. `what` it should be is named in the Refusal:
    "xml-doctype" or "damaged-xml". What senders put around it (blanks, NULs) is passed over."""
    data = bare_xml(data)
    root = xml_root(data[:HEAD])
    if root is not None and root.has_doctype:
        raise Refusal(
            "parse",
            "xml-doctype",
            f"Le fichier XML déclare un DTD ou des entités, ce qu'un {what} ne fait pas.",
            f"Demandez un {what} conforme à l'émetteur.",
        )
    try:
        tree = etree.fromstring(data, _parser(data))
    except (etree.XMLSyntaxError, ValueError) as error:
        if (tree := _otherwise_encoded(data)) is None:
            raise damaged_xml(what) from error
    if has_doctype(tree) or _depth(tree) > DEEPEST:
        raise damaged_xml(what)
    return tree


def _parser(data: bytes) -> etree.XMLParser:
    return etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=len(data) > _LARGE,
        remove_comments=True,
        remove_pis=True,
    )


def _otherwise_encoded(data: bytes) -> _Element | None:
    """The root of XML that calls itself UTF-8 and is written in another encoding (a careless export); else None."""
    declared = _DECLARATION.match(data)
    if declared is None or (declared[1] or b"utf-8").lower() not in (b"utf-8", b"utf8") or _is_utf8(data):
        return None
    decoded = decode(data[declared.end() :])
    if decoded is None:
        return None
    try:
        return etree.fromstring(decoded.text.encode("utf-8"), _parser(data))
    except (etree.XMLSyntaxError, ValueError):
        return None


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def damaged_xml(what: str) -> Refusal:
    """The Refusal of XML that is not well formed."""
    return Refusal(
        "parse", "damaged-xml", f"Le {what} est mal formé ou incomplet.", "Demandez-le à nouveau à l'émetteur."
    )


def _depth(root: _Element) -> int:
    deepest = depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        deepest = max(deepest, depth)
    return deepest
