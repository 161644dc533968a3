"""Is a reading worth trusting? The floors, measured once (benchmarks/ocr_typewritten.py prints the same figures)."""

from __future__ import annotations

from collections.abc import Sequence

from ocr.words import known_share

# Mean confidence by letters: Hebrew, Devanagari and noise read with fra+eng give 0.00 to 0.46; the worst of 17
# typewritten French pages (carbon copies of 1930 photographed on cloth) gives 0.79; the 18th, a title page of 7 words
# in spaced capitals, 0.50, and it is misread.
PAGE_FLOOR = 0.60
# A stray word or two read in a drawing or a foreign script may pass that by luck ("mr" in Arabic: 0.66).
FEW_LETTERS, FEW_FLOOR = 8, 0.80
# A page of true words may have a middling confidence (faxes): it is kept down to here when half of its words exist.
KNOWN_FLOOR, KNOWN_CONFIDENCE = 0.5, 0.50

UNREADABLE = "Page illisible : la reconnaissance de texte n'y a trouvé aucun texte fiable."
UNREAD = "Page non lue : elle n'a pas de texte et la reconnaissance de texte est désactivée."
PARTLY = "Une partie de cette page est une image dont le texte n'a pas pu être lu."


def trustworthy(texts: Sequence[str], confidences: Sequence[float]) -> bool:
    """Whether OCR words (with confidences 0 to 1) hold a text that a person could rely on to find the page."""
    weights = [sum(c.isalnum() for c in text) for text in texts]
    if sum(weights) == 0:
        return False
    floor = PAGE_FLOOR if sum(weights) >= FEW_LETTERS else FEW_FLOOR
    mean = sum(c * w for c, w in zip(confidences, weights, strict=True)) / sum(weights)
    share = known_share(texts)
    if share is None:
        return mean >= floor
    return mean >= floor or (mean >= KNOWN_CONFIDENCE and share >= KNOWN_FLOOR)
