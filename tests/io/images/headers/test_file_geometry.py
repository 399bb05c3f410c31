"""Sheared and left-handed axes: resampled to where the matrix of a file puts them, labels unmixed, and said."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from tests.fixtures.nifti_file import SHAPE, I, J, K, nifti
from tests.fixtures.opened_file import opened, said, written
from viewer.data.grid import Grid
from viewer.io.errors import OpenError
from viewer.io.images.headers.geometry import Placement, geometry, resample_slice
from viewer.io.images.headers.nifti_header import parse, placement
from viewer.io.images.image_files import describe_image
from viewer.io.reader.reader import Reader

SHEARED = np.array([[2, 0.6, 0, -10], [0, 3, 0, -20], [0, 0, 4, 5]])


def at_world(array: np.ndarray[Any, Any], affine: np.ndarray[Any, Any], grid: Grid, order: int) -> np.ndarray[Any, Any]:
    """What stored voxels [k, j, i], placed by `affine`, are at the voxels of `grid`; NaN outside of their centres."""
    index = np.stack(np.meshgrid(*(np.arange(n) for n in grid.shape), indexing="ij"), axis=-1)
    stored = (grid.to_world(index) - affine[:3, 3]) @ np.linalg.inv(affine[:3, :3]).T
    stored = np.moveaxis(np.round(stored, 6), -1, 0)
    found = ndimage.map_coordinates(array.astype(float), stored, order=order, mode="nearest")
    ends = np.array(array.shape)[:, None, None, None] - 1
    return np.where(((stored >= 0) & (stored <= ends)).all(axis=0), found, np.nan)


def test_a_sheared_file_is_resampled_to_where_its_matrix_puts_it(reader: Reader, tmp_path: Path) -> None:
    array = np.random.default_rng(2).normal(100, 20, SHAPE).astype(np.float32)
    data = nifti(array, datatype=16, srow=SHEARED, pixdim=[1, 2, np.hypot(3, 0.6), 4, 0, 0, 0, 0])
    image, (volume,) = opened(reader, written(tmp_path, data))
    wanted = at_world(array.T, placement(parse(data)).affine, volume.grid, 1)
    inside = np.isfinite(wanted)
    assert inside.mean() > 0.6
    np.testing.assert_allclose(volume.array[inside], wanted[inside], rtol=1e-5)
    np.testing.assert_allclose(volume.grid.axes.T @ volume.grid.axes, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(volume.grid.spacing, [4, 3, 2])
    assert not image.regular
    assert said(image) == {"sheared"}
    assert "resampled" in volume.badges
    assert "11°" in image.warnings[0]


def test_labels_of_a_sheared_file_are_never_mixed(reader: Reader, tmp_path: Path) -> None:
    array = np.zeros(SHAPE, np.int16)
    array[1:4, 1:5, 1:4], array[4:6, 1:5, 1:4] = 10, 40
    _, (volume,) = opened(reader, written(tmp_path, nifti(array, srow=SHEARED, pixdim=[1, 2, 3, 4, 0, 0, 0, 0])))
    assert set(np.unique(volume.array)) == {0, 10, 40}


@pytest.mark.parametrize("ending", [".nrrd", ".mha"])
def test_sheared_directions_of_other_files(reader: Reader, tmp_path: Path, ending: str) -> None:
    array = np.random.default_rng(3).normal(100, 20, (K, J, I)).astype(np.float32)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[1.0, 0.25, 0], [0, 2, 0.3], [0, 0, 3]])[:, ::-1]
    if ending == ".nrrd":
        fields = [
            "NRRD0005", "type: float", "dimension: 3", "space: LPS", f"sizes: {I} {J} {K}", "endian: little",
            "encoding: raw", "space directions: (1,0,0) (0.25,2,0) (0,0.3,3)", "space origin: (0,0,0)",
        ]  # fmt: skip
        data = ("\n".join(fields) + "\n\n").encode() + array.tobytes()
    else:
        lengths = np.linalg.norm(affine[:3, 2::-1], axis=0)
        matrix = (affine[:3, 2::-1] / lengths).T.ravel()
        fields = [
            "ObjectType = Image", "NDims = 3", "BinaryData = True", "BinaryDataByteOrderMSB = False",
            f"TransformMatrix = {' '.join(map(repr, matrix.tolist()))}", "Offset = 0 0 0",
            f"ElementSpacing = {' '.join(map(repr, lengths.tolist()))}", f"DimSize = {I} {J} {K}",
            "ElementType = MET_FLOAT", "ElementDataFile = LOCAL",
        ]  # fmt: skip
        data = ("\n".join(fields) + "\n").encode() + array.tobytes()
    image, (volume,) = opened(reader, written(tmp_path, data, ending))
    wanted = at_world(array, affine, volume.grid, 1)
    inside = np.isfinite(wanted)
    np.testing.assert_allclose(volume.array[inside], wanted[inside], rtol=1e-4)
    assert "sheared" in said(image)


small = st.floats(-0.5, 0.5)


@settings(max_examples=60, deadline=None)
@given(
    shears=st.tuples(small, small, small), sizes=st.tuples(*[st.floats(0.5, 4)] * 3),
    turn=st.integers(0, 10**6), flip=st.booleans(),
)  # fmt: skip
def test_any_shear_lands_on_a_regular_grid_that_holds_every_voxel(shears, sizes, turn, flip) -> None:
    rotation, _ = np.linalg.qr(np.random.default_rng(turn).normal(size=(3, 3)))
    skew = np.array([[1, shears[0], shears[1]], [0, 1, shears[2]], [0, 0, 1]])
    affine = np.eye(4)
    affine[:3, :3] = rotation @ skew * sizes * [1, 1, -1 if flip else 1]
    array = np.random.default_rng(turn).normal(size=(4, 5, 6))
    found = geometry(array.shape, Placement(affine, True))
    grid = found.grid
    np.testing.assert_allclose(grid.axes.T @ grid.axes, np.eye(3), atol=2e-3)
    corners = Grid(array.shape, affine).to_world([(k, j, i) for k in (0, 3) for j in (0, 4) for i in (0, 5)])
    index = grid.to_index(corners)
    assert (index > -1e-5).all()
    assert (index < np.array(grid.shape) - 1 + 1e-5).all()
    if found.sheared is None:
        assert grid.shape == array.shape
        return
    planes = [
        resample_slice(array[k], k, found.sheared, grid.shape[1:], np.nan, labels=False) for k in range(array.shape[0])
    ]
    wanted = at_world(array, affine, grid, 1)
    inside = np.isfinite(wanted)
    np.testing.assert_allclose(np.stack(planes)[inside], wanted[inside], atol=1e-4)


def test_left_handed_axes_are_placed_and_said(tmp_path: Path) -> None:
    image = describe_image(str(written(tmp_path, nifti(srow=np.diag([-2.0, 3, 4, 1])[:3]))))
    assert said(image) == {"left-handed"}
    np.testing.assert_allclose(image.grid.direction, np.diag([1, -1, 1]))


@pytest.mark.parametrize("entry", [1e20, 1e300])
def test_axes_that_span_no_volume_are_refused(entry: float) -> None:
    affine = np.eye(4)
    affine[:3, :3] = [[1, entry, 0], [0, 1, 0], [1, 0, 1]]
    with pytest.raises(OpenError, match=r"size or direction|sheared"):
        geometry((4, 5, 6), Placement(affine, True, ()))
