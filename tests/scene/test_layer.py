"""Layer: the marks that a view must carry, the first window, and silence when nothing changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.volume import Volume, Window, automatic_window
from viewer.scene.layer import MARKS, Review, VolumeLayer, difference_layer, exported, volume_layer

Make = Callable[..., VolumeLayer]
GRID = Grid.of((3, 20, 20))


def result(learned: bool, review: Review, badges: tuple[str, ...] = ()) -> VolumeLayer:
    provenance = Provenance("denoise", "1", "0.1", learned=learned)
    volume = Volume(np.zeros((3, 20, 20)), GRID, "denoised", badges=badges, provenance=provenance)
    return volume_layer((volume,), review=review)


@pytest.mark.parametrize("review", ["unreviewed", "accepted", "rejected"])
def test_what_a_model_made_is_marked_whatever_its_review(review: Review) -> None:
    learned, classical = result(True, review, ("lossy",)), result(False, review, ("lossy",))
    assert learned.badges[0].startswith("AI")
    assert classical.badges[0].startswith("processed")
    assert learned.badges[1:] == classical.badges[1:] == ("lossy",)


def test_every_review_state_of_a_result_has_its_own_mark() -> None:
    assert len(set(MARKS.values())) == len(MARKS) == 6


def test_a_source_image_carries_no_mark_but_its_own() -> None:
    plain = volume_layer((Volume(np.zeros((3, 20, 20)), GRID, badges=("slices missing",)),))
    assert plain.badges == ("slices missing",)


def test_marks_and_name_go_into_the_export() -> None:
    layer = result(True, "accepted")
    layer.name = "another name"
    (saved,) = exported(layer)
    assert saved.name == "another name"
    assert saved.badges == layer.badges
    assert saved.array is layer.volumes[0].array


finite = arrays(np.int16, (3, 20, 20), elements=st.integers(-1024, 3071))


@given(finite, st.sampled_from([1.0, 0.5, -2.0]), st.floats(-100, 100))
def test_the_automatic_window_holds_the_middle_slice(array: np.ndarray, slope: float, intercept: float) -> None:
    window = automatic_window(Volume(array, GRID, slope=slope, intercept=intercept))
    values = array[1] * slope + intercept
    inside = (values >= window.lower - 1e-3) & (values <= window.upper + 1e-3)
    assert window.width > 0
    assert inside.mean() >= 0.97
    assert window.upper <= values.max() + 1e-3
    assert window.lower >= values.min() - 1e-3 or np.ptp(values) == 0


@pytest.mark.parametrize("filling", [np.nan, np.inf, 0.0, -7.0])
def test_there_is_a_window_even_where_there_is_nothing_to_see(filling: float) -> None:
    window = automatic_window(Volume(np.full((3, 20, 20), filling, np.float32), GRID))
    assert np.isfinite([window.center, window.width]).all()
    assert window.width > 0


def test_holes_in_the_values_do_not_move_the_window() -> None:
    array = np.random.default_rng(0).normal(50, 10, (3, 20, 20)).astype(np.float32)
    whole = automatic_window(Volume(array.copy(), GRID))
    array[1, :3] = np.nan
    holed = automatic_window(Volume(array, GRID))
    assert holed.center == pytest.approx(whole.center, abs=3)


def test_the_first_window_of_the_file_is_used() -> None:
    lung = Window(-600, 1500, "lung")
    volume = Volume(np.zeros((3, 20, 20), np.int16), GRID, windows=(lung, Window(40, 400)))
    assert volume_layer((volume,)).window == lung
    assert volume_layer((replace(volume, windows=()),)).window.name == "auto"


@given(finite)
def test_a_difference_is_windowed_evenly_about_zero_and_hidden(array: np.ndarray) -> None:
    layer = difference_layer(Volume(array.astype(np.float32), GRID, "difference"))
    assert layer.window.lower == -layer.window.upper
    assert layer.window.width > 0
    assert not layer.visible
    assert layer.review == "unreviewed"


def test_a_layer_of_several_time_points_shows_its_last_one_beyond_its_end() -> None:
    volumes = tuple(Volume(np.zeros((3, 20, 20), np.uint8), GRID, time=str(t)) for t in range(3))
    layer = volume_layer(volumes)
    assert [layer.volume(t).time for t in (0, 2, 9)] == ["0", "2", "2"]
    assert layer.bytes == 3 * 3 * 20 * 20
    touched: list[Any] = []
    layer.touched.connect(lambda timepoint, box: touched.append((timepoint, volumes[timepoint].array[box].shape)))
    layer.touch()
    assert touched == [(t, (3, 20, 20)) for t in range(3)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "x"),
        ("visible", False),
        ("opacity", 0.3),
        ("review", "accepted"),
        ("window", Window(1, 2)),
        ("loaded", 0.5),
    ],
)
def test_a_change_is_told_once_and_an_equal_value_not_at_all(layer: Make, field: str, value: Any) -> None:
    one, heard = layer(), []
    getattr(one.events, field).connect(heard.append)
    setattr(one, field, value)
    setattr(one, field, value)
    assert heard == [value]


def test_layers_are_told_apart_though_they_look_alike(layer: Make) -> None:
    one, other = layer(), layer()
    assert one != other
    assert one.id != other.id
