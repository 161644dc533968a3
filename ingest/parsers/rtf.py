"""RTF letters (RTF 1.9.1): their text, headers, notes and text boxes, and the scanned pages pasted into them.

Read here (docs/decisions/032): striprtf drops headers, notes and text boxes, and makes 10⁹ of an exponent 109.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from access.refusal import Refusal
from ingest.exponents import marks_apart, shifted
from ingest.limits import Limits
from ingest.media_type import RTF, is_type
from ingest.parsers.members import Inside, Member, Part, bytes_of, read_parts
from ingest.parsers.narrative import CELL
from ingest.parsers.pasted import holds_a_page
from ingest.parsers.port import Kept, Pages
from ingest.parsers.sheet import Sheet
from ingest.parsers.symbol_fonts import symbol, without_private
from ocr.port import Ocr
from records.content import Metadata

READER = "rtf"
_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z'])|([{}])|([^\\{}\r\n]+)|\r|\n|\\'?", re.DOTALL
)
_SILENT = frozenset(
    b"""fonttbl colortbl stylesheet info generator listtable listoverridetable rsidtbl themedata colorschememapping
    datastore latentstyles xmlnstbl fldinst objdata objclass datafield bkmkstart bkmkend pgptbl mmathPr filetbl revtbl
    falt panose sp nonshppict blipuid picprop""".split()
)
_SHOWN = frozenset(
    b"shpinst shptxt shprslt footnote annotation header footer headerl headerr headerf footerl footerr "
    b"footerf fldrslt shppict pict result object ud".split()
)
_MARGINS = frozenset(b"header headerl headerr headerf footer footerl footerr footerf".split())
_BREAKS = {
    b"par": "\n",
    b"line": "\n",
    b"sect": "\n",
    b"page": "\n",
    b"row": "\n",
    b"trowd": "\n",
    b"tab": "\t",
    b"cell": CELL,
    b"nestcell": CELL,
    b"nestrow": "\n",
}
_SIGNS = {
    b"emdash": "—", b"endash": "–", b"lquote": "‘", b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”",
    b"bullet": "•", b"emspace": " ", b"enspace": " ", b"qmspace": " ",
}  # fmt: skip
_SYMBOLS = {b"~": "\u00a0", b"_": "-", b"-": "", b"\\": "\\", b"{": "{", b"}": "}", b"\r": "\n", b"\n": "\n"}
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff")
_SETS = {b"mac": "mac_roman", b"pc": "cp437", b"pca": "cp850"}
_SYMBOLS_OF = "symbol"
_CHARSETS = {b"0": "cp1252", b"2": _SYMBOLS_OF, b"77": "mac_roman", b"128": "cp932",
             b"161": "cp1253", b"162": "cp1254", b"177": "cp1255",
             b"178": "cp1256", b"186": "cp1257", b"204": "cp1251", b"238": "cp1250"}  # fmt: skip


@dataclass(slots=True)
class _Group:
    """What holds inside a pair of braces."""

    silent: bool = False
    raised: str = ""  # sup, sub
    deleted: bool = False
    picture: bool = False
    skip: int = 1  # characters that stand for a \\u, for readers that do not know it
    charset: str = ""
    starred: bool = False
    block: bool = False  # a header, a note or a text box: lines of their own


@dataclass(slots=True)
class _State:
    out: list[str] = field(default_factory=list)
    pictures: list[bytes] = field(default_factory=list)
    stack: list[_Group] = field(default_factory=lambda: [_Group()])
    charset: str = "cp1252"
    fonts: dict[bytes, str] = field(default_factory=dict)
    font: bytes = b""
    passed: int = 0  # characters still to pass after a \\u
    written: bytearray = field(default_factory=bytearray)
    hexadecimal: list[bytes] = field(default_factory=list)

    @property
    def group(self) -> _Group:
        return self.stack[-1]


class RtfParser:
    """`inside` reads the pictures in a letter."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def claims(self, head: bytes, name: str) -> float:  # noqa: ARG002
        return 1.0 if is_type(head, RTF) else 0.0

    def pages(self, data: bytes, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
        parts = list(_parts(data))
        if not parts:
            raise Refusal(
                "parse", "no-content", "Le document RTF ne contient aucun texte.", "Vérifiez-le, ou déposez un PDF."
            )
        return read_parts(parts, Metadata(), self._inside, ocr, limits, kept)


def embedded_files(data: bytes) -> Iterator[bytes]:
    """The scanned pages pasted into a letter, in the order of their pages."""
    yield from bytes_of(_parts(data))


def _parts(data: bytes) -> Iterator[Part]:
    state = _read(data)
    sheet = Sheet()
    # Characters beyond the basic plane come as two \\u: their halves are joined, a lone half is no character.
    text = "".join(state.out).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    sheet.lines(marks_apart(line.strip().removesuffix(CELL.strip())) for line in text.split("\n"))
    yield from sheet.pages(READER)
    for picture in state.pictures:
        if holds_a_page(picture):
            yield Member(picture)


def _read(data: bytes) -> _State:
    state = _State()
    at = 0
    while at < len(data) and (token := _TOKEN.match(data, at)) is not None:
        at = token.end()
        word, number, code, symbol, brace, text = token.groups()
        if word == b"bin":
            size = max(0, int(number or 0))
            if state.group.picture and data[at : at + 4].startswith(_PICTURES):
                state.pictures.append(data[at : at + size])
            at += size
        elif code is not None:
            _byte(state, bytes([int(code, 16)]))
        elif text is not None:
            _text(state, text)
        elif word is not None:
            _word(state, word, number)
        elif symbol is not None:
            _symbol(state, symbol)
        elif brace is not None:
            _brace(state, brace)
    _flush(state)
    _picture(state)
    return state


def _brace(state: _State, brace: bytes) -> None:
    _flush(state)
    if brace == b"{":
        one = state.group
        state.stack.append(_Group(one.silent, one.raised, one.deleted, one.picture, one.skip, one.charset))
        return
    if state.group.picture and not (len(state.stack) > 1 and state.stack[-2].picture):
        _picture(state)
    if state.group.block:
        _put(state, "\n")
    if len(state.stack) > 1:
        state.stack.pop()


def _word(state: _State, word: bytes, number: bytes | None) -> None:
    group = state.group
    if word == b"u" and number is not None:
        _flush(state)
        _put(state, without_private(chr(int(number) % 65536), group.charset))
        state.passed = group.skip
        return
    _flush(state)
    if word in _SILENT or (group.starred and word not in _SHOWN):
        group.silent = True
    elif word == b"pict":
        group.picture = True
    elif word in _MARGINS or word in (b"footnote", b"annotation", b"shptxt"):
        _put(state, "\n")
        group.block = True
    elif word in _BREAKS:
        _put(state, _BREAKS[word])
    elif word in _SIGNS:
        _put(state, _SIGNS[word])
    else:
        _format(state, word, number)
    group.starred = False


def _format(state: _State, word: bytes, number: bytes | None) -> None:
    """Words that change how the text after them is read."""
    group = state.group
    if word == b"uc":
        group.skip = min(int(number or 1), 10)
    elif word in (b"super", b"sub"):
        group.raised = "" if number == b"0" else {b"super": "sup", b"sub": "sub"}[word]
    elif word in (b"nosupersub", b"plain"):
        group.raised = ""
        group.deleted = group.deleted and word != b"plain"
    elif word == b"deleted":
        group.deleted = number != b"0"
    elif word == b"ansicpg" and number is not None:
        state.charset = _known(f"cp{number.decode()}") or state.charset
    elif word in _SETS:
        state.charset = _SETS[word]
    elif word in (b"up", b"dn"):
        group.raised = "" if number == b"0" else {b"up": "sup", b"dn": "sub"}[word]
    elif word == b"f" and number is not None:
        state.font = number
        group.charset = state.fonts.get(number, "")
    elif word == b"fcharset" and number in _CHARSETS:
        state.fonts[state.font] = _CHARSETS[number]


def _known(charset: str) -> str:
    try:
        return codecs.lookup({"cp65001": "utf-8", "cp10000": "mac_roman"}.get(charset, charset)).name
    except LookupError:
        return ""


def _symbol(state: _State, symbol: bytes) -> None:
    _flush(state)
    if symbol == b"*":
        state.group.starred = True
    else:
        _put(state, _SYMBOLS.get(symbol, ""))


def _text(state: _State, text: bytes) -> None:
    if state.group.picture:
        state.hexadecimal.append(text)
        return
    passed = min(state.passed, len(text))
    state.passed -= passed
    state.written += text[passed:]


def _byte(state: _State, one: bytes) -> None:
    if state.passed:
        state.passed -= 1
    else:
        state.written += one


def _flush(state: _State) -> None:
    """Bytes of the document's code page become characters when something else comes."""
    if state.written:
        data, charset = bytes(state.written), state.group.charset or state.charset
        state.written.clear()
        if charset.startswith(_SYMBOLS_OF):
            _put(state, "".join(symbol(one, charset) for one in data))
            return
        if state.group.silent and b"wingdings" in data.lower() and state.fonts.get(state.font) == _SYMBOLS_OF:
            state.fonts[state.font] = f"{_SYMBOLS_OF} wingdings"
        _put(state, data.decode(charset, "replace"))


def _put(state: _State, text: str) -> None:
    state.passed = 0
    group = state.group
    if group.silent or group.picture or not text:
        return
    if group.raised:
        text = shifted(text, group.raised)
    state.out.append(f"[supprimé : {text}]" if group.deleted and text.strip() else text)


def _picture(state: _State) -> None:
    """A PNG or JPEG written in hexadecimal; other kinds (WMF, EMF) are drawings."""
    digits = b"".join(b"".join(state.hexadecimal).split())
    state.hexadecimal.clear()
    try:
        data = binascii.unhexlify(digits)
    except (binascii.Error, ValueError):
        return
    if data.startswith(_PICTURES):
        state.pictures.append(data)
