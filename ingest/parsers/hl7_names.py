"""By which names HL7 v2 messages speak of a document, and which documents a message withdraws (decision 040).

    TXA-12            the document's number; one without an OID is its sender's: "sender|number"
    OBR-3 (else -2)   the order's number with what was asked for; of several orders, all of them together, so that the
                      cancellation of one does not withdraw what was said of the others
    the CDA inside    its own id

Results in OBX without a file are versions of each other only when they answer the same orders with the same
observations: senders give partial results under one number, and a value must not leave the view for another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from hashlib import sha256

from access.refusal import Refusal
from ingest.media_type import CDA, HEAD, is_type
from ingest.parsers import cda_header
from ingest.parsers.er7 import Message, Segment
from ingest.parsers.hl7_files import file_of
from ingest.parsers.xml_tree import tree_of

_OID = re.compile(r"\d+(?:\.\w+){5,}")
_GONE = frozenset({"D", "X", "W"})  # table 0085: deleted, cannot be obtained, posted as wrong
_RESULTS = frozenset({"ORU", "OUL", "MDM"})
_WITHDRAWN_ORDERS = frozenset({"CA", "OC"})  # table 0119
_DMP = "MetaDMPMSS"


def aliases_of(message: Message) -> tuple[str, ...]:
    """The names that a later message may use for what this one brings, beside TXA-12 as an OID."""
    txa = next((one for one in message if one.name == "TXA"), None)
    number = txa.text(12) if txa is not None else ""
    named = [f"{sender_of(message)}|{number}"] if number else []
    return tuple(filter(None, [*named, order_of(message)]))


def cancelled_by(message: Message, limit: int) -> tuple[str, ...]:
    """The names of what a message withdraws; none for one that withdraws nothing.

    MDM^T11, TXA-19 deleted or obsolete, every file in it deleted (OBX-11 D, the French profile's way), every result of
    its orders withdrawn (OBR-25 X, OBX-11 D, X or W), an order called off (ORC-1).
    """
    if not _cancels(message):
        return ()
    txa = next((one for one in message if one.name == "TXA"), None)
    number = txa.text(12) if txa is not None else ""
    own = [number] if _OID.match(number) else []
    if txa is not None and re.fullmatch(r"[\d.]+", txa.text(12, 3)):
        own.append(f"{txa.text(12, 3)}^{number}")
    # An order's name says less than a document's: it counts when the message names no document.
    inside = list(_documents_in(message, limit))
    return tuple(dict.fromkeys([*own, *(aliases_of(message)[:1] if number else [order_of(message)]), *inside])) or ("",)


def set_of(message: Message) -> str:
    """What identical results of the same orders have in common; empty for a message with files or without numbers."""
    results = [one for one in message if one.name == "OBX"]
    if message[0].text(9).upper() not in ("ORU", "OUL") or not results or any(map(_is_file, results)):
        return ""
    order = order_of(message)
    asked = sorted("^".join((one.raw(3), one.raw(4))) for one in results)
    return f"{order}|{sha256(chr(30).join(asked).encode()).hexdigest()}" if order else ""


def replaced_by(message: Message) -> str:
    """The order whose file this message brings again, corrected (OBX-11 C): the French profile's way with ORU."""
    files = [one for one in message if one.name == "OBX" and _is_file(one)]
    corrected = any(one.text(11).upper() == "C" for one in files)
    is_result = message[0].text(9).upper() in ("ORU", "OUL")
    return order_of(message) if corrected and is_result else ""


def sender_of(message: Message) -> str:
    """The facility that sent it, else the application."""
    return message[0].text(4) or message[0].text(3)


def order_of(message: Message) -> str:
    """Every order of a message with its number, as one name; empty when one has none."""
    orders = [one for one in message if one.name == "OBR"]
    numbers = [one.text(3) or one.text(2) for one in orders]
    if not orders or not all(numbers):
        return ""
    asked = sorted({f"{number}|{one.text(4) or one.text(4, 2)}" for number, one in zip(numbers, orders, strict=True)})
    kind = "result" if message[0].text(9).upper()[:3] in _RESULTS else "order"
    return "|".join((kind, sender_of(message), *asked))


def _cancels(message: Message) -> bool:
    code, event = message[0].text(9, 1).upper()[:3], message[0].text(9, 2).upper()[:3]
    if (code, event) == ("MDM", "T11"):
        return True
    txa = next((one for one in message if one.name == "TXA"), None)
    if txa is not None and txa.text(19).upper() in ("CA", "OB"):
        return True
    results = [one for one in message if one.name == "OBX" and not one.raw(3).endswith(_DMP)]
    files = [one for one in results if one.text(2) in ("ED", "RP")]
    if files:
        return all(one.text(11).upper() == "D" for one in files)
    return _orders_gone(code, message, results)


def _orders_gone(code: str, message: Message, results: Sequence[Segment]) -> bool:
    orders = [one for one in message if one.name == "OBR"]
    if not orders or not all(one.text(11).upper() in _GONE for one in results):
        return False
    if code in _RESULTS:
        return bool(results) or all(one.text(25).upper() == "X" for one in orders)
    controls = [one.text(1).upper() for one in message if one.name == "ORC"]
    return not results and bool(controls) and all(one in _WITHDRAWN_ORDERS for one in controls)


def _is_file(obx: Segment) -> bool:
    return obx.text(2).upper() in ("ED", "RP") and not obx.raw(3).endswith(_DMP)


def _documents_in(message: Message, limit: int) -> Iterator[str]:
    """The ids of the CDA documents that a cancellation carries."""
    for one in message:
        file = file_of(one, limit) if one.name == "OBX" and _is_file(one) else None
        if file is None or not isinstance(file.data, bytes) or not is_type(file.data[:HEAD], CDA):
            continue
        try:
            root = tree_of(file.data, "document CDA")
        except Refusal:
            continue
        yield from filter(None, [cda_header.metadata_of(root).unique_id])
