"""Which lines stand together: blocks, for whoever rebuilds columns from them, in an order close to that of reading."""

from __future__ import annotations

from collections.abc import Sequence

from records.content import Box

LINE_GAP = 1.2  # heights of blank between two lines of a block: typewritten pages are set with one blank line
COMMON = 0.5  # share of the narrower line that stands under the other
ALIKE = 1.6  # the taller height over the other


def blocks_of(boxes: Sequence[Box]) -> list[list[int]]:
    """Places of `boxes` by block, top to bottom in each, blocks by their first line.

    A line continues the block whose last line stands right above it, over most of its width and of its height, unless
    another line stands beside either: then they are cells of a table or two columns, which are told apart by width.
    """
    order = sorted(range(len(boxes)), key=lambda at: (boxes[at][1] + boxes[at][3], boxes[at][0]))
    blocks: list[list[int]] = []
    for at in order:
        above = [block for block in blocks if _continues(boxes[block[-1]], boxes[at])]
        if above:
            max(above, key=lambda block: _common(boxes[block[-1]], boxes[at])).append(at)
        else:
            blocks.append([at])
    return blocks


def _continues(above: Box, below: Box) -> bool:
    tall, short = sorted((above[3] - above[1], below[3] - below[1]), reverse=True)
    gap = below[1] - above[3]
    narrow = min(above[2] - above[0], below[2] - below[0])
    return (
        tall <= ALIKE * short
        and -0.5 * tall <= gap <= LINE_GAP * tall
        and below[1] > above[1]
        and _common(above, below) >= COMMON * narrow
    )


def _common(one: Box, other: Box) -> float:
    return min(one[2], other[2]) - max(one[0], other[0])
