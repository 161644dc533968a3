"""What becomes of words, and what no text may break."""

from __future__ import annotations

import concurrent.futures
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.analysis import LONGEST, TOKENS_A_WORD, analyse, fingerprint, fold
from index.stopwords import STOP_WORDS

ANY_TEXT = st.text(st.characters(), max_size=200)  # surrogates and control characters included

CASES = [
    ("L'hypertension d’aujourd'hui qu'il", ["hypertension"]),
    ("l'HTA, D'AVC ; jusqu’à", ["hta", "avc"]),
    ("Crohn's disease", ["crohn", "disease"]),
    ("Œdème du cœur, ægyptus", ["oedeme", "coeur", "aegyptus"]),
    ("1,5 mg", ["1.5", "mg"]),
    ("1.50 3,0", ["1.5", "3"]),
    ("1,2,3", ["1", "2", "3"]),
    ("500mg", ["500", "mg"]),
    ("10^9/L 10⁹/L 10*9/L", ["10^9", "l"] * 3),
    ("HbA1c B12 CO₂ m²", ["hba1c", "b12", "co2", "m2"]),
    ("12/03/2021 12.03.2021 2021-03-12 12-3-2021", ["2021-03-12"] * 4),
    ("12/03/21", ["21-03-12"]),
    ("120/80", ["120", "80"]),
    ("anti-inflammatoire", ["anti", "antiinflammatoire", "inflammatoire"]),
    ("hyper-\ntension", ["hyper", "hypertension", "tension"]),
    ("Saint-Jean-de-Dieu", ["saint", "jean", "dieu"]),
    ("5-FU", ["5", "fu"]),
    ("TNF-α, IFNγ, β2", ["tnf", "tnfalpha", "alpha", "ifngamma", "beta2"]),
    ("5 µg 5 μg", ["5", "ug", "5", "ug"]),
    ("hyper\u00adtension", ["hypertension"]),
    ("e\u0301cole", ["ecole"]),
    ("les LES, sa SA, des DES", ["les", "sa", "sa", "des"]),
    ("pas d'allergie, sans fièvre, aucun", ["pas", "allergie", "sans", "fievre", "aucun"]),
    ("hépatite A, vitamine D", ["hepatite", "a", "vitamine", "d"]),
    ("\x00\ud800 \ufffe", []),
    ("", []),
]


@pytest.mark.parametrize(
    ("text", "exact"), CASES, ids=[case[0][:20].encode("ascii", "replace").decode() for case in CASES]
)
def test_exact_forms(text: str, exact: list[str]) -> None:
    assert [word.exact for word in analyse(text).words] == exact


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("allergie", "allergies"),
        ("pénicilline", "PENICILLINES"),
        ("opérée", "opere"),
        ("médicaments", "medicament"),
        ("chirurgical", "chirurgicales"),
        ("vomissement", "vomissements"),
        ("national", "nationaux"),
    ],
)
def test_french_forms_share_their_stem(one: str, other: str) -> None:
    assert analyse(one).words[0].french == analyse(other).words[0].french


def test_english_forms_share_their_stem() -> None:
    assert analyse("bleeding").words[0].english == analyse("bleeds").words[0].english


def test_a_date_is_found_by_its_month_and_year() -> None:
    assert analyse("12/03/2021").tokens == ("=2021-03-12", "f:2021-03", "e:2021")


def test_a_word_too_long_for_an_engine_still_matches_itself_alone() -> None:
    long, longer = "a" * 300, "a" * 301
    assert analyse(long).words[0].exact == analyse(long.upper()).words[0].exact
    assert analyse(long).words[0].exact != analyse(longer).words[0].exact


@given(ANY_TEXT)
def test_any_text_gives_bounded_tokens_with_true_offsets(text: str) -> None:
    found = analyse(text)
    assert len(found.tokens) == TOKENS_A_WORD * found.length
    for token in found.tokens:
        assert token == "".join(token.split())
        assert 1 < len(token) <= LONGEST + 2
        token.encode()
    for word in found.words:
        assert 0 <= word.start < word.end <= len(text)
    assert list(found.words) == sorted(found.words, key=lambda w: (w.start, w.end))
    assert analyse(text) == found


@given(st.text(st.sampled_from("aàâbcçdeéèêëîïlmnoôœprstuùû"), min_size=1, max_size=20))
def test_accents_and_case_never_count(word: str) -> None:
    plain = "".join(c for c in unicodedata.normalize("NFD", word) if not unicodedata.combining(c))
    assert fold(word) == fold(word.upper()) == fold(plain)


@given(st.text(st.sampled_from("abcéè '-1,./\n"), max_size=60))
def test_a_text_between_separators_is_analysed_as_it_is_alone(text: str) -> None:
    alone = [word.exact for word in analyse(text).words]
    assert [word.exact for word in analyse(f"( {text} )").words] == alone


def test_stop_words_are_folded_and_spare_negations_and_abbreviations() -> None:
    assert all(word == fold(word) for word in STOP_WORDS)
    assert STOP_WORDS.isdisjoint({"pas", "sans", "aucun", "non", "no", "not", "without", "ta", "sa", "es", "or", "ou"})


def test_threads_agree() -> None:
    text = "Hypertension artérielle traitée, vomissements, bleeding, running " * 20
    expected = analyse(text)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert all(found == expected for found in pool.map(analyse, [text] * 64))


def test_the_fingerprint_is_twelve_stable_digits() -> None:
    assert fingerprint() == fingerprint()
    assert len(fingerprint()) == 12
