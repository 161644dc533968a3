"""Boxes go to the prepared picture and come back to where they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ocr.geometry import Affine, straightened, unturn
from ocr.prepare import evened, turned

numbers = st.floats(-1000, 1000)


@given(numbers, numbers, st.floats(-8, 8), st.floats(0.3, 4))
def test_maps_compose(x: float, y: float, degrees: float, scale: float) -> None:
    one, _ = straightened(300, 200, degrees, scale)
    two = unturn(90, 300, 200)
    assert two.after(one).point(x, y) == pytest.approx(two.point(*one.point(x, y)), abs=1e-6)
    assert Affine().after(one) == one


@given(st.integers(20, 180), st.integers(20, 130), st.sampled_from([0, 90, 180, 270]))
def test_a_mark_on_a_turned_picture_comes_back(x: int, y: int, rotation: int) -> None:
    picture = Image.new("L", (200, 150), 255)
    picture.paste(0, (x, y, x + 6, y + 4))
    prepared = turned(picture, picture.size, rotation, straighten=False)
    rows, columns = np.nonzero(np.asarray(prepared.image) < 128)
    box = (float(columns.min()), float(rows.min()), columns.max() + 1.0, rows.max() + 1.0)
    assert prepared.box_back(box) == pytest.approx((x, y, x + 6, y + 4), abs=1.01)


def test_a_huge_scan_is_brought_to_300_dpi_and_its_boxes_back() -> None:
    picture = Image.new("L", (4800, 3600), 255)
    picture.paste(0, (1200, 600, 1320, 680))
    even = evened(picture, 600)
    assert even.size == (2400, 1800)
    prepared = turned(even, picture.size, 180)
    rows, columns = np.nonzero(np.asarray(prepared.image) < 128)
    back = prepared.box_back((columns.min(), rows.min(), columns.max() + 1, rows.max() + 1))
    assert back == pytest.approx((1200, 600, 1320, 680), abs=4)


def test_a_box_never_leaves_the_picture() -> None:
    prepared = turned(Image.new("L", (100, 80), 255), (100, 80), 90)
    x0, y0, x1, y1 = prepared.box_back((-50, -50, 500, 500))
    assert (x0, y0, x1, y1) == (0, 0, 100, 80)
