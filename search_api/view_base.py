"""What every view is."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class View(BaseModel):
    """Frozen; fields are spelled in JSON as they are named here unless an alias says otherwise."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)
