"""The edition of the rules that read facts out of text: what was told by another is to be told again.

It is made of the rules themselves (the code that reads text, its words and vocabularies), so that nobody can change one
and forget to say so: what a new rule finds in old documents may be an allergy. A changed comment costs a reading of the
stored texts in the background, which is the lesser harm.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

_CLINICAL = Path(__file__).resolve().parent.parent
_FOLDERS = ("text", "rules", "vocabulary", "laboratory")
_MODULES = ("told_by_text.py", "asserted.py", "assertion.py", "lexicon.py", "numerals.py")
_READ = (".py", ".txt")


@lru_cache(maxsize=1)
def rules_edition() -> str:
    """12 hexadecimal digits, the same in every process of one version of the product."""
    return edition_of(_CLINICAL)


def edition_of(clinical: Path) -> str:
    """The edition of the rules under a folder `clinical`."""
    files = [clinical / name for name in _MODULES]
    for folder in _FOLDERS:
        files += [one for one in (clinical / folder).rglob("*") if one.suffix in _READ]
    digest = hashlib.sha256()
    for one in sorted(files):
        digest.update(one.relative_to(clinical).as_posix().encode() + b"\0")
        digest.update(hashlib.sha256(one.read_bytes()).digest())
    return digest.hexdigest()[:12]
