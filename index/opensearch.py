"""The cluster engine: one OpenSearch index a generation, behind an alias that names the one that serves.

The same ids in the same order as the embedded engine, from the same integers: see `index/port.py`.

    opensearch_client     the connection, and the one translation of its errors
    opensearch_index      an open generation
    opensearch_query      a Scope and a Question to bodies of searches
    opensearch_write      fences, passages, removals
    opensearch_inventory  what is held, for `verify`
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from importlib.resources import files

from opensearchpy.exceptions import NotFoundError, RequestError, TransportError

from access.refusal import Refusal
from index import opensearch_client
from index.generations import refuse_retiring, refuse_unknown
from index.opensearch_client import (
    PING_SECONDS,
    WRITE_SECONDS,
    UnexpectedAnswerError,
    asked,
    connect,
    translated,
    unavailable,
)
from index.opensearch_index import OpenSearchIndex
from index.opensearch_query import Body
from index.port import Generation

_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9_-]{0,99}")


def mapping() -> Body:
    """Settings and mapping of a new index, as in `mappings/passages.json`."""
    text = files("mappings").joinpath("passages.json").read_text(encoding="utf-8")
    body: Body = json.loads(text)
    return body


def mapping_fingerprint() -> str:
    """12 hex digits that change with the mapping; kept in each index and compared when it is opened."""
    return hashlib.sha256(json.dumps(mapping(), sort_keys=True).encode()).hexdigest()[:12]


class OpenSearchGenerations:
    """The generations of one namespace: indices `<namespace>.<generation name>`, alias `<namespace>.serving`."""

    def __init__(self, url: str, namespace: str = "anamnese", shards: int = 1) -> None:
        """`shards` of new generations; questions of one patient go to one of them."""
        if not _NAMESPACE.fullmatch(namespace):
            raise Refusal(
                "start",
                "bad-settings",
                "Le préfixe d'index n'est pas un nom que OpenSearch accepte.",
                "Donnez à ANAMNESE_INDEX_PREFIX des lettres minuscules, des chiffres et des tirets.",
            )
        self._client = connect(url)
        self._namespace = namespace
        self._alias = f"{namespace}.serving"
        self._shards = shards

    def names(self) -> Sequence[Generation]:
        """See the port. In order of name."""
        found = asked(lambda: self._client.indices.get_alias(index=f"{self._namespace}.*"))
        return sorted((g for g in map(self._parsed, found) if g is not None), key=lambda g: g.name)

    def serving(self) -> Generation | None:
        """See the port."""
        found = asked(lambda: self._client.indices.get_alias(index=f"{self._namespace}.*"))
        names = [name for name, settings in found.items() if self._alias in settings["aliases"]]
        return self._parsed(names[0]) if names else None

    def open(self, generation: Generation) -> OpenSearchIndex:
        """See the port. Refused when the index there was made with another mapping."""
        name = self._index_name(generation)
        body = mapping()
        body["mappings"]["_meta"] = {"mapping": mapping_fingerprint()}
        body["settings"]["index"]["number_of_shards"] = self._shards
        with translated():
            if not self._client.indices.exists(index=name):
                try:
                    self._client.indices.create(
                        index=name, body=body, params={"wait_for_active_shards": "1", "request_timeout": WRITE_SECONDS}
                    )
                except RequestError as error:
                    if error.error != "resource_already_exists_exception":
                        raise
            self._await_shards(name)
            held = self._client.indices.get_mapping(index=name)[name]["mappings"]
        if held.get("_meta", {}).get("mapping") != mapping_fingerprint():
            raise Refusal(
                "index",
                "index-format-changed",
                "Cette génération de l'index a été construite avec un autre format.",
                "Reconstruisez-la avec « anamnese reindex ».",
            )
        return OpenSearchIndex(self._client, name, generation)

    def _await_shards(self, name: str) -> None:
        """Another process may have created the index an instant ago: its shards answer only once they have started."""
        seconds = opensearch_client.OPEN_SECONDS
        params = {"wait_for_status": "yellow", "timeout": f"{seconds}s", "request_timeout": seconds + PING_SECONDS}
        try:
            self._client.cluster.health(index=name, params=params)
        except TransportError as error:
            raise (unavailable() if error.status_code == 408 else error) from None  # 408: not by then

    def serve(self, generation: Generation) -> None:
        """See the port. One request moves the alias."""
        if generation not in self.names():
            refuse_unknown()
        add = {"add": {"index": self._index_name(generation), "alias": self._alias}}
        remove = {"remove": {"index": f"{self._namespace}.*", "alias": self._alias, "must_exist": False}}
        answer = asked(lambda: self._client.indices.update_aliases(body={"actions": [remove, add]}))
        if not answer.get("acknowledged"):
            raise UnexpectedAnswerError("the alias was not acknowledged")

    def retire(self, generation: Generation) -> None:
        """See the port."""
        if self.serving() == generation:
            refuse_retiring()
        self._delete(self._index_name(generation))

    def ping(self) -> None:
        """See the port: the cluster has a leader, and the serving generation all of its primary shards."""
        health = asked(
            lambda: self._client.cluster.health(params={"level": "indices", "request_timeout": PING_SECONDS})
        )
        serving = self.serving()
        if serving is not None:
            state = health.get("indices", {}).get(self._index_name(serving), {}).get("status", "red")
            if state == "red":
                raise unavailable()

    def destroy(self) -> None:
        """Delete every generation of this namespace, the serving one too, and close. For tests and for the demo."""
        for generation in self.names():
            self._delete(self._index_name(generation))
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _delete(self, name: str) -> None:
        with translated():
            try:
                self._client.indices.delete(index=name, params={"request_timeout": WRITE_SECONDS})
            except NotFoundError:
                return

    def _index_name(self, generation: Generation) -> str:
        return f"{self._namespace}.{generation.name}"

    def _parsed(self, name: str) -> Generation | None:
        """Inverse of `_index_name`."""
        return Generation.parse(name.removeprefix(f"{self._namespace}."))
