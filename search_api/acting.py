"""The routers of the acts and of who keeps the service, one list for the application."""

from __future__ import annotations

from search_api import auditing, door, kin, masks, reviews, upkeep, will

ACTS = (door.router, will.router, masks.router, kin.router, reviews.router, auditing.router, upkeep.router)
