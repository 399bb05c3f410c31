"""The figures of a registration: on phantoms whose answers are known."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.compute.registration.quality import agreements, deformation, measure, measure_inverse_consistency
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.transform import Transform
from viewer.data.volume import Volume

GRID = Grid.of((20, 30, 30), (2.0, 1.0, 1.0))
SHIFT = (5.0, -4.0, 6.0)


def quiet(fraction: float, text: str) -> None:
    """Nobody listens."""


def shift(*vector: float) -> Transform:
    matrix = np.eye(4)
    matrix[:3, 3] = vector
    return Transform(matrix)


def ball(centre, radius: float = 7.0):
    points = GRID.to_world(np.moveaxis(np.indices(GRID.shape), 0, -1))
    return np.linalg.norm(points - centre, axis=-1) < radius


@pytest.fixture
def pair() -> tuple[Volume, Volume]:
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 5, GRID.shape)
    centre = np.array((13.0, 16.0, 18.0))
    return tuple(Volume(np.int16(200 * ball(place) + noise), GRID) for place in (centre, centre + SHIFT))


def test_similarity_rises_where_the_images_come_together(pair):
    told: list[float] = []
    found = measure(*pair, shift(*SHIFT), None, lambda part, _: told.append(part))
    assert found.before.ncc < 0.6
    assert found.after.ncc > 0.95
    assert found.after.mse < found.before.mse / 4
    assert found.deformation is None
    assert told == sorted(told)


def test_images_apart_are_measured_after_only(pair):
    fixed, moving = pair
    far = Grid.of(GRID.shape, GRID.spacing, (500, 0, 0))
    found = measure(fixed, Volume(moving.array, far), shift(500 + SHIFT[0], *SHIFT[1:]), None, quiet)
    assert found.before is None
    assert found.after.ncc > 0.95
    with pytest.raises(ValueError, match="overlap"):
        measure(fixed, moving, shift(500, 0, 0), None, quiet)


def test_labels_agree_after_and_not_before():
    centre = np.array((13.0, 16.0, 18.0))
    maps = []
    for place in (centre, centre + SHIFT):
        array = ball(place).astype(np.uint8)
        array[ball(place, 3)] = 7
        maps.append(Segmentation(array, GRID, (Segment(1, "shell"), Segment(7, "kernel"))))
    found = agreements(*maps, shift(*SHIFT), quiet)
    assert set(found) == {1, 7}
    for before, after in found.values():
        assert before.dice < 0.5
        assert after.dice == 1.0
        assert after.hd95 == 0.0
    gone = agreements(maps[0], maps[1], shift(500, 0, 0), quiet)
    assert gone[1][1].dice == 0.0
    assert gone[1][1].hd95 is None


def test_what_bends_is_told_with_its_folds():
    field = np.zeros((*GRID.shape, 3), np.float32)
    field[..., 0] = 3.0
    field[:, :, 10, 0] = -3.0
    found = deformation(Transform(np.eye(4), field, GRID))
    assert found.largest == 3.0
    assert found.mean == pytest.approx(3.0)
    assert found.smoothness.folds > 0
    assert deformation(shift(1, 2, 3)) is None


def test_the_way_back_is_measured_where_the_images_overlap():
    there = shift(4, 0, 0)
    assert measure_inverse_consistency(there, shift(-4, 0, 0), GRID, GRID).largest == pytest.approx(0, abs=1e-5)
    off = measure_inverse_consistency(there, shift(-4, 1.5, 0), GRID, GRID)
    assert (off.mean, off.percentile, off.largest) == pytest.approx((1.5, 1.5, 1.5), abs=1e-5)
    with pytest.raises(ValueError, match="do not overlap"):
        measure_inverse_consistency(shift(500, 0, 0), there, GRID, GRID)


def test_points_that_leave_the_moving_image_do_not_count():
    """There the backward field is 0, which says nothing of the registration."""
    field = np.full((*GRID.shape, 3), (-4.0, 0, 0), np.float32)
    found = measure_inverse_consistency(shift(4, 0, 0), Transform(np.eye(4), field, GRID), GRID, GRID)
    assert found.largest == pytest.approx(0, abs=1e-5)
