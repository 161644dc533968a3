"""The parts of a mail (MIME). What a signed or compressed message holds stands among them as if it had been sent plain.

The library that reads mails keeps no bytes as they came, and a signature is over bytes: they are found again here,
between the same boundaries. Where that fails the signature is said not to be checked; nothing else depends on it.
"""

from __future__ import annotations

import dataclasses
import email
import email.policy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.message import Message
from email.utils import getaddresses

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.media_type import HEAD, is_cms
from ingest.parsers.cms import Signed, nothing_inside, opened
from ingest.parsers.cms_signature import damaged_signature, signatures_of
from ingest.parsers.members import too_large
from records.content import Signature

MOST_PARTS = 1_000
_MOST_LAYERS = 4  # signed in signed: a message that was signed, sealed, signed again and forwarded has three
SIGNATURE_TYPES = ("application/pkcs7-signature", "application/x-pkcs7-signature")
_SEALED_TYPES = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_SEALED_NAME = re.compile(r"\.p7[mz]$", re.IGNORECASE)
_ENTITY = re.compile(
    rb"\r?\n|(?:[!-9;-~]+:.*\r?\n(?:[ \t].*\r?\n)*)*?content-(?:type|transfer-encoding|disposition)[ \t]*:",
    re.IGNORECASE,
)
_HEADERS_END = re.compile(rb"\A\r?\n|\r?\n\r?\n")
_IN_CLEAR = ("", "7bit", "8bit", "binary")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A part that holds something. `raw`: its bytes as they came, headers first; None when they were not found.
    `data`: a file that stood in a signed one, or why it could not be had; None: the part's own content."""

    part: Message
    raw: bytes | None = None
    data: bytes | Refusal | None = None


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A signature, None where there is none to be read, and the forms in which what it covers may have been signed."""

    signed: Signed | None
    contents: tuple[bytes, ...]
    whole: bool


@dataclass(frozen=True, slots=True)
class _Step:
    part: Message
    raw: bytes | None
    layers: int = 0
    whole: bool = True  # nothing of the mail stands beside it


class MailParts:
    """The leaves of a mail in order, a forwarded mail being one. Raises Refusal "too-many-files"."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        """`data`: a mail, or a message of the Cryptographic Message Syntax without any."""
        self._limits, self._left = limits, limits.bytes
        self._sealed: list[_Sealed] = []
        self.leaves: list[Leaf] = []
        self.mail, raw = _read(data)
        self._waiting = [_Step(self.mail, raw)]
        count = 0
        while self._waiting:
            count += 1
            if count > MOST_PARTS:
                raise Refusal("parse", "too-many-files", "Le message a trop de parties.", "Déposez ses pièces jointes.")
            self._take(self._waiting.pop(0))

    def signatures(self) -> tuple[Signature, ...]:
        """What a check of each signature finds."""
        stated = [str(one) for one in self.mail.get_all("From", [])]
        senders = [address for _, address in getaddresses(stated) if "@" in address]
        found: list[Signature] = []
        for one in self._sealed:
            if one.signed is None:
                found.append(damaged_signature(whole=one.whole))
            else:
                found += signatures_of(one.signed, one.contents, senders, whole=one.whole)
        return tuple(found)

    def _take(self, step: _Step) -> None:
        part = step.part
        if part.is_multipart() and part.get_content_maintype() == "multipart":
            self._take_several(step, [one for one in part.get_payload() if isinstance(one, Message)])
        elif part.get_content_type() in _SEALED_TYPES or _SEALED_NAME.search(part.get_filename() or ""):
            self._open(step)
        else:
            self.leaves.append(Leaf(part, step.raw))

    def _take_several(self, step: _Step, parts: Sequence[Message]) -> None:
        pieces = None if step.raw is None else _pieces(step.raw, step.part.get_boundary() or "")
        raw: list[bytes | None] = [*pieces] if pieces and len(pieces) == len(parts) else [None] * len(parts)
        detached = step.part.get_content_subtype() == "signed" and len(parts) > 1 and _is_signature(parts[1])
        whole = step.whole and len(parts) == (2 if detached else 1)
        inside = [_Step(part, one, step.layers, whole) for part, one in zip(parts, raw, strict=True)]
        if detached:
            self._sealed.append(_Sealed(_detached(inside[1].part, self._limits), _forms(inside[0].raw), whole))
            del inside[1]
        self._waiting[:0] = inside

    def _open(self, step: _Step) -> None:
        data = step.part.get_payload(decode=True)
        if not isinstance(data, bytes) or not is_cms(data) or len(data) > self._limits.bytes:
            self.leaves.append(Leaf(step.part, step.raw))
            return
        try:
            content = self._content(data, step)
        except Refusal as refusal:
            self.leaves.append(Leaf(step.part, step.raw, refusal))
            return
        if content is None:
            return
        if _ENTITY.match(content, 0, HEAD):
            entity = email.message_from_bytes(content, policy=email.policy.compat32)
            self._waiting[:0] = [_Step(entity, content, step.layers + 1, step.whole)]
        else:
            self.leaves.append(Leaf(_named(_SEALED_NAME.sub("", step.part.get_filename() or "")), None, content))

    def _content(self, data: bytes, step: _Step) -> bytes | None:
        """What stands inside; None for certificates beside other parts, which show nothing."""
        if step.layers >= _MOST_LAYERS:
            raise Refusal("parse", "too-deep", "Trop de messages sont emboîtés.", "Déposez le message intérieur seul.")
        found = opened(data, dataclasses.replace(self._limits, bytes=self._left))
        content = found.content if isinstance(found, Signed) else found
        if content is None:
            if isinstance(found, Signed) and not found.signers and (self.leaves or self._waiting):
                return None
            raise nothing_inside()
        self._left -= len(content)
        if self._left < 0:
            raise too_large()
        if isinstance(found, Signed):
            self._sealed.append(_Sealed(found, (content,), step.whole))
        return content


def bytes_as_came(leaf: Leaf) -> bytes | None:
    """The mail that a leaf forwards, byte for byte, as a signature in it needs; None when it is not found."""
    encoding = str(leaf.part.get("Content-Transfer-Encoding", "")).strip().lower()
    if leaf.raw is None or encoding not in _IN_CLEAR:
        return None
    return _body(leaf.raw)


def _read(data: bytes) -> tuple[Message, bytes | None]:
    if not is_cms(data):
        data = data.lstrip()
        return email.message_from_bytes(data, policy=email.policy.compat32), data
    mail = Message(policy=email.policy.compat32)
    mail["Content-Type"], mail["Content-Transfer-Encoding"] = "application/pkcs7-mime", "binary"
    mail.set_payload(data.decode("ascii", "surrogateescape"))
    return mail, None


def _is_signature(part: Message) -> bool:
    return part.get_content_type() in SIGNATURE_TYPES or (part.get_filename() or "").lower().endswith(".p7s")


def _detached(part: Message, limits: Limits) -> Signed | None:
    data = part.get_payload(decode=True)
    try:
        found = opened(data, limits) if isinstance(data, bytes) and is_cms(data) else None
    except Refusal:
        return None
    return found if isinstance(found, Signed) else None


def _forms(raw: bytes | None) -> tuple[bytes, ...]:
    """Signed are lines that end in CR LF (RFC 8551, 3.1.1), however they were kept since."""
    if raw is None:
        return ()
    if raw.count(b"\n") == raw.count(b"\r\n"):
        return (raw,)
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), raw


def _body(raw: bytes) -> bytes:
    end = _HEADERS_END.search(raw)
    return raw[end.end() :] if end else b""


def _pieces(raw: bytes, boundary: str) -> list[bytes] | None:
    """What stands between the boundaries, the line break before each being its own (RFC 2046, 5.1.1)."""
    try:
        mark = re.escape(boundary.encode("ascii"))
    except UnicodeEncodeError:
        return None
    body, pieces, start = _body(raw), [], -1
    for found in re.finditer(rb"(?:\A|(?<=\n))--" + mark + rb"(--)?[ \t]*(?:\r?\n|\Z)", body):
        if start >= 0:
            end = found.start() - (2 if body[found.start() - 2 : found.start()] == b"\r\n" else 1)
            pieces.append(body[start : max(start, end)])
        start = -1 if found[1] else found.end()
        if found[1]:
            break
    return pieces if start < 0 else [*pieces, body[start:]]


def _named(name: str) -> Message:
    part = Message(policy=email.policy.compat32)
    part["Content-Type"] = "application/octet-stream"
    part.add_header("Content-Disposition", "attachment", filename=name or "document")
    return part
