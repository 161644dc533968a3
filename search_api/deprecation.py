"""Announcing the end of an address: `Deprecation` (RFC 9745) and `Sunset` (RFC 8594) on every answer, refusals too.

    @router.get("/x", **ending(since=date(2027, 1, 1), sunset=date(2028, 1, 1), successor="/v2/x"))

The description says the same (`deprecated`, `x-deprecated-since`, `x-sunset`); tests/contract lets an address go only
after its sunset. docs/api-policy.md is the policy.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from email.utils import format_datetime
from typing import Any

SHORTEST = timedelta(days=365)
"""From the announcement to the end: a hospital's software changes once a year at best."""
SINCE, SUNSET, SUCCESSOR = "x-deprecated-since", "x-sunset", "x-successor"


def ending(*, since: date, sunset: date, successor: str = "") -> dict[str, Any]:
    """What a route takes to say that it is deprecated `since` and ends at `sunset`, both at midnight UTC. `successor`:
    the address to use instead. ValueError when that is sooner than SHORTEST."""
    if sunset - since < SHORTEST:
        raise ValueError("an address lives for a year after it is deprecated")
    told = {SINCE: since.isoformat(), SUNSET: sunset.isoformat()}
    return {"deprecated": True, "openapi_extra": told | ({SUCCESSOR: successor} if successor else {})}


def headers_of(route: object) -> dict[bytes, bytes]:
    """The headers of a route made with `ending`; none for any other."""
    told = getattr(route, "openapi_extra", None)
    if not isinstance(told, Mapping) or SUNSET not in told:
        return {}
    since, sunset = (datetime.combine(date.fromisoformat(told[name]), time(), UTC) for name in (SINCE, SUNSET))
    found = {
        b"deprecation": b"@%d" % int(since.timestamp()),
        b"sunset": format_datetime(sunset, usegmt=True).encode(),
    }
    if SUCCESSOR in told:
        found[b"link"] = f'<{told[SUCCESSOR]}>; rel="successor-version"'.encode()
    return found
