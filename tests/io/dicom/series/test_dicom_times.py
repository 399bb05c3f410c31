"""Frames at the same place become time points, named by what makes them differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fixtures.dicom_indexed import SHAPE, STRAIGHT, images_of, only, stored
from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.data.grid import Grid


@pytest.mark.parametrize(
    ("keyword", "values", "words"),
    [
        ("EchoNumbers", [1, 2, 3], ("echo 1", "echo 2", "echo 3")),
        ("EchoTime", [4.5, 9, 20], ("TE 4.5 ms", "TE 9 ms", "TE 20 ms")),
        ("DiffusionBValue", [0.0, 500.0, 1000.0], ("b = 0", "b = 500", "b = 1000")),
        ("TriggerTime", [0, 35.5, 71], ("trigger 0 ms", "trigger 35.5 ms", "trigger 71 ms")),
        ("InversionTime", [100, 200, 300], ("TI 100 ms", "TI 200 ms", "TI 300 ms")),
        ("AcquisitionNumber", [1, 2, 3], ("acquisition 1", "acquisition 2", "acquisition 3")),
        ("AcquisitionTime", ["101500", "101512.5", "101525"], ("0 s", "12.5 s", "25 s")),
        ("FrameReferenceTime", [1000, 3000, 9000], ("0 s", "2 s", "8 s")),
        ("TemporalPositionIdentifier", [1, 2, 3], ("frame 1", "frame 2", "frame 3")),
    ],
)
def test_repeated_places_become_time_points_in_words(
    tmp_path: Path, keyword: str, values: list[Any], words: tuple[str, ...]
) -> None:
    array = ramp((3, *SHAPE))
    paths: list[Path] = []
    for t, value in enumerate(values):
        paths += write_series(tmp_path / str(t), array[t], STRAIGHT, Modality="MR", **{keyword: value})
    image = only(paths)
    assert (image.timepoints, image.plan.times) == (3, words)
    assert (stored(image) == array).all()
    assert "multi-phase: 3 time points" in " ".join(image.warnings)


def test_two_causes_at_once_are_both_named(tmp_path: Path) -> None:
    array = ramp((2, 2, *SHAPE))
    paths: list[Path] = []
    for b, e in np.ndindex(2, 2):
        paths += write_series(
            tmp_path / f"{b}{e}", array[b, e], STRAIGHT, Modality="MR", EchoNumbers=e + 1, DiffusionBValue=1000.0 * b
        )
    image = only(paths)
    assert image.plan.times == ("echo 1, b = 0", "echo 1, b = 1000", "echo 2, b = 0", "echo 2, b = 1000")
    assert (stored(image) == array.transpose(1, 0, 2, 3, 4).reshape(4, *SHAPE)).all()


def test_diffusion_directions_of_one_b_value_are_numbered(tmp_path: Path) -> None:
    paths: list[Path] = []
    for n, direction in enumerate(([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0])):
        paths += write_series(
            tmp_path / str(n),
            ramp(SHAPE),
            STRAIGHT,
            Modality="MR",
            DiffusionBValue=800.0,
            DiffusionGradientOrientation=direction,
        )
    paths += write_series(tmp_path / "0b", ramp(SHAPE), STRAIGHT, Modality="MR", DiffusionBValue=0.0)
    times = only(paths).plan.times
    assert times == ("b = 0", "b = 800, direction 1", "b = 800, direction 2", "b = 800, direction 3")


def test_trigger_times_that_differ_from_slice_to_slice_are_ranked(tmp_path: Path) -> None:
    array = ramp((4, *SHAPE))
    paths: list[Path] = []
    for t in range(4):
        paths += write_series(
            tmp_path / str(t),
            array[t],
            STRAIGHT,
            Modality="MR",
            InstanceNumber=lambda k: 9 * k,
            TriggerTime=lambda k, t=t: 40 * t + k / 10,
        )
    image = only(paths)
    assert image.timepoints == 4
    assert (stored(image) == array).all()


def test_time_points_told_by_the_instance_number_alone(tmp_path: Path) -> None:
    array = ramp((3, *SHAPE))
    paths: list[Path] = []
    for t in range(3):
        paths += write_series(tmp_path / str(t), array[t], STRAIGHT, InstanceNumber=lambda k, t=t: 7 * t + k)
    image = only(paths)
    assert image.plan.times == ("frame 1", "frame 2", "frame 3")
    assert (stored(image) == array).all()


def test_a_slice_missing_at_one_time_stays_empty(tmp_path: Path) -> None:
    paths = [
        p
        for t in range(3)
        for p in write_series(tmp_path / str(t), ramp(SHAPE), STRAIGHT, TemporalPositionIdentifier=t + 1)
    ]
    image = only(paths[:-1])
    assert image.plan.frames.shape == (3, 7)
    assert image.plan.frames["file"][2].tolist().count(-1) == 1
    assert any("1 of 21 slices are not there" in word for word in image.warnings)


def test_acquisitions_that_only_overlap_are_images_of_their_own(tmp_path: Path) -> None:
    low = write_series(tmp_path / "a", ramp(SHAPE), STRAIGHT, AcquisitionNumber=1)
    high = write_series(
        tmp_path / "b",
        ramp(SHAPE),
        Grid.of(SHAPE, (2.5, 0.7, 0.8), STRAIGHT.to_world((5, 0, 0)), frame_of_reference="1.2.3.3"),
        AcquisitionNumber=2,
    )
    images = images_of(low + high)
    assert [image.grid.shape for image in images] == [SHAPE, SHAPE]
    assert sorted(image.name for image in images) == ["Lung, acquisition 1", "Lung, acquisition 2"]
