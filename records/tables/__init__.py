"""The tables. What a person wrote or is called stands only in `sealed` columns; look-ups go by keyed hashes.

Times are aware in Python and UTC in the database. Sealed columns are JSON objects bound to "table/column/row id".
"""

from records.tables.base import Base, UtcTime, core
from records.tables.bulk import Bulk, BulkItem, Export
from records.tables.care import Episode
from records.tables.events import Delivery, Happening, Webhook, WebhookView
from records.tables.papers import (
    Claim,
    DepositKey,
    Document,
    DocumentName,
    Fact,
    Job,
    Leftover,
    PageCorrection,
    Receipt,
    Withdrawal,
)
from records.tables.people import (
    Contact,
    Membership,
    Merge,
    Organization,
    Patient,
    PatientIdentifier,
    Practitioner,
)
from records.tables.rights import (
    Attempt,
    Block,
    Emergency,
    Grant,
    Notification,
    Opposition,
    Relation,
    SavedSearch,
    SpentAssertion,
    Visitor,
)
from records.tables.trace import (
    Cursor,
    JournalEntry,
    JournalHead,
    OutboxEvent,
)

__all__ = [
    "Attempt",
    "Base",
    "Block",
    "Bulk",
    "BulkItem",
    "Claim",
    "Contact",
    "Cursor",
    "Delivery",
    "DepositKey",
    "Document",
    "DocumentName",
    "Emergency",
    "Episode",
    "Export",
    "Fact",
    "Grant",
    "Happening",
    "Job",
    "JournalEntry",
    "JournalHead",
    "Leftover",
    "Membership",
    "Merge",
    "Notification",
    "Opposition",
    "Organization",
    "OutboxEvent",
    "PageCorrection",
    "Patient",
    "PatientIdentifier",
    "Practitioner",
    "Receipt",
    "Relation",
    "SavedSearch",
    "SpentAssertion",
    "UtcTime",
    "Visitor",
    "Webhook",
    "WebhookView",
    "Withdrawal",
    "core",
]
