"""No image is left out unless the same image is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fixtures.dicom_indexed import SHAPE, STRAIGHT, images_of, only, stored
from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.data.study import Image


def codes(image: Image) -> set[str]:
    return {notice.code for notice in image.notices}


def values_of(images: list[Image]) -> list[int]:
    return sorted(int(value) for image in images for value in np.unique(stored(image)))


def test_two_reconstructions_with_equal_headers_are_both_kept_and_not_mixed(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "a", np.full(SHAPE, 10, np.int16), STRAIGHT)
    paths += write_series(tmp_path / "b", np.full(SHAPE, 20, np.int16), STRAIGHT)
    image = only(paths)
    assert image.timepoints == 2
    assert [np.unique(part).tolist() for part in stored(image)] == [[10], [20]]
    assert "told-apart-by-number" in codes(image)
    assert "duplicates" not in codes(image)


@pytest.mark.parametrize("again", [{}, {"InstanceNumber": 5}, {"ContentTime": "120000"}])
def test_the_same_pixels_at_the_same_place_are_there_once(tmp_path: Path, again: dict[str, Any]) -> None:
    array = ramp(SHAPE)
    paths = write_series(tmp_path / "a", array, STRAIGHT)
    paths += write_series(tmp_path / "b", array, STRAIGHT, slices=range(2), **again)
    image = only(paths)
    assert (stored(image)[0] == array).all()
    assert codes(image) == {"duplicates"}
    assert image.warnings[0].startswith("2 duplicate slices are left out")


def test_the_same_pixels_that_mean_something_else_are_kept(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "a", ramp(SHAPE), STRAIGHT, Modality="MR", EchoTime=5)
    paths += write_series(tmp_path / "b", ramp(SHAPE), STRAIGHT, Modality="MR", EchoTime=10)
    assert only(paths).timepoints == 2


def test_one_instance_uid_for_every_slice_costs_no_slice(tmp_path: Path) -> None:
    array = ramp(SHAPE)
    image = only(write_series(tmp_path, array, STRAIGHT, SOPInstanceUID="1.2.3"))
    assert (stored(image)[0] == array).all()
    assert codes(image) == {"repeated-instance-uid"}


@pytest.mark.parametrize("time", [lambda t: {"AcquisitionTime": f"12000{t}"}, lambda t: {"InstanceNumber": t}])
def test_a_stopped_time_point_keeps_its_slices_as_an_image_of_its_own(tmp_path: Path, time: Any) -> None:
    paths: list[Path] = []
    for t, slices in enumerate((range(7), range(7), range(3))):
        array = np.full(SHAPE, 100 * (t + 1), np.int16)
        paths += write_series(tmp_path / str(t), array, STRAIGHT, Modality="MR", slices=slices, **time(t))
    images = sorted(images_of(paths), key=lambda image: -image.timepoints)
    assert [(image.timepoints, image.grid.shape[0]) for image in images] == [(2, 7), (1, 3)]
    assert [np.unique(part).tolist() for image in images for part in stored(image)] == [[100], [200], [300]]
    assert all("partial-time-points" in codes(image) for image in images)
    assert ["partial time point" in image.badges for image in images] == [False, True]
    assert images[0].key != images[1].key


@pytest.mark.parametrize("slices", [range(2, 4), range(4), range(0, 7, 3)])
def test_the_only_second_time_point_that_stopped_is_no_overlapping_stack(tmp_path: Path, slices: Any) -> None:
    paths = write_series(tmp_path / "a", ramp(SHAPE), STRAIGHT, TemporalPositionIdentifier=1)
    paths += write_series(tmp_path / "b", ramp(SHAPE) + 1, STRAIGHT, TemporalPositionIdentifier=2, slices=slices)
    images = sorted(images_of(paths), key=lambda image: -image.grid.shape[0])
    assert [image.grid.shape[0] for image in images] == [SHAPE[0], len(slices)]
    assert [codes(image) - {"uneven-spacing"} for image in images] == [{"partial-time-points"}] * 2
    assert "partial time point" in images[1].badges


def test_slices_all_at_one_place_are_shown_one_after_the_other(tmp_path: Path) -> None:
    paths = [
        path
        for n in range(4)
        for path in write_series(tmp_path / str(n), ramp((4, *SHAPE))[n], STRAIGHT, slices=[0], InstanceNumber=n)
    ]
    image = only(paths)
    assert (image.timepoints, image.grid.shape[0]) == (4, 1)
    assert "one-place" in codes(image)
    assert "one place" in image.badges


def test_no_drawn_subset_of_a_dynamic_loses_a_slice(tmp_path: Path) -> None:
    """Whatever slices are there of three time points, each is in just one image, and none of another time beside it."""
    random = np.random.default_rng(7)
    for trial in range(30):
        here = [np.flatnonzero(random.random(7) < share) for share in random.choice([0.3, 0.8, 1], 3)]
        paths: list[Path] = []
        for t, slices in enumerate(here):
            array = np.stack([np.full(SHAPE[1:], 1000 * (t + 1) + k, np.int16) for k in range(7)])
            paths += write_series(
                tmp_path / f"{trial}-{t}", array, STRAIGHT, Modality="MR", slices=slices.tolist(),
                AcquisitionTime=f"12{t:02d}00",
            )  # fmt: skip
        images = images_of(paths)
        expected = sorted(1000 * (t + 1) + int(k) for t, slices in enumerate(here) for k in slices)
        there = [stored(image)[image.plan.frames["file"] >= 0] for image in images]
        assert sorted(int(plane[0, 0]) for planes in there for plane in planes) == expected
