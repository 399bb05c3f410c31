"""Segmentation: a label map that does not fit, or whose labels could be negative, is refused."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation

GRID = Grid.of((2, 3, 4))


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((2, 3, 5), np.uint8), "does not fit"),
        (np.zeros((2, 3, 4), np.int16), "unsigned"),
        (np.zeros((2, 3, 4), np.float32), "unsigned"),
        (np.zeros((2, 3, 4), bool), "unsigned"),
    ],
)
def test_a_label_map_holds_unsigned_integers_on_its_grid(array: np.ndarray, reason: str) -> None:
    assert Segmentation(np.zeros((2, 3, 4), np.uint16), GRID, (Segment(1, "liver"),)).segments[0].name == "liver"
    with pytest.raises(ValueError, match=reason):
        Segmentation(array, GRID, ())
