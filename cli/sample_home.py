"""The sample patients in a home: people and grants recorded, documents deposited. Running it again changes nothing."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from access.categories import Category
from access.identifiers import Finess, Ins, PatientId, Rpps
from cli.compose import Home
from cli.console import err
from ingest.batch import Deposit, deposit
from records import grants, patients, practitioners
from records.content import Metadata
from records.database import Tx
from records.home import locked

PARIS = ZoneInfo("Europe/Paris")


@dataclass(frozen=True, slots=True)
class Sample:
    """A generated manifest and the folder that its paths start from."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def demo_identities(self) -> dict[str, str]:
        """RPPS of "medecin_traitant", "emergency" and "stranger", INS of "patient"."""
        return dict(self.manifest["demo_identities"])

    @property
    def flagship_ins(self) -> str:
        """The patient whom the demo shows."""
        return self.demo_identities["patient"]

    def deposits(self, home: Home, patients_by_ins: dict[str, PatientId]) -> list[Deposit]:
        """Every document handed to `receive`, with what its sender would declare."""
        names = {each["finess"]: each["name"] for each in self.manifest["organizations"]}
        return [
            deposit(
                self.folder / each["file"],
                patients_by_ins[each["patient"]],
                home.bench,
                by=each["author_rpps"] or "administration",
                origin=each["origin"],
                declared=Metadata(
                    type_code=each["type_code"],
                    title=each["title"],
                    author=each["author"],
                    organization=names.get(each["organization"], ""),
                    event_date=date.fromisoformat(each["event_date"]),
                ),
            )
            for each in self.manifest["documents"]
        ]


def load_sample(cache: Path) -> Sample:
    """The demo's part of the samples, generated when absent or made by another version of the generator."""
    import samples

    sources = sorted(p for p in Path(samples.__file__).parent.rglob("*") if p.suffix in (".py", ".txt"))
    version = hashlib.sha256(b"".join(p.read_bytes() for p in sources)).hexdigest()[:12]
    folder = cache / f"demo-{version}"
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "demo.lock"):  # two commands may start on an empty cache
        if not (folder / "complete").exists():
            from samples.generate import generate

            err.print("Génération des documents d'exemple…")
            generate(folder, "demo")
            (folder / "complete").touch()
    return Sample(folder, json.loads((folder / "manifest.json").read_text("utf-8")))


def record_people(home: Home, sample: Sample) -> dict[str, PatientId]:
    """Record organizations, practitioners, patients and grants; returns the patients' ids by INS."""
    now = home.clock()
    found: dict[str, PatientId] = {}
    with home.services.records.write() as tx:
        for each in sample.manifest["organizations"]:
            practitioners.put_organization(tx, practitioners.Organization(Finess(each["finess"]), each["name"]))
        for each in sample.manifest["practitioners"]:
            practitioners.put_practitioner(tx, _practitioner(each))
        for each in sample.manifest["patients"]:
            found[each["ins"]] = _patient(tx, each, now)
        for each in sample.manifest["grants"]:
            _grant(tx, found[each["patient"]], each, now)
    return found


def _practitioner(each: dict[str, Any]) -> practitioners.Practitioner:
    return practitioners.Practitioner(
        rpps=Rpps(each["rpps"]),
        name=each["name"],
        profession=each["profession"],
        specialty=each["specialty"],
        organizations=(each["organization"],) if each["organization"] else (),
        teams=tuple(each["teams"]),
    )


def _patient(tx: Tx, each: dict[str, Any], now: datetime) -> PatientId:
    ins = Ins(each["ins"], each["oid"])
    patient_id = patients.patient_id_of_ins(tx.keys, ins)
    if not patients.exists(tx, patient_id):
        identity = patients.Identity(
            ins=ins,
            ins_status="qualified",
            family_name=each["family_name"],
            given_names=each["given_names"],
            birth_date=date.fromisoformat(each["birth_date"]),
            sex=each["sex"],
            birth_place=each["birth_place"],
            used_name=each["used_name"],
        )
        patients.create_patient(tx, identity, now)
    return patient_id


def _grant(tx: Tx, patient_id: PatientId, each: dict[str, Any], now: datetime) -> None:
    """Record a grant unless the same one is there."""
    for known in grants.grants_without_scope(tx, patient_id):
        if (known.kind, known.grantee_kind, known.grantee) == (each["kind"], each["to_kind"], each["to"]):
            return
    added = grants.add_grant(
        tx,
        patient_id=patient_id,
        grantee_kind=each["to_kind"],
        grantee=each["to"],
        kind=each["kind"],
        categories=frozenset(map(Category, each["categories"])) if each["categories"] else None,
        valid_from=_midnight(each["valid_from"]),
        valid_until=_midnight(each["valid_until"]) if each["valid_until"] else None,
        recorded_by=each["recorded_by"],
        now=now,
    )
    if each["revoked_at"]:
        grants.revoke_grant(tx, added.grant_id, patient_id, now, each["recorded_by"])


def _midnight(text: str) -> datetime:
    return datetime.combine(date.fromisoformat(text), time.min, PARIS)
