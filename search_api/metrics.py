"""`/metrics`: what this process measured, and what waits in records, in Prometheus' text format."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from access.refusal import Refusal
from ingest.meter import instruments
from records import deliveries, jobs
from records.deliveries import Owed
from search_api.services import Services

router = APIRouter(tags=["service"])


@router.get(
    "/metrics",
    summary="Mesures",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request) -> Response:
    """Format texte de Prometheus ; ni patient, ni document, ni question. À ne pas publier hors du réseau de service."""
    instruments()
    queue = CollectorRegistry(auto_describe=False)
    queue.register(_Queue(request.app.state.services))
    return Response(generate_latest(REGISTRY) + generate_latest(queue), media_type=CONTENT_TYPE_LATEST)


class _Queue(Collector):
    """Jobs and events by state, the age of the oldest that waits; `anamnese_records_up` 0 when they do not answer."""

    def __init__(self, services: Services) -> None:
        self._services = services

    def collect(self) -> Iterator[Metric]:
        up = GaugeMetricFamily("anamnese_records_up", "Whether records answer.")
        try:
            with self._services.records.read() as tx:
                counts = jobs.progress(tx)
                oldest = jobs.oldest(tx)
                owed = deliveries.owed_without_scope(tx)
        except Refusal:
            up.add_metric([], 0)
            yield up
            return
        up.add_metric([], 1)
        yield up
        depth = GaugeMetricFamily("anamnese_jobs", "Documents to read, by the state of their job.", labels=["state"])
        for state, count in counts.items():
            depth.add_metric([state], count)
        yield depth
        age = GaugeMetricFamily("anamnese_oldest_job_seconds", "Since when the oldest unread document waits.")
        age.add_metric([], self._since(oldest))
        yield age
        yield from self._events(owed)

    def _events(self, owed: Owed) -> Iterator[Metric]:
        told = GaugeMetricFamily("anamnese_events_owed", "Events that did not reach a listener.", labels=["state"])
        told.add_metric(["waiting"], owed.waiting)
        told.add_metric(["dead"], owed.dead)
        yield told
        age = GaugeMetricFamily("anamnese_oldest_event_seconds", "Since when the oldest event that waits happened.")
        age.add_metric([], self._since(owed.oldest))
        yield age

    def _since(self, oldest: datetime | None) -> float:
        return 0.0 if oldest is None else max(0.0, (self._services.clock() - oldest).total_seconds())
