"""Where settings become ports: the one place that knows which engine, embedder and queue a profile uses."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from access.identifiers import PatientId, is_opaque_id, parse_ins
from access.refusal import Refusal
from cli.local_services import cache_folder
from cli.outlets import mail_server, policy_of, shore, teller
from cli.settings import Settings
from clinical import official
from index.embedders.factory import build_embedder
from index.embedders.port import Embedder, fits
from index.evaluation.corpus import Cut
from index.generations import needed
from index.port import Generations
from index.projector import Projector
from ingest.limits import Limits
from ingest.sandbox.client import Sandbox
from ingest.split import split
from ingest.workbench import Workbench
from ocr.build import build_ocr
from ocr.port import Ocr
from records import deliveries, exports, given_up, patients
from records.blobs import Blobs
from records.content import Page
from records.database import Records
from records.keys import KeyStore
from records.master import FileMaster, MasterKey, MovedMaster
from records.postgres import Server
from records.shelf import shelf_of
from records.spool import Spool
from records.transit import TransitMaster
from search_api.cards import warm
from search_api.notifier import notifier
from search_api.oidc.verify import Federation
from search_api.periodic import Periodic
from search_api.reminders import EVERY as REMINDERS_EVERY
from search_api.reminders import remind
from search_api.services import Services, ServingIndex
from search_api.web.front import Front
from search_api.webhooks import teller_thread

log = logging.getLogger("anamnese.home")
SWEEP_EVERY = 600.0
"""Seconds between two looks for copies of records that have expired."""
SPOOL_EVERY = 15.0
"""Seconds between two looks at what the spool holds."""


@dataclass(frozen=True, slots=True)
class Home:
    """An open home. `wake` tells whoever reads documents that there is work."""

    settings: Settings
    services: Services
    bench: Workbench
    wake: Callable[[], None]

    def clock(self) -> datetime:
        """Now, UTC."""
        return self.bench.clock()


@contextmanager
def open_home(settings: Settings, *, serving: bool = False) -> Iterator[Home]:
    """Open the home of `settings`, making what is absent. `serving` adds, in the single profile, the reader threads."""
    with ExitStack() as held:
        bench, keys, generations, spool = held.enter_context(_bench(settings))
        wake, alive = _queue(settings, bench, held, serving=serving)
        federation = Federation(settings.oidc, keys) if settings.oidc else None
        services = Services(
            records=bench.records,
            blobs=bench.blobs,
            keys=keys,
            index=ServingIndex(generations, lambda: needed(bench.embedder, settings.index_prefix)),
            embedder=bench.embedder,
            sandbox=bench.sandbox,
            ocr_name=lambda: bench.ocr.name,
            wake=wake,
            workers_alive=alive,
            policy=policy_of(settings),
            verifier=federation,
            fresh_for=timedelta(minutes=settings.fresh_minutes),
            knocks_an_hour=settings.knocks_an_hour,
            off=settings.off,
            requests_a_minute=settings.requests_a_minute,
            lookups_a_minute=settings.lookups_a_minute,
            bad_tokens=settings.bad_tokens,
            refusal_beat=settings.refusal_milliseconds / 1000,
            token_issuer=settings.token_issuer,
            upload_limit=settings.upload_limit,
            bulk_limit=settings.bulk_limit,
            threads=settings.threads,
            front=Front((), settings.idle_minutes, federation.ways() if federation else ()),
            spool=spool,
        )
        if serving:
            with suppress(Refusal):
                warm(bench.records, bench.clock())
            held.enter_context(Periodic("spool", SPOOL_EVERY, lambda: drain_spool(spool, bench.records)))
        if serving:
            held.enter_context(Periodic("sweep", SWEEP_EVERY, lambda: sweep(bench, settings)))
        server = mail_server(settings)
        if serving and server is not None:
            held.enter_context(notifier(bench.records, services.policy, server))
            due = lambda: remind(bench.records, services.policy, bench.clock())  # noqa: E731
            held.enter_context(Periodic("reminders", REMINDERS_EVERY, due))
        if serving:
            held.enter_context(teller_thread(teller(settings, bench.records), bench.clock))
        if serving and (places := shore(settings)) is not None:
            drop = lambda: places.drop(bench.records, bench.clock())  # noqa: E731
            held.enter_context(Periodic("anchors", settings.anchor_minutes * 60, drop))
        yield Home(settings, services, bench, wake)


def sweep(bench: Workbench, settings: Settings) -> None:
    """Delete what has had its time: copies of records, events, what was delivered of them, what was given up."""
    now = bench.clock()
    exports.sweep(bench.records, bench.blobs, now)
    given_up.expire(bench.records, now - timedelta(days=settings.event_dead_days), now)
    deliveries.prune(bench.records, now - timedelta(days=settings.event_days))


def use_vocabulary(home: Path) -> None:
    """Take what the home imported of official files. Refusal "bad-vocabulary" when a file of it is damaged."""
    try:
        official.use(home / "vocabulary")
    except (ValueError, KeyError, OSError):
        raise Refusal(
            "start",
            "bad-vocabulary",
            "Une nomenclature importée ne se lit pas.",
            "Importez-la de nouveau (« anamnese vocabulary import »), ou retirez-la.",
        ) from None


def spool_of(home: Path, keys: KeyStore) -> Spool:
    """The home's spool, its space taken where there is room; where there is none a card needs the journal."""
    spool = Spool(home / "journal.spool", lambda: keys.service_key("journal"))
    with suppress(Refusal):
        spool.hold()
    return spool


def drain_spool(spool: Spool, records: Records) -> None:
    """Chain in what waits; a journal that is still away keeps it for the next time."""
    try:
        spool.drain(records)
    except Exception as error:  # nothing here may keep a home from opening: the cards are what it is for
        log.error("spool: %s", type(error).__name__)


@contextmanager
def open_bench(settings: Settings) -> Iterator[Workbench]:
    """What a Celery child needs."""
    with _bench(settings) as (bench, _, _, _):
        yield bench


@dataclass(frozen=True, slots=True)
class Stores:
    """Records, files and keys of a home, without index or model."""

    settings: Settings
    records: Records
    blobs: Blobs
    keys: KeyStore
    spool: Spool

    @property
    def ledger(self) -> Path:
        """The erasure ledger."""
        return self.settings.erasure_ledger or self.keys.ledger


@contextmanager
def open_stores(settings: Settings) -> Iterator[Stores]:
    """Open the truth of a home, making what is absent."""
    use_vocabulary(settings.home)
    with ExitStack() as held:
        keys = KeyStore.open(settings.home, master_of(settings), settings.keys_dir)
        held.callback(keys.close)
        records = Records.open(
            settings.home / "records.db", keys, server=records_server(settings), reserve=settings.reserve
        )
        held.callback(records.close)
        spool = spool_of(settings.home, keys)
        drain_spool(spool, records)
        root = settings.home / "blobs"
        blobs = Blobs(root, keys, records.reserve, shelf_of(root, settings.blobs_place))
        yield Stores(settings, records, blobs, keys, spool)


def records_server(settings: Settings) -> Server | None:
    """Where records are kept; None: in a file of the home."""
    return None if settings.records_url is None else Server(settings.records_url, settings.records_password_file)


def master_of(settings: Settings) -> MasterKey:
    """The master key: a service where one is set, which takes over from a file where there is one; else the file."""
    file = FileMaster(settings.master_key_file or settings.home / "master.key")
    if settings.kms_url is None:
        return file
    service = TransitMaster(settings.kms_url.get_secret_value(), settings.kms_key, settings.kms_token_file)
    return MovedMaster(service, file) if file.exists() else service


@contextmanager
def _bench(settings: Settings) -> Iterator[tuple[Workbench, KeyStore, Generations, Spool]]:
    with ExitStack() as held:
        stores = held.enter_context(open_stores(settings))
        records, blobs, keys = stores.records, stores.blobs, stores.keys
        embedder = build_embedder(settings.embedder, settings.embedder_model, cache_folder())
        generations = _generations(settings, keys, held)
        sandbox = Sandbox()
        held.callback(sandbox.close)
        yield (
            Workbench(
                records=records,
                blobs=blobs,
                projector=Projector(records, blobs, generations, embedder, settings.index_prefix),
                embedder=embedder,
                ocr=_ocr(settings),
                limits=Limits(bytes=settings.upload_limit),
                bulk_limit=settings.bulk_limit,
                sandbox=sandbox,
                restricted_masks=settings.restricted_masks,
            ),
            keys,
            generations,
            stores.spool,
        )


def _generations(settings: Settings, keys: KeyStore, held: ExitStack) -> Generations:
    if settings.profile == "cluster" and settings.opensearch_url is not None:
        from index.opensearch import OpenSearchGenerations

        engine = OpenSearchGenerations(settings.opensearch_url.get_secret_value(), settings.index_prefix)
        held.callback(engine.close)
        return engine
    from index.embedded import EmbeddedGenerations

    files = EmbeddedGenerations(settings.home / "index", keys.service_key("index"))
    held.callback(files.close)
    return files


def _ocr(settings: Settings) -> Ocr:
    return build_ocr(settings.ocr)


def _queue(
    settings: Settings, bench: Workbench, held: ExitStack, *, serving: bool
) -> tuple[Callable[[], None], Callable[[], bool]]:
    if settings.profile == "cluster" and settings.redis_url is not None:
        from ingest.tasks import waker, watcher

        url = settings.redis_url.get_secret_value()
        return waker(url), watcher(url)
    if not serving:
        return lambda: None, lambda: True
    from ingest.worker import Workers

    workers = held.enter_context(Workers(bench))
    return workers.wake, workers.alive


@contextmanager
def evaluation_engine(settings: Settings, engine: str) -> Iterator[tuple[Generations, Embedder, Cut]]:
    """An empty engine that is gone afterwards, and the home's embedder and cutter: what `evaluate` measures with."""
    embedder = build_embedder(settings.embedder, settings.embedder_model, cache_folder())

    def cut(text: str) -> list[str | tuple[str, str]]:
        return [(each.section, each.text) for each in split((Page(1, text),), lambda part: fits(embedder, part))]

    with tempfile.TemporaryDirectory() as folder, ExitStack() as held:
        if engine == "embedded":
            from index.embedded import EmbeddedGenerations

            yield EmbeddedGenerations(Path(folder), os.urandom(32)), embedder, cut
            return
        from index.opensearch import OpenSearchGenerations

        if settings.opensearch_url is not None:
            url = settings.opensearch_url.get_secret_value()
        else:
            from cli.local_services import opensearch

            url = held.enter_context(opensearch(cache_folder(), quick=False))
        generations = OpenSearchGenerations(url, f"evaluate-{os.getpid()}")
        held.callback(generations.destroy)
        yield generations, embedder, cut


def resolve_patient(home: Home, text: str, *, create: bool = False) -> PatientId:
    """The patient id of an INS or a patient id, whether or not such a patient exists.

    `create` makes the patient of an INS that is not known yet, with a provisional identity: for administration. A
    malformed identity is a Refusal; an unknown one is not, so that no command tells who exists.
    """
    if is_opaque_id(text):
        return PatientId(text)
    ins = parse_ins(text)
    if ins is None:
        raise Refusal(
            "identity",
            "bad-patient",
            "Ce n'est ni un INS (13 caractères et une clé juste) ni un identifiant de patient.",
            "Vérifiez le numéro et sa clé.",
        )
    keys = home.services.keys
    patient_id = patients.patient_id_of_ins(keys, ins)
    if create:
        with home.services.records.write() as tx:
            if not patients.exists(tx, patient_id):
                unnamed = patients.Identity(ins, "provisional", "", "", None, "U", "")
                patients.create_patient(tx, unnamed, home.clock())
    return patient_id


def erased_before(home: Home, text: str) -> list[PatientId]:
    """The identifiers of the records of this INS that were erased; none for a patient id."""
    ins = parse_ins(text)
    return [] if ins is None else patients.every_id_of_ins(home.services.keys, ins)[:-1]
