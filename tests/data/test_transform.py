"""Transform: the plain formula x ↦ A·(x + u(x)), and agreement with ITK's displacement field and affine transforms."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from viewer.data.grid import Grid
from viewer.data.transform import Transform

DIRECTION = np.array([[0.8, -0.6, 0], [0.6, 0.8, 0], [0, 0, -1]])
GRID = Grid.of((5, 6, 7), (3.0, 1.5, 0.9), (-20, 30, 100), DIRECTION)
MATRIX = np.array([[0.96, -0.28, 0, 12], [0.28, 0.96, 0.05, -3], [0, 0, 1.1, 40], [0, 0, 0, 1.0]])
SIZE = np.array(GRID.shape)
# Indices from the outer face of the first voxel to that of the last, a hair left free for rounding.
within = arrays(np.float64, (9, 3), elements=st.floats(1e-6, 1 - 1e-6)).map(lambda part: part * SIZE - 0.5)
seeds = st.integers(0, 2**32 - 1)


def field_of(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 4, (*GRID.shape, 3)).astype(np.float32)


def plainly(field: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Trilinear interpolation of one point, written out; beyond the last voxel's centre its value holds."""
    index = np.clip(index, 0, SIZE - 1)
    low = np.minimum(np.floor(index).astype(int), SIZE - 2)
    total = np.zeros(3)
    for corner in product((0, 1), repeat=3):
        weight = np.prod([part if up else 1 - part for part, up in zip(index - low, corner, strict=True)])
        total += weight * field[tuple(low + corner)]
    return total


@given(seeds, within)
def test_a_point_is_displaced_then_mapped_by_the_matrix(seed: int, index: np.ndarray) -> None:
    field, world = field_of(seed), GRID.to_world(index)
    moved = Transform(MATRIX, field, GRID)(world)
    for point, at, result in zip(world, index, moved, strict=True):
        assert np.allclose(MATRIX[:3, :3] @ (point + plainly(field, at)) + MATRIX[:3, 3], result, atol=1e-4)


@settings(max_examples=30)
@given(seeds, within)
def test_itk_maps_points_alike(seed: int, index: np.ndarray) -> None:
    field, world = field_of(seed), GRID.to_world(index)
    image = sitk.GetImageFromArray(field.astype(np.float64), isVector=True)
    image.SetSpacing([float(mm) for mm in reversed(GRID.spacing)])
    image.SetOrigin([float(mm) for mm in GRID.origin])
    image.SetDirection(GRID.direction.ravel().tolist())
    affine = sitk.AffineTransform(3)
    affine.SetMatrix(MATRIX[:3, :3].ravel().tolist())
    affine.SetTranslation(MATRIX[:3, 3].tolist())
    both = sitk.CompositeTransform([affine, sitk.DisplacementFieldTransform(image)])  # the last one is applied first
    itk = [both.TransformPoint([float(mm) for mm in point]) for point in world]
    assert np.allclose(Transform(MATRIX, field, GRID)(world), itk, atol=1e-4)


@given(arrays(np.float64, (2, 4, 3), elements=st.floats(-500, 500)))
def test_without_a_field_only_the_matrix_acts(points: np.ndarray) -> None:
    moved = Transform(MATRIX)(points)
    homogeneous = np.concatenate([points, np.ones((2, 4, 1))], axis=-1)
    assert np.allclose(moved, (homogeneous @ MATRIX.T)[..., :3])


def test_the_field_ends_with_its_outermost_voxels() -> None:
    shift = Transform(np.eye(4), np.ones((*GRID.shape, 3), np.float32), GRID)
    for axis, outwards, (gap, shifted) in product(range(3), (-1, 1), ((0, 1), (0.49, 1), (0.51, 0), (3, 0))):
        index = np.array([2.0, 2.0, 2.0])
        index[axis] = -gap if outwards < 0 else SIZE[axis] - 1 + gap
        point = GRID.to_world(index)
        assert np.allclose(shift(point) - point, shifted), (axis, outwards, gap)


def test_a_field_one_voxel_thin_still_acts_in_its_plane() -> None:
    grid = Grid.of((1, 4, 4))
    field = np.zeros((1, 4, 4, 3), np.float32)
    field[..., 0] = np.arange(4)[None, None, :]
    assert np.allclose(Transform(np.eye(4), field, grid)((1.5, 2, 0)), (3, 2, 0))


def test_a_field_comes_with_its_grid() -> None:
    field = np.zeros((*GRID.shape, 3), np.float32)
    for given_field, grid in ((field, None), (None, GRID)):
        with pytest.raises(ValueError, match="come together"):
            Transform(np.eye(4), given_field, grid)
    with pytest.raises(ValueError, match="does not fit"):
        Transform(np.eye(4), field[:-1], GRID)
