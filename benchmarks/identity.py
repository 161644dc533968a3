"""The wrong-patient check: mismatches of many kinds in 200 documents, false alarms on documents in their own record."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from access.identifiers import INS_OIDS, Ins, ins_key
from access.refusal import Refusal
from benchmarks.report import table
from benchmarks.settings import say
from cli.settings import load_settings
from clinical.identity import Mismatch, compare
from ingest.limits import Limits
from ingest.media_type import CDA, HEAD, HL7, media_type_of
from ingest.parse import parse
from ocr.build import build_ocr
from ocr.port import Ocr
from records.content import Metadata, Page, Reading, StatedPatient
from records.patients import Identity
from samples.catalogue import drafts
from samples.damage import DAMAGES
from samples.forms import produce
from samples.manifest import identities
from samples.people import PATIENTS, Person
from samples.story import Draft

TITLE = "Wrong patient: planted mismatches and false alarms"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
PLANTED = 200
NAMING_ANOTHER = frozenset(
    {
        "BIO-CR-BIO_2024.01_CR-2nde-intention-PDF.xml",
        "DOC_NON_STRUCTURE_CDA-R2-N1.xml",
        "IMG-DA-IMG_2024.01_Radiographie_ChevilleGenou.xml",
        "IMG_CR_IMG_2024.01.xml",
        "CR_Bio_CDA_Niv1_v1.XML",
        "CR_Bio_CDA_Niv1_v2.XML",
        "message_ORU_CR_Bio_RPLC_N1_Base64_N3_Base64.er7",
        "messageDocB64.hl7",
    }
)
"""Examples opened by eye: what is inside carries the name and birth date of another person than the header's."""
_INS_LINE = re.compile(r"INS (?:\d|2 ?[AB]| )+")


@dataclass(frozen=True)
class Read:
    """A sample document as read."""

    draft: Draft
    reading: Reading

    @property
    def own(self) -> Identity:
        return identity_of(PATIENTS[self.draft.patient])


def measure() -> str:
    """Three tables: planted mismatches by kind, false alarms by set, the French files that were held."""
    ocr = build_ocr(load_settings().ocr)
    read = list(_samples(ocr))
    say(f"{len(read)} sample documents read")
    planted, missed, scanned = _planted(read)
    held = [one for one in read if compare(one.own, one.reading.metadata, one.reading.pages) is not None]
    rows: list[list[object]] = [["samples, own record", len(read), len(held), len(held), _share(len(held), len(read))]]
    listed: list[list[object]] = [[one.draft.document_id, "", ""] for one in held]
    for name, files in _french(ocr).items():
        doubts = [(path, doubt) for path, doubt in files if doubt is not None]
        false = sum(path.name not in NAMING_ANOTHER for path, _ in doubts)
        rows.append([f"{name}, record of the patient named", len(files), len(doubts), false, _share(false, len(files))])
        listed += [[path.name, *_told(doubt)] for path, doubt in doubts]
    parts = [
        f"Mismatches planted: {sum(planted.values())} documents ({scanned} of them read by OCR; a scan whose identity "
        f"OCR lost is left out), {sum(planted.values()) - sum(missed.values())} quarantined.",
        table(
            ["planted", "documents", "quarantined"],
            [[kind, count, count - missed[kind]] for kind, count in sorted(planted.items())],
        ),
        "A false alarm is held though it names its own patient only. The French examples that are no false alarm were "
        "opened by eye: the document inside carries another person's name and birth date than the header.",
        table(["set", "documents", "quarantined", "false alarms", "share"], rows),
    ]
    if listed:
        parts += ["Quarantined in the record of the patient named:", table(["file", "pages", "differs"], listed)]
    return "\n\n".join(parts)


def identity_of(person: Person) -> Identity:
    """A sample patient's record."""
    return Identity(
        Ins(person.ins, person.oid),
        "qualified",
        person.family_name,
        person.given_names,
        person.birth_date,
        person.sex,
        person.birth_place,
        person.used_name,
    )


def _samples(ocr: Ocr) -> Iterator[Read]:
    """Every document with a text layer, and the scans of the demo."""
    known = identities(drafts())
    for draft in drafts():
        if draft.form in DAMAGES and not draft.in_demo:
            continue
        drawn = produce(draft, known[draft.document_id])
        yield Read(draft, parse(drawn.data, f"document{drawn.suffix}", ocr, Limits()))


def _planted(read: list[Read]) -> tuple[Counter[str], Counter[str], int]:
    """How many mismatches of each kind were planted, and missed; how many in scans."""
    scans = [one for one in read if one.draft.form in DAMAGES and _is_legible(one)]
    digital = [one for one in read if one.draft.form not in DAMAGES]
    chosen = scans + _spread(digital, PLANTED - len(scans))
    planted: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for number, one in enumerate(chosen):
        kind, record, reading = _plant(number, one, _of_another(digital, number, one))
        planted[kind] += 1
        if compare(record, reading.metadata, reading.pages) is None:
            missed[kind] += 1
            say(f"missed: {kind} in {one.draft.document_id}")
    return planted, missed, len(scans)


def _of_another(read: list[Read], number: int, one: Read) -> Read:
    """Another patient's document, not the same one for each."""
    others = [each for each in read if each.draft.patient != one.draft.patient]
    return others[number * 37 % len(others)]


def _is_legible(one: Read) -> bool:
    """Whether OCR left the identity on the page: name and birth date, letter by letter as they were printed."""
    person = PATIENTS[one.draft.patient]
    text = "\n".join(page.text for page in one.reading.pages)
    return person.family_name in text and f"{person.birth_date:%d/%m/%Y}" in text


def _states_ins(reading: Reading) -> bool:
    return bool(reading.metadata.patient_ins or any(_INS_LINE.search(page.text) for page in reading.pages))


def _spread(items: list[Read], count: int) -> list[Read]:
    step = len(items) / count
    return [items[int(number * step)] for number in range(count)]


def _plant(number: int, one: Read, other: Read) -> tuple[str, Identity, Reading]:
    """The kind of the mismatch, the record that the document is put in, and the document."""
    own = one.own
    stranger = next(
        identity_of(p)
        for key, p in sorted(PATIENTS.items(), key=lambda kv: (hash_of(kv[0], number), kv[0]))
        if key != one.draft.patient
    )
    nameless = _without_ins(one.reading)
    homonym = dataclasses.replace(own, ins=_other_ins(own), birth_date=_days(own, 1234))
    twin = dataclasses.replace(own, ins=None, ins_status="", given_names="Apolline" if own.sex == "F" else "Barnabé")
    child = dataclasses.replace(twin, birth_date=_days(own, 9500), used_name="")
    kinds: list[tuple[str, Identity, Reading]] = [
        ("another patient", stranger, one.reading),
        ("another patient, no INS in the document", dataclasses.replace(stranger, ins=None), nameless),
        ("homonym, no INS in the document", homonym, nameless),
        ("twin, no INS in the document", twin, nameless),
        ("child in the parent's record, no INS", child, nameless),
    ]
    if _states_ins(one.reading):
        unnamed = Identity(_other_ins(own), "provisional", "", "", None, "U", "")
        kinds.append(("another INS, the same traits", dataclasses.replace(own, ins=_other_ins(own)), one.reading))
        kinds.append(("known by INS alone", unnamed, one.reading))
    kinds.append(("stray pages at the end", own, _joined(one.reading, other.reading)))
    if one.draft.form == "cda1":
        header = dataclasses.replace(one.reading.metadata, patients=(_header(stranger),), patient_ins=())
        kinds.append(
            ("right header, another's embedded PDF", stranger, dataclasses.replace(one.reading, metadata=header))
        )
    kind, record, reading = kinds[-1 if one.draft.form == "cda1" else number % len(kinds)]
    if one.draft.form == "cda" and reading is nameless:  # its text names nobody: the header does
        header = dataclasses.replace(one.reading.metadata.patients[0], identifiers=())
        reading = Reading(reading.pages, Metadata(patients=(header,)))
    return kind, record, reading


def hash_of(key: str, number: int) -> int:
    """A spread of strangers that does not depend on the run."""
    return (sum(key.encode()) * 31 + number * 17) % 101


def _header(identity: Identity) -> StatedPatient:
    number = () if identity.ins is None else ((identity.ins.matricule, identity.ins.oid),)
    return StatedPatient(number, (identity.family_name,), (), identity.given_names, identity.birth_date, identity.sex)


def _other_ins(own: Identity) -> Ins:
    """The next rank of the same commune and month: what a twin's INS looks like."""
    assert own.ins is not None
    thirteen = own.ins.matricule[:10] + f"{(int(own.ins.matricule[10:13]) + 1) % 1000:03d}"
    return Ins(f"{thirteen}{ins_key(thirteen):02d}", own.ins.oid)


def _days(own: Identity, days: int) -> date:
    assert own.birth_date is not None
    return own.birth_date + timedelta(days=days)


def _without_ins(reading: Reading) -> Reading:
    pages = tuple(
        dataclasses.replace(page, text=_INS_LINE.sub(lambda m: " " * len(m.group()), page.text))
        for page in reading.pages
    )
    return Reading(pages, Metadata())


def _joined(one: Reading, other: Reading) -> Reading:
    """A batch: the pages of both; a CDA document's pages carry their patient in the header only, so one is added."""
    pages = list(one.pages)
    for page in other.pages:
        text = page.text
        if other.metadata.patients:
            stated = other.metadata.patients[0]
            name = f"{(*stated.birth_names, '')[0]} {stated.given_names.split()[0]}"
            text = f"Patient : {name}, né(e) le {stated.birth_date:%d/%m/%Y}\n{text}"
        pages.append(Page(len(pages) + 1, text))
    return Reading(tuple(pages), one.metadata)


def _french(ocr: Ocr) -> dict[str, list[tuple[Path, Mismatch | None]]]:
    """Each CDA and HL7 v2 file against the identity in its header or PID. Files without one are left out."""
    found: dict[str, list[tuple[Path, Mismatch | None]]] = {}
    for folder in ("cda_fr_ansforge", "hl7v2_fr_ansforge"):
        for path in sorted(p for p in (DATA / folder).rglob("*") if p.is_file()):
            reading = _read_file(path, ocr)
            if reading is None or not reading.metadata.patients:
                continue
            kind = "CDA" if path.suffix.lower() == ".xml" else "HL7 v2"
            record = _record(reading.metadata.patients[0])
            found.setdefault(f"{folder}, {kind}", []).append((path, compare(record, reading.metadata, reading.pages)))
    return found


def _read_file(path: Path, ocr: Ocr) -> Reading | None:
    data = path.read_bytes()
    try:
        return parse(data, path.name, ocr, Limits()) if media_type_of(data[:HEAD]) in (CDA, HL7) else None
    except Refusal as refusal:
        say(f"{path.name}: {refusal.code}")
        return None


def _record(stated: StatedPatient) -> Identity:
    numbers = [Ins(*pair) for pair in stated.identifiers if pair[1] in INS_OIDS]
    return Identity(
        ins=numbers[0] if numbers else None,
        ins_status="qualified" if numbers else "",
        family_name=(*stated.birth_names, *stated.used_names, "")[0],
        given_names=stated.given_names,
        birth_date=stated.birth_date,
        sex=stated.sex,
        birth_place=stated.birth_place,
        used_name=(*stated.used_names, "")[0],
    )


def _told(doubt: Mismatch) -> tuple[str, str]:
    pages = ", ".join(str(one.stated.page or "header") for one in doubt.evidence)
    reasons = ", ".join(sorted({reason.value for one in doubt.evidence for reason in one.reasons}))
    return pages, reasons


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.2%}" if whole else "-"
