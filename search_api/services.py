"""What the API works with. A composition root (serve, search, a test) builds it; nothing here is made at import."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock

from access.policy import Policy
from access.refusal import Refusal
from index.embedders.port import Embedder
from index.port import Generation, Generations, Index
from ingest.sandbox.client import Sandbox, shared_sandbox
from records.blobs import Blobs
from records.database import Records
from records.keys import KeyStore
from records.policy import load_policy
from records.spool import Spool
from search_api.bearers import Verifier
from search_api.cards import Cards
from search_api.functions import Function
from search_api.rates import Rates
from search_api.shelf import Shelf
from search_api.web.front import Front


def utc_now() -> datetime:
    """The clock of a composition root."""
    return datetime.now(UTC)


def _always() -> bool:
    return True


def _nobody() -> None:
    """Wake nobody: the workers look by themselves."""


class ServingIndex:
    """The generation that serves now, opened once and again only when another one serves."""

    def __init__(self, generations: Generations, wanted: Callable[[], Generation]) -> None:
        self._generations = generations
        self._wanted = wanted
        self._open: Index | None = None
        self._lock = Lock()

    def current(self) -> Index:
        """The serving generation; Refusal when the engine is down or a new home serves none yet."""
        serving = self._generations.serving()
        if serving is None:
            raise Refusal("find", "index-absent", "L'index n'est pas encore construit.", "Réessayez dans un instant.")
        with self._lock:
            if self._open is None or self._open.generation != serving:
                self._open = self._generations.open(serving)
            return self._open

    def is_wanted(self, generation: Generation) -> bool:
        """Whether this process would build the same one: only then do its query vectors compare with the index's."""
        return generation.fingerprint == self._wanted().fingerprint

    def generations(self) -> tuple[Generation | None, list[Generation]]:
        """The one that serves, and all that there are. Refusal "index-unavailable" when the engine is down."""
        return self._generations.serving(), sorted(self._generations.names(), key=lambda each: each.name)

    def ping(self) -> None:
        """Refusal "index-unavailable" when the engine cannot answer."""
        self._generations.ping()


@dataclass(frozen=True, slots=True)
class Services:
    """The ports and settings of the API, shared by `anamnese serve` and `anamnese search`.

    `workers_alive` tells whether documents are being read (threads here, or Celery's workers); `queue_alive` raises a
    Refusal when the queue that wakes them is away. `wake` is called after each upload and must not block.
    """

    records: Records
    blobs: Blobs
    keys: KeyStore
    index: ServingIndex
    embedder: Embedder
    ocr_name: Callable[[], str]  # engine and version; raises a Refusal when the engine cannot run, "" for none
    wake: Callable[[], None] = _nobody
    workers_alive: Callable[[], bool] = _always
    clock: Callable[[], datetime] = utc_now
    token_issuer: str = "anamnese-dev"
    token_audience: str = "anamnese"
    upload_limit: int = 200 * 1024 * 1024  # bytes
    bulk_limit: int = 2 * 1024**3  # bytes of a file to import
    threads: int = 16  # requests answered at the same time
    sandbox: Sandbox = field(default_factory=shared_sandbox, repr=False)
    policy: Policy = field(default_factory=load_policy)
    verifier: Verifier | None = None  # of the configured issuers; None: development tokens
    fresh_for: timedelta = timedelta(minutes=15)  # how recent an authentication the acts of access.acts.FRESH ask for
    off: frozenset[Function] = frozenset()  # functions switched off
    requests_a_minute: int = 0  # of one caller; 0: no limit
    lookups_a_minute: int = 0  # of one caller, whoever they look up
    bad_tokens: int = 0  # from one address in five minutes
    refusal_beat: float = 0.0  # seconds; a refusal leaves at a whole multiple of it. 0: at once
    rates: Rates = field(default_factory=Rates, repr=False)
    spool: Spool | None = None  # where an emergency card is journalled while the journal cannot be written
    knocks_an_hour: int = 10  # break-glass attempts, and consents attested at the door, of one professional
    front: Front = field(default_factory=Front, repr=False)
    shelf: Shelf = field(default_factory=Shelf, repr=False)
    cards: Cards = field(default_factory=Cards, repr=False)
