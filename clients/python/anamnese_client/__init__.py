"""A typed client of Anamnèse: see the README beside this package.

model.py, answers.py, records.py    what the service answers
errors.py                           its refusals
wire.py                             requests, and which are tried again
client.py, fhir.py, bulks.py        the service
"""

from anamnese_client.client import ENDS, Client, Record
from anamnese_client.errors import (
    AnamneseError,
    Conflict,
    Forbidden,
    Malformed,
    NoAccess,
    NotAuthenticated,
    NotFound,
    TooMany,
    Unavailable,
    Unreachable,
)

__all__ = [
    "ENDS",
    "AnamneseError",
    "Client",
    "Conflict",
    "Forbidden",
    "Malformed",
    "NoAccess",
    "NotAuthenticated",
    "NotFound",
    "Record",
    "TooMany",
    "Unavailable",
    "Unreachable",
]
