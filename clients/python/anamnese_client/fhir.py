"""Searching `/fhir`. Resources stay JSON objects: R4 has libraries of its own (fhir.resources, fhirclient)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode

from anamnese_client.wire import Wire

_FORM = {"Accept": "application/fhir+json", "Content-Type": "application/x-www-form-urlencoded"}


class Fhir:
    """FHIR R4 of one service."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def search(self, kind: str, **parameters: str | int | list[str]) -> Iterator[dict[str, Any]]:
        """The matches of a search, page after page. Asked by POST: an identity stands in no address. "__" in a name is
        ".", a leading "_" stays: `search("DocumentReference", patient__identifier="…|…", _count=50)`."""
        named = {name[:1] + name[1:].replace("__", "."): value for name, value in parameters.items()}
        form = urlencode(named, doseq=True).encode()
        answer = self._wire.ask(
            "POST", f"/fhir/{quote(kind, safe='')}/_search", headers=_FORM, again=True, made=lambda: {"content": form}
        )
        while True:
            bundle = json.loads(answer.content)
            for entry in bundle.get("entry", ()):
                if entry.get("search", {}).get("mode", "match") == "match":
                    yield entry["resource"]
            following = [link["url"] for link in bundle.get("link", ()) if link["relation"] == "next"]
            if not following:
                return
            answer = self._wire.ask("GET", following[0], headers={"Accept": _FORM["Accept"]}, again=True)

    def read(self, kind: str, resource_id: str) -> dict[str, Any]:
        """One resource."""
        path = f"/fhir/{quote(kind, safe='')}/{quote(resource_id, safe='')}"
        answer = self._wire.ask("GET", path, headers={"Accept": _FORM["Accept"]}, again=True)
        return dict(json.loads(answer.content))
