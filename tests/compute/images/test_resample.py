from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates
from scipy.spatial.transform import Rotation

from viewer.compute.images.resample import itk_transform, resample
from viewer.data.grid import Grid
from viewer.data.transform import Transform
from viewer.data.volume import Volume

OBLIQUE = Rotation.from_euler("xyz", (10, -20, 30), degrees=True).as_matrix()


def volume(kind: type = np.int16) -> Volume:
    rng = np.random.default_rng(0)
    k, j, i = np.indices((18, 24, 30))
    values = 200 * np.sin(k / 5) + 150 * np.cos(j / 6) + 3 * i + rng.normal(0, 5, k.shape) + 500
    grid = Grid.of(k.shape, (2.5, 1.2, 0.8), (-10, 20, 5), OBLIQUE)
    return Volume(values.astype(kind), grid, slope=0.5, intercept=-100.0, unit="HU")


def shift(x: float, y: float, z: float) -> Transform:
    matrix = np.eye(4)
    matrix[:3, 3] = (x, y, z)
    return Transform(matrix)


@pytest.mark.parametrize("kind", [np.int16, np.uint8, np.float32])
def test_the_same_grid_gives_the_same_values(kind: type) -> None:
    before = volume(kind)
    after = resample(before, before.grid)
    assert after.array.dtype == before.array.dtype
    assert np.allclose(after.array[1:-1, 1:-1, 1:-1], before.array[1:-1, 1:-1, 1:-1], atol=1e-3)
    assert (after.slope, after.intercept, after.unit) == (0.5, -100.0, "HU")


@settings(max_examples=15, deadline=None)
@given(st.tuples(*[st.floats(-40, 40)] * 3), st.tuples(*[st.floats(-4, 4)] * 3))
def test_against_direct_interpolation(angles: tuple[float, ...], mm: tuple[float, float, float]) -> None:
    before = volume(np.float32)
    turned = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    grid = Grid.of((10, 11, 12), (1.5, 1.4, 1.3), before.grid.centre, turned)
    move = shift(*mm)
    index = before.grid.to_index(move(grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))))
    wanted = map_coordinates(before.array, np.moveaxis(index, -1, 0), order=1, cval=np.nan, output=np.float64)
    got = resample(before, grid, move).array
    inside = np.isfinite(wanted)
    assert np.allclose(got[inside], wanted[inside], atol=0.05)


def test_integers_are_rounded_not_cut_off() -> None:
    array = np.zeros((4, 4, 4), np.int16)
    array[..., 1:] = 1
    one = Volume(array, Grid.of((4, 4, 4)))
    grid = Grid.of((4, 4, 1), origin=(0.75, 0, 0))
    assert (resample(one, grid).array == 1).all()


def test_nearest_makes_no_new_values() -> None:
    before = volume()
    grid = Grid.of((20, 20, 20), (1, 1, 1), before.grid.origin)
    assert set(np.unique(resample(before, grid, interpolation="nearest").array)) <= set(np.unique(before.array))


def test_outside_is_the_smallest_value_or_what_is_asked_for() -> None:
    before = volume()
    far = Grid.of((3, 3, 3), origin=(1000, 0, 0))
    assert (resample(before, far).array == before.array.min()).all()
    assert resample(before, far, outside=-50.0).values().ravel() == pytest.approx(-50.0)


def test_it_says_so() -> None:
    once = resample(replace(volume(), badges=("lossy",)), volume().grid)
    assert once.badges == ("lossy", "resampled")
    assert resample(once, volume().grid).badges == ("lossy", "resampled")


def test_colour() -> None:
    picture = Volume(np.random.default_rng(0).integers(0, 255, (1, 20, 20, 3), np.uint8), Grid.of((1, 20, 20)))
    half = resample(picture, Grid.of((1, 20, 20), origin=(1, 0, 0)))
    assert np.array_equal(half.array[:, :, :-1], picture.array[:, :, 1:])
    with pytest.raises(ValueError, match="colour"):
        resample(picture, picture.grid, interpolation="bspline")


def test_the_itk_transform_moves_points_alike() -> None:
    rng = np.random.default_rng(0)
    grid = Grid.of((6, 7, 8), (3, 2, 2.5), (-5, -5, -5), OBLIQUE)
    matrix = np.eye(4)
    matrix[:3] += rng.normal(0, 0.1, (3, 4))
    transform = Transform(matrix, rng.normal(0, 2, (*grid.shape, 3)).astype(np.float32), grid)
    itk = itk_transform(transform)
    points = grid.to_world(rng.uniform(0.1, 4.9, (50, 3)))
    assert np.allclose([itk.TransformPoint(point) for point in points.tolist()], transform(points), atol=1e-4)
