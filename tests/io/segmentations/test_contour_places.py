"""Contours on parts of their image, turned as they may be, and on images that they lie across: placed, and said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from tests.fixtures.foreign_segments import FRAME, write_contours
from viewer.data.grid import Grid
from viewer.data.segmentation import Segmentation
from viewer.data.study import Source
from viewer.data.transform import ImageReference
from viewer.io.segmentations.rtstruct.contour_image import PART
from viewer.io.segmentations.rtstruct.read import ALONE
from viewer.io.segmentations.segmentation_file import read_segmentation

Contours = list[tuple[str, np.ndarray]]

CT = Grid.of((10, 40, 40), (3, 0.75, 0.75), (-15, -15, -30), frame_of_reference=FRAME)
FINE = Grid.of((40, 60, 64), (1.5, 1, 1), (-32, -30, -30), frame_of_reference=FRAME)
CLOSED = "CLOSED_PLANAR"


def ring(radius: float, k: float, centre: tuple[float, float] = (20, 20), corners: int = 60) -> np.ndarray:
    """LPS mm; radius and place in voxels of CT."""
    angle = np.linspace(0, 2 * np.pi, corners, endpoint=False)
    sides = centre[0] + radius * np.sin(angle), centre[1] + radius * np.cos(angle)
    return CT.to_world(np.column_stack([np.full(corners, k), *sides]))


def square(k: int, low: tuple[int, int], high: tuple[int, int]) -> np.ndarray:
    """Through the centres of voxels, where it is not told which side is in."""
    (a, b), (c, d) = low, high
    return CT.to_world([(k, a, b), (k, a, d), (k, c, d), (k, c, b)])


SHAPES: Contours = [
    *((CLOSED, ring(12, k)) for k in range(1, 9)),
    *((CLOSED, ring(5, k)) for k in range(3, 6)),  # holes
    (CLOSED, ring(8, 2, (20, 30))),  # crosses another
    (CLOSED, square(6, (2, 2), (9, 30))),
    (CLOSED, CT.to_world([(7, 5, 5), (7, 15, 15), (7, 5, 25)])),  # diagonals through centres
]


def over(path: Path, contours: Contours, *grids: Grid) -> Segmentation:
    return read_segmentation(
        write_contours(path / "a.dcm", [contours]), [ImageReference(grid, Source()) for grid in grids]
    )


def part(start: np.ndarray, shape: np.ndarray, order: list[int], back: list[bool]) -> Grid:
    """Some voxels of CT as a NIfTI file may have them: axes in any order, from either end, no frame of reference."""
    ends = np.where(back, start + shape - 1, start)
    affine = np.eye(4)
    affine[:3, :3] = (CT.affine[:3, :3] * np.where(back, -1, 1))[:, order]
    affine[:3, 3] = CT.to_world(ends)
    return Grid(tuple(int(shape[n]) for n in order), affine.astype(np.float32).astype(float))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("contours")


@pytest.fixture(scope="module")
def whole(folder: Path) -> np.ndarray:
    return over(folder, SHAPES, CT).array


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_part_of_the_image_has_the_voxels_of_the_whole(data: st.DataObject, folder: Path, whole: np.ndarray) -> None:
    start = np.array([data.draw(st.integers(0, 8)), *(data.draw(st.integers(0, 24)) for _ in "ji")])
    shape = np.array([data.draw(st.integers(1, int(n))) for n in CT.shape - start])
    order = data.draw(st.permutations([0, 1, 2]))
    back = [data.draw(st.booleans()) for _ in "kji"]
    wanted = whole[tuple(slice(a, a + n) for a, n in zip(start, shape, strict=True))]
    wanted = wanted[tuple(slice(None, None, -1 if one else 1) for one in back)].transpose(order)
    found = over(folder, SHAPES, part(start, shape, order, back))
    if ALONE in found.badges:
        assert not wanted.any()
        return
    assert np.array_equal(found.array, wanted)
    assert PART in found.badges or wanted.sum() == whole.sum()


def test_what_a_part_does_not_hold_is_counted(tmp_path: Path) -> None:
    half = part(np.array([4, 0, 0]), np.array([3, 40, 22]), [2, 0, 1], [False, True, False])
    found = over(tmp_path, [(CLOSED, ring(10, k)) for k in range(1, 9)], half)
    assert found.badges == (PART, "contours left out: 5 outside of the image, 3 partly outside of the image")
    assert found.array.any(axis=(0, 2)).all()


def test_an_image_without_their_planes_is_not_taken(tmp_path: Path) -> None:
    """Another scan of the same place, or one with thicker slices, of which only every second is theirs."""
    contours = [(CLOSED, ring(10, k)) for k in range(1, 9)]
    shifted = Grid.of((5, 40, 40), (3, 0.75, 0.75), (-15, -15, -29))
    thick = Grid.of((3, 40, 40), (6, 0.75, 0.75), (-15, -15, -30))
    elsewhere = Grid.of((5, 40, 40), (3, 0.75, 0.75), (-15, 70, -30))
    for grid in (shifted, thick, elsewhere):
        assert over(tmp_path, contours, grid).badges == (ALONE,)


def test_the_whole_image_comes_before_a_part(tmp_path: Path) -> None:
    half = part(np.array([4, 0, 0]), np.array([3, 40, 40]), [0, 1, 2], [False] * 3)
    whole = Grid(CT.shape, CT.affine)
    found = over(tmp_path, [(CLOSED, ring(10, k)) for k in range(1, 9)], half, whole)
    assert found.grid is whole
    assert found.badges == ()


def cut(inside: np.ndarray, turn: Rotation, step: float) -> Contours:
    """Outlines in planes `step` mm apart across a body's third axis, which is turned about the middle of FINE.

    inside: of each plane, from the lowest on, its outline [n, 2] in mm.
    """
    middle = (len(inside) - 1) / 2
    flat = [np.column_stack([one, np.full(len(one), (n - middle) * step)]) for n, one in enumerate(inside)]
    return [(CLOSED, turn.apply(one) + CENTRE) for one in flat]


CENTRE = FINE.centre + np.array((0.3, -0.2, 0.4))


def sphere(radius: float, step: float) -> list[np.ndarray]:
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    unit = np.column_stack([np.cos(angle), np.sin(angle)])
    count = int(2 * radius / step)
    heights = (np.arange(count) - (count - 1) / 2) * step
    return [unit * np.sqrt(radius**2 - height**2) for height in heights]


def box(width: float, height: float, count: int) -> list[np.ndarray]:
    return [np.array([(-1, -1), (-1, 1), (1, 1), (1, -1)]) * (width / 2, height / 2)] * count


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 9999), degrees=st.floats(20, 40), step=st.sampled_from([1.0, 2.0, 3.0]))
def test_bodies_cut_in_oblique_planes_keep_size_and_place(seed: int, degrees: float, step: float, folder: Path) -> None:
    axis = np.random.default_rng(seed).normal(size=3)
    turn = Rotation.from_rotvec(np.radians(degrees) * axis / np.linalg.norm(axis))
    bodies = {"sphere": (sphere(18, step), 4 / 3 * np.pi * 18**3), "box": (box(26, 20, int(24 / step)), 26 * 20 * 24)}
    for outlines, volume in bodies.values():
        contours = cut(outlines, turn, step)
        if np.degrees(np.arccos(np.abs(turn.as_matrix()[:, 2]).max())) < 10:
            continue  # turned about the axis that it is cut across: not oblique
        found = over(folder, contours, FINE)
        assert found.grid is FINE
        assert found.badges == (f"contours oblique to the slices are resampled: {len(contours)}",)
        index = np.argwhere(found.array)
        assert len(index) * FINE.spacing.prod() == pytest.approx(volume, rel=0.03)
        assert np.abs(index.mean(axis=0) - FINE.to_index(CENTRE)).max() < 0.5


def test_a_single_oblique_contour_is_as_thick_as_a_voxel(tmp_path: Path) -> None:
    """No hole in it, and none counted twice: each column of voxels across it has one."""
    turn = Rotation.from_euler("x", 30, degrees=True)
    found = over(tmp_path, cut(box(20, 20, 1), turn, 1), FINE)
    columns = found.array.sum(axis=0)
    assert set(np.unique(columns)) == {0, 1}
    assert columns.sum() == pytest.approx(20 * 20 * np.cos(np.radians(30)), rel=0.06)


def test_a_plane_that_is_missing_stays_empty_and_a_hole_open(tmp_path: Path) -> None:
    turn = Rotation.from_euler("xz", (30, 20), degrees=True)
    outlines = [*cut(box(24, 24, 9), turn, 2), *cut(box(10, 10, 9), turn, 2)]
    whole, gap = (over(tmp_path, one, FINE) for one in (outlines, [*outlines[:4], *outlines[5:13], *outlines[14:]]))
    depth = (FINE.to_world(np.argwhere(whole.array)) - CENTRE) @ turn.as_matrix()[:, 2]
    assert "slices between contours are empty" in gap.badges
    assert gap.array.sum() == np.count_nonzero(np.abs(depth) > 1)
    assert not whole.array[tuple(np.rint(FINE.to_index(CENTRE)).astype(int))]


def test_oblique_regions_lie_beside_those_in_the_slices(tmp_path: Path) -> None:
    """Neither is lost for the other's sake; what lies outside is counted, and what has no plane."""
    turn = Rotation.from_euler("x", 30, degrees=True)
    flat = [(CLOSED, FINE.to_world([(k, 5, 5), (k, 5, 12), (k, 12, 12), (k, 12, 5)])) for k in range(20, 24)]
    saddle = FINE.to_world([(5, 30, 5), (15, 40, 5), (5, 40, 15), (15, 30, 15)])
    far = [(kind, points + np.array((0, 300, 0))) for kind, points in cut(box(20, 20, 1), turn, 1)]
    regions = [flat, [*cut(sphere(10, 2), turn, 2), *far], [(CLOSED, saddle)]]
    found = read_segmentation(write_contours(tmp_path / "a.dcm", regions), [ImageReference(FINE, Source())])
    assert [int(found.mask(one).sum()) for one in found.segments[::2]] == [4 * 49, 0]
    ball = np.count_nonzero(found.mask(found.segments[1])) * FINE.spacing.prod()
    assert ball == pytest.approx(4 / 3 * np.pi * 1000, rel=0.03)
    assert found.badges == (
        "contours left out: 1 in no plane, 1 outside of the image",
        "contours oblique to the slices are resampled: 10",
        "R3 has no voxel on the image",
    )


def test_regions_whose_planes_are_no_common_stack_keep_their_size(tmp_path: Path) -> None:
    """The planes of one lie anywhere between those of the other: they tell nothing of how thick these are."""
    turn = Rotation.from_euler("x", 30, degrees=True)
    normal = turn.as_matrix()[:, 2]
    balls = [cut(sphere(9, 3), turn, 3), [(kind, points + 0.8 * normal) for kind, points in cut(sphere(9, 3), turn, 3)]]
    found = read_segmentation(write_contours(tmp_path / "a.dcm", balls), [ImageReference(FINE, Source())])
    for one in found.segments:
        assert found.mask(one).sum() * FINE.spacing.prod() == pytest.approx(4 / 3 * np.pi * 9**3, rel=0.05)
    assert found.badges == ("contours oblique to the slices are resampled: 12",)


def test_planes_that_are_not_parallel_are_not_joined_and_that_is_said(tmp_path: Path) -> None:
    fan = [cut(box(20, 20, 1), Rotation.from_euler("x", degrees, degrees=True), 1)[0] for degrees in (25, 35)]
    found = over(tmp_path, fan, FINE)
    assert "slices between contours are empty" in found.badges
    assert 300 < found.array.sum() < 800
