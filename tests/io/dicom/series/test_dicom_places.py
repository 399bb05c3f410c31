"""Time points are told apart before places are compared, with a tolerance that fits the spacing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fixtures.dicom_indexed import SHAPE, STRAIGHT, images_of, only, stored
from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.data.grid import Grid
from viewer.data.study import Image
from viewer.io.reader.reader import Reader, load_now


def codes(image: Image) -> set[str]:
    return {notice.code for notice in image.notices}


@pytest.mark.parametrize("step", [0.02, 0.03, 0.2, 0.3])
@pytest.mark.parametrize(
    "told",
    [
        lambda t: {"TemporalPositionIdentifier": t + 1},
        lambda t: {"EchoNumbers": t + 1},
        lambda t: {"AcquisitionTime": f"1200{t}0"},
        lambda t: {"DiffusionBValue": 500.0 * t},
    ],
)
def test_time_points_that_drift_are_one_image_and_the_size_is_said(tmp_path: Path, step: float, told: Any) -> None:
    array = ramp((3, *SHAPE))
    paths: list[Path] = []
    for t in range(3):
        paths += write_series(
            tmp_path / str(t), array[t], STRAIGHT, Modality="MR", move=lambda k, t=t: (0, 0, step * t), **told(t)
        )
    image = only(paths)
    assert (image.timepoints, image.grid.shape) == (3, SHAPE)
    assert (stored(image) == array).all()
    assert "drifting-places" in codes(image)
    assert any(f"up to {2 * step:.2g} mm" in sentence for sentence in image.warnings)
    assert image.grid.spacing[0] == pytest.approx(2.5)


def test_places_that_jitter_by_less_than_the_spacing_tells_are_one_slice(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    array = ramp((4, *SHAPE))
    paths: list[Path] = []
    for t in range(4):
        paths += write_series(
            tmp_path / str(t), array[t], STRAIGHT, InstanceNumber=lambda k, t=t: 100 * t + k,
            move=lambda k: (0, 0, random.uniform(-0.04, 0.04)),
        )  # fmt: skip
    image = only(paths)
    assert (image.timepoints, image.grid.shape) == (4, SHAPE)
    assert (stored(image) == array).all()


@pytest.mark.parametrize("turns", [2, 3, 4])
def test_slices_acquired_in_turns_are_one_stack(tmp_path: Path, turns: int) -> None:
    shape = (13, 6, 5)
    array = ramp(shape)
    image = only(
        write_series(
            tmp_path, array, Grid.of(shape, (2.5, 0.7, 0.8)), Modality="MR",
            AcquisitionNumber=lambda k: k % turns + 1, AcquisitionTime=lambda k: f"12{k % turns:02d}00",
        )
    )  # fmt: skip
    assert (image.timepoints, image.grid.shape) == (1, shape)
    assert (stored(image)[0] == array).all()
    assert not image.notices


@pytest.mark.parametrize("shift", [0.9, 1.25, 1.7])
def test_beds_that_overlap_at_other_places_are_images_of_their_own(tmp_path: Path, shift: float) -> None:
    low = write_series(tmp_path / "a", ramp(SHAPE), STRAIGHT, AcquisitionNumber=1)
    start = STRAIGHT.to_world((5 - shift / 2.5, 0, 0))
    above = Grid.of(SHAPE, STRAIGHT.spacing, start, frame_of_reference="1.2.3.3")
    images = images_of(low + write_series(tmp_path / "b", ramp(SHAPE), above, AcquisitionNumber=2))
    assert [image.grid.shape for image in images] == [SHAPE, SHAPE]
    assert all(image.regular and "overlapping-stacks" in codes(image) for image in images)


def test_signed_and_unsigned_slices_are_one_stack_with_their_values(reader: Reader, tmp_path: Path) -> None:
    signed, unsigned = np.full(SHAPE, -5, np.int16), np.full(SHAPE, 40000, np.uint16)
    paths = write_series(tmp_path / "a", signed, STRAIGHT, slices=range(0, 7, 2))
    paths += write_series(tmp_path / "b", unsigned, STRAIGHT, slices=range(1, 7, 2))
    image = only(paths)
    assert (image.grid.shape, image.dtype) == (SHAPE, "int32")
    assert codes(image) == {"several-pixel-types"}
    (volume,) = load_now(image, reader)
    assert volume.array[:, 0, 0].tolist() == [-5, 40000, -5, 40000, -5, 40000, -5]


def test_signed_and_unsigned_slices_that_no_type_holds_together_are_images_of_their_own(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "a", np.full(SHAPE, -5, np.int32), STRAIGHT, slices=range(0, 7, 2))
    paths += write_series(tmp_path / "b", np.full(SHAPE, 2**31, np.uint32), STRAIGHT, slices=range(1, 7, 2))
    images = images_of(paths)
    assert sorted((image.dtype, image.grid.shape[0]) for image in images) == [("int32", 4), ("uint32", 3)]
