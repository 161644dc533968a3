"""Bytes of a text file to characters: which encoding it is in, and what of it is no text.

Order of belief: a byte order mark; UTF-16 or UTF-32 seen by the place of its NULs; strict UTF-8; UTF-8 in which some
bytes of another encoding stand (two exports glued together); one-byte encodings, of which the most French one wins.
Nothing is dropped: a byte or character that is no text becomes U+FFFD and is counted.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass
from functools import cache

from charset_normalizer import from_bytes

REPLACEMENT = "\ufffd"

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16 LE, whose mark begins it
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_ONE_BYTE = ("cp1252", "mac_roman", "cp850")  # ties go to the first; Latin-1 is cp1252 but for control characters
_FRENCH = frozenset("éèêëàâäîïôöùûüçœæÿÉÈÊËÀÂÄÎÏÔÖÙÛÜÇŒÆ°²³µ«»’‘“”–—…€·•±×§½¼¾ºª®™\u00a0¹ñáíóúßÁÓ")
_LOWER = frozenset("éèêëàâäîïôöùûüçœæÿñáíóúß")
_UPPER = frozenset("ÉÈÊËÀÂÄÎÏÔÖÙÛÜÇŒÆ")
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufdd0-\ufdef\ufffe\uffff]")
_STRAY = re.compile("[\udc80-\udcff]")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PERHAPS_MARKS = re.compile("[\u0300-\U0010ffff]{31}")  # no mark stands below; quick to search for
_NULS = re.compile(r"\x00+")
_HIGH = re.compile(r"[\x80-\x9f]")
_C1 = str.maketrans({at: bytes([at]).decode("cp1252") for at in range(0x80, 0xA0) if at not in b"\x81\x8d\x8f\x90\x9d"})
_PADDING = "\x00\x1a"  # NUL and Ctrl-Z fill the last record of old exports
_JUNK = 0.05  # share of control characters from which a file is binary; the worst text seen (printer codes) has 0.02


@dataclass(frozen=True, slots=True)
class Decoded:
    """NFC text without control characters (tab, line and form feeds apart); `replaced` of them are U+FFFD."""

    text: str
    encoding: str
    replaced: int = 0


def decode(data: bytes, *, cut: bool = False) -> Decoded | None:
    """The text in `data`, or None when it is not text. `cut` says that `data` stops anywhere (the head of a file)."""
    found = _characters(data, cut)
    if found is None:
        return None
    text, encoding = found
    text = windows(_pair_surrogates(text).replace("\x85", "\n").rstrip(_PADDING))
    runs = _NULS.sub("\x00", text)
    junk = len(_CONTROL.findall(runs))
    if junk > _JUNK * len(runs):
        return None
    text = _clean(text)
    return Decoded(text, encoding, text.count(REPLACEMENT))


def windows(text: str) -> str:
    """`text` with what Windows-1252 writes (œ, €, ’, …) in place of the C1 controls that it became under a label of
    Latin-1: no document means those controls, and browsers read the label so (WHATWG, Encoding)."""
    return text.translate(_C1) if _HIGH.search(text) else text


def _clean(text: str) -> str:
    text = _NULS.sub(REPLACEMENT, text)
    text = _CONTROL.sub(REPLACEMENT, text).replace("\x0b", "\n")
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    if _PERHAPS_MARKS.search(text):
        text = _stream_safe().sub("\\g<0>\u034f", text)
    return unicodedata.normalize("NFC", text)


@cache
def _stream_safe() -> re.Pattern[str]:
    """Thirty combining marks that another follows: the Stream-Safe Text Format (UAX 15) puts a joiner between them.

    Python orders a run of marks in quadratic time: 800,000 of them take minutes. No script stacks five.
    """
    marks = [one for one in range(0x110000) if unicodedata.combining(chr(one))]
    starts = [one for one in marks if not unicodedata.combining(chr(one - 1))]
    ends = [one for one in marks if not unicodedata.combining(chr(one + 1))]
    ranges = "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in zip(starts, ends, strict=True))
    return re.compile(f"[{ranges}]{{30}}(?=[{ranges}])")


def _characters(data: bytes, cut: bool) -> tuple[str, str] | None:
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return _lenient(data[len(mark) :], encoding, cut), encoding
    if wide := _wide(data, cut):
        return wide
    if (text := _utf8(data, cut)) is not None:
        return text, "utf-8"
    if (text := _mostly_utf8(data)) is not None:
        return text, "utf-8 + cp1252"
    return _one_byte(data)


def _lenient(data: bytes, encoding: str, cut: bool) -> str:
    """Decode; an incomplete last character of a cut head is left out, any other bad one is replaced."""
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    try:
        return decoder.decode(data, final=not cut)
    except UnicodeDecodeError:
        return data.decode(encoding, "replace")


def _wide(data: bytes, cut: bool) -> tuple[str, str] | None:
    """UTF-16 or UTF-32 without a mark: most of its characters are ASCII or Latin, so every other byte is NUL."""
    sample = data[:4096]
    if len(sample) < 4 or (len(data) % 2 and not cut):
        return None
    even, odd = sample[0::2], sample[1::2]
    zeros_even, zeros_odd = even.count(0) / len(even), odd.count(0) / len(odd)
    if zeros_odd > 0.7 and zeros_even < 0.1:
        encoding = "utf-16-le"
    elif zeros_even > 0.7 and zeros_odd < 0.1:
        encoding = "utf-16-be"
    elif sample[1::4].count(0) + sample[2::4].count(0) > 0.45 * len(sample) and len(data) % 4 == 0:
        encoding = "utf-32-le" if sample[0] else "utf-32-be"
    else:
        return None
    text = _lenient(data, encoding, cut)
    return (text, encoding) if text.count(REPLACEMENT) <= len(text) // 100 else None


def _utf8(data: bytes, cut: bool) -> str | None:
    decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")  # ED A0 80: a lone surrogate, replaced later
    try:
        return decoder.decode(data, final=not cut)
    except UnicodeDecodeError:
        return None


def _mostly_utf8(data: bytes) -> str | None:
    """UTF-8 with strays: the bytes that are not UTF-8 are read as cp1252, if whole sequences outnumber them 4 to 1."""
    text = data.decode("utf-8", "surrogateescape")
    strays = len(_STRAY.findall(text))
    whole = len(_BEYOND_ASCII.findall(text)) - strays
    if whole < 4 * strays:
        return None
    return _STRAY.sub(lambda one: bytes([ord(one.group()) - 0xDC00]).decode("cp1252", "replace"), text)


def _one_byte(data: bytes) -> tuple[str, str] | None:
    best, encoding = max(
        ((_french(data.decode(one, "replace")), one) for one in _ONE_BYTE),
        key=lambda pair: (pair[0], -_ONE_BYTE.index(pair[1])),
    )
    if best < 0:
        guess = from_bytes(data[:50_000], threshold=0.15).best()
        if guess is None:
            return (data.decode("cp1252", "replace"), "cp1252")
        encoding = guess.encoding
    return data.decode(encoding, "replace"), encoding


def _french(text: str) -> float:
    """How French the characters above ASCII look, mean from -1 to 1: letters inside words of the right case."""
    score = count = 0
    for match in _BEYOND_ASCII.finditer(text[:200_000]):
        at = match.start()
        one, before, after = match.group(), text[at - 1 : at], text[at + 1 : at + 2]
        count += 1
        if one not in _FRENCH or (one in _UPPER and before.islower()):
            score -= 1
        elif (one in _LOWER and (before.isalpha() or after.isalpha())) or one in _UPPER:
            score += 2 if one in _LOWER else 1
        elif before.isalpha() and after.isalpha() and one not in "’‘":
            score -= 1  # a symbol inside a word: this is not its encoding
    return score / (2 * count) if count else 0.0


def _pair_surrogates(text: str) -> str:
    """Pairs written as two surrogates become their character; a lone surrogate becomes U+FFFD."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
