"""A Refusal that a module holds as a constant keeps nothing of what it was raised for."""

from __future__ import annotations

import weakref
from contextlib import suppress

from access.refusal import Refusal, let_go

CONSTANT = Refusal("show", "a-test", "Un essai.", "Rien.")


class Page:
    """What a frame may hold."""


def refuse(page: Page) -> None:
    assert page
    raise CONSTANT


def test_a_constant_lets_go_of_what_it_was_raised_for() -> None:
    held = []
    for _ in range(3):
        page = Page()
        held.append(weakref.ref(page))
        with suppress(Refusal):
            try:
                raise KeyError
            except KeyError:
                refuse(page)
        del page
    assert all(one() for one in held), "if this fails, Python has changed: is `let_go` still needed?"
    let_go()
    assert not any(one() for one in held)
    assert CONSTANT.__context__ is None
