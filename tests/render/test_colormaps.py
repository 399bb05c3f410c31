from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from viewer.render.colormaps import COLORMAPS, colour_table


@pytest.mark.parametrize(
    ("name", "file"), [("hot iron", "hotiron"), ("PET", "pet"), ("hot metal blue", "hotmetalblue")]
)
def test_the_standard_palettes_are_those_of_dicom(name, file):
    palette = pydicom.dcmread(Path(pydicom.__file__).parent / "data" / "palettes" / f"{file}.dcm")
    data = [getattr(palette, f"{color}PaletteColorLookupTableData") for color in ("Red", "Green", "Blue")]
    standard = np.stack([np.frombuffer(part, np.uint8) for part in data], axis=1).astype(int)
    assert np.abs(colour_table(name)[:, :3] - standard).max() <= 1


@pytest.mark.parametrize("name", COLORMAPS)
def test_every_map_is_opaque_alone_and_its_inverse_is_itself_turned_round(name):
    table = colour_table(name)
    assert table.shape == (256, 4)
    assert (table[:, 3] == 255).all()
    assert (colour_table(name, inverted=True) == table[::-1]).all()


@pytest.mark.parametrize("name", ["grey", "viridis", "magma", "inferno", "cividis", "hot iron", "red"])
def test_brightness_rises(name):
    light = colour_table(name)[:, :3] @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(light) >= -1.5).all()
    assert light[-1] - light[0] > 80


def test_over_another_layer_the_low_end_is_clear_and_the_middle_of_a_difference():
    fused = colour_table("hot iron", overlay=True)[:, 3]
    assert (fused[0], fused[64], fused[255]) == (0, 255, 255)
    change = colour_table("difference", overlay=True)[:, 3]
    assert (change[0], change[255]) == (255, 255)
    assert change[127] < 10
    assert (colour_table("grey", overlay=True)[:, 3] == 255).all()


def test_no_difference_is_black_and_the_two_signs_differ():
    table = colour_table("difference").astype(int)
    assert table[127:129, :3].max() < 10
    assert table[64, 2] > table[64, 0]
    assert table[191, 0] > table[191, 2]


def test_an_unknown_name_is_grey():
    assert (colour_table("no such map") == colour_table("grey")).all()
