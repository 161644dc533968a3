"""Any bytes decode to storable text or to None; any French text comes back from any encoding that can write it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decode import decode

FRENCH = (
    "le patient présente une fièvre à 39 °C depuis trois jours où été hôpital œdème allergique reçu déjà naïf août "
    "cœur Évolution À noter « bien » 10 µg n° 4 l’hématome prélèvement côté gauche maïs ÉTÉ ÇA"
)
WORDS = st.sampled_from(FRENCH.split())
LETTERS = st.lists(WORDS, min_size=12, max_size=60).map(" ".join)


@given(st.binary(max_size=400))
def test_any_bytes_give_storable_text_or_none(data: bytes) -> None:
    decoded = decode(data)
    if decoded is not None:
        decoded.text.encode("utf-8")
        assert unicodedata.is_normalized("NFC", decoded.text)
        assert "\x00" not in decoded.text
        assert decoded.replaced == decoded.text.count("\ufffd")


@given(LETTERS, st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "latin-1"]))
def test_french_comes_back(text: str, encoding: str) -> None:
    if encoding == "latin-1":
        text = text.replace("œ", "oe").replace("’", "'")
    decoded = decode(text.encode(encoding))
    assert decoded is not None
    assert decoded.text == text
    assert decoded.replaced == 0


@given(LETTERS, st.integers(1, 40))
def test_a_cut_head_is_still_text(text: str, drop: int) -> None:
    data = text.encode("utf-8")
    decoded = decode(data[: max(1, len(data) - drop)], cut=True)
    assert decoded is not None
    assert text.startswith(decoded.text)


def test_strays_of_another_encoding_in_utf_8_are_read() -> None:
    data = (
        "Évolution favorable, fièvre disparue, hôpital de jour prévu. " * 2
    ).encode() + "Allergie : pénicilline".encode("cp1252")
    decoded = decode(data)
    assert decoded is not None
    assert decoded.text.endswith("Allergie : pénicilline")
    assert "Évolution" in decoded.text
    assert decoded.replaced == 0


def test_decomposed_accents_are_composed() -> None:
    decoded = decode(unicodedata.normalize("NFD", "pénicilline").encode())
    assert decoded is not None
    assert decoded.text == "pénicilline"


def test_powers_of_ten_keep_their_exponent() -> None:
    decoded = decode("Leucocytes 7,4 10⁹/L".encode())
    assert decoded is not None
    assert "10⁹" in decoded.text


@pytest.mark.parametrize("data", [bytes(range(256)) * 4, b"\x01\x02\x03\x04" * 50, b"\x89ABC\x00\x00\x00\x01" * 40])
def test_binary_is_no_text(data: bytes) -> None:
    assert decode(data) is None
