"""A patient whose names, titles and texts try to be markup, to turn the writing around, and to burst the layout."""

from __future__ import annotations

import io
from datetime import date

from access.identifiers import PatientId
from cli.compose import Home
from ingest.receive import receive
from ingest.worker import drain
from records import grants, patients
from records.content import Metadata
from records.episodes import Carer, Episode, Movement, announce
from records.patients import Identity
from tests.search_api.world import ins_of

SCRIPT = "<img src=x onerror=\"document.title='pwned'\"><script>document.title='pwned'</script>"
BIDI = "\u202egnp.eriatnemgedrO\u202c \u2066x"
LONG = "Wxyz" * 2_500
HOSTILE = ins_of("2700175123456")


def add_hostile_patient(home: Home, rpps: str) -> PatientId:
    """Recorded and granted to this practitioner, with three documents."""
    services, now = home.services, home.clock()
    identity = Identity(
        HOSTILE, "qualified", SCRIPT, f"{BIDI} {LONG}", date(1970, 1, 1), "F", "75123", used_name=SCRIPT
    )
    with services.records.write() as tx:
        patient_id = patients.create_patient(tx, identity, now)
        grants.add_grant(
            tx,
            patient_id=patient_id,
            grantee_kind="practitioner",
            grantee=rpps,
            kind="consent",
            categories=None,
            valid_from=now,
            valid_until=None,
            recorded_by="test",
            now=now,
        )
        for words in (SCRIPT, BIDI, LONG):
            team = tuple(Carer(role, words, "") for role in ("attending", "consulting"))
            announce(tx, patient_id, Movement(Episode(words, words, now, words[:1], words, now, team=team)))
    for number, title in enumerate((SCRIPT, BIDI, LONG)):
        contact = f"Personne de confiance : {SCRIPT} MARTIN, 0612345678."
        text = f"Ordonnance {number}.\n\n{contact}\n\nAmoxicilline {SCRIPT} {BIDI} {LONG}"
        receive(
            io.BytesIO(text.encode()),
            patient_id=patient_id,
            file_name=f"{title[:100]}.txt",
            origin="upload",
            deposited_by=rpps,
            deposited_for="",
            blobs=services.blobs,
            records=services.records,
            now=now,
            limit=10**6,
            declared=Metadata(title=title[:2000], author=title[:500]),
        )
    drain(home.bench)
    home.bench.projector.catch_up(now)
    return patient_id
