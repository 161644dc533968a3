"""French words of one family: « rétine » and « rétinien », « nécrose » and « nécrotique », by their endings.

Two folded forms are of one family when taking a derivational ending off each leaves the same root. Endings that name
another thing than their organ (-ite, -ose, -ome, -algie, -ectomie) are never taken off: gastrite is not gastrique.
A root has at least five letters: shorter ones meet by chance.
"""

from __future__ import annotations

from functools import lru_cache

SHORTEST_ROOT = 5
_LISTED = """
atique etique itique otique tique ique atoire ionnel ionnelle onnel onnelle ation ition ateur atrice isation isme iste
ien ienne ial iale iaux iel ielle eal eale eaux el elle al ale aux aire eux euse if ive ment ion ance ence ant ante ent
ente eur ure age ie sie se ese ee e er us um a o ain aine eo io
"""
_ENDINGS = tuple(_LISTED.split())


@lru_cache(maxsize=65_536)
def roots(form: str) -> frozenset[str]:
    """The roots that a folded form may have, its plural's -s or -x left out; empty for a short form or a number."""
    if not form.isalpha() or not form.isascii() or len(form) < SHORTEST_ROOT:
        return frozenset()
    bare = form[:-1] if form[-1] in "sx" and not form.endswith(("us", "eux", "aux")) else form
    found = {bare} | {bare[: -len(ending)] for ending in _ENDINGS if bare.endswith(ending)}
    return frozenset(each for each in found if len(each) >= SHORTEST_ROOT)
