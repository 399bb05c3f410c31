from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.distance import pdist
from scipy.spatial.transform import Rotation

from viewer.compute.labels.lesions import connected_lesions, longest_diameter, measure_lesions
from viewer.compute.progress import Refusal
from viewer.data.annotations.packed_mask import mask_checksum
from viewer.data.grid import Grid

angles = st.tuples(*[st.floats(-180, 180)] * 3)
spacings = st.tuples(*[st.floats(0.5, 3.0)] * 3)


def oblique(shape: tuple[int, int, int], spacing: tuple[float, float, float], turn: tuple[float, ...]) -> Grid:
    return Grid.of(shape, spacing, (10.0, -20.0, 30.0), Rotation.from_euler("xyz", turn, degrees=True).as_matrix())


def ball(grid: Grid, radius: float) -> np.ndarray:
    index = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), -1)
    return np.linalg.norm(grid.to_world(index) - grid.centre, axis=-1) <= radius


@settings(max_examples=30)
@given(spacings, angles)
def test_a_ball_is_as_large_on_every_grid(spacing: tuple[float, float, float], turn: tuple[float, ...]) -> None:
    """Also on oblique and anisotropic ones: within a voxel's diagonal."""
    radius = 12.0
    k, j, i = (int(2 * radius / mm) + 5 for mm in spacing)
    grid = oblique((k, j, i), spacing, turn)
    (lesion,) = measure_lesions(ball(grid, radius).astype(np.uint16), grid).values()
    assert abs(lesion.diameter - 2 * radius) <= np.linalg.norm(spacing)
    assert lesion.volume == pytest.approx(4 / 3 * np.pi * radius**3, rel=0.12)
    assert np.linalg.norm(np.subtract(lesion.place, grid.centre)) <= np.linalg.norm(spacing)


@settings(max_examples=30)
@given(st.integers(0, 2**27 - 1).filter(bool), spacings, angles)
def test_the_diameter_is_the_farthest_of_all_pairs(
    bits: int, spacing: tuple[float, ...], turn: tuple[float, ...]
) -> None:
    index = np.argwhere(np.array([bits >> n & 1 for n in range(27)]).reshape(3, 3, 3))
    grid = oblique((3, 3, 3), spacing, turn)  # type: ignore[arg-type]
    ends = np.concatenate([np.eye(3), -np.eye(3)]) / 2
    every = grid.to_world((index[:, None] + ends).reshape(-1, 3))
    assert longest_diameter(index, grid) == pytest.approx(pdist(every).max())


def test_a_sheared_grid_is_measured_in_the_patient() -> None:
    affine = np.eye(4)
    affine[:3, :3] = [[0, 0.0, 1], [0, 1, 0], [1, 0.5, 0]]
    grid = Grid((1, 9, 1), affine)
    found = longest_diameter(np.array([(0, j, 0) for j in range(9)]), grid)
    assert found == pytest.approx(9 * np.hypot(1, 0.5))


def test_lesions_are_parted_and_sorted_by_size() -> None:
    mask = np.zeros((6, 8, 8), np.bool_)
    mask[0, 0, 0] = True
    mask[3:5, 3:6, 3:6] = True
    mask[1, 7, 6] = mask[2, 6, 7] = True  # touch at a corner: one lesion
    labels = connected_lesions(mask, 1)
    assert labels.dtype == np.uint16
    assert np.bincount(labels.ravel()).tolist()[1:] == [18, 2, 1]
    assert np.array_equal(labels > 0, mask)
    assert connected_lesions(mask, 2).max() == 2
    assert connected_lesions(mask, 99).max() == 0
    with pytest.raises(Refusal, match="3 lesions; more than 2"):
        connected_lesions(mask, 1, most=2)
    grid = Grid.of(mask.shape)
    found = measure_lesions(labels, grid)
    assert found[3].diameter == 1.0
    assert found[3].place == (0.0, 0.0, 0.0)
    assert found[1].checksum == mask_checksum(labels == 1)


@given(st.integers(0, 2**20 - 1))
def test_every_voxel_is_in_the_lesion_of_its_neighbours(bits: int) -> None:
    mask = np.array([bool(bits >> n & 1) for n in range(20)]).reshape(2, 2, 5)
    labels = connected_lesions(mask, 1)
    assert np.array_equal(labels > 0, mask)
    assert labels.max() == ndimage.label(mask, np.ones((3, 3, 3)))[1]


def test_progress_is_told_to_its_end() -> None:
    told: list[float] = []
    labels = np.arange(8, dtype=np.uint16).reshape(2, 2, 2)
    measure_lesions(labels, Grid.of(labels.shape), told.append)
    assert told == sorted(told)
    assert told[-1] == 1
