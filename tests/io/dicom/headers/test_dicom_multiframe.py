"""Multi-frame files of every kind are placed by their own attributes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    UID,
    BreastTomosynthesisImageStorage,
    EnhancedUSVolumeStorage,
    OphthalmicTomographyImageStorage,
    RTDoseStorage,
    XRay3DAngiographicImageStorage,
    XRay3DCraniofacialImageStorage,
)
from scipy.spatial.transform import Rotation

from tests.fixtures.dicom_indexed import SHAPE, STRAIGHT, images_of, loaded, one_sentence, only
from tests.fixtures.dicom_phantom import AXIAL, dataset, ramp, write, write_enhanced
from viewer.data.grid import Grid
from viewer.io.reader.load_plan import loaded_grid

TILTED = Grid.of(
    SHAPE, (2.5, 0.7, 0.8), (1, 2, 3), Rotation.from_euler("xyz", (10, 20, 30), degrees=True).as_matrix(), "1.2.3.3"
)


def ultrasound_volume(path: Path, grid: Grid, *, patient: bool = False) -> Path:
    """Frames in reversed order, placed against the transducer, and in a patient besides where asked for."""
    order = range(SHAPE[0])[::-1]
    pixels = ramp(SHAPE)[list(order)]
    ds = dataset(pixels, Modality="US", SOPClassUID=EnhancedUSVolumeStorage)
    measures, orientation, shared = Dataset(), Dataset(), Dataset()
    measures.PixelSpacing = [float(x) for x in grid.spacing[1:]]
    orientation.ImageOrientationVolume = [float(x) for x in grid.direction[:, :2].T.ravel()]
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PlaneOrientationVolumeSequence = Sequence([orientation])
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    groups = []
    for k in order:
        place, group = Dataset(), Dataset()
        place.ImagePositionVolume = [float(x) for x in grid.to_world((k, 0, 0))]
        group.PlanePositionVolumeSequence = Sequence([place])
        if patient:
            there = Dataset()
            there.ImagePositionPatient = [0.0, 0.0, 2.0 * k]
            there.ImageOrientationPatient = list(AXIAL)
            group.PlanePositionSequence = Sequence([there])
        groups.append(group)
    ds.PerFrameFunctionalGroupsSequence = Sequence(groups)
    return write(path, ds, pixels)


@pytest.mark.parametrize("grid", [STRAIGHT, TILTED])
def test_an_ultrasound_volume_is_placed_against_its_transducer(tmp_path: Path, grid: Grid) -> None:
    image = only([ultrasound_volume(tmp_path / "us.dcm", grid)])
    assert (image.grid.shape, image.timepoints, image.badges) == (SHAPE, 1, ())
    np.testing.assert_allclose(image.grid.affine, grid.affine, atol=1e-6)
    assert not image.grid.placed
    assert [notice.code for notice in image.notices] == ["no-sides"]
    np.testing.assert_array_equal(loaded(image)[0], ramp(SHAPE))


def test_a_place_in_the_patient_goes_before_one_against_the_transducer(tmp_path: Path) -> None:
    image = only([ultrasound_volume(tmp_path / "us.dcm", TILTED, patient=True)])
    assert image.grid.placed
    assert image.grid.spacing == pytest.approx([2, 0.7, 0.8])
    np.testing.assert_array_equal(loaded(image)[0], ramp(SHAPE))


@pytest.mark.parametrize(
    ("sop_class", "modality"),
    [
        (BreastTomosynthesisImageStorage, "MG"),
        (XRay3DAngiographicImageStorage, "XA"),
        (XRay3DCraniofacialImageStorage, "DX"),
        (OphthalmicTomographyImageStorage, "OPT"),
    ],
)
def test_reconstructions_with_functional_groups_are_volumes(tmp_path: Path, sop_class: UID, modality: str) -> None:
    path = write_enhanced(tmp_path / "e.dcm", ramp((1, *SHAPE)), TILTED)
    ds = pydicom.dcmread(path)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = sop_class
    ds.Modality = modality
    ds.save_as(path)
    image = only([path])
    assert image.grid.matches(TILTED)
    assert image.grid.placed
    assert not image.badges
    np.testing.assert_array_equal(loaded(image)[0], ramp(SHAPE))


def test_the_parts_of_a_concatenation_go_on_where_the_one_before_ended(tmp_path: Path) -> None:
    """Nothing but the order of the frames tells their time points."""

    def alike(t: int, k: int, frame: Dataset) -> None:
        del frame.FrameContentSequence[0].TemporalPositionIndex

    array = ramp((2, *SHAPE))
    whole = pydicom.dcmread(write_enhanced(tmp_path / "whole.dcm", array, STRAIGHT, frame=alike))
    frames, groups = whole.pixel_array, list(whole.PerFrameFunctionalGroupsSequence)
    paths = []
    for n, part in enumerate((slice(0, 9), slice(9, 14))):
        whole.PerFrameFunctionalGroupsSequence = Sequence(groups[part])
        whole.NumberOfFrames, whole.ConcatenationFrameOffsetNumber = len(groups[part]), part.start
        whole.SOPInstanceUID = f"1.2.3.{40 - n}"
        paths.append(write(tmp_path / f"{1 - n}.dcm", whole, frames[part]))
    image = only(paths)
    assert (image.timepoints, image.grid.shape) == (2, SHAPE)
    np.testing.assert_array_equal(loaded(image), array[::-1])  # frames stand in reverse order


@pytest.mark.parametrize(
    ("sequence", "keyword", "value", "label"),
    [
        ("MRModifierSequence", "InversionTimes", [120.0, 900.0], "TI {:g} ms"),
        ("FrameContentSequence", "FrameAcquisitionNumber", [3, 7], "acquisition {:g}"),
    ],
)
def test_what_tells_time_points_in_functional_groups(
    tmp_path: Path, sequence: str, keyword: str, value: list[float], label: str
) -> None:
    def told(t: int, k: int, frame: Dataset) -> None:
        del frame.FrameContentSequence[0].TemporalPositionIndex
        if sequence not in frame:
            setattr(frame, sequence, Sequence([Dataset()]))
        setattr(frame[sequence].value[0], keyword, value[t])

    image = only([write_enhanced(tmp_path / "e.dcm", ramp((2, *SHAPE)), STRAIGHT, frame=told)])
    assert image.plan.times == tuple(label.format(one) for one in value)


def dose(path: Path, offsets: list[float], orientation: tuple[float, ...] = AXIAL, z: float = 3.0) -> Path:
    array = ramp((len(offsets), 6, 5)).astype(np.uint16)
    ds = dataset(
        array,
        SOPClassUID=RTDoseStorage,
        Modality="RTDOSE",
        ImageOrientationPatient=list(orientation),
        ImagePositionPatient=[1, 2, z],
        PixelSpacing=[2, 2],
        DoseUnits="GY",
        DoseGridScaling=0.01,
        GridFrameOffsetVector=offsets,
    )
    return write(path, ds, array)


HEAD_DOWN = (1, 0, 0, 0, -1, 0)  # rows × columns points to the feet


@pytest.mark.parametrize(
    ("offsets", "orientation", "depths"),
    [
        ([0, 3, 6], AXIAL, [3, 6, 9]),  # relative
        ([0, -3, -6], AXIAL, [3, 0, -3]),  # descending
        ([0, 3, 6], HEAD_DOWN, [3, 0, -3]),  # relative: along the normal
        ([3, 6, 9], AXIAL, [3, 6, 9]),  # absolute z
        ([3, 0, -3], AXIAL, [3, 0, -3]),
        ([3, 6, 9], HEAD_DOWN, [3, 6, 9]),  # absolute: whatever the normal
        ([3, 6, 9], (-1, 0, 0, 0, 1, 0), [3, 6, 9]),
        ([0, 3, 9], AXIAL, [3, 6, 12]),  # uneven
    ],
)
def test_the_planes_of_a_dose(
    tmp_path: Path, offsets: list[float], orientation: tuple[float, ...], depths: list[float]
) -> None:
    path = dose(tmp_path / "dose.dcm", offsets, orientation)
    image = only([path])
    assert not {"dose-offsets", "dose position?"} & {*image.badges, *(notice.code for notice in image.notices)}
    grid, voxels = loaded_grid(image), loaded(image)[0]
    for depth, plane in zip(depths, ramp((3, 6, 5)).astype(np.uint16), strict=True):
        index = np.rint(grid.to_index((1, 2, depth))).astype(int).tolist()
        assert index[1:] == [0, 0]
        np.testing.assert_array_equal(voxels[index[0]], plane)


def test_offsets_that_contradict_the_position_are_said(tmp_path: Path) -> None:
    image = only([dose(tmp_path / "dose.dcm", [5, 8, 11])])
    assert image.grid.origin == pytest.approx([1, 2, 3])
    (notice,) = [notice for notice in image.notices if notice.code == "dose-offsets"]
    assert notice.badge
    assert one_sentence(notice.sentence)


@pytest.mark.parametrize("between", [2.0, None])
def test_a_plain_stack_says_where_its_spacing_is_assumed(tmp_path: Path, between: float | None) -> None:
    facts: dict[str, Any] = {"SpacingBetweenSlices": between} if between else {}
    ds = dataset(
        ramp(SHAPE),
        Modality="MR",
        ImageOrientationPatient=list(AXIAL),
        ImagePositionPatient=[1, 2, 3],
        PixelSpacing=[2, 2],
        SliceThickness=3,
        **facts,
    )
    image = only([write(tmp_path / "mr.dcm", ds, ramp(SHAPE))])
    assert image.grid.spacing[0] == (between or 3)
    assert ("spacing-from-thickness" in [notice.code for notice in image.notices]) == (between is None)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.booleans(), st.sampled_from([AXIAL, HEAD_DOWN]))
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_relative_and_absolute_offsets_mean_the_same(
    tmp_path: Path, steps: list[int], down: bool, orientation: tuple[float, ...]
) -> None:
    offsets = np.cumsum([0, *steps]) * (-1 if down else 1)
    sign = np.cross(orientation[:3], orientation[3:])[2]
    relative = images_of([dose(tmp_path / "r.dcm", [float(x) for x in offsets], orientation, z=50)])
    absolute = images_of([dose(tmp_path / "a.dcm", [float(50 + sign * x) for x in offsets], orientation, z=50)])
    for one, other in zip(relative, absolute, strict=True):
        np.testing.assert_allclose(one.grid.affine, other.grid.affine)
        np.testing.assert_array_equal(loaded(one), loaded(other))
