"""Memory for all children of one process together: when it is short, the youngest gives way and is read again later.

Each child has its own limit (`Bounds.memory`), which a large but honest page may come near. Two of them at once would
take twice that from the machine. Pausing one would leave what it holds; refusing it would make a document's fate
depend on its neighbours. So it ends, keeps its place in the order of arrival, and goes on after its last page once
there is room. The eldest never gives way, so everyone has an end.
"""

from __future__ import annotations

import itertools
import threading
from types import TracebackType
from typing import Self

_AHEAD = 2**62


class Crowded(Exception):
    """This child gives way. It is nobody's failure."""


class Room:
    """`size` bytes, resident, for the children of this process. Safe for threads."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._changed = threading.Condition()
        self._used: dict[int, int] = {}  # bytes, by number of arrival
        self._numbers = itertools.count()

    def place(self, *, urgent: bool = False) -> Place:
        """For one document, in a `with`, however many children it takes. Somebody looks at what is `urgent`."""
        return Place(self, next(self._numbers) - (_AHEAD if urgent else 0))

    def take(self, number: int, memory: int) -> None:
        """Say what a child uses now. Raises Crowded when there is too little for all and this is the youngest."""
        with self._changed:
            self._used[number] = memory
            if sum(self._used.values()) > self._size and number == max(self._used) != min(self._used):
                raise Crowded

    def leave(self, number: int) -> None:
        """It uses nothing any more."""
        with self._changed:
            self._used.pop(number, None)
            self._changed.notify_all()

    def wait(self, number: int, memory: int) -> None:
        """Until there is room for `memory` again, or nobody older is left."""

        def fits() -> bool:
            return all(other > number for other in self._used) or sum(self._used.values()) + memory <= self._size

        with self._changed:
            self._changed.wait_for(fits)


class Place:
    """One document's part of the room."""

    def __init__(self, room: Room, number: int) -> None:
        self._room, self._number = room, number
        self._most = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._room.leave(self._number)

    def use(self, memory: int) -> None:
        """See `Room.take`."""
        self._most = max(self._most, memory)
        self._room.take(self._number, memory)

    def wait(self) -> None:
        """After Crowded, when the child is gone."""
        self._room.leave(self._number)
        self._room.wait(self._number, self._most)
