"""Care as it goes on: the episodes that hospitals announce."""

from __future__ import annotations

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from records.tables.base import Base


class Episode(Base):
    """A stay or a visit. Where somebody was treated tells of what: all of it is sealed."""

    __tablename__ = "episodes"
    patient_id: Mapped[str] = mapped_column(ForeignKey("patients.patient_id"), primary_key=True)
    visit_blind: Mapped[bytes] = mapped_column(primary_key=True)  # establishment and number of the visit
    sealed: Mapped[bytes]  # what each message said: `records.episodes.Movement`
