"""Text to tokens: the only text analysis of the product. Both engines index what comes out, verbatim.

Each word gives exactly TOKENS_A_WORD tokens, so that an engine's count of a field's tokens is the length norm times
a constant:

    "=allergies"   the exact form: NFC text folded (case, accents, ligatures, Greek letters, superscripts)
    "f:allerg"     the French Snowball stem of the folded form
    "e:allergi"    the English Snowball stem of the folded form

Stems are taken after folding, because half of what people type on a keyboard has no accents. A date has its month and
its year in the places of the stems ("=2021-03-12", "f:2021-03", "e:2021"). Hyphenated words give their parts and the
joined word ("anti", "inflammatoire", "antiinflammatoire"). Pure and deterministic.
"""

from __future__ import annotations

import hashlib
import re
import threading
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import Stemmer

from index.stopwords import STOP_WORDS

VERSION = 1
TOKENS_A_WORD = 3
EXACT, FRENCH, ENGLISH = "=", "f:", "e:"
LONGEST = 64
"""Characters of a token's body. A longer word keeps 40 and a digest of the whole: it still matches itself exactly.
Lucene's whitespace tokeniser splits at 255 characters, without a word."""

_GLUE = "\u00ad\u200b\u200c\u200d\u2060\ufeff"  # soft hyphen and zero-width characters: inside a word, not part of it
_MARKS = "\u0300-\u036f"
_LETTER = "[^\\W\\d_]"
_QUOTE = "['\u2019\u02bc\uff07]"
_WORDS = re.compile(
    rf"""
    (?P<iso>(?<!\d)(?P<y1>\d{{4}})-(?P<m1>\d\d)-(?P<d1>\d\d)(?!\d))
  | (?P<date>(?<![\d.,])(?P<d2>\d\d?)(?P<sep>[/.-])(?P<m2>\d\d?)(?P=sep)(?P<y2>\d{{4}}|\d\d)(?![\d]|[.,/]\d))
  | (?P<power>(?<![\d.,])10(?:[\^*](?P<plain>\d{{1,2}})|(?P<super>[\u2070\u00b9\u00b2\u00b3\u2074-\u2079]{{1,2}})))
  | (?P<decimal>(?<![.,])(?<!\d)\d+[.,]\d+(?![.,]?\d))
  | (?P<digits>\d+)
  | (?<!\w)(?:aujourd{_QUOTE}(?=hui)|(?:jusqu|lorsqu|puisqu|quoiqu|quelqu|presqu|qu|[ldjmtscn]){_QUOTE}(?={_LETTER}))
  | (?P<word>{_LETTER}[^\W_]*(?:[{_MARKS}{_GLUE}]+[^\W_]*)*)(?:{_QUOTE}(?:s|t|re|ve|ll|d|m)(?!\w))?
    """,
    re.VERBOSE | re.IGNORECASE,
)
WORD = re.compile(r"\w+")
"""A run of letters and digits, stop words included: what an exact phrase is made of."""
_HYPHEN = re.compile(r"[-\u2010\u2011](?:[ \t]*\r?\n[ \t]*)?")
LIGATURES = str.maketrans({"œ": "oe", "æ": "ae", "ø": "o", "đ": "d", "ł": "l", "µ": "u", "μ": "u", "ı": "i"})
_GREEK = {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "κ": "kappa", "λ": "lambda",
          "ω": "omega", "σ": "sigma", "τ": "tau", "θ": "theta"}  # fmt: skip
_FEMININE = re.compile(r"(?<=[^aeiou])ees?$")  # opérée, opérées: without accents Snowball would leave "opere"


@dataclass(frozen=True, slots=True)
class Word:
    """text[start:end], its folded exact form and its two stems. Hyphenated words overlap their parts."""

    start: int
    end: int
    exact: str
    french: str
    english: str

    @property
    def tokens(self) -> tuple[str, str, str]:
        return EXACT + self.exact, FRENCH + self.french, ENGLISH + self.english


@dataclass(frozen=True, slots=True)
class Analysis:
    """The words of a text, in order of start. `length` counts them, stop words left out."""

    words: tuple[Word, ...]

    @property
    def tokens(self) -> tuple[str, ...]:
        return tuple(token for word in self.words for token in word.tokens)

    @property
    def forms(self) -> tuple[str, ...]:
        """Distinct exact forms, sorted."""
        return tuple(sorted({word.exact for word in self.words}))

    @property
    def length(self) -> int:
        return len(self.words)


def analyse(text: str) -> Analysis:
    """The words of NFC `text`. Any text gives an answer, lone surrogates and control characters included."""
    words = list(_simple_words(text))
    return Analysis(tuple(sorted([w for w in words if not _is_stop(w, text)] + list(_compounds(words, text)), key=_at)))


def _at(word: Word) -> tuple[int, int]:
    return word.start, word.end


def fold(word: str) -> str:
    """Lower case without accents, ligatures or anything that is neither letter nor digit; may be empty."""
    lowered = word.casefold().translate(LIGATURES)
    greek = [c for c in lowered if "\u03b1" <= c <= "\u03c9"]
    if len(greek) == 1:
        lowered = lowered.replace(greek[0], _GREEK.get(greek[0], greek[0]))
    if lowered.isascii() and lowered.isalnum():
        return _bounded(lowered)
    return _bounded("".join(c for c in unicodedata.normalize("NFKD", lowered) if c.isalnum()).casefold())


@lru_cache(maxsize=65_536)
def stems(folded: str) -> tuple[str, str]:
    """French and English Snowball stems of a folded form; a form with a digit is its own stem."""
    if not folded.isalpha():
        return folded, folded
    french, english = _stemmers()
    return french.stemWord(_FEMININE.sub("e", folded)), english.stemWord(folded)


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Changes whenever the same text would give other tokens: version, stop list, Unicode, and a probe's tokens."""
    parts = [str(VERSION), unicodedata.unidata_version, " ".join(sorted(STOP_WORDS)), " ".join(analyse(_PROBE).tokens)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


_PROBE = (
    "L'hypertension artérielle traitée; allergies médicamenteuses, anti-inflammatoires, cœur, œdèmes, nationaux, "
    "patients' running studies, generously, vomissements, chirurgicales, 12/03/2021, 10⁹/L, 1,50 mg, HbA1c, β2, CO₂"
)
_local = threading.local()


def _stemmers() -> tuple[Stemmer.Stemmer, Stemmer.Stemmer]:
    """A pair a thread: a Stemmer is not thread-safe."""
    if not hasattr(_local, "pair"):
        _local.pair = (Stemmer.Stemmer("french"), Stemmer.Stemmer("english"))
    pair: tuple[Stemmer.Stemmer, Stemmer.Stemmer] = _local.pair
    return pair


def _simple_words(text: str) -> Iterator[Word]:
    for found in _WORDS.finditer(text):
        kind = found.lastgroup if found.lastgroup in {"digits", "word"} else _kind(found)
        if kind == "word":
            exact = fold(found["word"])
            if exact:
                yield Word(*found.span("word"), exact, *stems(exact))
        elif kind:
            yield _number(found, kind)


def _kind(found: re.Match[str]) -> str:
    return next((k for k in ("word", "digits", "decimal", "iso", "date", "power") if found[k] is not None), "")


def _number(found: re.Match[str], kind: str) -> Word:
    """A date, a power of ten or a number, written one way: 2021-03-12, 21-03-12, 10^9, 1.5."""
    start, end = found.span(kind)
    if kind == "iso":
        return _date(start, end, found["y1"], found["m1"], found["d1"])
    if kind == "date":
        return _date(start, end, found["y2"], found["m2"].zfill(2), found["d2"].zfill(2))
    if kind == "power":
        value = "10^" + (found["plain"] or unicodedata.normalize("NFKD", found["super"]))
    else:
        value = _bounded("".join(str(unicodedata.decimal(c)) if c.isdecimal() else "." for c in found[kind]))
        if kind == "decimal":
            value = value.rstrip("0").rstrip(".")
    return Word(start, end, value, value, value)


def _date(start: int, end: int, year: str, month: str, day: str) -> Word:
    year, month, day = ("".join(str(unicodedata.decimal(c)) for c in part) for part in (year, month, day))
    return Word(start, end, f"{year}-{month}-{day}", f"{year}-{month}", year)


def _compounds(words: list[Word], text: str) -> Iterator[Word]:
    """The joined form of two or three words linked by hyphens, also across a line's end (« hyper-\\ntension »)."""
    chain: list[Word] = []
    for word in [*words, None]:
        if chain and word is not None and _HYPHEN.fullmatch(text, chain[-1].end, word.start):
            chain.append(word)
            continue
        if 2 <= len(chain) <= 3 and chain[0].exact.isalpha():
            joined = "".join(part.exact for part in chain)
            if joined.isalnum() and len(joined) <= LONGEST:
                yield Word(chain[0].start, chain[-1].end, joined, *stems(joined))
        chain = [word] if word is not None else []


def _is_stop(word: Word, text: str) -> bool:
    """A stop word, unless written as an abbreviation: LES is a lupus, SA a week of pregnancy, A a hepatitis."""
    return word.exact in STOP_WORDS and not text[word.start : word.end].isupper()


def _bounded(body: str) -> str:
    if len(body) <= LONGEST:
        return body
    return body[:40] + hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:16]
