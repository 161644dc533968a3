"""Words too common to find anything by, French and English, folded. Small on purpose, and ours.

Left out although common: negations (pas, sans, aucun, non, no, not, without), because they turn a sentence round, and
words that a clinician also writes as abbreviations in lower case (ta, sa, me, es, as, or, us, it, ou, an, si).
"""

from __future__ import annotations

FRENCH = """
le la les un une des du de au aux et en dans par pour sur avec ce cet cette ces que qui quoi dont est sont etait
etaient ete etre avait avaient ont il elle ils elles on je tu nous vous se son ses leur leurs mon ma mes ton tes notre
nos votre vos y a mais donc car ne comme plus tres aussi ainsi alors lors chez vers entre cela ceci celui celle ceux
celles quel quelle quels quelles hui
"""
ENGLISH = """
the of and to in for on with at by from is are was were be been being this that these those its i you he she they we
his her their our your my which who whom what when where how why do does did has have had can could will would should
may might into than then there also some such about an if or as it
"""
_KEPT = frozenset({"ta", "sa", "me", "es", "as", "or", "us", "it", "ou", "an", "si", "may"})

STOP_WORDS = frozenset((FRENCH + ENGLISH).split()) - _KEPT
