"""A name beside a reaction, no word accusing it: « Quincke il y a 10 ans, Catalgine », « anaphylaxie (Solumédrol) ».

Nobody notes what treated a reaction of long ago: with the time of the reaction, what is named is what it was put down
to. In brackets after an anaphylaxis a corticoid alone, without a dose, is as often the culprit as the treatment.
"""

from __future__ import annotations

import re

from clinical.text.allergy_words import Culprit

_YEAR = r"(?:en |in )?(?:\w{3,9} )?(?:19|20)\d\d"
_AGO = (
    rf"(?:{_YEAR}|il y a (?:\d{{1,2}}|une dizaine d'|plusieurs|quelques) ?(?:ans?|annees?|mois)"
    r"|(?:dans|pendant) (?:l'enfance|l'adolescence|sa jeunesse)|enfant|as a child|\d{1,2} (?:years?|months?) ago"
    r"|(?:a l'age de |a )\d{1,2} ans)"
)
_BETWEEN = re.compile(
    rf"(?: [^\W\d_]{{4,16}}){{0,2}}(?P<ago>[ ]?[,(]?[ ]?{_AGO}\)?)?"
    r"[ ]?(?P<sign>[,(:]|[ ][–-][ ])[ ]?(?:l'|la |le |les )?"
)
_AGO_AFTER = re.compile(rf"[ ]?[,(]?[ ]?{_AGO}(?![^\W_])")
_ENDS = re.compile(r"(?: (?:iv|im|sc|ivl|per os|po))?[ ]?(?:[,.;)(\n]|$|[–-] |(?:en |in )?(?:19|20)\d\d)")
_GRAVE = re.compile(r"anaphyla|choc anaphyla|reaction anaphyla|(?:oe|œ)deme (?:de quincke|larynge)|angio-?(?:oe|œ)deme")
_CORTICOID = "H02"


def is_named_beside(flat: str, start: int, end: int, culprit: Culprit, *, given: bool) -> bool:
    """Whether the reaction at flat[start:end] is put down to a culprit that stands right after. `given`: it treats such
    reactions."""
    between = _BETWEEN.fullmatch(flat, end, culprit.start)
    if between is None or not _ENDS.match(flat, culprit.end):
        return False
    if given:
        alone = between["sign"] == "(" and flat.startswith(")", culprit.end)
        corticoid = culprit.drug is not None and culprit.drug.atc.startswith(_CORTICOID)
        return alone and corticoid and _GRAVE.match(flat, start) is not None
    return between["ago"] is not None or _AGO_AFTER.match(flat, culprit.end) is not None
