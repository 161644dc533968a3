"""FHIR R4 resources and bundles, JSON and XML: their narratives, what they code as French lines, the files in them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, zip_longest

from access.refusal import Refusal
from ingest.limits import Limits
from ingest.media_type import FHIR_JSON, FHIR_XML, is_type, readable_type
from ingest.parsers.fhir_facts import facts_of
from ingest.parsers.fhir_header import is_withdrawn, metadata_of
from ingest.parsers.fhir_lines import coded_lines, name_of, narrative_lines, title_of, words
from ingest.parsers.fhir_tree import Resource, all_inside, each, objects, resources_of_json, resources_of_xml, string
from ingest.parsers.fhir_words import RESOURCES
from ingest.parsers.members import Inside, Member, Part, bytes_of, elsewhere, from_base64, read_parts
from ingest.parsers.narrative import clean
from ingest.parsers.port import Kept, Pages
from ingest.parsers.quotes import line_for
from ingest.parsers.sheet import Sheet
from ocr.port import Ocr

READER = "fhir"
_ORDER = {kind: place for place, kind in enumerate(RESOURCES)}
_ATTACHMENT = frozenset({"id", "contentType", "language", "data", "url", "size", "hash", "title", "creation"})
_NO_FILES = frozenset({"photo", "text", "extension"})  # portraits, narratives


class FhirParser:
    """`inside` reads the files in a resource."""

    def __init__(self, inside: Inside) -> None:
        self._inside = inside

    def claims(self, head: bytes, name: str) -> float:  # noqa: ARG002
        return 1.0 if is_type(head, FHIR_JSON, FHIR_XML) else 0.0

    def pages(self, data: bytes, ocr: Ocr, limits: Limits, kept: Kept) -> Pages:
        tops = _tops(data)
        document = _Document(tops)
        stated = metadata_of(tops, document.inside, document.resolve)
        if is_withdrawn(tops, document.inside):
            return read_parts((), stated, self._inside, ocr, limits, kept)
        sheet = document.written()
        files = list(_files(document.inside, document, limits.bytes))
        if not sheet and not files:
            kinds = ", ".join(sorted({one["resourceType"] for one in document.inside} - {"Bundle"})[:5]) or "Bundle"
            raise Refusal(
                "parse",
                "no-document",
                f"Ce document FHIR ({kinds}) n'apporte aucun texte ni donnée de soins.",
                "Rien n'est à faire s'il ne sert qu'aux échanges entre logiciels.",
            )
        parts: list[Part] = [*sheet.pages(READER, document.note), *files]
        return read_parts(parts, stated, self._inside, ocr, limits, kept)


def embedded_files(data: bytes) -> Iterator[bytes]:
    """The files inside the resources, in the order of their pages."""
    document = _Document(_tops(data))
    yield from bytes_of(_files(document.inside, document, Limits().bytes))


def _tops(data: bytes) -> list[Resource]:
    read = resources_of_json if readable_type(data[: 64 * 1024]) == FHIR_JSON else resources_of_xml
    return read(data)


class _Document:
    """The resources of one file, by their names, and those that are written already."""

    def __init__(self, tops: Sequence[Resource]) -> None:
        self.inside = [one for top in tops for one in all_inside(top)]
        self.note = ""
        self._named: dict[str, Resource] = {}
        self._done: set[int] = set()
        for one in self.inside:
            if identity := string(one.get("id")):
                self._named.setdefault(f"{one['resourceType']}/{identity}", one)
                self._named.setdefault(f"#{identity}", one)
            for entry in objects(one.get("entry")):
                for resource in objects(entry.get("resource")):
                    self._named.setdefault(string(entry.get("fullUrl")), resource)

    def resolve(self, reference: str) -> Resource | None:
        """The resource of this file that a reference names: whole address, type and id, or contained."""
        reference = reference.partition("/_history/")[0]
        return self._named.get(reference) or self._named.get("/".join(reference.rsplit("/", 2)[-2:]))

    def written(self) -> Sheet:
        """Compositions section by section, then all that they did not show, by kind."""
        sheet = Sheet()
        for one in self.inside:
            if one["resourceType"] == "Composition":
                self._composition(sheet, one)
        rest = [one for one in self.inside if id(one) not in self._done and one["resourceType"] != "Bundle"]
        for title, group in groupby(sorted(rest, key=_rank), key=title_of):
            with sheet.section(title):
                for one in group:
                    self._resource(sheet, one)
        others = Counter(one["resourceType"] for one in rest if one["resourceType"] not in RESOURCES)
        if others:
            named = ", ".join(f"{kind} ({count})" for kind, count in sorted(others.items()))
            self.note = f"Ressources FHIR dont seul le texte est repris : {named}."
        return sheet

    def _composition(self, sheet: Sheet, composition: Resource) -> None:
        self._done.add(id(composition))
        sheet.line(string(composition.get("title")))
        sheet.lines(narrative_lines(composition))
        for section in objects(composition.get("section")):
            self._section(sheet, section)

    def _section(self, sheet: Sheet, section: Resource) -> None:
        codings = [one for concept in objects(section.get("code")) for one in objects(concept.get("coding"))]
        code = next((string(one.get("code")) for one in codings if "loinc" in string(one.get("system"))), "")
        with sheet.section(string(section.get("title")) or name_of({"code": section.get("code")}, self.resolve), code):
            sheet.lines(narrative_lines(section))
            sheet.line(words(section.get("emptyReason"), self.resolve))
            for entry in objects(section.get("entry")):
                target = self.resolve(string(entry.get("reference")))
                if target is not None and id(target) not in self._done:
                    self._resource(sheet, target)
            for inner in objects(section.get("section")):
                self._section(sheet, inner)

    def _resource(self, sheet: Sheet, resource: Resource) -> None:
        self._done.add(id(resource))
        told = facts_of(resource, self.resolve)
        for line, facts in zip_longest(coded_lines(resource, self.resolve), told, fillvalue=()):
            shown = clean(line or "")
            sheet.tell(shown, [fact for fact in facts if clean(fact.label) in shown])
            for fact in facts:
                if clean(fact.label) not in shown:
                    sheet.tell(line_for(fact), [fact])
        sheet.lines(narrative_lines(resource))


def _rank(resource: Resource) -> tuple[int, str]:
    return _ORDER.get(resource["resourceType"], len(_ORDER)), title_of(resource)


def _files(inside: Sequence[Resource], document: _Document, limit: int) -> Iterator[Member]:
    """Every attachment (Attachment, Binary) in the order of the resources; the same bytes once."""
    seen: set[str] = set()
    for resource in inside:
        for one in _attachments(resource):
            data = string(one.get("data")) or string(one.get("content"))
            if not data:
                url = string(one.get("url"))
                if url and document.resolve(url) is None and resource["resourceType"] in RESOURCES:
                    yield elsewhere()
            elif data not in seen:
                seen.add(data)
                try:
                    yield Member(from_base64(data, limit))
                except Refusal as refusal:
                    yield Member(refusal)


def _attachments(resource: Resource) -> Iterator[Resource]:
    """What has the shape of an Attachment, in this resource and not in those inside it."""
    if resource["resourceType"] == "Binary":
        yield resource
        return
    level: list[object] = [resource]
    while level:
        one = level.pop(0)
        if not isinstance(one, dict):
            continue
        if ("data" in one or "url" in one) and ("contentType" in one or one.keys() <= _ATTACHMENT):
            yield one
        for key, value in one.items():
            if key not in _NO_FILES and key not in ("contained", "entry", "parameter"):
                level += each(value)
