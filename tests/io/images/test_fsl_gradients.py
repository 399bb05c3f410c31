"""Gradients beside a saved NIfTI file, and what becomes of them when an image is moved."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tests.fixtures.dicom_indexed import SHAPE, STRAIGHT
from tests.fixtures.dicom_phantom import ramp
from viewer.compute.images.resample import resample
from viewer.data.grid import Grid
from viewer.data.transform import Transform
from viewer.data.volume import Diffusion, Volume
from viewer.io.errors import SaveError
from viewer.io.images.fsl_gradients import fsl_axes
from viewer.io.images.save import save_image

G = (0.36, -0.48, 0.8)


def weighted(direction: np.ndarray | None = None) -> list[Volume]:
    grid = Grid.of(SHAPE, (2.5, 0.7, 0.8), (1, 2, 3), np.eye(3) if direction is None else direction)
    told = [Diffusion(0), Diffusion(1000, G), Diffusion(1500)]
    return [Volume(ramp(SHAPE) + np.int16(n), grid, "dwi", diffusion=one) for n, one in enumerate(told)]


def test_nifti_has_the_gradients_beside_it_as_fsl_reads_them(tmp_path: Path) -> None:
    saved = save_image(weighted(), tmp_path / "dwi.nii.gz", "nifti")
    assert saved.paths[2:] == (str(tmp_path / "dwi.bval"), str(tmp_path / "dwi.bvec"))
    assert (tmp_path / "dwi.bval").read_text() == "0 1000 1500\n"
    assert (tmp_path / "dwi.bvec").read_text() == "0 -0.36 0\n0 -0.48 0\n0 0.8 0\n"  # right-handed: x is turned over


def test_gradients_follow_the_axes_of_the_image(tmp_path: Path) -> None:
    turned = Rotation.from_euler("xyz", (30, 50, 70), degrees=True).as_matrix() * (1, 1, -1)
    save_image(weighted(turned), tmp_path / "dwi.nii", "nifti")
    vectors = np.loadtxt(tmp_path / "dwi.bvec")
    assert turned @ vectors[:, 1] == pytest.approx(G, abs=1e-5)  # left-handed: as they are


@given(st.lists(st.floats(-180, 180), min_size=3, max_size=3), st.booleans())
def test_fsl_axes_are_always_left_handed(angles: list[float], mirrored: bool) -> None:
    axes = Rotation.from_euler("xyz", angles, degrees=True).as_matrix() * ((1, 1, -1) if mirrored else (1, 1, 1))
    assert np.linalg.det(fsl_axes(Grid.of((2, 3, 4), direction=axes))) == pytest.approx(-1)


def test_gradients_are_not_overwritten_unasked(tmp_path: Path) -> None:
    (tmp_path / "dwi.bvec").write_text("mine")
    with pytest.raises(SaveError, match=r"dwi\.bvec is already there"):
        save_image(weighted(), tmp_path / "dwi.nii.gz", "nifti")
    assert (tmp_path / "dwi.bvec").read_text() == "mine"


def test_other_images_have_no_gradients_beside_them(tmp_path: Path) -> None:
    save_image([Volume(ramp(SHAPE), STRAIGHT)], tmp_path / "ct.nii.gz", "nifti")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ct.json", "ct.nii.gz"]


def test_gradients_turn_with_an_image_that_is_moved() -> None:
    turn = Rotation.from_euler("xyz", (10, 20, 30), degrees=True).as_matrix()
    matrix = np.eye(4)
    matrix[:3, :3] = turn * 1.1
    _, volume, _ = weighted()
    moved = resample(volume, volume.grid, Transform(matrix)).diffusion
    assert moved == (1000, pytest.approx(turn.T @ G))
    assert resample(volume, volume.grid).diffusion == volume.diffusion
    field = np.zeros((*SHAPE, 3), np.float32)
    assert resample(volume, volume.grid, Transform(matrix, field, volume.grid)).diffusion == (1000, None)
