"""Grid: index <-> world for any direction, spacing, flip and obliquity, and agreement with ITK."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from viewer.data.grid import PLANES, Grid, orientation_letters

shapes = st.tuples(*[st.integers(1, 40)] * 3)
points = arrays(np.float64, (7, 3), elements=st.floats(-300, 300))


@st.composite
def rotations(draw: Any) -> Any:
    """Any orthonormal matrix: a random rotation (by a quaternion), axes in any order, any of them flipped."""
    w, x, y, z = draw(arrays(np.float64, 4, elements=st.floats(-1, 1)).filter(lambda q: np.linalg.norm(q) > 0.1))
    w, x, y, z = np.array([w, x, y, z]) / np.linalg.norm([w, x, y, z])
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    )
    flips = np.array(draw(st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3)))
    return (rotation * flips)[:, list(draw(st.permutations(range(3))))]


@st.composite
def grids(draw: Any) -> Grid:
    spacing = draw(st.tuples(*[st.floats(0.05, 12)] * 3))
    origin = draw(st.tuples(*[st.floats(-800, 800)] * 3))
    return Grid.of(draw(shapes), spacing, origin, draw(rotations()), "1.2.3")


def image_of(grid: Grid) -> sitk.Image:
    """An ITK image with the grid's geometry, set through ITK's own conventions (x, y, z; columns along i, j, k)."""
    image = sitk.Image([int(n) for n in reversed(grid.shape)], sitk.sitkUInt8)
    image.SetSpacing([float(mm) for mm in reversed(grid.spacing)])
    image.SetOrigin([float(mm) for mm in grid.origin])
    image.SetDirection(grid.direction.ravel().tolist())
    return image


@given(grids(), points)
def test_world_and_index_are_inverse(grid: Grid, index: np.ndarray) -> None:
    assert np.allclose(grid.to_index(grid.to_world(index)), index, atol=1e-6)
    assert np.allclose(grid.inverse @ grid.affine, np.eye(4), atol=1e-9)


@given(grids())
def test_spacing_axes_and_direction_make_the_affine(grid: Grid) -> None:
    assert np.allclose(grid.axes * grid.spacing, grid.affine[:3, :3])
    assert np.allclose(grid.direction, grid.axes[:, ::-1])
    again = Grid.of(grid.shape, grid.spacing, grid.origin, grid.direction)
    assert np.allclose(again.affine, grid.affine)


@given(grids(), points)
def test_itk_places_voxels_where_the_grid_does(grid: Grid, index: np.ndarray) -> None:
    image = image_of(grid)
    itk = [image.TransformContinuousIndexToPhysicalPoint([float(n) for n in reversed(one)]) for one in index]
    assert np.allclose(grid.to_world(index), itk, atol=1e-6)
    world = grid.to_world(index)
    back = [image.TransformPhysicalPointToContinuousIndex([float(mm) for mm in one]) for one in world]
    assert np.allclose(grid.to_index(world)[:, ::-1], back, atol=1e-6)


@given(grids(), st.data())
def test_nearest_is_the_voxel_that_holds_a_point(grid: Grid, data: st.DataObject) -> None:
    voxel = tuple(data.draw(st.integers(0, n - 1)) for n in grid.shape)
    within = np.array(data.draw(st.tuples(*[st.floats(-0.49, 0.49)] * 3)))
    assert grid.nearest(grid.to_world(voxel + within)) == voxel


@given(grids(), st.integers(0, 2), st.booleans(), st.floats(0.01, 50))
def test_nearest_knows_no_voxel_outside(grid: Grid, axis: int, beyond_the_end: bool, gap: float) -> None:
    index = (np.array(grid.shape) - 1) / 2
    index[axis] = grid.shape[axis] - 0.5 + gap if beyond_the_end else -0.5 - gap
    assert grid.nearest(grid.to_world(index)) is None


@given(grids())
def test_plane_axes_use_each_axis_once(grid: Grid) -> None:
    assert sorted(grid.plane_axes) == [0, 1, 2]
    chosen = sum(abs(grid.axes[world, axis]) for world, axis in enumerate(grid.plane_axes))
    assert chosen >= 1.6  # the best of the six permutations of any rotation: 5/3, where it lies worst


def test_plane_axes_of_the_usual_acquisitions() -> None:
    axial = Grid.of((4, 5, 6))
    sagittal = Grid.of(
        (4, 5, 6), direction=[[0, 0, -1], [1, 0, 0], [0, -1, 0]]
    )  # i to the back, j down, k to the right
    coronal = Grid.of((4, 5, 6), direction=[[1, 0, 0], [0, 0, 1], [0, -1, 0]])  # i to the left, j down, k to the back
    named = {grid.plane_axes.index(0): grid for grid in (axial, sagittal, coronal)}
    assert [PLANES[world] for world in named] == ["axial", "sagittal", "coronal"]


@given(shapes, st.floats(0.6, 20), st.integers(0, 2))
def test_a_turn_of_more_than_half_a_degree_is_oblique(shape: Any, degrees: float, about: int) -> None:
    turn = np.radians(degrees)
    a, b = [axis for axis in range(3) if axis != about]
    direction = np.eye(3)
    direction[[a, a, b, b], [a, b, a, b]] = np.cos(turn), -np.sin(turn), np.sin(turn), np.cos(turn)
    assert Grid.of(shape, direction=direction).oblique


@given(shapes, st.permutations(range(3)), st.tuples(*[st.sampled_from([-1, 1])] * 3))
def test_permuted_and_flipped_axes_are_not_oblique(shape: Any, order: list[int], signs: tuple[int, ...]) -> None:
    assert not Grid.of(shape, (3, 0.5, 0.7), direction=np.eye(3)[:, order] * signs).oblique


@given(grids(), st.data())
def test_a_crop_keeps_every_voxel_in_its_place(grid: Grid, data: st.DataObject) -> None:
    start = tuple(data.draw(st.integers(0, n - 1)) for n in grid.shape)
    shape = tuple(data.draw(st.integers(1, n - first)) for n, first in zip(grid.shape, start, strict=True))
    part = grid.crop(start, shape)  # type: ignore[arg-type]
    assert part.shape == shape
    assert part.frame_of_reference == grid.frame_of_reference
    for voxel in ((0, 0, 0), np.array(shape) - 1):
        assert np.allclose(part.to_world(voxel), grid.to_world(np.add(start, voxel)), atol=1e-6)


@given(grids(), st.integers(0, 2))
def test_a_grid_matches_itself_but_not_a_moved_or_flipped_one(grid: Grid, axis: int) -> None:
    assert grid.matches(Grid(grid.shape, grid.affine.copy()))
    moved = grid.affine.copy()
    moved[axis, 3] += 0.01 * grid.spacing.min()
    assert not grid.matches(Grid(grid.shape, moved))
    flipped = grid.affine.copy()
    flipped[:3, axis] *= -1
    flipped[:3, 3] += grid.affine[:3, axis] * (grid.shape[axis] - 1)
    assert not grid.matches(Grid(grid.shape, flipped))  # the same box, but every slice on the other side
    assert not grid.matches(Grid((grid.shape[0] + 1, *grid.shape[1:]), grid.affine))


@given(grids())
def test_corners_enclose_the_outer_voxels(grid: Grid) -> None:
    index = grid.to_index(grid.corners)
    assert np.allclose(index.min(axis=0), -0.5, atol=1e-6)
    assert np.allclose(index.max(axis=0), np.array(grid.shape) - 0.5, atol=1e-6)
    assert np.allclose(grid.corners.mean(axis=0), grid.centre, atol=1e-6)


@pytest.mark.parametrize(
    ("vector", "letters"),
    [
        ((1, 0, 0), "L"),
        ((-1, 0, 0), "R"),
        ((0, 1, 0), "P"),
        ((0, -2, 0), "A"),
        ((0, 0, 5), "H"),
        ((0, 0, -1), "F"),
        ((-0.9, 0.4, -0.1), "RPF"),
        ((0.999, 0.01, 0.02), "L"),
    ],
)
def test_letters_name_the_sides_of_the_patient(vector: tuple[float, ...], letters: str) -> None:
    assert orientation_letters(vector) == letters


@given(arrays(np.float64, 3, elements=st.floats(-1, 1)))
def test_opposite_directions_have_opposite_letters(vector: np.ndarray) -> None:
    assume(np.linalg.norm(vector) > 1e-3)
    other = orientation_letters(-vector)
    assert orientation_letters(vector).translate(str.maketrans("LRPAHF", "RLAPFH")) == other


@pytest.mark.parametrize(
    "affine", [np.zeros((4, 4)), np.diag([1, 1, 0, 1]), np.full((4, 4), np.nan), np.diag([np.inf, 1, 1, 1]), np.eye(3)]
)
def test_a_grid_without_volume_is_refused(affine: np.ndarray) -> None:
    with pytest.raises(ValueError, match="invertible"):
        Grid((2, 2, 2), affine)


@pytest.mark.parametrize("shape", [(0, 1, 1), (2, 2), (2, -1, 2)])
def test_a_grid_without_voxels_is_refused(shape: Any) -> None:
    with pytest.raises(ValueError, match="three sizes"):
        Grid(shape, np.eye(4))


def test_the_affine_cannot_be_written() -> None:
    grid = Grid.of((2, 2, 2))
    with pytest.raises(ValueError, match="read-only"):
        grid.affine[0, 0] = 2
    with pytest.raises(AttributeError):
        grid.shape = (3, 3, 3)  # type: ignore[misc]
