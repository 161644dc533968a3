"""The one place where the database's failures become Refusals."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import sqlcipher3.dbapi2
from sqlalchemy import exc

from access.refusal import Refusal

_BUGS = (exc.IntegrityError, exc.ProgrammingError, exc.DataError)


def unavailable() -> Refusal:
    """The database cannot answer now: locked for long, full disk, damaged or foreign file."""
    return Refusal(
        "records",
        "records-unavailable",
        "La base des dossiers ne répond pas.",
        "Réessayez dans un instant ; si cela dure, vérifiez l'espace disque et les droits du dossier de données.",
    )


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the database may do to us into a Refusal; let our own mistakes (constraints, bad SQL) through."""
    try:
        yield
    except _BUGS:
        raise
    except (exc.DatabaseError, exc.TimeoutError, sqlcipher3.dbapi2.DatabaseError) as error:
        raise unavailable() from error


def lease_lost() -> Refusal:
    """Another worker holds the job, or the document moved on: what this one still writes must not count."""
    return Refusal(
        "store",
        "lease-lost",
        "Ce traitement a été repris par un autre processus.",
        "Aucune action n'est nécessaire : l'autre processus poursuit.",
    )
