"""Make search_api/fhir/elements.txt from the StructureDefinitions of R4 (profiles-types.xml, profiles-resources.xml).

    python tools/fhir_elements.py FOLDER > search_api/fhir/elements.txt

FOLDER is `org/hl7/fhir/r4/model/profile` of the artifact ca.uhn.hapi.fhir:hapi-fhir-validation-resources-r4.
"""

from __future__ import annotations

import sys
from pathlib import Path

from lxml import etree

NS = {"f": "http://hl7.org/fhir"}
WANTED = [
    "AllergyIntolerance",
    "AuditEvent",
    "Binary",
    "Bundle",
    "CapabilityStatement",
    "Composition",
    "Condition",
    "Consent",
    "Device",
    "DeviceUseStatement",
    "DocumentReference",
    "Encounter",
    "Immunization",
    "List",
    "MedicationStatement",
    "Observation",
    "OperationOutcome",
    "Organization",
    "Parameters",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
    "Provenance",
    "RelatedPerson",
]
HEADER = """\
# The elements of FHIR R4 (4.0.1), in order: type, then each element with "*" where it repeats, and its type.
# Made by tools/fhir_elements.py from the StructureDefinitions of HL7; no hand edits.
"""
System = "http://hl7.org/fhirpath/System."


def main(folder: Path) -> None:
    defined: dict[str, list[tuple[str, str, str]]] = {}
    for name in ("profiles-types.xml", "profiles-resources.xml"):
        for structure in etree.parse(folder / name).iterfind(".//f:StructureDefinition", NS):
            if _value(structure, "derivation") == "constraint":
                continue
            for element in structure.iterfind("f:snapshot/f:element", NS):
                _add(defined, element)
    todo, done = list(WANTED), set[str]()
    while todo:
        kind = todo.pop()
        if kind in done or kind not in defined:
            continue
        done.add(kind)
        todo += [of for _, _, of in defined[kind]]
    sys.stdout.write(HEADER)
    for kind in sorted(done):
        print(kind, *(f"{name}{many}={of}" for name, many, of in defined[kind]))


def _add(defined: dict[str, list[tuple[str, str, str]]], element: etree._Element) -> None:
    path = _value(element, "path")
    parent, _, name = path.rpartition(".")
    if not parent or _value(element, "max") == "0":
        return
    many = "*" if _value(element, "max") == "*" or int(_value(element, "max")) > 1 else ""
    reference = element.find("f:contentReference", NS)
    listed = defined.setdefault(parent, [])
    if reference is not None:
        listed.append((name, many, reference.get("value", "").lstrip("#")))
        return
    for one in element.iterfind("f:type/f:code", NS):
        of = one.get("value", "")
        of = "string" if of.startswith(System) else path if of in ("BackboneElement", "Element") else of
        shown = name.replace("[x]", of[0].upper() + of[1:])
        listed.append((shown, many, of))


def _value(element: etree._Element, name: str) -> str:
    found = element.find(f"f:{name}", NS)
    return "" if found is None else found.get("value", "")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
