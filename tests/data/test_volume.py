"""Volume: physical values, and what does not fit is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from viewer.data.grid import Grid
from viewer.data.study import Source
from viewer.data.volume import Volume, Window

GRID = Grid.of((2, 3, 4), (3, 2, 1), (10, 20, 30))
stored = arrays(np.int16, (2, 3, 4))


@given(stored, st.floats(-5, 5), st.floats(-2000, 2000))
def test_values_are_stored_times_slope_plus_intercept(array: np.ndarray, slope: float, intercept: float) -> None:
    kept = array.copy()
    volume = Volume(array, GRID, slope=slope, intercept=intercept)
    expected = array.astype(np.float64) * slope + intercept
    assert volume.values().dtype == np.float32
    assert np.allclose(volume.values(), expected, rtol=1e-6, atol=0.02)
    assert volume.value_at(GRID.to_world((1, 2, 3))) == pytest.approx(expected[1, 2, 3])
    assert np.array_equal(volume.array, kept)


def test_values_are_a_copy() -> None:
    volume = Volume(np.ones((2, 3, 4), np.float32), GRID)
    volume.values()[...] = 7
    assert volume.array.max() == 1


def test_there_is_no_value_outside() -> None:
    assert Volume(np.ones((2, 3, 4)), GRID).value_at((0, 0, 0)) is None


def test_a_colour_voxel_is_three_numbers() -> None:
    array = np.zeros((2, 3, 4, 3), np.uint8)
    array[1, 0, 2] = 250, 128, 3
    volume = Volume(array, GRID)
    assert volume.color
    assert volume.value_at(GRID.to_world((1, 0, 2))) == (250, 128, 3)


def test_new_values_drop_the_old_scaling_and_keep_the_rest() -> None:
    source = Source(patient_id="7", modality="CT")
    volume = Volume(np.ones((2, 3, 4), np.int16), GRID, "CT", "HU", 2.0, -1024.0, source=source, badges=("lossy",))
    made = volume.with_values(np.full((2, 3, 4), 40.0, np.float32), name="denoised")
    assert made.value_at(GRID.to_world((0, 0, 0))) == 40
    assert (made.name, made.unit, made.modality, made.source, made.badges) == (
        "denoised",
        "HU",
        "CT",
        source,
        ("lossy",),
    )


@pytest.mark.parametrize("shape", [(3, 2, 4), (2, 3), (2, 3, 4, 3, 1)])
def test_an_array_that_does_not_fit_its_grid_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="does not fit a grid"):
        Volume(np.zeros(shape), GRID)


@given(st.floats(-3000, 3000), st.floats(0.1, 5000))
def test_a_window_lies_about_its_centre(center: float, width: float) -> None:
    window = Window(center, width)
    assert window.upper - window.lower == pytest.approx(width)
    assert (window.upper + window.lower) / 2 == pytest.approx(center, abs=1e-6)
