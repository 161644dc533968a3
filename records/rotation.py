"""Rotating the master key while others read, and saying which version does what.

A rotation makes a database of the same keys under a new store key, wrapped by another version of the master key, and
puts it in force in one step. Readers go on with the old one until then; whoever makes or destroys a key waits for the
last pass only. Interrupted, it leaves the old in force, and the next rotation begins again with the version of the
master key that was made already. The data keys themselves stay: data are not encrypted again, so whoever copied data
keys with the old master key keeps them (docs/security-at-rest.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from access.refusal import Refusal
from records.errors import translated
from records.home import locked, shred
from records.keyring import Header, make_store
from records.keys import LOCK, PATIENT, KeyStore
from records.master import MasterVersion


@dataclass(frozen=True, slots=True)
class KeysStatus:
    """What a key store holds, and under which version of the master key."""

    store: int
    in_use: MasterVersion
    versions: tuple[MasterVersion, ...]
    service_keys: int
    patient_keys: int
    destroyed: int

    @property
    def spare(self) -> tuple[MasterVersion, ...]:
        """Versions older than the one in use: they open nothing here and may be destroyed."""
        if self.in_use not in self.versions:
            return ()
        return self.versions[: self.versions.index(self.in_use)]

    @property
    def pending(self) -> bool:
        """Whether a version was made that wraps nothing yet: a rotation was interrupted, or is due."""
        return self.in_use in self.versions and self.in_use != self.versions[-1]

    def as_dict(self) -> dict[str, object]:
        return {
            "store": self.store,
            "in_use": str(self.in_use),
            "spare": [str(version) for version in self.spare],
            "pending": self.pending,
            "service_keys": self.service_keys,
            "patient_keys": self.patient_keys,
            "destroyed": self.destroyed,
        }


def rotate(keys: KeyStore) -> KeysStatus:
    """Wrap every key again under another version of the master key. Others may read and write keys meanwhile.

    Refusals: "rotation-busy"; those of the master key ("master-key-unchanged" where this process may not make one).
    """
    with locked(keys.folder / "rotation.lock", busy=_busy()), translated():
        old = keys.store()
        header = _header(keys)
        fresh, store = make_store(keys.folder, header.number + 1, keys.master, newer_than=header.wrapped.by)
        try:
            store.follow(old)
            with locked(keys.folder / LOCK):
                store.follow(old)
                fresh.write(keys.folder)
        finally:
            store.engine.dispose()
        for path in keys.folder.glob("keys-*.db"):
            if path.name != fresh.file_name:
                shred(path)
                shred(path.with_name(path.name + "-journal"))
    return status(keys)


def status(keys: KeyStore) -> KeysStatus:
    """Count what the store holds."""
    header = _header(keys)
    with translated():
        states = keys.store().states()
    kinds = Counter(
        "destroyed" if destroyed else "patient" if name.startswith(PATIENT) else "service"
        for name, destroyed in states.items()
    )
    versions: Sequence[MasterVersion] = keys.master.versions()
    return KeysStatus(
        header.number, header.wrapped.by, tuple(versions), kinds["service"], kinds["patient"], kinds["destroyed"]
    )


def destroy_version(keys: KeyStore, number: int) -> MasterVersion:
    """Destroy a version of the master key that opens nothing here any more. Refusal "version-in-use" or "no-version".

    Backups of the key store made before the rotation are unreadable from then on; backups of data are not, they open
    with the newest backup of the key store.
    """
    with locked(keys.folder / "rotation.lock", busy=_busy()):
        now = status(keys)
        for version in now.spare:
            if version.number == number:
                keys.master.destroy(version)
                return version
    if any(version.number == number for version in now.versions):
        raise Refusal(
            "records",
            "version-in-use",
            "Cette version de la clé maîtresse sert encore, ou servira à la prochaine rotation.",
            "Lancez « anamnese keys rotate », puis détruisez l'ancienne.",
        )
    raise Refusal(
        "records",
        "no-version",
        "Cette version de la clé maîtresse n'existe pas.",
        "« anamnese keys status » les montre.",
    )


def _header(keys: KeyStore) -> Header:
    keys.store()  # refuses when there is none
    header = Header.read(keys.folder)
    if header is None:
        raise AssertionError("a store without a header")
    return header


def _busy() -> Refusal:
    return Refusal(
        "records",
        "rotation-busy",
        "Une rotation des clés est déjà en cours.",
        "Attendez qu'elle finisse ; « anamnese keys status » le dit.",
    )
