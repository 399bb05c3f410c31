"""Windows by modality."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.study import Source
from viewer.data.volume import Volume
from viewer.tools.window_presets import FILE, presets

MODALITIES = [name for name in json.loads(FILE.read_text(encoding="utf-8")) if name != "*"]


def _volume(modality: str, array: np.ndarray, unit: str = "") -> Volume:
    return Volume(array, Grid(array.shape[:3], np.eye(4)), unit=unit, source=Source(modality=modality))


def _named(volume: Volume, name: str):
    return next(preset for preset in presets(volume) if preset.name == name).window(volume)


@pytest.mark.parametrize(
    ("name", "center", "width"),
    [("Brain", 40, 80), ("Lung", -600, 1500), ("Bone", 400, 1800), ("Abdomen", 40, 400), ("Mediastinum", 50, 350),
     ("Liver", 90, 150), ("Stroke", 40, 40)],
)  # fmt: skip
def test_windows_of_ct_are_the_usual_ones(name, center, width):
    window = _named(_volume("CT", np.zeros((2, 2, 2), np.int16), "HU"), name)
    assert (window.center, window.width, window.name) == (center, width, name)


@pytest.mark.parametrize("modality", [*MODALITIES, "XX"])
def test_every_modality_has_at_most_nine_with_names_of_their_own(modality):
    names = [preset.name for preset in presets(_volume(modality, np.zeros((2, 2, 2), np.int16)))]
    assert 1 <= len(names) <= 9
    assert len(set(names)) == len(names)


def test_percentiles_are_in_the_unit_of_the_image():
    volume = replace(_volume("MR", np.arange(1000, dtype=np.int16).reshape(10, 10, 10)), slope=2.0, intercept=5.0)
    window = _named(volume, "Auto")
    assert window.lower == pytest.approx(2 * 9.99 + 5, abs=0.1)
    assert window.upper == pytest.approx(2 * 989.01 + 5, abs=0.1)


def test_full_range_holds_a_single_bright_voxel_of_a_large_image():
    array = np.zeros((100, 100, 100), np.int16)
    array[37, 11, 93] = 3000
    window = _named(_volume("MR", array), "Full range")
    assert (window.lower, window.upper) == (0, 3000)


def test_suv_windows_need_suv():
    pixels = np.ones((2, 2, 2), np.float32)
    assert not any("SUV" in preset.name for preset in presets(_volume("PT", pixels, "Bq/ml")))
    assert presets(_volume("PT", pixels, "SUVbw g/ml"))[0].name == "SUV 0–5"


def test_a_constant_or_empty_image_has_a_window_with_a_width():
    for array in (np.full((4, 4, 4), 7, np.int16), np.full((4, 4, 4), np.nan, np.float32)):
        assert all(preset.window(_volume("MR", array)).width > 0 for preset in presets(_volume("MR", array)))


def test_colour_has_no_windows():
    assert presets(_volume("US", np.zeros((1, 4, 4, 3), np.uint8))) == ()
