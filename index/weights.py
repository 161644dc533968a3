"""How much a word of a question weighs, decided by French and English at large and by no patient's text.

    weight = (8 - max(zipf, 3)) ** 1.5 / 8 ** 0.5

where zipf is the greater of wordfreq's Zipf frequencies of the folded word in French and English (log10 of uses a
billion words; 7 is "les", 4 "allergie", under 3 nearly every drug). Measured on the dev splits, words alone, nDCG@10:
quaero_fr 0.760, xling_en_fr 0.661, nfcorpus 0.301; without the exponent 0.760, 0.666, 0.296. Only wordfreq's small
lists are read (all words over Zipf 3, 32,000 a language): they load in 0.1 s where the whole package takes 1.5 s and
60 MB, and cost 0.002.
"""

from __future__ import annotations

import gzip
import importlib.util
import math
import re
import unicodedata
from functools import lru_cache
from pathlib import Path
from typing import cast

import msgpack

from index.analysis import fold
from index.scoring import quantised

LANGUAGES = ("fr", "en")
RARE = 3.0
"""Zipf of a word outside the lists. Nothing is told apart below: it costs 0.002 nDCG@10."""
_TOP, _EXPONENT, _LEAST = 8.0, 1.5, 0.25


@lru_cache(maxsize=65_536)
def weight(form: str) -> float:
    """Weight of a folded form, 0.25 to 3.95, exact in float32."""
    return weight_of_zipf(zipf(form))


def weight_of_zipf(value: float) -> float:
    """The formula above, quantised."""
    return quantised(max(_LEAST, (_TOP - max(value, RARE)) ** _EXPONENT / _TOP ** (_EXPONENT - 1)))


def zipf(form: str) -> float:
    """Greater Zipf frequency of a folded form in French and English; 0 when neither list has it."""
    return _frequencies().get(form, 0.0)


def is_common(form: str) -> bool:
    """Whether the form is a word of everyday French or English."""
    return form in _frequencies()


@lru_cache(maxsize=4_096)
def is_known(form: str) -> bool:
    """Whether the form is a word that people write, however rarely (Zipf 1 or more): nearly every drug and disease,
    and few misspellings. « hydroxyzine » is; « alergie » and « penicilinne » are not."""
    return f"\n{form}\n".encode("utf-8", "replace") in _written()


@lru_cache(maxsize=1)
def _written() -> bytes:
    """630,000 folded words of wordfreq's large lists as one text: 6 MB and 1 ms a look where a set takes 60 MB.

    Loaded when a question first holds a word that its Scope does not."""
    words = "\n".join(word for language in LANGUAGES for bucket in _buckets(language, "large") for word in bucket)
    words = words.replace("œ", "oe").replace("æ", "ae")  # translate() takes a second over a text of this size
    folded = unicodedata.normalize("NFKD", words).encode("utf-8", "replace")
    return b"\n" + re.sub(rb"\xcc[\x80-\xbf]|\xcd[\x80-\xaf]", b"", folded) + b"\n"


@lru_cache(maxsize=1)
def _frequencies() -> dict[str, float]:
    found: dict[str, float] = {}
    for language in LANGUAGES:
        for form, frequency in _folded(language).items():
            found[form] = max(found.get(form, 0.0), round(math.log10(frequency) + 9, 3))
    return found


def _folded(language: str) -> dict[str, float]:
    """Frequency of each folded form: "traite" and "traité" add up, because an index of folded forms cannot tell."""
    summed: dict[str, float] = {}
    for centibels, words in enumerate(_buckets(language, "small")):
        for word in words:
            form = word if word.isascii() and word.isalnum() else fold(unicodedata.normalize("NFC", word))
            summed[form] = summed.get(form, 0.0) + 10 ** (-centibels / 100)
    summed.pop("", None)
    return summed


def _buckets(language: str, size: str) -> list[list[str]]:
    """wordfreq's own data, read without importing wordfreq (0.5 s): words by falling frequency in centibels."""
    spec = importlib.util.find_spec("wordfreq")
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError("wordfreq is a dependency of anamnese and is not installed")
    path = Path(next(iter(spec.submodule_search_locations))) / "data" / f"{size}_{language}.msgpack.gz"
    with gzip.open(path, "rb") as packed:
        header, *buckets = msgpack.load(packed, raw=False)
    if header != {"format": "cB", "version": 1}:
        raise RuntimeError(f"{path.name} is not in wordfreq's cB format, version 1")
    return cast(list[list[str]], buckets)
