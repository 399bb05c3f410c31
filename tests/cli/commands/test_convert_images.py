"""`convert` of images: what they hold, where they lie, and which time points are written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK as sitk

from tests.cli.test_command_line import printed, refused, series, write
from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.cli.commands.convert import convert
from viewer.cli.exit_codes import BadInput, JobFailed
from viewer.data.grid import Grid
from viewer.io.images.image_files import describe_image
from viewer.io.segmentations.segmentation_file import read_segmentation

SHAPE = (3, 4, 5)
GRID = Grid.of(SHAPE, (2, 0.7, 0.5), (-12.5, 30, 7))
TIMES = [ramp(SHAPE) + np.int16(1000 * n) for n in range(3)]


@pytest.fixture
def times(tmp_path: Path) -> str:
    return str(series(tmp_path / "times.nii.gz", *TIMES))


def values(document: dict[str, Any]) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = sitk.GetArrayFromImage(sitk.ReadImage(document["path"]))
    return found


def test_a_series_without_a_position_has_no_sides(tmp_path: Path) -> None:
    write_series(tmp_path / "us", ramp(SHAPE), GRID, ImagePositionPatient="", ImageOrientationPatient="")
    document = convert(str(tmp_path / "us"), str(tmp_path / "a.mha"))
    image = describe_image(document["path"])
    assert not image.grid.placed
    assert [notice.code for notice in image.notices] == ["no-orientation"]
    assert np.array_equal(values(document)[::-1], ramp(SHAPE))  # by instance number


def test_a_series_keeps_its_place_and_values(tmp_path: Path) -> None:
    write_series(tmp_path / "ct", ramp(SHAPE), GRID)
    document = convert(str(tmp_path / "ct"), str(tmp_path / "a.mha"))
    assert (document["shape"], document["segments"], document["timepoints"]) == (list(SHAPE), [], 1)
    assert describe_image(document["path"]).grid.matches(replace(GRID, frame_of_reference=""))
    assert np.array_equal(values(document), ramp(SHAPE))


def test_all_time_points_become_one_file_or_one_series(tmp_path: Path, times: str) -> None:
    document = convert(times, str(tmp_path / "all.mha"))
    assert (document["timepoints"], document["timepoint"]) == (3, None)
    assert np.array_equal(values(document), TIMES)
    assert convert(times, str(tmp_path / "series"))["timepoints"] == 3
    assert len(list((tmp_path / "series").glob("*.dcm"))) == 9


def test_the_time_point_that_is_asked_for(capsys: pytest.CaptureFixture[str], tmp_path: Path, times: str) -> None:
    document = printed(capsys, "convert", times, tmp_path / "one.nrrd", "--time", "2", "--json")
    assert (document["timepoints"], document["timepoint"]) == (1, 2)
    assert np.array_equal(values(document), TIMES[1])
    said = refused(capsys, "convert", times, tmp_path / "two.nrrd", "--time", "4", code=3)
    assert "3 time points, so --time 4 names none" in said
    assert not (tmp_path / "two.nrrd").exists()


def test_segments_are_of_one_time_point_which_is_asked_for(tmp_path: Path) -> None:
    maps = np.zeros((2, *SHAPE), np.uint8)
    maps[0, 1, 1:3, 1:4], maps[1, 2, 1:3, 1:4] = 1, 2
    source = str(series(tmp_path / "labels.nrrd", *maps))
    with pytest.raises(BadInput, match="2 time points: say which label map is meant by --time"):
        convert(source, str(tmp_path / "a.seg.nrrd"))
    document = convert(source, str(tmp_path / "a.seg.nrrd"), time=2)
    assert [one["label"] for one in document["segments"]] == [2]
    assert np.array_equal(read_segmentation(tmp_path / "a.seg.nrrd").array > 0, maps[1] > 0)


def test_a_label_image_keeps_its_segments(tmp_path: Path) -> None:
    array = np.zeros((6, 6, 6), np.uint8)
    array[1:4, 1:4, 1:5] = 7
    source = write(tmp_path / "a.nii.gz", array)
    (tmp_path / "a.json").write_text('{"labels": [{"value": 7, "name": "liver"}]}')
    document = convert(str(source), str(tmp_path / "b.mha"))
    assert [(one["label"], one["name"]) for one in document["segments"]] == [(7, "liver")]
    assert np.array_equal(values(document), array)


def test_a_name_that_stands_for_no_format_is_said(tmp_path: Path, times: str) -> None:
    with pytest.raises(JobFailed, match=r"must end in one of .*\.nii\.gz"):
        convert(times, str(tmp_path / "a.png"))
