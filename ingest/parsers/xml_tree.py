"""XML bytes to a tree, without entities, DTD or network: a document that declares any is refused (XXE, laughs)."""

from __future__ import annotations

from lxml import etree
from lxml.etree import _Element

from access.refusal import Refusal
from ingest.media_type import HEAD, has_doctype, xml_root

DEEPEST = 200  # elements in elements; real documents stay under 40
_LARGE = 9_000_000  # bytes from which lxml's own limit on a text node (10 MB, an embedded PDF) may be met


def tree_of(data: bytes, what: str) -> _Element:
    """The root of `data`, comments and instructions left out. `what` it should be is named in the Refusal:
    "xml-doctype" or "damaged-xml"."""
    root = xml_root(data[:HEAD])
    if root is not None and root.has_doctype:
        raise Refusal(
            "parse",
            "xml-doctype",
            f"Le fichier XML déclare un DTD ou des entités, ce qu'un {what} ne fait pas.",
            f"Demandez un {what} conforme à l'émetteur.",
        )
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=len(data) > _LARGE,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        tree = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise damaged_xml(what) from error
    if has_doctype(tree) or _depth(tree) > DEEPEST:
        raise damaged_xml(what)
    return tree


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
