"""B-scans without a plane position are a stack by their lines on the reference image, and no side is claimed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import OphthalmicTomographyImageStorage

from tests.fixtures.dicom_indexed import SHAPE, images_of, loaded, one_sentence, only
from tests.fixtures.dicom_phantom import AXIAL, dataset, ramp, write

COUNT, COLUMNS = SHAPE[0], SHAPE[2]
ALONG, DEEP = 0.01, 0.004  # mm between the columns and the rows of a B-scan


def level(n: int) -> list[float]:
    """Lines along the rows of the reference image, 12.5 of its pixels apart."""
    return [100 + 12.5 * n, 40, 100 + 12.5 * n, 44]


def oct_file(
    path: Path, line: Callable[[int], list[float]] = level, *, order: Any = range(COUNT), **location: Any
) -> Path:
    """A frame for each number of `order`, with its line; a callable among the attributes is asked for each number."""
    pixels = ramp(SHAPE)[list(order)]
    ds = dataset(pixels, Modality="OPT", SOPClassUID=OphthalmicTomographyImageStorage)
    measures, shared, groups = Dataset(), Dataset(), []
    measures.PixelSpacing, measures.SliceThickness = [DEEP, ALONG], 0.02
    shared.PixelMeasuresSequence = Sequence([measures])
    for n in order:
        place, group = Dataset(), Dataset()
        place.ReferencedSOPInstanceUID, place.OphthalmicImageOrientation = "1.2.3.9", "LINEAR"
        place.ReferenceCoordinates = line(n)
        for name, value in location.items():
            setattr(place, name, value(n) if callable(value) else value)
        group.OphthalmicFrameLocationSequence = Sequence([place])
        groups.append(group)
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    ds.PerFrameFunctionalGroupsSequence = Sequence(groups)
    return write(path, ds, pixels)


def codes(image: Any) -> set[str]:
    return {notice.code for notice in image.notices}


@pytest.mark.parametrize("order", [range(COUNT), range(COUNT)[::-1], (3, 0, 6, 1, 5, 2, 4)])
def test_the_spacing_of_the_reference_places_the_scans(tmp_path: Path, order: Any) -> None:
    image = only([oct_file(tmp_path / "o.dcm", order=order, PixelSpacing=[0.02, 0.011])])
    assert (image.grid.shape, image.timepoints, image.grid.placed) == (SHAPE, 1, False)
    assert image.grid.spacing == pytest.approx([12.5 * 0.02, DEEP, ALONG])
    assert (image.badges, codes(image)) == ((), {"no-sides"})
    np.testing.assert_array_equal(loaded(image)[0], ramp(SHAPE)[::-1])  # rows × columns of a B-scan falls here


def test_an_unknown_spacing_of_the_reference_is_an_estimate_and_not_for_measurement(tmp_path: Path) -> None:
    image = only([oct_file(tmp_path / "o.dcm")])
    assert image.grid.spacing == pytest.approx([12.5 * ALONG * (COLUMNS - 1) / 4, DEEP, ALONG])
    assert image.badges == ("not for measurement",)
    assert codes(image) == {"no-sides", "b-scan-spacing"}
    assert all(one_sentence(notice.sentence) for notice in image.notices)


def test_oblique_lines_are_parallel_planes(tmp_path: Path) -> None:
    image = only([oct_file(tmp_path / "o.dcm", lambda n: [10 + 3 * n, 10 + 4 * n, 14 + 3 * n, 7 + 4 * n])])
    assert image.grid.shape == SHAPE
    assert image.grid.spacing[0] == pytest.approx(5 * ALONG * (COLUMNS - 1) / 5)
    assert "tilted" not in codes(image)


def test_scans_of_one_line_are_time_points(tmp_path: Path) -> None:
    image = only([oct_file(tmp_path / "o.dcm", lambda n: level(0))])
    assert (image.grid.shape[0], image.timepoints) == (1, COUNT)


@pytest.mark.parametrize(
    "change",
    [
        {"OphthalmicImageOrientation": "NONLINEAR"},
        {"ReferencedSOPInstanceUID": lambda n: f"1.2.3.{n}"},
        {"line": lambda n: [100, 100, 100 + 10 * n, 140]},  # radial
        {"line": lambda n: [100.0, 40, 100, 40]},  # no line
        {"line": lambda n: level(n) if n else [float("nan")] * 4},
        {"line": lambda n: level(n) + ([1, 2] if n == 3 else [])},
    ],
)
def test_what_makes_no_stack_stays_frames_without_a_place(tmp_path: Path, change: dict[str, Any]) -> None:
    (image,) = images_of([oct_file(tmp_path / "o.dcm", **change)])
    assert (image.grid.shape[0], image.timepoints, image.grid.placed) == (1, COUNT, False)
    assert not codes(image) & {"b-scan-spacing", "no-sides"}


def test_a_place_in_the_patient_goes_before_the_line(tmp_path: Path) -> None:
    path = oct_file(tmp_path / "o.dcm")
    ds = pydicom.dcmread(path)
    for n, group in enumerate(ds.PerFrameFunctionalGroupsSequence):
        position, orientation = Dataset(), Dataset()
        position.ImagePositionPatient, orientation.ImageOrientationPatient = [0.0, 0.0, 0.1 * n], list(AXIAL)
        group.PlanePositionSequence, group.PlaneOrientationSequence = Sequence([position]), Sequence([orientation])
    ds.save_as(path)
    image = only([path])
    assert image.grid.placed
    assert image.grid.spacing[0] == pytest.approx(0.1)
    assert not codes(image) & {"b-scan-spacing", "no-sides"}
