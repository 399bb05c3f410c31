"""Frames of segmentations of other programs: each on its own slice of the image, none smeared, none lost."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fixtures.foreign_segments import FRAME, SERIES, Plane, plane_of, write_planes
from viewer.data.grid import Grid
from viewer.data.segmentation import Segmentation
from viewer.data.study import Source
from viewer.data.transform import ImageReference
from viewer.io.dicom.series.stack import stack_of
from viewer.io.errors import OpenError
from viewer.io.segmentations.frame_planes import nearest
from viewer.io.segmentations.segmentation_file import read_segmentation

SHAPE = (8, 9, 7)
GRID = Grid.of(SHAPE, (1.5, 0.7, 0.8), (-12.5, 30, 7), frame_of_reference=FRAME)
NAMED = tuple(f"1.2.9.{n}" for n in range(8))
SOURCE = Source(patient_id="P-77", series_uid=SERIES, sop_instance_uids=NAMED, dicom=True)
STRAIGHT = (False, False)


def axial(number: int, at: int, values: np.ndarray | None = None, grid: Grid = GRID) -> Plane:
    if values is None:
        values = np.zeros(grid.shape[1:], np.uint8)
        values[2:5, 1:4] = 1
    return plane_of(grid, number, 0, at, values, STRAIGHT)


def on(path: Path, *grids: Grid) -> Segmentation:
    return read_segmentation(path, [ImageReference(grid, SOURCE) for grid in grids])


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_frames_fill_the_slices_that_they_were_drawn_on(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Any grid, any of its planes, in any order, from either end, overlapping or not, empty ones left out."""
    rng = np.random.default_rng(data.draw(st.integers(0, 9999)))
    kind = data.draw(st.sampled_from(["BINARY", "FRACTIONAL", "LABELMAP"]))
    axis = data.draw(st.integers(0, 2))
    shape = tuple(data.draw(st.lists(st.integers(1, 9), min_size=3, max_size=3)))
    axes = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    grid = Grid.of(shape, rng.uniform(0.3, 5, 3), rng.uniform(-200, 200, 3), axes, FRAME)
    segments = 1 if kind == "LABELMAP" else data.draw(st.integers(1, 3))
    wanted = [(rng.random(shape) < 0.3).astype(np.uint8) for _ in range(segments)]
    planes = []
    for number, array in enumerate(wanted, 1):
        for at in data.draw(st.sets(st.integers(0, shape[axis] - 1), min_size=1)):
            flip = (bool(rng.integers(2)), bool(rng.integers(2)))
            planes.append(plane_of(grid, number, axis, at, np.take(array, at, axis), flip))
        kept = [round(float(grid.to_index(one.position)[axis])) for one in planes if one.number == number]
        array[~np.isin(np.indices(shape)[axis], kept)] = 0
    rng.shuffle(planes)  # type: ignore[arg-type]
    told = {"SpacingBetweenSlices": float(grid.spacing[axis])} if data.draw(st.booleans()) else {}
    path = write_planes(tmp_path_factory.mktemp("seg") / "a.dcm", planes, kind, SliceThickness=9.0, **told)
    found = on(path, grid)
    assert found.grid is grid
    for number, array in enumerate(wanted, 1):
        masks = [found.mask(one) for one in found.segments if one.name == f"S{number}"]
        assert sum(int(mask.sum()) for mask in masks) == array.sum()
        assert not array.any() or np.array_equal(masks[0], array == 1)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 9999), tilt=st.floats(-1, 1), uneven=st.booleans())
def test_no_frame_of_a_tilted_or_uneven_stack_is_lost(
    seed: int, tilt: float, uneven: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Such an image is resampled onto a regular grid: its frames come on the slices nearest to them, and it is said."""
    rng = np.random.default_rng(seed)
    depth = np.cumsum(rng.uniform(2, 4, 8) if uneven else np.full(8, 3.0))
    positions = np.column_stack([np.full(8, 5.0), 2 + tilt * depth / 3, depth])
    image = stack_of(positions, (1, 0, 0, 0, 1, 0), (1, 1), (12, 12), None, FRAME)
    values = np.zeros((12, 12), np.uint8)
    values[4:7, 5:9] = 1
    planes = [Plane(1, one, (1, 0, 0, 0, 1, 0), (1, 1), values) for one in positions[1:6]]
    path = write_planes(tmp_path_factory.mktemp("seg") / "a.dcm", planes)
    grid = image.resampling.grid if image.resampling else image.grid
    for found in (on(path, grid), on(path)):
        voxels = found.grid.to_world(np.argwhere(found.array))
        for one in positions[1:6]:
            places = one[:2] + np.array([6.5, 5]) - voxels[:, :2]
            near = np.abs(voxels[:, 2] - one[2]) <= found.grid.spacing[0] / 2 + 1e-3
            assert near.sum() in range(12, 37)
            assert np.abs(places[near].mean(axis=0)).max() <= 1
        assert found.array.sum() == 60 or "frames that lie between two slices are joined" in found.badges


def test_a_thick_frame_fills_its_own_slice(tmp_path: Path) -> None:
    path = write_planes(tmp_path / "a.dcm", [axial(1, 5)], SliceThickness=5.0)
    found = on(path, GRID)
    assert np.flatnonzero(found.array.any(axis=(1, 2))).tolist() == [5]
    assert found.badges == ("frames of 5 mm fill one slice of 1.5 mm each",)


@pytest.mark.parametrize(("first", "beside"), [(0, 0.5), (3, 0.5), (1, -0.5), (2, 0.3)])
def test_frames_between_slices_are_said(tmp_path: Path, first: int, beside: float) -> None:
    affine = GRID.affine.copy()
    affine[:3, 3] = GRID.to_world((beside, 0, 0))
    planes = [axial(1, at, grid=Grid(SHAPE, affine, FRAME)) for at in range(first, first + 5)]
    found = on(write_planes(tmp_path / "a.dcm", planes), GRID)
    slices = np.flatnonzero(found.array.any(axis=(1, 2)))
    assert len(slices) == 5
    assert np.diff(slices).max() == 1
    said = f"frames lie up to {abs(beside):.2g} voxels beside the voxels that they fill"
    assert found.badges == (said,)


def test_planes_finer_than_the_slices_are_joined(tmp_path: Path) -> None:
    fine = Grid.of((16, *SHAPE[1:]), (0.75, 0.7, 0.8), (-12.5, 30, 7), frame_of_reference=FRAME)
    planes = []
    for at in range(16):
        values = np.zeros(SHAPE[1:], np.uint8)
        values[at // 2, at % 7] = 1
        planes.append(axial(1, at, values, fine))
    found = on(write_planes(tmp_path / "a.dcm", planes), GRID)
    assert "frames that lie between two slices are joined" in found.badges
    assert (found.array.sum(axis=0) > 0).sum() == 16  # no pixel is lost


def test_segments_that_meet_on_a_slice_stay_apart(tmp_path: Path) -> None:
    fine = Grid.of((16, *SHAPE[1:]), (0.75, 0.7, 0.8), (-12.5, 30, 7), frame_of_reference=FRAME)
    found = on(write_planes(tmp_path / "a.dcm", [axial(1, 4, grid=fine), axial(2, 5, grid=fine)]), GRID)
    assert [int(found.mask(one).sum()) for one in found.segments] == [9, 9]


def test_segments_said_not_to_overlap_that_do(tmp_path: Path) -> None:
    path = write_planes(tmp_path / "a.dcm", [axial(1, 4), axial(2, 4)])
    ds = pydicom.dcmread(path)
    ds.SegmentsOverlap = "NO"
    ds.save_as(path)
    assert [int(on(path, GRID).mask(one).sum()) for one in on(path, GRID).segments] == [9, 9]


def test_planes_of_several_directions_lie_on_their_image(tmp_path: Path) -> None:
    cube = Grid.of((7, 7, 7), (1, 1, 1), frame_of_reference=FRAME)
    full = np.ones((7, 7), np.uint8)
    planes = [plane_of(cube, axis + 1, axis, 3, full, STRAIGHT) for axis in range(3)]
    path = write_planes(tmp_path / "a.dcm", planes)
    found = on(path, cube)
    assert [int(found.mask(one).sum()) for one in found.segments] == [49, 49, 49]
    with pytest.raises(OpenError, match="several directions"):
        on(path)


@pytest.mark.parametrize(
    ("slices", "told", "spacing", "depth"),
    [
        ([2, 4, 7], {}, 1.5, 6),  # 3 and 4.5 mm apart: multiples of 1.5 mm
        ([2, 4, 6], {}, 3.0, 3),
        ([2, 4, 6], {"SpacingBetweenSlices": 1.5}, 1.5, 5),
        ([2, 4, 6], {"SliceThickness": 1.5}, 1.5, 5),
        ([2, 3, 4], {"SpacingBetweenSlices": 5.0}, 1.5, 3),  # not true
        ([4], {"SliceThickness": 4.0}, 4.0, 1),
        ([4], {}, 1.0, 1),
    ],
)
def test_planes_without_their_image_are_a_grid_of_their_own(
    tmp_path: Path, slices: list[int], told: dict[str, float], spacing: float, depth: int
) -> None:
    found = on(write_planes(tmp_path / "a.dcm", [axial(1, at) for at in slices], **told))
    assert found.grid.spacing[0] == pytest.approx(spacing)
    assert found.grid.shape[0] == depth
    assert found.array.sum() == 9 * len(slices)
    places = found.grid.to_world(np.argwhere(found.array))[:, 2]
    assert np.unique(places.round(3)).tolist() == pytest.approx([7 + 1.5 * at for at in slices])


def test_the_image_that_is_named_comes_before_its_frame_of_reference(tmp_path: Path) -> None:
    path = write_planes(tmp_path / "a.dcm", [axial(1, 5)], frame="9.9", instances=NAMED)
    assert on(path, GRID).badges == ("placed on the images that it names, whose frame of reference is another",)
    path = write_planes(tmp_path / "b.dcm", [axial(1, 5)], frame="9.9")
    assert on(path, GRID).grid.shape[0] == 1


@pytest.mark.parametrize("frames", [False, True])
def test_frames_without_a_place_lie_on_the_images_that_they_name(tmp_path: Path, frames: bool) -> None:
    """As of X-ray images; of one image of several frames, by their numbers."""
    path = write_planes(tmp_path / "a.dcm", [axial(1, 5), axial(2, 2)])
    ds = pydicom.dcmread(path)
    for group, at in zip(ds.PerFrameFunctionalGroupsSequence, (5, 2), strict=True):
        del group.PlanePositionSequence, group.PlaneOrientationSequence, group.PixelMeasuresSequence
        derived, image = pydicom.Dataset(), pydicom.Dataset()
        image.ReferencedSOPInstanceUID = NAMED[0] if frames else NAMED[at]
        if frames:
            image.ReferencedFrameNumber = at + 1
        derived.SourceImageSequence, group.DerivationImageSequence = [image], [derived]
    ds.save_as(path)
    flat = replace(GRID, placed=False, frame_of_reference="")
    source = replace(SOURCE, sop_instance_uids=NAMED[:1] if frames else NAMED)
    found = read_segmentation(path, [ImageReference(flat, source)])
    assert found.grid is flat
    assert [np.flatnonzero(found.mask(one).any(axis=(1, 2))).tolist() for one in found.segments] == [[5], [2]]
    with pytest.raises(OpenError, match="open the image that it is of"):
        read_segmentation(path, [ImageReference(flat, Source())])


def test_what_lies_outside_of_an_image_keeps_a_grid_of_its_own(tmp_path: Path) -> None:
    path = write_planes(tmp_path / "a.dcm", [axial(1, 5)])
    assert on(path, GRID.crop((0, 0, 0), (4, 9, 7))).array.sum() == 9


@pytest.mark.parametrize(("distance", "why"), [(12_000, "12 m apart"), (2_000, "damaged")])
def test_a_few_frames_far_apart_cost_no_gigabytes(tmp_path: Path, distance: int, why: str) -> None:
    wide = np.ones((700, 700), np.uint8)
    planes = [Plane(1, (0, 0, z), (1, 0, 0, 0, 1, 0), (1, 1), wide) for z in (0, distance)]
    with pytest.raises(OpenError, match=why):
        on(write_planes(tmp_path / "a.dcm", planes, SpacingBetweenSlices=1.0))


@settings(max_examples=60, deadline=None)
@given(first=st.floats(-0.5, 50), count=st.integers(1, 30), jitter=st.floats(0, 0.005), seed=st.integers(0, 99))
def test_neighbours_stay_neighbours(first: float, count: int, jitter: float, seed: int) -> None:
    """However all of them lie between the slices, and whatever their places were rounded to."""
    places = first + np.arange(count) + np.random.default_rng(seed).uniform(-jitter, jitter, count)
    found = nearest(places, int(np.ceil(first)) + count + 1)
    assert np.array_equal(np.diff(found), np.ones(count - 1))
    assert np.abs(found - places).max() <= 0.5 + 0.02 + 2 * jitter
