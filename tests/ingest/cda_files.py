"""A CDA document of an invented patient, as small as one can be."""

from __future__ import annotations


def cda(
    family: str,
    given: str,
    born: str,
    *,
    sex: str = "M",
    ins: tuple[str, str] | None = None,
    type_code: str = "34133-9",
    title: str = "Synthèse",
    unique: str = "",
    text: str = "Texte de la synthèse.",
) -> str:
    number = f'<id extension="{ins[0]}" root="{ins[1]}"/>' if ins else '<id extension="42" root="1.2.3.4"/>'
    root, _, extension = unique.partition("^")
    name = f'<id root="{root}" extension="{extension}"/>' if unique else '<id root="1.2.3" extension="d1"/>'
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3">{name}<code code="{type_code}" codeSystem="2.16.840.1.113883.6.1"/>
<title>{title}</title><effectiveTime value="20240102"/>
<recordTarget><patientRole>{number}<patient>
<name><family qualifier="BR">{family}</family><given>{given}</given></name>
<administrativeGenderCode code="{sex}"/><birthTime value="{born}"/></patient></patientRole></recordTarget>
<component><structuredBody><component><section><title>Texte</title><text>{text}</text></section></component>
</structuredBody></component></ClinicalDocument>"""
