from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from viewer.compute.images.region_statistics import measure, voxels_in
from viewer.data.annotations.region import Region
from viewer.data.grid import Grid
from viewer.data.volume import Volume


def on(grid: Grid, axis: int, reach: tuple[float, float], slices: int = 0, shape: str = "ellipse") -> Region:
    """A region around the middle voxel in the slices along an array axis."""
    middle = grid.to_world([n // 2 for n in grid.shape])
    across, along = (tuple(map(float, grid.axes[:, one])) for one in range(3) if one != axis)
    centre = tuple(map(float, middle))
    return Region(shape, centre, across, along, reach, (slices + 0.5) * float(grid.spacing[axis]))


def test_mean_and_sd_are_those_of_the_physical_values_inside():
    grid = Grid.of((5, 40, 40), (3, 0.5, 0.5))
    array = np.random.default_rng(3).integers(0, 100, grid.shape).astype(np.int16)
    found = measure(Volume(array, grid, slope=2.0, intercept=-1000.0), on(grid, 0, (2.0, 2.0), shape="box"))
    inside = array[2, 16:25, 16:25] * 2.0 - 1000
    assert found.voxels == 81
    assert found.mean == pytest.approx(inside.mean())
    assert found.sd == pytest.approx(inside.std(ddof=1))
    assert found.area == pytest.approx(81 * 0.25)
    assert found.volume == pytest.approx(81 * 0.75)


@settings(max_examples=30, deadline=None)
@given(
    turn=st.tuples(*(st.floats(-40, 40) for _ in range(3))),
    axis=st.integers(0, 2),
    reach=st.tuples(st.floats(6, 12), st.floats(6, 12)),
    slices=st.integers(0, 3),
)
def test_the_area_is_the_ellipses_and_only_its_slices_count(turn, axis, reach, slices):
    direction = Rotation.from_euler("xyz", turn, degrees=True).as_matrix()
    grid = Grid.of((41, 47, 53), (0.9, 0.8, 0.7), (7, -20, 100), direction)
    drawn = on(grid, axis, reach, slices)
    box, inside = voxels_in(grid, drawn)
    assert np.count_nonzero(inside.any(axis=tuple(one for one in range(3) if one != axis))) == 2 * slices + 1
    whole = drawn.contains(grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1)))
    assert whole.sum() == inside.sum()
    assert whole[box].sum() == inside.sum()
    found = measure(Volume(np.ones(grid.shape, np.uint8), grid), drawn)
    assert found.area == pytest.approx(np.pi * reach[0] * reach[1], rel=0.06)
    assert (found.mean, found.sd) == (1, 0)


def test_what_lies_outside_is_not_counted_and_nothing_is_none():
    grid = Grid.of((3, 20, 20))
    volume = Volume(np.ones(grid.shape, np.float32), grid)
    drawn = on(grid, 0, (5.0, 5.0), shape="box")
    half = drawn.moved((10, 0, 0))
    assert measure(volume, half).voxels == 5 * 11
    assert measure(volume, drawn.moved((0, 0, 1.5 + 1))) is None
    assert measure(volume, drawn.moved((100, 0, 0))) is None


def test_colour_and_voxels_without_a_value_are_left_out():
    grid = Grid.of((1, 8, 8))
    drawn = on(grid, 0, (2.0, 2.0), shape="box")
    assert measure(Volume(np.zeros((1, 8, 8, 3), np.uint8), grid), drawn) is None
    array = np.full(grid.shape, 5, np.float32)
    array[0, 4, 4] = np.nan
    assert measure(Volume(array, grid), drawn).voxels == 24
