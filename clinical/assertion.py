"""Is what a text names stated as absent? A small rule set for French and English, in the manner of NegEx.

    cue ──────────────► scope ──────────────► end
    « pas de »           fièvre, toux ni…      « mais », a full stop, a semicolon, a line's end

A cue before denies what follows it up to the end of its clause; a cue after (« : négatif », « éliminée », "ruled out")
denies what stands before it in the clause. Phrases that only look like a denial (« ne permet pas d'exclure », « non
compliqué », « sans doute », "not only") are recognised first and deny nothing. Pure; no model.

This serves the order and the label of passages. Facts (issue 8) are another matter.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

VERSION = 1
"""Part of the index's fingerprint: raise it with every change of the rules below."""
Span = tuple[int, int]
FARTHEST = 110
"""Characters that a denial may reach over inside its clause."""

_PSEUDO = r"""
    ne\ (?:permet|permettant|permettent|peut|peuvent|pouvant|pouvait)\ (?:donc\ )?pas\ (?:d'|de\ l'|l'|de\ )?(?:eliminer|exclure|ecarter|affirmer)
  | (?:pas|non|jamais)\ (?:formellement\ |totalement\ )?(?:exclue?s?|eliminee?s?|ecartee?s?)
  | (?:n'est|n'etait|ne\ peut\ etre)\ pas\ (?:formellement\ )?(?:exclue?s?|eliminee?s?|ecartee?s?)
  | pas\ (?:seulement|uniquement|que|encore|plus\ de|certain|sur|toujours|de\ (?:changement|modification|amelioration|regression|diminution|
      aggravation|augmentation|prise|suivi|traitement))
  | non\ (?:specifiques?|complique\w*|insulino\w*|dependant\w*|steroid\w*|hodgkin\w*|suivi\w*|traite\w*|opere\w*|systematis\w*|
      obstructi\w*|documente\w*|exploree?s?|douloureu\w+|rehausse\w*|productives?|inflammatoires?|deplace\w*|seulement|
      federe\w*|pulsatiles?|fistulise\w*|a\ petites|observan\w+|alcool\w+|tubercul\w+|metasta\w+|invasi\w+|resecable|fumeu\w+)
  | sans\ (?:doute|particularites?|cesse|delai|autre\ precision|que|oublier|difficulte|incident|modification|amelioration|rendez-vous|emploi|
      profession|precedent)
  | rien\ (?:de\ particulier\ )?(?:a\ part|sauf|hormis)
  | absence\ (?:d'amelioration|de\ reponse|de\ traitement|de\ suivi|d'efficacite)
  | pour\ (?:eliminer|exclure|ecarter) | afin\ d'(?:eliminer|exclure)
  | no\ (?:increase|change|significant\ change|interval\ change|further|longer) | not\ (?:only|certain|certainly|necessarily|drain|extend|cause|
      rule\w*\ out|ruled\ out|excluded|been\ ruled) | without\ difficulty | gram\ negative | cannot\ (?:rule\ out|exclude|be\ excluded)
  | rule\ out\ (?:for)?(?=\ \w+\ (?:given|because)) | to\ (?:rule\ out|exclude) | if\ negative | not\ on\ file
"""
_BEFORE = r"""
    pas\ (?:eu\ |non\ plus\ |d'autre\ |de\ signes?\ (?:cliniques?\ |de\ |d')?|d'(?:argument|antecedents?|evidence|image)\w*\ \w+\ |
      )(?:de\ la\ |de\ l'|du\ |des?\ |d'|un\ seul\ |d'argument\w*\ (?:pour|en\ faveur)\w*\ )?
  | aucune?s?\ | sans\ | absences?\ (?:de\ |d'|totale\ de\ ) | ni\ (?:de\ |d')? | jamais\ (?:eu\ |presente\ |fait\ )?(?:de\ |d')?
  | (?:nie|niait|niant|refute)\ | negati(?:f|ve|fs|ves)\ (?:pour|a\ la\ recherche\ d[e'])\ ?
  | (?:n'a|n'avait|n'ont|n'est|ne)\ (?:\w+\ ){0,2}pas\ | n'a\ (?:\w+\ )?(?:aucun|jamais)\ (?:\w+\ )?
  | (?:elimin(?:e|ait|ant|aient|ent)|exclu(?:t|ait|ant|ent)|ecart(?:e|ait|ant|ent)|infirm(?:e|ait|ant))\ (?:un|une|le|la|les|l'|toute?|tout|des)\ ?
  | (?:ayant|a|ont|avait)\ (?:permis\ d')?(?:eliminer|elimine|exclu|exclure|ecarte|ecarter)\ (?:un|une|le|la|les|l'|toute?|des)\ ?
  | permettait\ d'(?:eliminer|exclure|ecarter) | permis\ d'(?:eliminer|exclure|ecarter) | permet\ d'(?:eliminer|exclure|ecarter)
  | (?:indemne|exempte?|depourvue?)s?\ (?:de\ |d') | libre\ de\ | disparition\ (?:de\ |des\ |du\ |d') | non\ (?=\w)
  | ne\ (?:retrouve|objective|montre|montrait|retrouvait|objectivait|revele|revelait|met|mettait|decrit|presente|presentait|signale|rapporte|
      prend|prenait)\w*\ (?:pas|aucun\w*|ni)\ (?:de\ |d')?
  | no\ (?:evidence\ (?:of\ |for\ )|sign\w*\ of\ |suggestion\ of\ |history\ of\ |new\ |other\ |acute\ |obvious\ |definite\ )?
  | denie[sd]\ | denying\ | without\ (?:evidence\ of\ |any\ |indication\ of\ )? | not?\ (?:have|had|show|reveal|demonstrate|appear|feel|see|
      known|associated|complain\w*|experienc\w*|demonstrat\w*)\w*\ | absence\ of\ | free\ of\ | negative\ for\ | never\ (?:had\ |developed\ )?
  | (?:rules?|ruled)\ (?:him\ |her\ |the\ patient\ )?out\ (?:for\ |against\ )? | not\ (?:an?|the|any|to\ be)\ | not\ (?!enter|know|obtain|record|sure|clear|well|yet|done|perform)| nor\ | neither\ 
  | (?:fails?|failed)\ to\ (?:reveal|show)\ | (?:unremarkable|resolved)\ for\ | lack\ of\ | declines?\ | didn't\ | doesn't\ | wasn't\ | hasn't\ | none\ of\ 
"""
_AFTER = r"""
    \ ?:\ ?(?:non|aucune?|neant|negati\w+|absente?s?|jamais|0|no|none|negative|absent)\b
  | \ (?:est|sont|etait|etaient|a\ ete|ont\ ete|reste|revenue?s?|revient|s'avere|avait\ ete|avaient\ ete)\ (?:tous\ |toutes\ )?(?:negati\w+|absente?s?|eliminee?s?|exclue?s?|
      ecartee?s?|infirmee?s?|normale?s?)
  | \ (?:negati(?:f|ve|fs|ves)(?!\ (?:for|pour|a\ la|aux?)\b)|absente?s?|(?:eliminee?s?|exclue?s?|ecartee?s?|infirmee?s?)(?!\ (?:une?|les?|la|l'|des|toute?s?)\b)|non\ retrouvee?s?|non\ (?:vue?s?|percu\w*|palpe\w*|decele\w*|
      observe\w*|visualise\w*))\b
  | \ (?:was|were|is|are|has\ been|have\ been)\ (?:not\ (?:seen|identified|present|found|noted|appreciated|demonstrated|felt|detected)|absent|negative|ruled\ out|excluded|denied)
  | \ (?:ruled\ out|unlikely|is\ negative|not\ (?:present|seen|identified|appreciated|palpable|palpated))
  | ,?\ resolved\b(?!\ for) | \ n'(?:a|ont|est|etait)\ (?:pas\ ete|pas|jamais\ ete)\ (?:retrouve|objective|mis|observe|vu|trouve|note|decele|constate)\w*
"""
_END = re.compile(
    r"[.;!?\n](?!\d)|\b(?:mais|cependant|toutefois|neanmoins|sauf|hormis|excepte|en\ revanche|par\ contre|en\ dehors|malgre|autre\ que|but|however|"
    r"except|although|though|yet|other\ than|apart\ from|aside\ from|secondary\ to|with\ the\ exception|lequel|laquelle|qui|dont|which|"
    r"avec|with|mettant|montrant|objectivant|revelant|retrouvant|presentant|evoquant|puis|alors|devant|en\ faveur|chez|presents?\ with|"
    r"because|due\ to|on\ note|on\ retrouve|presence|associee?s?\ a|hospitalise\w*|admise?s?|adresse\w*|consult\w+|victime|"
    r"a\ presente|est|sont|etait|etaient|a\ ete|evolu\w+|occasion\w+|posant|conduisant|pour\ (?:un|une|des|la|le))\b"
    r"|,\s*(?:et\s+)?(?:une?|les?|la|l'|des|du|a|on|il|elle|ce|cette|son|sa|ses|aux?|avec|d'une?|present\w*|the|there|an|he|she|his|her|with|was|"
    r"is|marie\w*|age\w*|suivi\w*|sous|traite\w*|connu\w*|\d)\b|\)|,(?=\s*\w+\s+(?:a|est|sont|etait|was|is|were)\b)|\bet\s+(?:une?|des|la|le|les|l')\b"
)
_RULES = re.compile(
    rf"(?P<pseudo>\b(?:{_PSEUDO}))|(?P<before>\b(?:{_BEFORE}))|(?P<after>(?:{_AFTER}))".replace("\\ ", r"\s+"), re.VERBOSE
)


@dataclass(frozen=True, slots=True)
class Denials:
    """The parts of a text that are stated as absent: offsets into it, in order."""

    spans: tuple[Span, ...]

    def covers(self, start: int, end: int) -> bool:
        """Whether text[start:end] begins inside a denied part."""
        return any(low <= start < high and end <= high + 1 for low, high in self.spans)


def denials(text: str) -> Denials:
    """What `text` states as absent. Any text is accepted."""
    plain = _plain(text)
    ends = [found.start() for found in _END.finditer(plain)] + [len(plain)]
    spans: list[Span] = []
    for found in _RULES.finditer(plain):
        if found["before"] is not None:
            stop = next(end for end in ends if end >= found.end())
            spans.append((found.start(), min(stop, found.end() + FARTHEST)))
        elif found["after"] is not None:
            begin = max((end + 1 for end in ends if end < found.start()), default=0)
            begin = max(begin, found.start() - FARTHEST, _last_comma(plain, begin, found.start()))
            spans.append((begin, found.end()))
    return Denials(tuple(sorted(spans)))


def _last_comma(plain: str, begin: int, end: int) -> int:
    """A cue after denies what stands in its own member of an enumeration."""
    return max(begin, plain.rfind(",", begin, end) + 1)


def _plain(text: str) -> str:
    """Lower case without accents, one character for one, so that offsets stay."""
    out = []
    for character in text:
        bare = unicodedata.normalize("NFD", character.lower())[:1] or " "
        out.append("'" if bare == "\u2019" else "\n" if bare == "\n" else " " if bare.isspace() else bare)
    return "".join(out)
