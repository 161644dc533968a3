"""The recurring documents: a patient's key goes in, stories in the format of `samples.story` come out.

Each module writes one kind (laboratory, prescriptions, nursing, visits, administration) from a small table of what
happens to each patient; `all_series` joins them. Chance is seeded by the document's id, so a document never depends on
how many others there are.
"""

from __future__ import annotations

from samples.series import laboratory, nursing, paperwork, prescriptions, visits


def all_series(patient: str) -> str:
    """Every recurring document of a patient, as one story."""
    parts = (laboratory, prescriptions, nursing, visits, paperwork)
    return "\n\n".join(text for part in parts for text in part.write(patient))
