"""The name of the generation that this code and this embedder need, and the refusals that every engine shares."""

from __future__ import annotations

import hashlib
from typing import NoReturn

from access.refusal import Refusal
from clinical import assertion
from index.analysis import fingerprint as analysis_fingerprint
from index.embedders.port import Embedder
from index.port import Generation

FORMAT = 2
"""What an engine stores of a passage; raise it with a line in mappings/HISTORY.md."""


def needed(embedder: Embedder, prefix: str = "anamnese") -> Generation:
    """The generation whose passages this analysis, this format and this embedder would write."""
    parts = (str(FORMAT), analysis_fingerprint(), str(assertion.VERSION), embedder.fingerprint)
    return Generation(prefix, hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12])


def refuse_retiring() -> NoReturn:
    """For `Generations.retire` of the serving one."""
    raise Refusal(
        "index",
        "generation-serving",
        "Cette génération de l'index est celle qui répond : elle ne peut pas être supprimée.",
        "Mettez-en une autre en service d'abord.",
    )


def refuse_unknown() -> NoReturn:
    """For `Generations.serve` of one that is absent."""
    raise Refusal(
        "index",
        "generation-unknown",
        "Cette génération de l'index n'existe pas.",
        "Construisez-la avec « anamnese reindex ».",
    )
