"""Taking over from the dead: what a killed process held is free as soon as somebody looks."""

from __future__ import annotations

from records import bulks, jobs, outbox
from records.database import Records


def take_over(records: Records) -> int:
    """Free the jobs, cursors and imports of processes that ended without giving them back. Returns how many jobs.

    The attempts of those jobs count, as they do when a lease is over: what killed its worker may kill the next.
    """
    dead = records.presence.dead()
    if not dead:
        return 0
    with records.write() as tx:
        freed = jobs.free(tx, dead)
        outbox.free(tx, dead)
        bulks.free(tx, dead)
    records.presence.forget(dead)
    return freed
