"""A key image shows the plane of the place, the right way round, with a ring where it was found."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.compute.images.key_image import COLOR, RING, SIDE, key_image
from viewer.data.grid import Grid
from viewer.data.volume import Volume, Window

WINDOW = Window(50.0, 100.0)
DIRECTIONS = (
    [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
    [[-1, 0, 0], [0, -1, 0], [0, 0, 1]],
    [[0, 0, 1], [1, 0, 0], [0, -1, 0]],
)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_left_is_at_the_right_and_front_on_top_however_it_is_stored(direction: list[list[int]]) -> None:
    origin = -39.0 * np.array(direction).sum(axis=1)
    grid = Grid.of((40, 40, 40), (2, 2, 2), origin.tolist(), direction)
    index = np.moveaxis(np.indices(grid.shape), 0, -1)
    x, y, _ = np.moveaxis(grid.to_world(index), -1, 0)
    bright = (x > 15) & (y < -15)  # the patient's left, in front
    picture = key_image(Volume(np.where(bright, 100, 20).astype(np.int16), grid), WINDOW, (0.0, 0.0, 5.0))
    assert picture.shape == (SIDE, SIDE, 3)
    assert picture[40, 260].min() > 240
    for row, column in ((40, 40), (260, 40), (260, 260)):
        assert picture[row, column].max() < 60


def test_the_ring_lies_about_the_place() -> None:
    grid = Grid.of((10, 40, 40), (4, 2, 2), (-39, -39, -18))
    picture = key_image(Volume(np.zeros(grid.shape, np.int16), grid), WINDOW, (20.0, -10.0, 2.0))
    rows, columns = np.nonzero((picture == COLOR).all(-1))
    assert columns.mean() == pytest.approx((20 + 40) / 80 * SIDE, abs=2)
    assert rows.mean() == pytest.approx((-10 + 40) / 80 * SIDE, abs=2)
    assert np.ptp(rows) == pytest.approx(2 * RING, abs=4)


def test_it_is_the_plane_of_the_place_and_no_other() -> None:
    grid = Grid.of((10, 40, 40), (4, 2, 2), (-39, -39, -18))
    array = np.zeros(grid.shape, np.int16)
    array[5] = 100  # z = 2
    volume = Volume(array, grid)
    assert key_image(volume, WINDOW, (0, 0, 2.0))[5, 5].min() == 255
    assert key_image(volume, WINDOW, (0, 0, 6.0))[5, 5].max() == 0
