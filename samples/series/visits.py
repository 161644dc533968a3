"""Short consultation notes of the family doctor, from the reasons that `visits.txt` gives each patient."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

from samples.series.common import calendar, chance, header, written

VISITS = Path(__file__).parent / "visits.txt"


@cache
def _table() -> dict[str, tuple[tuple[str, ...], list[tuple[str, ...]]]]:
    table: dict[str, tuple[tuple[str, ...], list[tuple[str, ...]]]] = {}
    current = ""
    for line in VISITS.read_text("utf-8").splitlines():
        if line.startswith("@"):
            current, *rhythm = (part.strip() for part in line[1:].split(";"))
            table[current] = (tuple(rhythm), [])
        elif line and not line.startswith("#"):
            table[current][1].append(tuple(part.strip() for part in line.split("|")))
    return table


def write(patient: str) -> Iterator[str]:
    """The family doctor's notes about a patient."""
    (start, end, days, demo_every), reasons = _table()[patient]
    visits = calendar(date.fromisoformat(start), date.fromisoformat(end), int(days), patient, "cs")
    for step, day in enumerate(visits):
        rng = chance(patient, "cs", day)
        reason, exam, decision = reasons[step % len(reasons)]
        demo = step % int(demo_every) == 1
        forms = ("txt", "letter", "latin1", "txt", "cda", "letter", "txt", "banner", "txt", "scan-low", "txt", "cda1")
        form = "letter" if demo else rng.choice(forms)
        labels = rng.choice(
            (
                ("Motif : ", "Examen : ", "CAT : "),
                ("S : ", "O : ", "P : "),
                ("", "", "Décision : "),
                ("Pour ", "Ex. : ", "=> "),
            )
        )
        if labels[0] == "Pour ":
            labels = ("Vient pour : ", *labels[1:])
        yield "\n".join((
            header("consultation", day, "11488-4", rng.choice(("mt", "mt", "mt", "mt2")), form, demo=demo),
            f"{rng.choice(('Consultation', 'Consultation du', 'Cs', 'Note de consultation'))} {written(day, rng)}",
            labels[0] + reason,
            labels[1] + exam,
            labels[2] + decision,
        ))  # fmt: skip
