"""What the service answers, field by field. tests/clients compares each class with the service's own description.

Times are aware, days are dates, words of a list are plain strings (lists may grow), unknown fields are ignored.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Frozen; built from the service's JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)
