"""From Enter to the first result on the screen, in Chromium, one patient with 2,000 passages, both engines in one run.

The page is the product's own, served by uvicorn over one home twice: once with its embedded index, once with the same
records projected into a real OpenSearch. Times are the browser's: the key's own time stamp, the end of the API's answer
(Resource Timing) and the moment at which the first title was on the screen (Element Timing's render time). Engines take
turns question by question; the last rows slow the browser's processor four times, like an old PC.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from benchmarks.report import milliseconds, table
from benchmarks.search_http import INS, RPPS, fill, questions
from benchmarks.settings import UNREGISTERED, say
from cli.compose import Home, open_home
from cli.local_services import cache_folder, opensearch
from cli.settings import load_settings
from index.generations import needed
from index.opensearch import OpenSearchGenerations
from index.projector import Projector
from search_api.services import ServingIndex
from search_api.tokens import issue_token
from search_api.web.front import Front, Persona
from tests.web.site import CHROMIUM, serving

TITLE = "First result on the screen after Enter, one patient with 2,000 passages, both engines"
ROUNDS = int(os.environ.get("ANAMNESE_BENCH_ROUNDS", "40"))
KEPT = Path(os.environ["ANAMNESE_BENCH_HOME"]) if "ANAMNESE_BENCH_HOME" in os.environ else None
"""A home that stays filled for the next measure: filling takes minutes, and a loaded machine wants a second look."""
WARM = 3  # rounds that are not counted
SLOWER = (1, 4)  # times that the browser's processor is slowed
PREFIX = "paint"
BAR = 150  # ms from the API's answer to the screen

WATCH = """
window.seen = { enter: 0, asked: 0, painted: new Map() };
addEventListener('keydown', (event) => { if (event.key === 'Enter') window.seen.enter = event.timeStamp; }, true);
new PerformanceObserver((list) => {
  for (const each of list.getEntries()) window.seen.painted.set(each.identifier, each.renderTime);
}).observe({ type: 'element', buffered: true });
new MutationObserver(() => {
  const first = document.querySelector('.hits > li h3, .results > .nothing');
  if (first && !first.hasAttribute('elementtiming')) first.setAttribute('elementtiming', `first-${window.seen.asked}`);
}).observe(document, { childList: true, subtree: true });
"""
NEXT = "() => { performance.clearResourceTimings(); window.seen.asked += 1; }"
PAINTED = "() => window.seen.painted.has(`first-${window.seen.asked}`)"
TIMES = """() => {
  const answer = performance.getEntriesByType('resource').filter((each) => each.name.endsWith('/search')).at(-1);
  return [window.seen.enter, answer.responseEnd, window.seen.painted.get(`first-${window.seen.asked}`)];
}"""


@dataclass(frozen=True, slots=True)
class Asked:
    """Seconds from Enter to the end of the answer, and from there to the screen."""

    answer: float
    paint: float


def measure() -> str:
    """p50, p95 and the longest of each part, by engine and processor."""
    with tempfile.TemporaryDirectory() as folder, open_home(load_settings(home=KEPT or Path(folder))) as home:
        if home.services.index.generations()[0] is None:
            fill(home)
        passages = [line.passages for line in home.services.index.current().inventory_without_scope()]
        with _cluster(home) as other, serving(home, _front(home)) as one, serving(other, _front(other)) as two:
            times = _asked({"embedded": one, "opensearch": two})
    rows = [
        [
            name,
            f"{slower} ×",
            *(f"{milliseconds([each.answer for each in asked], share):.0f}" for share in (0.5, 0.95)),
            *(f"{milliseconds([each.paint for each in asked], share):.0f}" for share in (0.5, 0.95, 1)),
        ]
        for (name, slower), asked in times.items()
    ]
    late = max(each.paint for (_, slower), asked in times.items() if slower == 1 for each in asked) * 1000
    head = ["engine", "processor slowed", "answer p50, ms", "answer p95", "then screen p50", "p95", "longest"]
    return table(head, rows) + (
        f"\n\nThe longest wait from the API's answer to the screen is {late:.0f} ms at full speed; the bar is {BAR}."
        f" {sum(passages)} passages of {len(passages)} documents, hybrid search with facets; {ROUNDS} questions for"
        " each engine and speed, none asked twice. The service, both engines, and the browser share the machine."
    )


def _asked(addresses: dict[str, str]) -> dict[tuple[str, int], list[Asked]]:
    times: dict[tuple[str, int], list[Asked]] = {}
    asked = questions()
    with sync_playwright() as playwright:
        program = next(filter(None, map(shutil.which, CHROMIUM)), None)
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        pages = {name: _opened(browser, address) for name, address in addresses.items()}
        for slower in SLOWER:
            for page in pages.values():
                page.context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
            for number in range(WARM + ROUNDS):
                for name, page in pages.items():
                    one = _ask(page, f"{asked[number % len(asked)]} {slower}{number}")
                    if number >= WARM:
                        times.setdefault((name, slower), []).append(one)
            say(f"{slower} ×")
        browser.close()
    return times


def _opened(browser: Browser, address: str) -> Page:
    """The page with the patient's record open."""
    page = browser.new_context(locale="fr-FR", viewport={"width": 1366, "height": 768}).new_page()
    page.add_init_script(WATCH)
    page.goto(address)
    page.get_by_role("button", name="Dr Mesure").click()
    page.get_by_label("INS ou datamatrix").fill(INS)
    page.keyboard.press("Enter")
    expect(page.get_by_role("searchbox")).to_be_focused()
    return page


def _ask(page: Page, question: str) -> Asked:
    page.bring_to_front()  # a page that is not in front is not painted
    box = page.get_by_role("searchbox")
    box.fill(question)
    page.evaluate(NEXT)
    box.press("Enter")
    page.wait_for_function(PAINTED, timeout=60_000)
    enter, answered, painted = page.evaluate(TIMES)
    assert enter < answered < painted, (enter, answered, painted)
    return Asked((answered - enter) / 1000, (painted - answered) / 1000)


def _front(home: Home) -> Front:
    def token() -> str:
        return issue_token(
            home.services,
            rpps=RPPS,
            unregistered=UNREGISTERED,
            lifetime=timedelta(hours=2),
            now=home.clock(),
        )

    return Front((Persona("médecin", "Dr Mesure", token),))


@contextmanager
def _cluster(home: Home) -> Iterator[Home]:
    """The same home, its index a real OpenSearch."""
    services, bench = home.services, home.bench
    with opensearch(cache_folder()) as url:
        generations = OpenSearchGenerations(url, f"paint-{os.getpid()}")
        try:
            projector = Projector(bench.records, bench.blobs, generations, bench.embedder, PREFIX)
            while generations.serving() is None:
                projector.catch_up(home.clock())
            index = ServingIndex(generations, lambda: needed(bench.embedder, PREFIX))
            yield replace(home, services=replace(services, index=index))
        finally:
            generations.destroy()
