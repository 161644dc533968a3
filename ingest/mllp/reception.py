"""What a message deserves: who sent it, whose it is, its bytes made durable, and only then "accepted".

The sender is a system that deposits for its organisation, named by MSH-4 and MSH-3 in the settings. It reads nothing,
and its answers tell nothing of a record: a known patient and an unknown one are both "accepted".
"""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from access.identifiers import PatientId
from access.refusal import Refusal, let_go
from ingest.addressee import addressee, learn
from ingest.mllp.answers import Verdict, answer
from ingest.parsers.er7 import Message, Segment, messages_of
from ingest.parsers.hl7 import text_of
from ingest.parsers.hl7_episode import movement_of
from ingest.parsers.hl7_header import kind_of, metadata_of, prior_of
from ingest.parsers.hl7_lines import CONTENT
from ingest.receive import receive
from ingest.workbench import Workbench
from records import episodes, merges, patients
from records.content import StatedPatient
from records.deposit_keys import document_of_key

log = logging.getLogger("anamnese.mllp")
ORIGIN = "hl7"
_ENVELOPE = frozenset({"MSH", "EVN", "PID", "MRG", "PV1", "ROL", "ZBE"})
_HEAD = 64 * 1024  # bytes in which these stand; nothing further is looked at outside the sandbox
_NEVER = frozenset({"not-hl7", "no-control-id", "unknown-sender", "empty-file", "too-large"})
_STAMP = re.compile(rb"(MSH(.)(?:[^\r\n]*?\2){5})[^\r\n|]*")  # MSH-7, which a resend may state anew
_CLINICAL = re.compile(rb"[\r\n](?:" + "|".join(sorted(CONTENT)).encode() + rb")\b")
_IDENTITY = frozenset({"A01", "A04", "A05", "A08", "A28", "A31"})
"""ADT events by which a hospital says which of its numbers a patient has."""

NOT_HL7 = Refusal("receive", "not-hl7", "Ce n'est pas un message HL7 v2.", "Envoyez un message par trame, MSH d'abord.")
NO_CONTROL = Refusal("receive", "no-control-id", "MSH-10 est vide.", "Donnez à chaque message son identifiant.")
UNKNOWN_SENDER = Refusal(
    "receive",
    "unknown-sender",
    "Cet émetteur (MSH-3, MSH-4) n'est pas autorisé à déposer.",
    "Faites-le inscrire dans ANAMNESE_MLLP_SENDERS.",
)
FAILED = Refusal("receive", "not-stored", "Le message n'a pas pu être enregistré.", "Renvoyez-le plus tard.")


@dataclass(frozen=True, slots=True)
class Reception:
    """Where messages end. `senders`: "MSH-4|MSH-3" or "MSH-4" → the FINESS that it deposits for."""

    bench: Workbench
    senders: Mapping[str, str]
    wake: Callable[[], None] = lambda: None

    def take(self, data: bytes) -> bytes:
        """The acknowledgement of one message. Positive only when a power cut would not lose it."""
        now = self.bench.clock()
        header: Segment | None = None
        try:
            message = _head(data)
            header = message[0]
            self._keep(data, message, now)
        except Refusal as refusal:
            verdict: Verdict = "R" if refusal.code in _NEVER else "E"
            log.info("a message is not taken: %s", refusal.code)
            return answer(header, verdict, now, refusal)
        except Exception as error:  # whatever happens, the sender must not believe that it is kept
            log.error("a message is not taken: %s", type(error).__name__)
            return answer(header, "E", now, FAILED)
        finally:
            let_go()
        self.wake()
        return answer(header, "A", now)

    def _keep(self, data: bytes, message: Message, now: datetime) -> None:
        header = message[0]
        sender = f"{header.text(4)}|{header.text(3)}"
        organisation = self.senders.get(sender) or self.senders.get(header.text(4))
        if organisation is None:
            raise UNKNOWN_SENDER
        if not header.text(10):
            raise NO_CONTROL
        depositor = f"{ORIGIN}:{sender}"
        said = sha256(_STAMP.sub(rb"\1", data, count=1)).hexdigest()
        key = f"{header.text(10)}|{said}"
        with self.bench.records.read() as tx:
            if document_of_key(tx, depositor, key) is not None:
                return  # sent again: it is here
        if kind_of(message) == ("ADT", "A40"):
            self._propose(message, depositor, now)
        patient_id = self._whose(message, now)
        self._announce(message, organisation, patient_id, now)
        if kind_of(message)[0] == "ADT" and not _CLINICAL.search(data):
            return  # a movement: it has taught what it had to teach, and is no document
        receive(
            io.BytesIO(data),
            patient_id=patient_id,
            file_name=f"{'-'.join(kind_of(message))}.hl7",
            origin=ORIGIN,
            deposited_by=depositor,
            deposited_for=organisation,
            blobs=self.bench.blobs,
            records=self.bench.records,
            now=now,
            limit=self.bench.limits.bytes,
            key=key,
        )

    def _whose(self, message: Message, now: datetime) -> PatientId:
        stated = metadata_of(message).patients
        with self.bench.records.read() as tx:
            known = addressee(tx, stated)
            teaches = known is not None and self._teaches(message, stated)
        if known is not None and not teaches:
            return known
        with self.bench.records.write() as tx:
            if known is None:
                return patients.open_tray(tx, now)
            learn(tx, known, stated)
            return known

    def _propose(self, message: Message, depositor: str, now: datetime) -> None:
        """A40: the patient of PID and the one of MRG are one person, says a hospital. A person decides (decision 042).

        A pair of which one is not known here proposes nothing: there is nothing to merge.
        """
        stated, prior = metadata_of(message).patients, prior_of(message)
        with self.bench.records.write() as tx:
            kept, other = addressee(tx, stated), addressee(tx, prior)
            if kept is not None and other is not None:
                merges.propose(tx, kept, other, by=depositor, now=now)

    def _announce(self, message: Message, organisation: str, patient_id: PatientId, now: datetime) -> None:
        """The episode that a movement speaks of, of a patient who is known. It opens nothing to anybody."""
        movement = movement_of(message, organisation, now)
        if movement is None:
            return
        with self.bench.records.write() as tx:
            if patient_id != patients.tray_id(tx.keys):
                episodes.announce(tx, patient_id, movement)

    @staticmethod
    def _teaches(message: Message, stated: tuple[StatedPatient, ...]) -> bool:
        code, event = kind_of(message)
        return code == "ADT" and event in _IDENTITY and any(one.local for one in stated)


def _head(data: bytes) -> Message:
    """What stands in the first message of the envelope, the patient and the movement."""
    found = messages_of(text_of(data[:_HEAD])) if b"MSH" in data[:_HEAD] else []
    if not found or len(found[0][0].fields) < 10:
        raise NOT_HL7
    return tuple(one for one in found[0] if one.name in _ENVELOPE)
