"""Official files as they are published, with invented medicines, illnesses and tests: written by the project."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from xml.sax.saxutils import escape, quoteattr

MEDICINES = [  # CIS, denomination, substances (name, SA or FT, link), CIP13, ATC
    ("60000001", "ZORBALIX 5 mg, comprimé pelliculé", [("APIXABAN", "SA", "1")], "3400900000018", ""),
    ("60000002", "MELVORANE FORT 200 mg/5 ml, suspension buvable", [("INVENTAZOL (CHLORHYDRATE D')", "SA", "1"),
     ("INVENTAZOL BASE", "FT", "1")], "3400900000025", "J01CA99"),
    ("60000003", "APIXABAN QUELCONQUE 5 mg, comprimé", [("APIXABAN", "SA", "1")], "3400900000032", ""),
    ("60000004", "CALCIUM 500 mg, comprimé à sucer", [("CARBONATE DE CALCIUM", "SA", "1")], "3400900000049", ""),
    ("60000005", "VIRAGRAXE, suspension injectable", [("VIRUS INVENTÉ INACTIVÉ", "SA", "1")], "3400900000056", ""),
    ("60000006", "DUOLEXIR 10 mg/5 mg, gélule", [("INVENTAZOL", "SA", "1"), ("AMLODIPINE", "SA", "2")],
     "3400900000063", ""),
]  # fmt: skip


def bdpm(encoding: str = "cp1252") -> dict[str, bytes]:
    """CIS, COMPO, CIP and MITM: tabs, no header, CRLF."""
    cis, compo, packs, mitm = [], [], [], []
    for code, name, substances, cip, atc in MEDICINES:
        state = ["Autorisation active", "Procédure nationale", "Commercialisée", "01/02/2020", "", "", " LABO", "Non"]
        cis.append([code, name, "comprimé", "orale", *state])
        for number, (substance, nature, link) in enumerate(substances):
            compo.append([code, "comprimé", f"0000{number}", substance, "5 mg", "un comprimé", nature, link, ""])
        packs.append(
            [code, cip[5:12], "boîte de 30", "Présentation active", "commercialisée", "01/02/2020", cip, "oui"]
        )
        if atc:
            mitm.append([code, atc, name, "lien"])
    files = {"CIS_bdpm.txt": cis, "CIS_COMPO_bdpm.txt": compo, "CIS_CIP_bdpm.txt": packs, "CIS_MITM.txt": mitm}
    return {name: _tabs(rows).encode(encoding) for name, rows in files.items()}


ILLNESSES = [
    ("A98", "Maladie inventée"),
    ("A98.1", "Maladie inventée à forme éruptive"),
    ("Z51.4", "Soins préparatoires"),
]


def atih() -> bytes:
    """LIBCIM10MULTI.TXT: code | MCO | SSR | PSY | short | long, ISO 8859-1, codes without a dot."""
    lines = [f"{code.replace('.', ''):6}|0|NOOO|0|{label.upper()[:12]}|{label}\r\n" for code, label in ILLNESSES]
    return "".join(lines).encode("iso-8859-1")


def claml(doctype: str = '<!DOCTYPE ClaML SYSTEM "ClaML.dtd">') -> bytes:
    """Categories with rubrics in two languages, a chapter that is no code, an entity that must not open."""
    classes = "".join(
        f"<Class code={quoteattr(code)} kind='category'><SuperClass code='A90-A99'/>"
        "<Rubric kind='preferred'><Label xml:lang='en'>Invented</Label>"
        f"<Label xml:lang='fr'>{escape(label)}</Label></Rubric>"
        "<Rubric kind='inclusion'><Label xml:lang='fr'>Autre</Label></Rubric></Class>"
        for code, label in ILLNESSES
    )
    chapter = "<Class code='I' kind='chapter'><Rubric kind='preferred'><Label xml:lang='fr'>Un</Label></Rubric></Class>"
    return f'<?xml version="1.0" encoding="UTF-8"?>{doctype}<ClaML version="2.0.0">{chapter}{classes}</ClaML>'.encode()


def labelled() -> bytes:
    return _csv([["Code", "Libellé"], *ILLNESSES], ";").encode("utf-8-sig")


def loinc() -> dict[str, bytes]:
    """The core table, and a French variant that holds one of its two codes."""
    core = [
        ["LOINC_NUM", "COMPONENT", "PROPERTY", "SYSTEM", "CLASS", "LONG_COMMON_NAME", "STATUS"],
        ["99998-1", "Inventin", "MCnc", "Ser/Plas", "CHEM", "Inventin [Mass/volume] in Serum or Plasma", "ACTIVE"],
        ["99997-3", "Otherin", "MCnc", "Ser/Plas", "CHEM", "Otherin [Mass/volume] in Serum or Plasma", "ACTIVE"],
    ]
    french = [
        ["LOINC_NUM", "COMPONENT", "PROPERTY", "LONG_COMMON_NAME", "LinguisticVariantDisplayName"],
        ["99998-1", "Inventine", "Concentration", "", "Inventine [Masse/Volume] Sérum/Plasma"],
    ]
    return {"LoincTableCore.csv": _csv(core).encode(), "frFR18LinguisticVariant.csv": _csv(french).encode()}


def _tabs(rows: Iterable[Sequence[str]]) -> str:
    return "".join("\t".join(row) + "\r\n" for row in rows)


def _csv(rows: Iterable[Sequence[str]], mark: str = ",") -> str:
    out = io.StringIO()
    csv.writer(out, delimiter=mark, quoting=csv.QUOTE_ALL).writerows(rows)
    return out.getvalue()
