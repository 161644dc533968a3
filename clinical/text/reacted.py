"""Reactions named with what they are put down to: « hépatite à l'Augmentin », « œdème de Quincke sous amoxicilline ».

« À », « au », « induite par », « après la prise de » accuse by themselves. « Sous » does not: « urticaire sous Aerius »
is a treatment, which the vocabulary of reactions tells by the ATC groups that treat each; and who bleeds under an
anticoagulant still takes it, so such a drug stays a treatment beside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from clinical.asserted import Asserted, asserted
from clinical.text.accused import STOP_OF, STOPPED, accused
from clinical.text.allergy_words import Culprit, Sensitivity, reactions, told_of
from clinical.text.plain import plain
from clinical.text.signs import any_of
from clinical.text.statements import names
from records.fact import Assertion, FactKind

_TO = any_of("to")
_ARTICLE = (
    r"(?:la |le |l'|les |une? |des )?"
    r"(?:(?:pansements?|produits?|medicaments?|antibiotiques?|antalgiques?|cremes?|gants?|piqures?|medicament) "
    r"(?:type |de la |de |d'|du |en |a base de |a )?)?"
)
"""« Au pansement type Tegaderm », « une piqûre de frelon »."""
_UNDER = re.compile(rf"(?P<between>[^.;\n,()]{{0,40}}?)(?<![^\W_])(?P<link>{_TO}|{any_of('caused by')}){_ARTICLE}")
_WITHDRAWN = re.compile(r"[ ]?\(?(?:est |a ete )?retiree?s?(?![^\W_])")
"""« Céfapirine retirée : éruption » is said of the drug; « allergie retirée » disproves."""
_OF_ITS_OWN = re.compile(rf"[ ]?{any_of('illness of its own')}(?![^\W_])")
"""« Urticaire au froid », « prurit de la gale »: no drug and no allergen is their cause."""
_HARM = re.compile(rf"(?<![^\W_]){any_of('harm')}(?![^\W_])")
_ACCUSED = re.compile(
    rf"(?P<between>(?: [^\W\d_]{{3,18}}){{0,3}}) (?P<link>a la |a l'|aux? |(?:induite?s?|provoquee?s?|causee?s?) par )"
    rf"{_ARTICLE}"
)
_INDUCED = re.compile(
    rf"(?: [^\W\d_]{{3,18}}){{0,3}} (?:(?:induite?s?|provoquee?s?|causee?s?|declenchee?s?) par ){_ARTICLE}"
)
_INDUCED_ANYWHERE = re.compile(r" (?:induit|provoque|cause|declenche)e?s? par ")
_MADE_ILL = re.compile(rf"(?<![^\W_]){any_of('made ill')}(?![^\W_])")
_REPORTED = re.compile(
    r"\beffet (?:secondaire|indesirable)(?: [^\W\d_]{3,12}){0,2} ?:? ?\Z"
    r"|(?<![^\W_])(?:apparition|survenue) (?:rapide |brutale |secondaire )?(?:d'une? |de |d'|des )[^.;\n]{0,40}\Z"
)
_WARNED = re.compile(
    r"\b(?:surveill\w+|si|s'il|s'ils|cas|risques?|guett\w+|preven\w+|"
    r"evit\w+|alert\w+|inform\w+|des (?:que|l')|jusqu\w*|avant|"
    r"appel\w+|consult\w+|peut|peuvent|possibles?)\b"
)
"""« Effet indésirable grave : agranulocytose », « apparition de plaques » happened, unless they are warned of."""
_EXPLICIT = re.compile(
    r"(?:apres|post|a chaque|chaque|des|lorsqu|quand|induite?s?|due?s?|"
    r"secondaires?|imputee?s?|liee?s?|lors|suite|caused|induced|secondary) "
)
_BLAMED = re.compile(
    r"[^.;\n()]{0,60}?,? ?(?:imputables?|imputee?s?|attribuee?s?|attribuables?|secondaires?|consecuti(?:f|ve)s?) "
    r"(?:a la |a l'|aux? |a )"
)
_WEAK = re.compile(r"(?:sous|avec|with|on|sur|par) ")
_RELIEVED = re.compile(
    r"\b(?:soulag|calm|amelior|trait|control|equilibr|stabilis|resol|regress|disparu|mise?\b|jugul|couvert|reduit|"
    r"prevent|preven|surveill|bilan|deja|relie[fv]|recours|refractaire|resistan|repon|repond|sensible|automedic|malgre|"
    r"septi|cardiogen|hypovol|sans|avant|necessit|titr|introdui|instaur|recu|prescri|indiqu|antalg|analges|apres)|\bet\b.*\bet\b"
)
"""Between a reaction and a drug: what makes the drug its treatment, or another matter."""
_IN_BRACKETS = re.compile(
    r"(?: (?:generalisee?|geante?|aigue?|diffuse?|severe|grave|immediate?))?[ ]?\([ ]?(?:sous |a la |a l'|au |aux )?"
)
_WELL = re.compile(r"[ ]?[,(]? ?(?:bien |parfaitement )?(?:equilibre|controle|stabilise|ameliore|efficace)")
_COMPOUND = re.compile(r"[- ](?:(?:induced|related|associated|allergic)[ ])?")
_ENGLISH = re.compile(
    r"(?:cough|rash|hives|urticaria|myalgia|myopathy|anaphylaxis|angioedema|reaction|bleeding|hepatitis)\b"
)
_AND = re.compile(r"[ ]*(?:et|ou|/|\+)[ ]*(?:l'|la |le |les |au |aux |a la |a l')?")
_STOPPED = re.compile(rf"[^.;\n,]{{0,45}}(?<![^\W_]){STOPPED}(?![^\W_])")
_OF_THE_SKIN = frozenset(("urticaire", "angio-œdème", "éruption", "DRESS", "syndrome de Stevens-Johnson", "prurit"))
_NEAR = 80
_HELD = (Assertion.PRESENT, Assertion.PAST, Assertion.SUSPECTED)
_Reacted = tuple[int, int, bool, tuple[str, ...]]
"""Where a reaction is named, whether it is one of hypersensitivity, and what treats it."""


def reactions_to(flat: str, text: str, known: list[Culprit], cue: int) -> Iterator[Sensitivity]:
    """The reactions of a unit with the drug or allergen that each is put down to; `cue`: where « allergie » is."""
    if not known:
        return
    said = [each for each in reactions().find(flat, text) if not _OF_ITS_OWN.match(flat, each.end)]
    found = [(each.start, each.end, each.entry.allergic, each.entry.treated_by) for each in said]
    named = {(start, end) for start, end, _, _ in found}
    harms = [m.span() for m in _HARM.finditer(flat) if not any(s <= m.start() < e for s, e in named)]
    if not found and not harms and _INDUCED_ANYWHERE.search(flat) is None and _MADE_ILL.search(flat) is None:
        return
    scopes: Asserted | None = None
    last: tuple[Culprit, Sensitivity] | None = None
    for number, each in enumerate(known):
        cause = _cause(flat, text, each, found, harms)
        doubt: Assertion | None = None
        if cause is None:
            beyond = known[number + 1].start if number + 1 < len(known) else len(flat)
            later = accused(flat, each, said, beyond, cued=cue < each.start)
            if later is not None:
                cause, doubt = (later.start, later.end, later.allergic, False), later.assertion
        if cause is None:
            if last is not None and _is_with(flat, last[0], each):
                also = replace(last[1], start=each.start, end=each.end, drug=each.drug, allergen=each.allergen)
                last = (each, replace(also, quote_end=max(also.quote_end, each.end)))
                yield last[1]
            elif (begun := _stopped_for(flat, text, each)) is not None and asserted(flat).of(*begun) in _HELD:
                told = told_of(flat, text, FactKind.ALLERGY, each, begun[0], len(flat), reaction=text[slice(*begun)])
                yield replace(told, assertion=told.assertion or Assertion.SUSPECTED, taken=False)
            continue
        start, end, allergic, weak = cause
        scopes = scopes or asserted(flat)
        stated = scopes.of(start, end)
        if stated is Assertion.HYPOTHETICAL and _REPORTED.search(flat[:start]) and not _WARNED.search(flat[:start]):
            stated = Assertion.PRESENT
        if stated in (Assertion.ABSENT, Assertion.HYPOTHETICAL):
            continue  # « pas de saignement sous Eliquis », « surveiller l'apparition d'une éruption »
        kind = FactKind.ALLERGY if allergic else FactKind.INTOLERANCE
        told = told_of(
            flat, text, kind, each, start, min(len(flat), each.end + 80), reaction=text[start:end],
            others=tuple(one for one in known if one is not each),
        )  # fmt: skip
        if _WITHDRAWN.match(flat, each.end) and plain(told.disproved).startswith("retir"):
            told = replace(told, disproved="", assertion=None)
        if weak and not allergic:
            told = replace(told, taken=False)
        if told.assertion is None:
            kept = (Assertion.SUSPECTED, Assertion.FAMILY)
            told = replace(told, assertion=stated if stated in kept else doubt or Assertion.PRESENT)
        last = (each, told)
        yield told


def _is_with(flat: str, before: Culprit, each: Culprit) -> bool:
    """« Urticaire à l'amoxicilline et au latex », « réaction à un antibiotique (Rocéphine) »."""
    if _AND.fullmatch(flat, before.end, each.start):
        return True
    if re.fullmatch(r"[ ]?\([ ]?", flat[before.end : each.start]) is None:
        return False
    return before.drug is None or (each.drug is not None and each.drug.atc.startswith(before.drug.atc or "?"))


def _stopped_for(flat: str, text: str, culprit: Culprit) -> tuple[int, int] | None:
    """The reaction of the skin that a drug was stopped after: « rash : arrêt de l'amoxicilline ». It is suspected."""
    if culprit.drug is None:
        return None
    before, after = flat[: culprit.start], flat[culprit.end :]
    if STOP_OF.search(before) is None and _STOPPED.match(after) is None:
        return None
    for each in reactions().find(flat, text):
        treats = culprit.drug.atc.startswith(each.entry.treated_by or ("?",))
        if each.entry.name in _OF_THE_SKIN and each.end <= culprit.start <= each.end + _NEAR and not treats:
            return each.start, each.end
    return None


def _cause(
    flat: str,
    text: str,
    culprit: Culprit,
    found: list[tuple[int, int, bool, tuple[str, ...]]],
    harms: list[tuple[int, int]],
) -> tuple[int, int, bool, bool] | None:
    """The reaction that a culprit is accused of: place, whether it is allergic, whether by « sous » only."""
    for start, end, allergic, treated_by in reversed(found):
        treats = culprit.drug is not None and culprit.drug.atc.startswith(treated_by or ("?",))
        if allergic and end < culprit.start and not treats and _IN_BRACKETS.fullmatch(flat, end, culprit.start):
            return start, end, True, False
        link = _UNDER.fullmatch(flat, end, culprit.start) if end <= culprit.start else None
        if link is None or _RELIEVED.search(link["between"]) or _WELL.match(flat, culprit.end):
            continue
        if culprit.drug is None and not allergic and _WEAK.match(link["link"]):
            continue
        if treats and not _EXPLICIT.match(link["link"]):
            continue
        return start, end, allergic, _WEAK.match(link["link"]) is not None
    for start, end, allergic, _ in found:
        if start <= culprit.start < end:  # « thrombopénie induite par l'héparine » is one name
            return start, end, allergic, False
        link = _COMPOUND.fullmatch(flat, culprit.end, start) if start >= culprit.end else None
        if link is not None and (link[0].strip(" -") or _ENGLISH.match(flat, start)):
            return start, end, allergic, False
    if culprit.drug is None:
        return None
    for start, end, allergic, _ in reversed(found):
        if end <= culprit.start and _BLAMED.fullmatch(flat, end, culprit.start):
            return start, end, allergic, False
    for start, end in reversed(harms):
        link = _ACCUSED.fullmatch(flat, end, culprit.start) if end <= culprit.start else None
        if link is not None and not _RELIEVED.search(link["between"]):
            return start, end, False, False
    if _INDUCED_ANYWHERE.search(flat):  # « lupus induit par la minocycline »: any illness of the vocabulary
        ills = [each for each in names().find(flat, text) if each.entry.kind is FactKind.CONDITION]
        for each in reversed(ills):
            if each.end <= culprit.start and _INDUCED.fullmatch(flat, each.end, culprit.start):
                return each.start, each.end, False, False
    return None
