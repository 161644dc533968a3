"""Every document of the samples, stories and series together, in one fixed order."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from samples.people import PATIENTS
from samples.series import all_series
from samples.story import STORIES, Draft, read_drafts


@cache
def drafts() -> tuple[Draft, ...]:
    """All documents by patient, then date, a version after the one it replaces.

    Raises ValueError on an id used twice or a broken `replaces`.
    """
    found: list[Draft] = []
    for patient in PATIENTS:
        own = read_drafts(patient, (STORIES / f"{patient}.txt").read_text("utf-8"))
        own += read_drafts(patient, all_series(patient))
        ids = {draft.document_id for draft in own}
        if len(ids) < len(own):
            raise ValueError(f"{patient}: a document id is used twice")
        for draft in own:
            if draft.replaces:
                draft = replace(draft, replaces=f"{patient}-{draft.replaces}")
                if draft.replaces not in ids:
                    raise ValueError(f"{draft.document_id}: replaces unknown {draft.replaces}")
            found.append(draft)
    return tuple(sorted(found, key=lambda draft: (draft.patient, draft.day, bool(draft.replaces), draft.document_id)))
