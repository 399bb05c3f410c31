"""Volume: physical values, and what does not fit is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from viewer.data.grid import Grid
from viewer.data.study import Source
from viewer.data.volume import Volume, Window, slice_window

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


def test_a_window_leaves_padding_out() -> None:
    stored = np.random.default_rng(0).normal(100, 10, (40, 40)).astype(np.int16)
    sound = slice_window(stored, 2.0, -5.0)
    stored[:20] = -2000
    stored[20:24] = -1950
    assert slice_window(stored, 2.0, -5.0).lower < -3900
    padded = slice_window(stored, 2.0, -5.0, (-2000, -1950))
    assert padded.center == pytest.approx(sound.center, abs=10)
    assert padded.lower > 0


def test_a_window_of_a_large_slice_is_that_of_a_part_of_it() -> None:
    stored = np.random.default_rng(0).normal(100, 10, (2000, 2000)).astype(np.float32)
    low, high = np.percentile(stored, (1, 99))
    window = slice_window(stored)
    assert [window.lower, window.upper] == pytest.approx([low, high], abs=0.5)


def test_a_falling_slope_gives_a_window_all_the_same() -> None:
    window = slice_window(np.arange(100, dtype=np.int16).reshape(10, 10), -2.0, 5.0)
    assert window.lower < window.upper <= 5


def test_what_is_seldom_is_in_the_window_of_an_empty_slice() -> None:
    stored = np.zeros((600, 600), np.int16)
    stored[1, 1] = 50
    assert (slice_window(stored).lower, slice_window(stored).upper) == (0, 50)
    assert slice_window(stored, padding=(0, 50)).width > 0


def test_the_default_window_is_the_first_that_there_is() -> None:
    own = Window(40, 400)
    volume = Volume(np.zeros((2, 3, 4), np.int16), Grid.of((2, 3, 4)), windows=(own, Window(1, 2)))
    assert volume.default_window is own
    assert replace(volume, windows=()).default_window.name == "auto"
