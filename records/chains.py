"""Hash chains: entries linked by HMACs, and heads that say how long a chain is and where it ends.

Each entry's MAC covers its content and the MAC before it. Each head's MAC covers the chain's name, length and last
MAC, so that cutting entries off the end shows. One more chain, "*", runs over every entry in the order written, so
that removing a whole chain with its head shows too. Only a copy of heads kept elsewhere (`heads`) can show that the
whole database was put back to an earlier day.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from access.refusal import Refusal
from records.sealed import keyed_hash
from records.statements import among, as_set
from records.tables import JournalHead, core

UNKNOWN = "unknown"  # the chain of everybody who is not a patient here
ALL = "*"
_T = core(JournalHead)
_HEAD = select(_T.c.length, _T.c.last, _T.c.mac).where(_T.c.chain == bindparam("name"))
_HEADS = select(_T.c.chain, _T.c.length, _T.c.last, _T.c.mac).where(among(_T.c.chain, "names"))
_MOVE = (
    update(_T)
    .where(_T.c.chain == bindparam("name"))
    .values(length=bindparam("length"), last=bindparam("last"), mac=bindparam("mac"))
)

_BROKEN = Refusal(
    "journal",
    "broken-chain",
    "Le journal des accès est altéré : rien ne peut y être ajouté.",
    "Prévenez l'administrateur : « anamnese audit verify » dit où.",
)


def genesis(key: bytes, chain: str) -> bytes:
    """The MAC before a chain's first entry."""
    return keyed_hash(key, "genesis", chain)


def link(key: bytes, chain: str, content: str, sealed: bytes, previous: bytes) -> bytes:
    """The MAC of an entry in its chain."""
    return keyed_hash(key, "entry", chain, content, sealed.hex(), previous.hex())


def link_all(key: bytes, entry: bytes, previous: bytes) -> bytes:
    """The MAC of the chain of all entries after one more."""
    return keyed_hash(key, "all", entry.hex(), previous.hex())


def without_words(key: bytes, chain: str, sequence: int, content: str, previous: bytes, mac: bytes) -> bytes:
    """The MAC of an entry whose sealed words were erased: it stands for `link`, which the chain still goes by."""
    return keyed_hash(key, "erased", chain, str(sequence), content, previous.hex(), mac.hex())


def without_content(key: bytes, chain: str, sequence: int, previous: bytes, mac: bytes) -> bytes:
    """The MAC of an entry that was retired at the end of its time: nothing but its place in the chain is left."""
    return keyed_hash(key, "retired", chain, str(sequence), previous.hex(), mac.hex())


def head_mac(key: bytes, chain: str, length: int, last: bytes) -> bytes:
    """The MAC of a head."""
    return keyed_hash(key, "head", chain, str(length), last.hex())


def open_chain(session: Session, key: bytes, chain: str) -> None:
    """Make the head of an empty chain unless it exists: later appends then run the same statements for everybody."""
    if session.get(JournalHead, chain) is None:
        last = genesis(key, chain)
        session.execute(insert(JournalHead).values(chain=chain, length=0, last=last, mac=head_mac(key, chain, 0, last)))


def authentic(session: Session, key: bytes, chain: str) -> bool:
    """Whether a chain's head is absent, or was written with this key."""
    row = session.execute(_HEAD, {"name": chain}).one_or_none()
    return row is None or row.mac == head_mac(key, chain, row.length, row.last)


def head(session: Session, key: bytes, chain: str) -> tuple[int, bytes]:
    """Length and last MAC. Refusal "broken-chain" when the head was removed or changed: nothing is appended to it."""
    row = session.execute(_HEAD, {"name": chain}).one_or_none()
    if row is None or row.mac != head_mac(key, chain, row.length, row.last):
        raise _BROKEN
    return row.length, row.last


def heads_of(session: Session, key: bytes, names: Collection[str]) -> dict[str, tuple[int, bytes]]:
    """`head` of each chain, by one statement."""
    rows = {row.chain: row for row in session.execute(_HEADS, {"names": as_set(names)})}
    for chain in names:
        row = rows.get(chain)
        if row is None or row.mac != head_mac(key, chain, row.length, row.last):
            raise _BROKEN
    return {chain: (row.length, row.last) for chain, row in rows.items()}


def move_head(session: Session, key: bytes, chain: str, length: int, last: bytes) -> None:
    """Write a chain's new length and last MAC."""
    move_heads(session, key, {chain: (length, last)})


def move_heads(session: Session, key: bytes, heads: Mapping[str, tuple[int, bytes]]) -> None:
    """Write several."""
    values = [
        {"name": chain, "length": length, "last": last, "mac": head_mac(key, chain, length, last)}
        for chain, (length, last) in heads.items()
    ]
    session.execute(_MOVE, values)
