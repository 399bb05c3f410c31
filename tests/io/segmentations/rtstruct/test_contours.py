"""Contours of other programs: on the planes of their image, none erased by another, and what is left out is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.fixtures.foreign_segments import FRAME, SERIES, write_contours
from viewer.data.grid import Grid
from viewer.data.segmentation import Segmentation
from viewer.data.study import Source
from viewer.data.transform import ImageReference
from viewer.io.errors import OpenError
from viewer.io.segmentations.rtstruct.contour_fill import Ring, fill_rings
from viewer.io.segmentations.rtstruct.read import ALONE
from viewer.io.segmentations.segmentation_file import read_segmentation

SHAPE = (10, 40, 40)
GRID = Grid.of(SHAPE, (3, 0.75, 0.75), (-15, -15, -30), frame_of_reference=FRAME)
SOURCE = Source(patient_id="P-77", series_uid=SERIES, sop_instance_uids=("1.2.9.0",), dicom=True)
CLOSED, XOR = "CLOSED_PLANAR", "CLOSEDPLANAR_XOR"


def circle(radius: float, k: float, centre: tuple[float, float] = (20, 20), corners: int = 60) -> np.ndarray:
    """LPS mm; radius and place in voxels of GRID."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    index = np.column_stack(
        [np.full(corners, k), centre[0] + radius * np.sin(angle), centre[1] + radius * np.cos(angle)]
    )
    return GRID.to_world(index)


def drawn(path: Path, *contours: tuple[str, np.ndarray], grid: Grid = GRID) -> Segmentation:
    return read_segmentation(write_contours(path / "a.dcm", [contours]), [ImageReference(grid, SOURCE)])


def counts(found: Segmentation) -> dict[int, int]:
    """Voxels by slice."""
    return {int(k): int(found.array[k].sum()) for k in np.flatnonzero(found.array.any(axis=(1, 2)))}


@pytest.mark.parametrize("offset", [0.0, 0.3, 0.5, -0.5, 0.4999])
@pytest.mark.parametrize("step", [1, 2])
def test_every_plane_fills_one_slice(tmp_path: Path, offset: float, step: int) -> None:
    found = drawn(tmp_path, *((CLOSED, circle(10.5, k + offset)) for k in range(2, 8, step)))
    voxels = list(counts(found).values())
    assert len(voxels) == 6 // step
    assert len(set(voxels)) == 1
    assert np.diff(list(counts(found))).tolist() == [step] * (len(voxels) - 1)
    assert ("slices between contours are empty" in found.badges) == (step > 1)
    assert any("beside the slices" in one for one in found.badges) == (offset != 0)


def test_planes_finer_than_the_slices_are_joined(tmp_path: Path) -> None:
    found = drawn(tmp_path, *((CLOSED, circle(8, k / 2, (20, 12 + k % 2 * 16))) for k in range(4, 16)))
    assert "contours that lie between two slices are joined" in found.badges
    assert found.array[3:7, 20, 12].all()
    assert found.array[3:7, 20, 28].all()  # which only the planes between them have


def test_uneven_planes_erase_nothing(tmp_path: Path) -> None:
    places = [1.0, 1.5, 2.5, 4.2, 5.0, 8.4]
    found = drawn(tmp_path, *((CLOSED, circle(6, place)) for place in places))
    assert set(counts(found)) >= {1, 4, 5, 8}
    assert len(set(counts(found).values())) == 1


@pytest.mark.parametrize("kind", [CLOSED, XOR])
def test_a_contour_within_another_is_a_hole(tmp_path: Path, kind: str) -> None:
    found = drawn(tmp_path, *((kind, circle(radius, 4)) for radius in (4, 12, 2)))
    assert not found.array[4, 20, 17]
    assert found.array[4, 20, 20]
    assert found.array[4, 20, 30]
    assert found.badges == ()


@pytest.mark.parametrize("kind", [CLOSED, XOR])
@pytest.mark.parametrize("corners", [60, 45, 240])
def test_a_contour_that_is_stored_twice_erases_nothing(tmp_path: Path, kind: str, corners: int) -> None:
    once = drawn(tmp_path, (kind, circle(10, 4)))
    again = circle(10, 4, corners=corners)[::-1]
    twice = drawn(tmp_path, (kind, circle(10, 4)), (kind, np.roll(again, 7, axis=0)))
    assert abs(int(twice.array.sum()) - int(once.array.sum())) <= 8  # one has more corners
    assert twice.array.sum() > 300
    assert twice.badges == ("contours stored twice: 1",)


def test_contours_that_cross_are_joined(tmp_path: Path) -> None:
    found = drawn(tmp_path, (CLOSED, circle(8, 4, (20, 16))), (CLOSED, circle(8, 4, (20, 24))))
    assert found.array[4, 20, 12:28].all()
    assert found.badges == ("contours that cross are joined",)
    turned = drawn(tmp_path, (XOR, circle(8, 4, (20, 16))), (XOR, circle(8, 4, (20, 24))))
    assert not turned.array[4, 20, 20]


def test_what_encloses_nothing_is_left_out_and_said(tmp_path: Path) -> None:
    found = drawn(
        tmp_path,
        (CLOSED, circle(6, 4)),
        (CLOSED, np.zeros((0, 3))),
        (CLOSED, circle(6, 5)[:2]),
        ("POINT", circle(6, 5)[:1]),
        ("OPEN_PLANAR", circle(6, 5)),
        ("OPEN_NONPLANAR", circle(6, 5)),
        (CLOSED, circle(0.2, 5, (20.5, 20.5))),
        (CLOSED, circle(6, 14)),
        (CLOSED, GRID.to_world([(2, 5, 5), (6, 30, 5), (2, 30, 35), (6, 5, 35)])),
    )
    assert list(counts(found)) == [4]
    assert found.badges == (
        "contours left out: 1 empty, 1 in no plane, 1 of one or two points, 1 of points, 2 open, "
        "1 outside of the image, 1 smaller than a voxel",
    )


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_contours_of_any_plane_of_the_image(tmp_path: Path, axis: int) -> None:
    """Sagittal contours fill sagittal slices."""
    ring = np.insert(np.array([(2, 2), (2, 7), (7, 7), (7, 2)]) + 0.5, axis, 5, axis=1)
    found = drawn(tmp_path, (CLOSED, GRID.to_world(ring)))
    assert np.ptp(np.argwhere(found.array)[:, axis]) == 0
    assert found.array.sum() == 25


def test_contours_across_all_slices_lie_on_the_image_and_that_is_said(tmp_path: Path) -> None:
    axes = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    ring = (circle(10, 4) - GRID.centre) @ axes.T + GRID.centre
    found = drawn(tmp_path, (CLOSED, ring))
    assert found.grid is GRID
    assert found.badges == ("contours oblique to the slices are resampled: 1",)


@pytest.mark.parametrize("frame", [FRAME, ""])
def test_the_same_image_without_frame_of_reference_has_the_same_voxels(tmp_path: Path, frame: str) -> None:
    contours = [(CLOSED, circle(10, k)) for k in range(2, 8)]
    affine = GRID.affine.astype(np.float32).astype(float)
    wanted = drawn(tmp_path, *contours)
    path = write_contours(tmp_path / "b.dcm", [contours], frame=frame)
    found = read_segmentation(path, [ImageReference(Grid(SHAPE, affine), Source())])
    assert np.array_equal(found.array, wanted.array)
    assert found.badges == ()
    apart = read_segmentation(path, [ImageReference(Grid((2, 5, 5), affine), Source())])  # some other image
    assert apart.badges == (ALONE,)


def test_the_image_that_is_named_comes_before_its_frame_of_reference(tmp_path: Path) -> None:
    path = write_contours(tmp_path / "a.dcm", [[(CLOSED, circle(10, 4))]], frame="9.9", instances=("1.2.9.0",))
    found = read_segmentation(path, [ImageReference(GRID, SOURCE)])
    assert found.grid is GRID
    assert found.badges == ("drawn on the images that it names, whose frame of reference is another",)


def test_regions_of_two_frames_of_reference_do_not_mix(tmp_path: Path) -> None:
    import pydicom

    path = write_contours(tmp_path / "a.dcm", [[(CLOSED, circle(10, 4))], [(CLOSED, circle(5, 4))]])
    ds = pydicom.dcmread(path)
    ds.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = "9.9"
    ds.save_as(path)
    found = read_segmentation(path, [ImageReference(GRID, SOURCE)])
    assert [bool(found.mask(one).any()) for one in found.segments] == [True, False]
    assert found.badges == ("contours left out: 1 in another frame of reference",)


def test_contours_of_a_region_that_is_not_listed_are_kept(tmp_path: Path) -> None:
    import pydicom

    path = write_contours(tmp_path / "a.dcm", [[(CLOSED, circle(10, 4))], [(CLOSED, circle(5, 6))]])
    ds = pydicom.dcmread(path)
    del ds.StructureSetROISequence[1]
    ds.save_as(path)
    found = read_segmentation(path, [ImageReference(GRID, SOURCE)])
    assert [one.name for one in found.segments] == ["R1", "ROI 2"]
    assert set(counts(found)) == {4, 6}


def test_a_number_that_is_none_is_left_out_and_said(tmp_path: Path) -> None:
    bad = circle(5, 5)
    bad[3, 1] = np.nan
    found = drawn(tmp_path, (CLOSED, circle(10, 4)), (CLOSED, bad))
    assert list(counts(found)) == [4]
    assert found.badges == ("contours left out: 1 damaged",)
    with pytest.raises(OpenError, match="no closed contours"):
        read_segmentation(write_contours(tmp_path / "b.dcm", [[(CLOSED, bad)]]))


@settings(max_examples=80, deadline=None)
@given(seed=st.integers(0, 99_999), count=st.integers(1, 6))
@example(seed=635, count=4)  # two of one size
def test_nothing_that_one_contour_encloses_is_erased_unless_it_lies_within(seed: int, count: int) -> None:
    """Whatever circles there are, a voxel that lies in one alone is kept; and the order does not matter."""
    rng = np.random.default_rng(seed)
    rings = []
    for _ in range(count):
        radius, (y, x) = rng.uniform(1, 12), rng.uniform(5, 35, 2)
        angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
        rings.append(Ring(np.column_stack([y + radius * np.sin(angle), x + radius * np.cos(angle)])))
    found = fill_rings(rings, (40, 40))
    depth = sum(fill_rings([ring], (40, 40)).mask.astype(int) for ring in rings)
    assert found.mask[depth == 1].all()
    assert not found.mask[depth == 0].any()
    assert np.array_equal(fill_rings(rings[::-1], (40, 40)).mask, found.mask)
