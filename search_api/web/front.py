"""What the page needs to know of a home: a composition root makes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from search_api.oidc.code_flow import CodeFlow


@dataclass(frozen=True, slots=True)
class Persona:
    """Somebody of the demo: a title, and what makes their token when it is asked for."""

    title: str
    name: str
    token: Callable[[], str]
    hint: str = ""  # what to type at the door to meet the demo's patient


@dataclass(frozen=True, slots=True)
class Front:
    """What the page needs to know of a home. Personas are the demo's alone: anybody who reaches the port is any of
    them. `idle_minutes`: without a key or a click for so long, the page asks who is there again. `providers`: where
    people sign in."""

    personas: tuple[Persona, ...] = ()
    idle_minutes: int = 10
    providers: tuple[CodeFlow, ...] = ()
