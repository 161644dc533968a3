"""Official files as they are published, read into rows for `clinical/official.py`.

    bdpm    the public medicines database (open data): tab-separated, Windows-1252 or UTF-8, no header. Which file is
            which is told by its columns: CIS_bdpm (specialities), CIS_COMPO_bdpm (substances), CIS_CIP_bdpm (packs),
            CIS_MITM (ATC of medicines of major interest)
    cim10   LIBCIM10MULTI.TXT of the ATIH (code | three flags | short | long, ISO 8859-1), a CSV with columns "code" and
            "label", "libelle" or "long", or ClaML (XML)
    loinc   Loinc.csv, LoincTableCore.csv or a French linguistic variant; where both are given the French name wins

Nothing of their text is kept but names and labels. Refusal "bad-official-file" says what is missing.
"""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lxml import etree
from wordfreq import zipf_frequency

from access.refusal import Refusal
from clinical.folding import plain
from clinical.official import Brand
from clinical.text.labs import analytes
from clinical.text.vocabulary import shipped_drugs

Row = tuple[str, ...]
EVERYDAY = 2.5
"""Zipf frequency in French from which a single word is no brand: « Biseptine » is one, « Calcium » is not."""
SHORTEST = 5
_LONGEST = 3  # words of a brand
_ATC = re.compile(r"[A-Z]\d{2}(?:[A-Z](?:[A-Z](?:\d{2})?)?)?")
_CIS, _CIP13 = re.compile(r"\d{8}"), re.compile(r"34009\d{8}")
_CODE = re.compile(r"[A-Z]\d{2}(?:\.?[\dA-Z+]{1,5})?")
_LOINC = re.compile(r"\d{1,7}-\d")
_SALT = re.compile(r"\s*\([^()]*\)|\b(?:base|anhydre|monohydrate|monohydratee?|dihydratee?)\b", re.IGNORECASE)
_ACID = re.compile(r"^(.+?) \(acide\)$")
_SALT_OF = re.compile(
    r"^(?:\w{4,20}(?:ate|bromure) (?:de |d'))(?!(?:sodium|potassium|calcium|magn|zinc|fer\b|lithium|alumin))"
)
_OTHERS = re.compile(r"homéopathique|virus|anatoxine|conjugué|souche|polyosid|toxoïde")
"""Homeopathy, and vaccines: these are immunizations (`vocabulary/codes/acts.txt`), never treatments."""
_BODY = frozenset(
    (
        "alanine", "arginine", "asparagine", "citrulline", "cystéine", "cystine", "glutamine", "glycine", "histidine",
        "isoleucine", "leucine", "lysine", "méthionine", "ornithine", "phénylalanine", "proline", "sérine", "taurine",
        "thréonine", "tryptophane", "tyrosine", "valine", "choline", "créatine", "bicarbonate", "fibrine", "thrombine",
        "sérotonine", "dopamine", "histamine", "cortisol", "benzyle",
    )
)  # fmt: skip
"""Amino acids and other constituents of the body: a text that names one speaks of a measure or an illness."""
MOST = 4
"""A brand of more substances (amino acids, plants) would name nothing to a reader."""
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def bad(reason: str) -> Refusal:
    """The files are not those that are asked for."""
    return Refusal("vocabulary", "bad-official-file", reason, "Donnez les fichiers tels qu'ils sont publiés.")


def read_official(kind: str, files: Mapping[str, bytes]) -> list[Row]:
    """The rows of an import. Refusal "bad-official-file"."""
    rows = _READERS[kind](list(files.values()))
    if not rows:
        raise bad("Aucune ligne de ces fichiers n'a pu être lue.")
    return rows


def source_of(kind: str, files: Mapping[str, bytes], entries: int, day: str) -> dict[str, Any]:
    """What is written of where an import comes from."""
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    digest = hashlib.sha256("".join(sorted(hashes.values())).encode()).hexdigest()
    return {"kind": kind, "files": hashes, "imported": day, "entries": entries, "digest": digest}


def _bdpm(files: list[bytes]) -> list[Row]:
    names: dict[str, str] = {}
    substances: dict[str, dict[str, tuple[bool, str]]] = {}
    packs: dict[str, str] = {}
    atc: dict[str, str] = {}
    for data in files:
        for cells in _tabbed(data):
            if not _CIS.fullmatch(cells[0]):
                raise bad("Une ligne de la BDPM ne commence pas par un code CIS à huit chiffres.")
            if len(cells) >= 7 and cells[6] in ("SA", "FT"):
                link, fraction = cells[7] if len(cells) > 7 else cells[3], cells[6] == "FT"
                kept = substances.setdefault(cells[0], {})
                if fraction or link not in kept:
                    kept[link] = (fraction, cells[3])
            elif len(cells) >= 7 and _CIP13.fullmatch(cells[6]):
                packs |= {cells[1]: cells[0], cells[6]: cells[0]}
            elif len(cells) >= 3 and _ATC.fullmatch(cells[1]):
                atc[cells[0]] = cells[1]
            elif len(cells) >= 10:
                names[cells[0]] = cells[1]
    if not names or not substances:
        raise bad("Il faut au moins CIS_bdpm.txt (spécialités) et CIS_COMPO_bdpm.txt (substances).")
    brands: dict[str, Brand] = {}
    for cis, name in sorted(names.items()):
        said = tuple(dict.fromkeys(_substance(one) for _, (_, one) in sorted(substances.get(cis, {}).items())))
        brand = _brand(name, said)
        if brand and 0 < len(said) <= MOST and not _OTHERS.search(" ".join(said)):
            brands.setdefault(plain(brand), _completed(Brand(brand, said, atc.get(cis, ""))))
    for name in sorted(
        {one for kept in substances.values() for _, written in kept.values() if (one := _alone(written))}
    ):
        brands.setdefault(plain(name), Brand(name, (name,)))
    rows: list[Row] = [("brand", one.name, one.substance, one.atc) for one in brands.values()]
    rows += [("code", code, names[cis]) for code, cis in sorted(packs.items()) if cis in names]
    return rows


def _brand(denomination: str, substances: tuple[str, ...]) -> str:
    """The name before dose and form; empty for a generic's (its substance) and for an everyday word."""
    words: list[str] = []
    for word in re.split(r"[,(]", denomination)[0].split():
        if word[0].isdigit() or len(words) == _LONGEST:
            break
        words.append(word)
    brand = " ".join(words).strip(" -/")
    first = plain(brand).split()[:1]
    if len(brand) < SHORTEST or not brand[0].isalpha() or not {*first}.isdisjoint(plain(" ".join(substances)).split()):
        return ""
    if len(words) == 1 and zipf_frequency(brand.lower(), "fr") >= EVERYDAY:
        return ""
    return "" if next(shipped_drugs().find(first[0], first[0]), None) is not None else brand.title()


def _alone(written: str) -> str:
    """A substance that a text may name by itself; empty for what is also a word of everybody, a constituent of the body
    or something measured, and for what the shipped list holds."""
    name = _substance(written)
    usual = not name.replace("-", "").isalpha() or len(name) < SHORTEST or zipf_frequency(name, "fr") >= EVERYDAY
    if usual or name in _BODY or _OTHERS.search(written.lower()):
        return ""
    known = next(shipped_drugs().find(plain(name), name), None) or next(analytes().find(plain(name), name), None)
    return name if known is None else ""


def _substance(written: str) -> str:
    """Without its salt: « chlorhydrate de ranitidine » is ranitidine, « carbonate de calcium » stays itself."""
    written = _ACID.sub(r"acide \1", written.lower())
    name = " ".join(_SALT.sub(" ", written).split())
    return _SALT_OF.sub("", name)


def _completed(brand: Brand) -> Brand:
    """With the shipped vocabulary's name and ATC code of a single substance."""
    if len(brand.substances) != 1:
        return brand
    name = brand.substances[0]
    found = next(shipped_drugs().find(plain(name), name), None)
    if found is None or found.end - found.start < len(plain(name)):
        return brand
    return Brand(brand.name, (found.entry.substance,), brand.atc or found.entry.atc)


def _cim10(files: list[bytes]) -> list[Row]:
    labels: dict[str, str] = {}
    for data in files:
        if data.lstrip()[:1] == b"<" or (data[:3] == b"\xef\xbb\xbf" and data[3:].lstrip()[:1] == b"<"):
            labels |= _claml(data)
        elif data.partition(b"\n")[0].count(b"|") == 5:
            labels |= {
                cells[0].strip().replace(".", ""): cells[5].strip()
                for line in _text(data).splitlines()
                if len(cells := line.split("|")) == 6
            }
        else:
            labels |= _labelled(_text(data))
    return [("code", code, label) for code, label in sorted(labels.items()) if _CODE.fullmatch(code) and label]


def _claml(data: bytes) -> dict[str, str]:
    """Categories of a ClaML file with their preferred French label; one without a language counts as French."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError:
        raise bad("Ce fichier XML est mal formé.") from None
    labels: dict[str, str] = {}
    for label in root.iterfind(".//Class[@kind='category']/Rubric[@kind='preferred']/Label"):
        rubric = label.getparent()
        category = None if rubric is None else rubric.getparent()
        if category is not None and (label.get(_LANG) or "fr").startswith("fr"):
            words = " ".join("".join(map(str, label.itertext())).split())
            labels.setdefault((category.get("code") or "").replace(".", ""), words)
    return labels


def _labelled(text: str) -> dict[str, str]:
    rows = _csv(text)
    columns = {plain(name): name for name in (rows[0] if rows else ())}
    label = next((columns[name] for name in ("long", "libelle", "label", "libelle long") if name in columns), None)
    if label is None or "code" not in columns:
        raise bad("Ce fichier n'est ni LIBCIM10MULTI.TXT, ni ClaML, ni un CSV avec « code » et « libelle ».")
    return {row[columns["code"]].strip().replace(".", ""): row[label].strip() for row in rows if row[label]}


def _loinc(files: list[bytes]) -> list[Row]:
    labels: dict[str, tuple[bool, str]] = {}
    for data in files:
        rows = _csv(_text(data))
        if not rows or "LOINC_NUM" not in rows[0]:
            raise bad("Un fichier LOINC commence par une ligne de titres avec « LOINC_NUM ».")
        variant = "STATUS" not in rows[0]
        for row in rows:
            label = row.get("LinguisticVariantDisplayName") or row.get("LONG_COMMON_NAME") or row.get("COMPONENT") or ""
            if _LOINC.fullmatch(row["LOINC_NUM"]) and label and (variant or row["LOINC_NUM"] not in labels):
                labels[row["LOINC_NUM"]] = (variant, label)
    return [("code", code, label) for code, (_, label) in sorted(labels.items())]


def _tabbed(data: bytes) -> Iterable[list[str]]:
    return ([cell.strip() for cell in line.split("\t")] for line in _text(data).splitlines() if line.strip())


def _csv(text: str) -> list[dict[str, str]]:
    first = text.partition("\n")[0]
    mark = max(",;\t", key=first.count)
    try:
        return [
            {name: value or "" for name, value in row.items() if isinstance(name, str) and not isinstance(value, list)}
            for row in csv.DictReader(io.StringIO(text), delimiter=mark)
        ]
    except csv.Error:  # a cell of over 131,072 characters: a quotation mark that nothing closes
        raise bad("Ce fichier CSV est mal formé.") from None


def _text(data: bytes) -> str:
    """UTF-8, with or without its mark; else Windows-1252, which holds what ISO 8859-1 writes."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("cp1252", "replace")


_READERS: dict[str, Callable[[list[bytes]], list[Row]]] = {"bdpm": _bdpm, "cim10": _cim10, "loinc": _loinc}
