"""Contours: written, read back, and of other programs."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fixtures.dicom_phantom import ramp, write_series
from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation, State
from viewer.data.study import Source
from viewer.data.transform import ImageReference
from viewer.io.errors import OpenError, SaveError
from viewer.io.segmentations.rtstruct.read import ALONE, contours_of
from viewer.io.segmentations.rtstruct.write import write_rtstruct
from viewer.io.segmentations.segmentation_file import read_segmentation, save_segmentation

SHAPE = (4, 12, 14)
GRID = Grid.of(SHAPE, (2.5, 0.7, 0.8), (-12.5, 30, 7), frame_of_reference="1.2.3.3")
SOURCE = Source(patient_id="P", study_uid="1.2.3.1", series_uid="1.2.3.2", dicom=True)
IMAGE = ImageReference(GRID, SOURCE)


def made(array: np.ndarray, grid: Grid = GRID) -> Segmentation:
    segments = (Segment(1, "Bladder", (1, 2, 3)), Segment(2, "PTV", (200, 2, 3), algorithm="AUTOMATIC"))
    return Segmentation(array, grid, segments, "made", SOURCE)


def test_rings_holes_and_islands_come_back(tmp_path: Path) -> None:
    array = np.zeros(SHAPE, np.uint8)
    array[1, 1:10, 1:10] = 1
    array[1, 3:8, 3:8] = 0
    array[1, 5, 5] = 2
    array[2, 2:4, 2:4] = array[2, 4:6, 4:6] = 1  # touching at a corner
    save_segmentation(made(array), tmp_path / "a.rtstruct.dcm")
    found = read_segmentation(tmp_path / "a.rtstruct.dcm", [IMAGE])
    assert np.array_equal(found.array, array)
    assert found.segments == made(array).segments


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 9999), share=st.floats(0.05, 0.95))
def test_any_mask_comes_back(seed: int, share: float, tmp_path_factory: pytest.TempPathFactory) -> None:
    rng = np.random.default_rng(seed)
    array = (rng.random(SHAPE) < share).astype(np.uint8)
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    grid = Grid.of(SHAPE, rng.uniform(0.3, 5, 3), rng.uniform(-200, 200, 3), axes, "1.2.3.3")
    path = tmp_path_factory.mktemp("contours") / "a.dcm"
    write_rtstruct(made(array, grid), path)
    assert np.array_equal(contours_of(pydicom.dcmread(path), [ImageReference(grid, SOURCE)], "a").array, array)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("images", [[], [ImageReference(replace(GRID, frame_of_reference="9"), Source())]])
def test_contours_without_their_image_lie_on_their_own_planes(
    tmp_path: Path, images: list[ImageReference], turned: bool
) -> None:
    axes = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0] if turned else np.eye(3)
    wide = Grid.of((6, 50, 40), (2.5, 0.7, 0.8), (-12.5, 30, 7), axes, "1.2.3.3")
    array = np.zeros(wide.shape, np.uint8)
    array[1:5, 10:40, 5:30] = 1
    write_rtstruct(made(array, wide), tmp_path / "a.dcm")
    found = read_segmentation(tmp_path / "a.dcm", images)
    assert found.badges == (ALONE,)
    assert found.grid.spacing[0] == pytest.approx(2.5, abs=0.01)
    places = [one.grid.to_world(np.argwhere(one.array == 1)) for one in (found, made(array, wide))]
    assert np.allclose(places[0].mean(axis=0), places[1].mean(axis=0), atol=0.6)
    volumes = [(one.array == 1).sum() * one.grid.spacing.prod() for one in (found, made(array, wide))]
    assert volumes[0] == pytest.approx(volumes[1], rel=0.12)


def test_no_contours_no_place(tmp_path: Path) -> None:
    write_rtstruct(made(np.zeros(SHAPE, np.uint8)), tmp_path / "a.dcm")
    with pytest.raises(OpenError, match="no closed contours"):
        read_segmentation(tmp_path / "a.dcm")


def test_contours_come_on_the_series_they_refer_to(tmp_path: Path) -> None:
    """PET and CT of one session share a frame of reference."""
    array = np.ones(SHAPE, np.uint8)
    write_rtstruct(made(array), tmp_path / "a.dcm")
    pet = Grid.of((2, 5, 5), (5, 4, 4), frame_of_reference="1.2.3.3")
    found = read_segmentation(tmp_path / "a.dcm", [ImageReference(pet, replace(SOURCE, series_uid="1.2.3.9")), IMAGE])
    assert found.grid.matches(GRID)
    assert found.source.series_uid == "1.2.3.2"


def test_contours_belong_to_dicom_images(tmp_path: Path) -> None:
    with pytest.raises(SaveError, match="DICOM images"):
        write_rtstruct(replace(made(np.ones(SHAPE, np.uint8)), source=Source()), tmp_path / "b.dcm")


def reviewed(*states: State, reader: str = "AB") -> Segmentation:
    """A ring for each state."""
    array = np.zeros(SHAPE, np.uint8)
    segments = []
    for n, state in enumerate(states, 1):
        array[n - 1, 2:6, 2:6] = n
        segments.append(Segment(n, f"s{n}", KIDNEY.color, KIDNEY.code, state=state, reader=reader, remark="as seen"))
    return replace(made(array), segments=tuple(segments))


KIDNEY = Segment(1, "Kidney", (1, 2, 3), ("SCT", "64033007", "Kidney"), side="left", state="completed", reader="AB")


def test_code_and_side_are_kept(tmp_path: Path) -> None:
    array = np.zeros(SHAPE, np.uint8)
    array[1, 2:6, 2:6] = 1
    save_segmentation(replace(made(array), segments=(KIDNEY, Segment(2, "of no code"))), tmp_path / "a.rtstruct.dcm")
    observed = pydicom.dcmread(tmp_path / "a.rtstruct.dcm").RTROIObservationsSequence
    assert observed[0].RTROIIdentificationCodeSequence[0].CodeValue == "64033007"
    assert "RTROIIdentificationCodeSequence" not in observed[1]
    found = read_segmentation(tmp_path / "a.rtstruct.dcm", [IMAGE])
    assert found.segments == (KIDNEY, replace(Segment(2, "of no code"), color=found.segments[1].color))


@pytest.mark.parametrize(
    ("states", "reader", "status"),
    [
        (("completed", "completed"), "AB", "APPROVED"),
        (("completed", "completed"), "", "UNAPPROVED"),  # nobody stands for it
        (("completed", "flagged"), "AB", "UNAPPROVED"),
        (("rejected", "rejected"), "AB", "REJECTED"),
        (("rejected", "completed"), "AB", "UNAPPROVED"),
        (("not started", "in progress"), "AB", "UNAPPROVED"),
    ],
)
def test_one_status_for_all_claims_no_more_than_each(
    tmp_path: Path, states: tuple[State, ...], reader: str, status: str
) -> None:
    wanted = reviewed(*states, reader=reader)
    save_segmentation(wanted, tmp_path / "a.rtstruct.dcm")
    ds = pydicom.dcmread(tmp_path / "a.rtstruct.dcm")
    assert ds.ApprovalStatus == status
    assert (ds.get("ReviewerName", "") == reader) == (status != "UNAPPROVED" or not reader)
    assert read_segmentation(tmp_path / "a.rtstruct.dcm", [IMAGE]).segments == wanted.segments


@pytest.mark.parametrize(
    ("status", "state"), [("APPROVED", "completed"), ("REJECTED", "rejected"), ("UNAPPROVED", "not started")]
)
def test_the_status_of_another_program(tmp_path: Path, status: str, state: State) -> None:
    write_rtstruct(reviewed("flagged"), tmp_path / "a.dcm")
    ds = pydicom.dcmread(tmp_path / "a.dcm")
    ds.ApprovalStatus, ds.ReviewerName = status, "Roe^R"
    del ds.RTROIObservationsSequence[0].ROIObservationDescription
    ds.save_as(tmp_path / "a.dcm")
    (found,) = read_segmentation(tmp_path / "a.dcm", [IMAGE]).segments
    assert (found.state, found.reader) == (state, "AB" if state == "not started" else "Roe^R")


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="needs dciodvfy (Debian: dicom3tools)")
def test_dciodvfy_finds_no_error_in_contours(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "ct", ramp(SHAPE), GRID)
    instances = tuple(pydicom.dcmread(path).SOPInstanceUID for path in paths)
    source = replace(SOURCE, patient_id="P-77", files=tuple(map(str, paths)), sop_instance_uids=instances)
    segments = (KIDNEY, Segment(2, "PTV", state="completed", reader="CD"))
    write_rtstruct(replace(made(np.ones(SHAPE, np.uint8)), source=source, segments=segments), tmp_path / "a.dcm")
    told = subprocess.run(["dciodvfy", str(tmp_path / "a.dcm")], capture_output=True, text=True, check=False).stderr
    assert not [line for line in told.splitlines() if line.startswith("Error")]


@pytest.mark.skipif("TOMOLENS_DATA" not in os.environ, reason="needs the shared data")
def test_contours_of_another_program() -> None:
    folder = Path(os.environ["TOMOLENS_DATA"]) / "dicom" / "rt-dicompyler"
    ds = pydicom.dcmread(folder / "rtss.dcm")
    image = pydicom.dcmread(folder / "ct.0.dcm", stop_before_pixels=True)
    frame = ds.StructureSetROISequence[0].ReferencedFrameOfReferenceUID
    heights = sorted(
        {float(one.ContourData[2]) for roi in ds.ROIContourSequence for one in roi.get("ContourSequence", ())}
    )
    origin = [*(float(mm) for mm in image.ImagePositionPatient[:2]), heights[0]]
    depth = round((heights[-1] - heights[0]) / 3) + 1
    grid = Grid.of((depth, image.Rows, image.Columns), (3, *map(float, image.PixelSpacing)), origin, None, str(frame))
    found = read_segmentation(folder / "rtss.dcm", [ImageReference(grid, Source())])
    assert [one.name for one in found.segments] == [one.ROIName for one in ds.StructureSetROISequence]
    assert sum(found.mask(one).any() for one in found.segments) > len(found.segments) / 2
