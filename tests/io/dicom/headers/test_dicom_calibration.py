"""What stored numbers mean: rescale against real-world maps, wherever they stand, of several ranges and units."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from tests.fixtures.dicom_indexed import SHAPE, STRAIGHT, loaded, one_sentence, only
from tests.fixtures.dicom_phantom import ramp, write_enhanced, write_series
from viewer.data.study import Image
from viewer.data.volume import slice_window

UNSIGNED = ramp(SHAPE).astype(np.uint16)


def world(slope: float | None, intercept: float = 0.0, unit: str = "ms", first: int = 0, last: int = 65535) -> Dataset:
    """An item of the Real World Value Mapping Sequence; a table where there is no slope."""
    code, item = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = unit, "UCUM", unit
    item.MeasurementUnitsCodeSequence, item.LUTLabel = Sequence([code]), "map"
    item.add_new(0x00409216, "SS" if first < 0 else "US", first)
    item.add_new(0x00409211, "SS" if first < 0 else "US", last)
    if slope is None:
        item.add_new(0x00409212, "FD", [float(n * n) for n in range(5)])
    else:
        item.RealWorldValueSlope, item.RealWorldValueIntercept = slope, intercept
    return item


def classic(folder: Path, *maps: Dataset, **attributes: Any) -> Image:
    array = attributes.pop("array", UNSIGNED)
    facts = {"Modality": "MR", "RealWorldValueMappingSequence": Sequence(maps), **attributes}
    return only(write_series(folder, array, STRAIGHT, **facts))


def said(image: Image) -> str:
    """The sentence about the maps, "" where there is none."""
    (sentence,) = [notice.sentence for notice in image.notices if notice.code == "real-world-map"] or [""]
    assert not sentence or one_sentence(sentence)
    return sentence


def test_a_map_gives_the_values_of_a_classic_series(tmp_path: Path) -> None:
    image = classic(tmp_path, world(0.5, -10))
    assert (image.plan.slope, image.plan.intercept, image.unit) == (0.5, -10, "ms")
    assert said(image) == "The values are ms by the file's real-world map."


def test_a_map_of_some_values_tells_of_which(tmp_path: Path) -> None:
    image = classic(tmp_path, world(0.5, -10, last=4095))
    assert (image.plan.slope, image.unit) == (0.5, "ms")
    assert "stored values of 0 to 4095 only" in said(image)


def test_of_several_units_the_first_is_taken_and_the_others_are_told(tmp_path: Path) -> None:
    image = classic(tmp_path, world(2, 0, "1"), world(0.5, 0, "ms"), world(3, 0, "mm2/s"))
    assert (image.plan.slope, image.unit) == (0.5, "ms")
    assert said(image).endswith("it also maps them to mm2/s.")


def test_ranges_with_one_line_are_one(tmp_path: Path) -> None:
    image = classic(tmp_path, world(0.5, -10, last=99), world(0.5, -10, first=100))
    assert (image.plan.slope, image.plan.intercept) == (0.5, -10)
    assert "only" not in said(image)


@pytest.mark.parametrize("maps", [(world(0.5, last=99), world(2, first=100)), (world(None),), (world(0.0),)])
def test_what_no_line_holds_is_not_applied_and_said(tmp_path: Path, maps: tuple[Dataset, ...]) -> None:
    image = classic(tmp_path, *maps)
    assert (image.plan.slope, image.plan.intercept, image.unit) == (1, 0, "")
    assert "not applied" in said(image)


def test_a_rescale_with_a_unit_goes_before_a_map(tmp_path: Path) -> None:
    image = classic(tmp_path, world(0.5, 0, "g/ml"), RescaleSlope=3, RescaleIntercept=1, RescaleType="HU")
    assert (image.plan.slope, image.plan.intercept, image.unit) == (3, 1, "HU")
    assert "also maps its values to g/ml" in said(image)


def test_a_map_with_a_unit_goes_before_a_rescale_without(tmp_path: Path) -> None:
    rescale = {"RescaleSlope": 2, "RescaleIntercept": 10, "RescaleType": "US"}
    image = classic(tmp_path, world(0.5, -10), **rescale, WindowCenter=110, WindowWidth=40)
    assert (image.plan.slope, image.plan.intercept, image.unit) == (0.5, -10, "ms")
    (window,) = image.plan.windows  # 110 is stored as 50; 40 are 20 stored values
    assert (window.center, window.width) == (15, 10)


def test_a_map_that_says_what_the_rescale_says_needs_no_word(tmp_path: Path) -> None:
    image = classic(tmp_path, world(2, 10, "1"), RescaleSlope=2, RescaleIntercept=10, RescaleType="US")
    assert (image.plan.slope, image.plan.intercept, said(image)) == (2, 10, "")


def test_ends_of_signed_values(tmp_path: Path) -> None:
    image = classic(tmp_path, world(0.5, first=-32768, last=32767), array=ramp(SHAPE))
    assert said(image) == "The values are ms by the file's real-world map."


@pytest.mark.parametrize("shared", [True, False])
def test_maps_of_enhanced_files(tmp_path: Path, shared: bool) -> None:
    maps = Sequence([world(2, 0, "1"), world(0.25, 0, "ms", first=-32768, last=32767)])

    def group(t: int, k: int, frame: Dataset) -> None:
        frame.RealWorldValueMappingSequence = maps

    path = write_enhanced(tmp_path / "e.dcm", ramp((1, *SHAPE)), STRAIGHT, frame=group)
    if shared:
        ds = pydicom.dcmread(path)
        for frame in ds.PerFrameFunctionalGroupsSequence:
            del frame.RealWorldValueMappingSequence
        ds.SharedFunctionalGroupsSequence[0].RealWorldValueMappingSequence = maps
        ds.save_as(path)
    image = only([path])  # its rescale of type US has no unit
    assert (image.plan.slope, image.plan.intercept, image.unit) == (0.25, 0, "ms")


@pytest.mark.parametrize("broken", [float("nan"), float("inf"), 1e38])
def test_a_damaged_map_is_not_applied(tmp_path: Path, broken: float) -> None:
    image = classic(tmp_path, world(broken))
    assert (image.plan.slope, image.unit) == (1, "")
    assert "not applied" in said(image)


@pytest.mark.parametrize("limit", [None, -1900])
def test_a_window_of_its_own_leaves_padding_and_its_range_out(tmp_path: Path, limit: int | None) -> None:
    array = np.full(SHAPE, 100, np.int16)
    array[:, :3], array[:, 3] = -2000, -1950
    facts = {"PixelPaddingValue": -2000} | ({"PixelPaddingRangeLimit": limit} if limit else {})
    paths = write_series(tmp_path, array, STRAIGHT, Modality="MR")
    for path in paths:
        ds = pydicom.dcmread(path)
        for name, value in facts.items():
            setattr(ds, name, value)
            ds[name].VR = "SS"
        ds.save_as(path)
    image = only(paths)
    lower = slice_window(loaded(image), padding=image.plan.padding_range).lower
    assert lower == pytest.approx(100 if limit else -1950)
