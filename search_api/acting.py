"""The routers of the acts, one list for the application."""

from __future__ import annotations

from search_api import door, kin, masks, reviews, will

ACTS = (door.router, will.router, masks.router, kin.router, reviews.router)
