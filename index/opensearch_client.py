"""The connection to a cluster, and the one translation of its errors.

    opensearchpy.ConnectionError, ConnectionTimeout, 429, 502 to 504   Refusal index-unavailable: it does not answer
    cluster_block_exception, "No space left on device"                 Refusal index-unavailable: it cannot write
    too_many_nested_clauses                                            Refusal query-too-long (stage ask)
    401, 403                                                           Refusal index-unavailable: it does not know us
    anything else                                                      UnexpectedAnswerError: a bug

The texts of the cluster's errors may hold words of a question or of a document, so they go into no message and no
traceback; only the status and the type of the error do.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

from opensearchpy import OpenSearch
from opensearchpy.exceptions import ConnectionError as NoConnection
from opensearchpy.exceptions import TransportError

from access.refusal import Refusal

SEARCH_SECONDS = 10.0  # a question over one patient takes milliseconds; past this the person is better told
WRITE_SECONDS = 60.0
PING_SECONDS = 2.0
OPEN_SECONDS = 15
"""For the shards of an index that was just created."""
BUSY_PAUSES = (0.1, 0.4, 1.6)
"""Seconds before each further try when the cluster answers 429: a queue of searches drains within two."""
BUSY = 429
_NO_SHARD = ("no_shard_available_action_exception", "unavailable_shards_exception")
"""Items of a multi-get and of a bulk tell it without a status."""
_AWAY = {BUSY, 502, 503, 504}
T = TypeVar("T")


class UnexpectedAnswerError(RuntimeError):
    """The cluster said something that only a bug explains: status and error type, never its text."""


def connect(url: str) -> OpenSearch:
    """A client for the cluster at `url`, or at the addresses of several nodes between commas: one that does not answer
    is left for the next. Opens nothing yet; thread-safe; for one process (make it after a fork)."""
    # Each failure comes back as a Refusal; the library's own log repeats it with a traceback, and bodies if debugging.
    logging.getLogger("opensearch").setLevel(logging.CRITICAL)
    return OpenSearch(
        hosts=[one.strip() for one in url.split(",")],
        timeout=SEARCH_SECONDS,
        max_retries=2,
        retry_on_status=(502, 503, 504),
        maxsize=32,
    )


def asked(call: Callable[[], T]) -> T:
    """What `call` answers, asked again after a pause while the cluster is too busy; its errors translated."""
    for pause in BUSY_PAUSES:
        try:
            return call()
        except TransportError as error:
            if error.status_code != BUSY or _is_block(error.error, error.info):
                raise translation(error) from None
            time.sleep(pause)
    with translated():
        return call()


@contextmanager
def translated() -> Iterator[None]:
    """Errors of the client library inside become Refusals."""
    try:
        yield
    except TransportError as error:
        raise translation(error) from None


def translation(error: TransportError) -> Exception:
    """The Refusal for an expected failure, UnexpectedAnswerError for any other."""
    if isinstance(error, NoConnection):
        return unavailable()
    return of_status(error.status_code, error.error, error.info)


def of_status(status: int | str, kind: object, info: object) -> Exception:
    """The same for an item of a bulk or of a multi-search, which carries its own status."""
    if _is_block(kind, info):
        return Refusal(
            "index",
            "index-unavailable",
            "L'index de recherche n'accepte plus d'écriture : le disque est plein ou l'index est en lecture seule.",
            "Libérez de l'espace sur les machines OpenSearch, levez le blocage en lecture seule, puis réessayez.",
        )
    if status in _AWAY or kind in _NO_SHARD:
        return unavailable()
    if status in {401, 403}:
        return Refusal(
            "index",
            "index-unavailable",
            "Le moteur de recherche refuse l'identité de ce service.",
            "Vérifiez le compte donné dans ANAMNESE_OPENSEARCH_URL et ses droits sur les index.",
        )
    if "too_many_nested_clauses" in str(info):
        return Refusal(
            "ask",
            "query-too-long",
            "La question a trop de mots et de variantes pour ce moteur de recherche.",
            "Gardez les mots qui comptent ; l'administrateur peut relever indices.query.bool.max_clause_count à 4096.",
        )
    return UnexpectedAnswerError(f"OpenSearch answered {status} {kind if isinstance(kind, str) else ''}".rstrip())


def unavailable() -> Refusal:
    """It does not answer, or too late, or only in part."""
    return Refusal(
        "index",
        "index-unavailable",
        "Le moteur de recherche ne répond pas.",
        "Réessayez dans un instant ; si cela dure, vérifiez l'état du service OpenSearch.",
    )


def check_whole(answer: Mapping[str, Any]) -> None:
    """Refuse an answer that some shard or the clock left incomplete: nothing is missing without a word."""
    if (error := answer.get("error")) is not None:
        kind = error.get("type") if isinstance(error, Mapping) else error
        raise of_status(answer.get("status", 0), kind, error)
    if answer.get("timed_out") or answer.get("_shards", {}).get("failed"):
        raise unavailable()


def _is_block(kind: object, info: object) -> bool:
    said = f"{kind} {info}"
    return "cluster_block_exception" in said or "No space left on device" in said
