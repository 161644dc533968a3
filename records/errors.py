"""The one place where the database's failures become Refusals."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import sqlcipher3.dbapi2
from sqlalchemy import exc

from access.refusal import Refusal
from records.disk import full, storage_refusal

_DAMAGED = ("malformed", "not a database", "hmac", "corrupt")
_SERVER_FULL = frozenset({"53100", "53200"})  # disk_full, out_of_memory
_SERVER_DAMAGED = frozenset({"XX001", "XX002"})  # data_corrupted, index_corrupted
_LOGIN = ("password", "authentication", "mot de passe", "authentification")
_BUGS = (exc.IntegrityError, exc.ProgrammingError, exc.DataError)


def damaged() -> Refusal:
    """The database's file is not what was written: a broken disk, or a foreign file."""
    return Refusal(
        "records",
        "records-damaged",
        "La base des dossiers est abîmée, ou n'est pas celle de ces clés.",
        "Arrêtez le service et gardez une copie du dossier de données ; vérifiez le magasin de clés et la clé "
        "maîtresse, puis restaurez la dernière sauvegarde.",
    )


def unavailable() -> Refusal:
    """The database cannot answer now: locked for long, or a disk that fails."""
    return Refusal(
        "records",
        "records-unavailable",
        "La base des dossiers ne répond pas.",
        "Réessayez dans un instant ; si cela dure, vérifiez l'espace disque et les droits du dossier de données, ou le "
        "serveur PostgreSQL et le réseau.",
    )


def _closed() -> Refusal:
    return Refusal(
        "records",
        "records-login-refused",
        "PostgreSQL refuse le compte ou le mot de passe de ce service.",
        "Vérifiez ANAMNESE_RECORDS_URL, ANAMNESE_RECORDS_PASSWORD_FILE et pg_hba.conf.",
    )


@contextmanager
def translated() -> Iterator[None]:
    """Turn what the database may do to us into a Refusal; let our own mistakes (constraints, bad SQL) through."""
    try:
        yield
    except _BUGS:
        raise
    except TimeoutError as error:  # nobody's turn ended
        raise unavailable() from error
    except (exc.DBAPIError, exc.TimeoutError, sqlcipher3.dbapi2.DatabaseError) as error:
        raise _meaning(error.orig if isinstance(error, exc.DBAPIError) else error) from error


def _meaning(error: BaseException | None) -> Refusal:
    if isinstance(error, psycopg.Error):
        return _by_state(error)
    return _by_words(str(error).lower())


def _by_state(error: psycopg.Error) -> Refusal:
    """By PostgreSQL's SQLSTATE; a connection that could not be made has none."""
    state = error.sqlstate or ""
    if state in _SERVER_FULL:
        return full()
    if state == "25006":  # a server that recovers, or a copy of another
        return storage_refusal(OSError(errno.EROFS, ""))
    if state in _SERVER_DAMAGED:
        return damaged()
    if state[:2] == "28" or (not state and any(word in str(error).lower() for word in _LOGIN)):
        return _closed()
    return unavailable()


def _by_words(text: str) -> Refusal:
    """By SQLite's own words, which the driver gives instead of its codes."""
    if "disk is full" in text:
        return full()
    if any(word in text for word in _DAMAGED):
        return damaged()
    return storage_refusal(OSError(errno.EROFS, "")) if "readonly" in text else unavailable()


def lease_lost() -> Refusal:
    """Another worker holds the job, or the document moved on: what this one still writes must not count."""
    return Refusal(
        "store",
        "lease-lost",
        "Ce traitement a été repris par un autre processus.",
        "Aucune action n'est nécessaire : l'autre processus poursuit.",
    )
