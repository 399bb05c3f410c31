"""Where slices lie: any direction and order, gaps, uneven spacing, tilt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tests.fixtures.dicom_indexed import SHAPE, STRAIGHT, images_of, only, stored
from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.data.grid import Grid


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    angles=st.tuples(*[st.floats(-180, 180)] * 3),
    spacing=st.tuples(*[st.floats(0.05, 20)] * 3),
    origin=st.tuples(*[st.floats(-2000, 2000)] * 3),
    seed=st.integers(0, 99),
)
def test_any_direction_comes_back(
    tmp_path_factory: pytest.TempPathFactory, angles: Any, spacing: Any, origin: Any, seed: int
) -> None:
    axes = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    grid = Grid.of((4, 3, 2), np.round(spacing, 5), np.round(origin, 4), axes, "1.2.3.3")
    array = ramp(grid.shape)
    (image,) = images_of(write_series(tmp_path_factory.mktemp("s"), array, grid), seed)
    assert image.grid.matches(grid, 0.02)
    assert image.regular
    assert not image.warnings
    assert np.linalg.det(image.grid.direction) == pytest.approx(1)
    assert (stored(image)[0] == array).all()


def test_a_stack_listed_downwards_rises_along_its_right_handed_normal(tmp_path: Path) -> None:
    """Slice k of the file order runs against row × column; the image must not become a mirror image."""
    down = Grid.of(SHAPE, (2.5, 0.7, 0.8), (0, 0, 0), np.diag([1.0, 1.0, -1.0]))
    array = ramp(SHAPE)
    image = only(write_series(tmp_path, array, down))
    assert np.linalg.det(image.grid.direction) == pytest.approx(1)
    assert (stored(image)[0] == array[::-1]).all()
    assert image.grid.to_world((6, 0, 0)) == pytest.approx([0, 0, 0])


def test_missing_slices_are_counted_and_located(tmp_path: Path) -> None:
    image = only(write_series(tmp_path, ramp(SHAPE), STRAIGHT, slices=[0, 1, 4, 5, 6]))
    assert not image.regular
    assert image.grid.shape == (5, 6, 5)
    assert image.grid.spacing[0] == pytest.approx(2.5)
    assert "2 slices are missing, between slices 2 and 3" in image.warnings[0]
    assert image.badges == ("slices missing",)
    resampling = image.plan.resampling
    assert resampling.grid.matches(STRAIGHT)
    assert resampling.positions == pytest.approx([0, 2.5, 10, 12.5, 15])
    assert resampling.bridge == pytest.approx(3.75)


def test_one_missing_slice_of_three_is_found(tmp_path: Path) -> None:
    image = only(write_series(tmp_path, ramp(SHAPE), STRAIGHT, slices=[0, 1, 3]))
    assert image.grid.spacing[0] == pytest.approx(2.5)
    assert image.warnings[0].startswith("1 slice is missing, between slices 2 and 3")


def test_uneven_spacing_is_said_with_the_median(tmp_path: Path) -> None:
    drift = [0, 0, 0, 0.7, 0.7, 2.2, 2.2]
    image = only(write_series(tmp_path, ramp(SHAPE), STRAIGHT, move=lambda k: (0, 0, drift[k])))
    assert not image.regular
    assert image.badges == ("uneven spacing",)
    assert image.grid.spacing[0] == pytest.approx(2.5)
    assert "2.5 to 4 mm apart" in image.warnings[0]
    assert image.plan.resampling.positions == pytest.approx(2.5 * np.arange(7) + drift)


def test_positions_rounded_by_the_scanner_are_even(tmp_path: Path) -> None:
    grid = Grid.of(SHAPE, (0.625, 0.7, 0.8))
    image = only(write_series(tmp_path, ramp(SHAPE), grid, move=lambda k: (0, 0, round(0.625 * k, 1) - 0.625 * k)))
    assert image.regular
    assert image.grid.spacing[0] == pytest.approx(0.625, abs=0.02)


def test_an_absurd_gap_cuts_the_stack_instead_of_filling_memory(tmp_path: Path) -> None:
    images = images_of(write_series(tmp_path, ramp(SHAPE), STRAIGHT, move=lambda k: (0, 0, 900000.0 * (k > 4))))
    assert sorted(image.grid.shape[0] for image in images) == [2, 5]
    assert all(image.regular for image in images)


def test_a_single_slice_is_as_deep_as_it_is_thick(tmp_path: Path) -> None:
    image = only(write_series(tmp_path, ramp(SHAPE), STRAIGHT, slices=[2]))
    assert image.grid.spacing[0] == 2.5
    assert image.warnings == ("A single slice: its depth of 2.5 mm is the slice thickness.",)
    assert image.regular


def test_two_close_slices_and_a_far_one_do_not_fill_memory(tmp_path: Path) -> None:
    far = [0, 0.02 - 2.5, 900000]
    images = images_of(write_series(tmp_path, ramp(SHAPE), STRAIGHT, slices=range(3), move=lambda k: (0, 0, far[k])))
    assert sorted(image.grid.shape[0] for image in images) == [1, 2]


def test_slices_scattered_in_the_plane_are_no_stack(tmp_path: Path) -> None:
    images = images_of(write_series(tmp_path, ramp(SHAPE), STRAIGHT, move=lambda k: (500000.0 * (k % 3), 0, 0)))
    assert all(image.plan.resampling is None for image in images)
    assert sum(image.grid.shape[0] for image in images) == 7
