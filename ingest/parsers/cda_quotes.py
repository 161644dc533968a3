"""From the ids that CDA entries refer to, to the lines of the narrative that hold them."""

from __future__ import annotations

from collections.abc import Iterator

from lxml.etree import _Element

from ingest.parsers.cda_values import text_of
from ingest.parsers.narrative import block_lines

_NOTHING = frozenset({"", "-", "–", "—"})


class Narrated:
    """The ids of a document's narrative. An id that several elements share names the first."""

    def __init__(self, root: _Element) -> None:
        self._elements: dict[str, _Element] = {}
        for element in root.iter():
            name = element.get("ID")
            if name:
                self._elements.setdefault(name, element)

    def words(self, name: str) -> str:
        """What the narrative says under an id; a dash says nothing."""
        element = self._elements.get(name)
        said = "" if element is None else text_of(element)
        return "" if said in _NOTHING else said

    def blocks(self, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
        """For each id, the lines of the row, item or paragraph around it, and its own words."""
        for name in names:
            element = self._elements.get(name)
            if element is None or not self.words(name):
                continue
            said = self.words(name)
            for line in block_lines(element):
                if said in line or line in said:
                    yield line, said
            yield said, said
