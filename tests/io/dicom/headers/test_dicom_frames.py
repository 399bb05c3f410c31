"""Enhanced, nuclear, dose and cine files: every frame in its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    NuclearMedicineImageStorage,
    RTDoseStorage,
    UltrasoundMultiFrameImageStorage,
)
from scipy.spatial.transform import Rotation

from tests.fixtures.dicom_indexed import SHAPE, STRAIGHT, images_of, only, stored
from tests.fixtures.dicom_phantom import AXIAL, dataset, ramp, write, write_enhanced, write_series
from viewer.data.grid import Grid


def test_an_enhanced_file_is_sorted_by_its_frames_positions_and_times(tmp_path: Path) -> None:
    axes = Rotation.from_euler("xyz", (10, 20, 30), degrees=True).as_matrix()
    grid = Grid.of(SHAPE, (2.5, 0.7, 0.8), (1, 2, 3), axes, "1.2.3.3")
    array = ramp((2, *SHAPE))

    def diffusion(t: int, k: int, frame: Dataset) -> None:
        item = Dataset()
        item.DiffusionBValue = 1000.0 * t
        frame.MRDiffusionSequence = Sequence([item])
        frame.FrameContentSequence[0].TemporalPositionIndex = 1

    for syntax in (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian):
        image = only([write_enhanced(tmp_path / "e.dcm", array, grid, syntax=syntax, frame=diffusion)])
        assert image.grid.matches(grid)
        assert image.plan.times == ("b = 0", "b = 1000")
        assert (image.plan.slope, image.plan.intercept, image.unit) == (2, -5, "")
        assert (stored(image) == array).all()


def test_phase_and_magnitude_of_an_enhanced_file_are_apart(tmp_path: Path) -> None:
    def component(t: int, k: int, frame: Dataset) -> None:
        item = Dataset()
        item.FrameType = ["ORIGINAL", "PRIMARY", "FLOW_ENCODED", "NONE"]
        item.ComplexImageComponent = ("MAGNITUDE", "PHASE")[t]
        frame.MRImageFrameTypeSequence = Sequence([item])

    images = images_of([write_enhanced(tmp_path / "e.dcm", ramp((2, *SHAPE)), STRAIGHT, frame=component)])
    assert sorted(image.name for image in images) == ["Lung, MAGNITUDE", "Lung, PHASE"]
    assert all(image.grid.shape == SHAPE and image.timepoints == 1 for image in images)


def test_an_ultrasound_clip_is_a_cine(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (5, 6, 7, 3), np.uint8)
    region = Dataset()
    region.RegionSpatialFormat, region.PhysicalUnitsXDirection, region.PhysicalUnitsYDirection = 1, 3, 3
    region.PhysicalDeltaX, region.PhysicalDeltaY = 0.03, 0.04
    ds = dataset(
        pixels,
        SOPClassUID=UltrasoundMultiFrameImageStorage,
        Modality="US",
        FrameTime=40,
        SequenceOfUltrasoundRegions=Sequence([region]),
    )
    image = only([write(tmp_path / "us.dcm", ds, pixels)])
    assert (image.grid.shape, image.timepoints, image.components, image.dtype) == ((1, 6, 7), 5, 3, "uint8")
    assert image.plan.times == ("0 s", "0.04 s", "0.08 s", "0.12 s", "0.16 s")
    assert image.grid.spacing == pytest.approx([1, 0.4, 0.3])
    assert (stored(image)[:, 0] == pixels).all()
    assert not image.badges


def test_clips_and_stills_of_one_series(tmp_path: Path) -> None:
    clip, still = ramp((4, 6, 5)), ramp((6, 5))
    sop = {"SOPClassUID": MultiFrameGrayscaleByteSecondaryCaptureImageStorage, "Modality": "OT"}
    paths = [write(tmp_path / f"c{n}.dcm", dataset(clip, **sop), clip) for n in range(2)]
    paths += [write(tmp_path / f"s{n}.dcm", dataset(still, Modality="OT", InstanceNumber=n), still) for n in range(3)]
    images = images_of(paths)
    assert sorted(image.timepoints for image in images) == [3, 4, 4]
    assert all(image.badges == ("not for measurement",) for image in images)


def test_nuclear_medicine_slices_are_spaced_along_the_normal(tmp_path: Path) -> None:
    array = ramp(SHAPE)
    detector = Dataset()
    detector.ImageOrientationPatient, detector.ImagePositionPatient = list(AXIAL), [-10, -20, 30]
    ds = dataset(
        array,
        SOPClassUID=NuclearMedicineImageStorage,
        Modality="NM",
        PixelSpacing=[4, 4],
        SliceThickness=4,
        SpacingBetweenSlices=-3.5,
        ImageType=["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"],
        SliceVector=list(range(1, 8)),
        DetectorInformationSequence=Sequence([detector]),
    )
    image = only([write(tmp_path / "nm.dcm", ds, array)])
    assert image.grid.shape == SHAPE
    assert image.grid.spacing == pytest.approx([3.5, 4, 4])
    assert image.grid.to_world((6, 0, 0)) == pytest.approx([-10, -20, 30])
    assert (stored(image)[0] == array[::-1]).all()


def test_a_dose_lies_at_its_offsets_in_gray(tmp_path: Path) -> None:
    array = ramp(SHAPE).astype(np.uint16)
    ds = dataset(
        array,
        SOPClassUID=RTDoseStorage,
        Modality="RTDOSE",
        ImageOrientationPatient=list(AXIAL),
        ImagePositionPatient=[1, 2, 3],
        PixelSpacing=[2, 2],
        DoseUnits="GY",
        DoseGridScaling=0.01,
        GridFrameOffsetVector=[3.0 * k for k in range(7)],
    )
    image = only([write(tmp_path / "dose.dcm", ds, array)])
    assert (image.unit, image.plan.slope, image.grid.shape) == ("Gy", 0.01, SHAPE)
    assert image.grid.spacing == pytest.approx([3, 2, 2])


@pytest.mark.parametrize("location", [None, lambda k: 10 - 2.5 * k])
def test_slices_without_a_position_are_a_stack_by_location_or_number_without_sides(
    tmp_path: Path, location: Callable[[int], float] | None
) -> None:
    array = ramp(SHAPE)
    absent = {"ImagePositionPatient": lambda k: [], "SpacingBetweenSlices": 2.5}
    known = {"SliceLocation": location} if location else {}
    image = only(write_series(tmp_path, array, STRAIGHT, **absent, **known))
    assert (image.grid.shape, image.timepoints, image.grid.placed) == (SHAPE, 1, False)
    assert (stored(image)[0] == array[::-1]).all()  # instance numbers and locations fall along k
    assert image.grid.spacing.tolist() == pytest.approx([2.5, 0.7, 0.8])
    codes = [notice.code for notice in image.notices]
    assert codes == ["no-position", "slice-location" if location else "instance-order"]
    assert image.badges == ("not placed",)


def test_stills_without_any_place_stay_pictures(tmp_path: Path) -> None:
    absent = {"ImagePositionPatient": lambda k: [], "SliceThickness": ""}
    image = only(write_series(tmp_path, ramp(SHAPE), STRAIGHT, **absent))
    assert (image.grid.shape, image.timepoints) == ((1, 6, 5), 7)
    assert "no position in the patient" in image.warnings[0]


@pytest.mark.parametrize("broken", [[1, 0, 0, 1, 0, 0], [0] * 6, [1, 0, 0, 0, 1], [2, 0, 0, 0, 2, 0]])
def test_a_broken_orientation_is_not_believed(tmp_path: Path, broken: list[float]) -> None:
    image = only(write_series(tmp_path, ramp(SHAPE), STRAIGHT, ImageOrientationPatient=lambda k: broken))
    assert not image.grid.placed
    assert {"no-position", "invalid-position"} <= {notice.code for notice in image.notices}


def test_frames_of_one_file_that_nothing_tells_apart_are_all_kept(tmp_path: Path) -> None:
    def alike(t: int, k: int, frame: Dataset) -> None:
        del frame.FrameContentSequence[0].TemporalPositionIndex

    image = only([write_enhanced(tmp_path / "e.dcm", ramp((3, *SHAPE)), STRAIGHT, frame=alike)])
    assert (image.timepoints, image.grid.shape) == (3, SHAPE)


def test_a_mosaic_is_a_picture_not_a_slice(tmp_path: Path) -> None:
    image = only(
        write_series(tmp_path, ramp(SHAPE), STRAIGHT, Modality="MR", ImageType=["ORIGINAL", "PRIMARY", "MOSAIC"])
    )
    assert (image.grid.shape, image.timepoints) == ((1, 6, 5), 7)
    assert "mosaic" in image.badges
