"""Pictures of a registration: each plane as the views show it, each image where its transform puts it."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.compute.registration.pictures import FOLDED, SIDE, PlacedImage, pictures, styles
from viewer.data.grid import Grid
from viewer.data.transform import Transform
from viewer.data.volume import Volume, Window

GRID = Grid.of((30, 40, 50), (2.0, 1.5, 1.2), origin=(-30, 20, 100))
WINDOW = Window(50, 100)
SHIFT = np.array((6.0, -6.0, 4.0))  # whole voxels
FULL = 250  # of 255


def ball(centre, radius=8.0):
    """A bright ball about a world point, mm."""
    points = GRID.to_world(np.moveaxis(np.indices(GRID.shape), 0, -1))
    inside = np.linalg.norm(points - centre, axis=-1) < radius
    return Volume(np.int16(inside * 200), GRID, slope=0.5)


def shift(vector) -> Transform:
    matrix = np.eye(4)
    matrix[:3, 3] = vector
    return Transform(matrix)


@pytest.fixture
def shown():
    fixed, moving = ball(GRID.centre), ball(GRID.centre + SHIFT)
    given = (PlacedImage(fixed, WINDOW), PlacedImage(moving, WINDOW), PlacedImage(moving, WINDOW, shift(SHIFT)))
    x, y, z = (float(mm) for mm in GRID.centre)
    return {(style, plane): picture for style, plane, picture in pictures(*given, (x, y, z))}


def test_before_they_differ_and_after_they_are_grey(shown):
    for plane in ("axial", "coronal", "sagittal"):
        before, after = (shown[style, plane].astype(int) for style in ("before", "after"))
        assert before.shape == (SIDE, SIDE, 3)
        green = (before[..., 1] > FULL) & (before[..., 0] == 0)
        magenta = (before[..., 0] > FULL) & (before[..., 1] == 0)
        assert green.sum() > 200
        assert magenta.sum() > 50
        assert np.abs(after[..., 0] - after[..., 1]).mean() < 1.0
        assert (after.min(axis=-1) > FULL).sum() > 500


def test_planes_lie_as_in_the_views(shown):
    """x runs rightwards (to the patient's left), y to the back, z to the head: the moving ball lies accordingly."""

    def place(style_plane):
        picture = shown[style_plane].astype(int)
        rows, columns = np.nonzero((picture[..., 0] > FULL) & (picture[..., 1] == 0))
        return np.sign([columns.mean() - SIDE / 2, rows.mean() - SIDE / 2]).tolist()

    assert place(("before", "axial")) == [1, -1]  # left, front
    assert place(("before", "coronal")) == [1, -1]  # left, up
    assert place(("before", "sagittal")) == [-1, -1]  # front, up


def test_pixels_are_square_and_one_scale_holds_for_all_planes(shown):
    """The ball's diameter of 16 mm, in pixels of the largest side of the grid."""
    side = np.ptp(GRID.corners, axis=0).max()
    for plane in ("axial", "coronal", "sagittal"):
        rows, columns = np.nonzero(shown["after", plane].min(axis=-1) > 127)
        for pixels in (np.ptp(rows), np.ptp(columns)):
            assert pixels * side / SIDE == pytest.approx(16, abs=2.1)


def test_the_checkerboard_takes_turns(shown):
    picture = shown["checkerboard", "axial"]
    assert (picture[..., 0] == picture[..., 1]).all()
    first = picture[: SIDE // 8, : SIDE // 8]  # of the fixed image: dark here
    assert not first.any()


def test_growth_shrinkage_and_folds_have_their_colours():
    grid = Grid.of((21, 21, 21), (2.0, 2.0, 2.0), origin=(-20, -20, -20))
    points = grid.to_world(np.moveaxis(np.indices(grid.shape), 0, -1))
    x = points[..., 0]
    field = np.zeros((*grid.shape, 3), np.float32)
    field[..., 0] = np.where(x < -5, 1.0 * x, np.where(x > 5, -2.0 * x, 0.0))  # det 2 on the left, -1 on the right
    fixed = PlacedImage(Volume(np.zeros(grid.shape, np.int16), grid), WINDOW)
    after = PlacedImage(fixed.volume, WINDOW, Transform(np.eye(4), field, grid))
    found = {(style, plane): p for style, plane, p in pictures(fixed, fixed, after, (0.0, 0.0, 0.0))}
    row = found["volume change", "axial"][SIDE // 2].astype(int)
    assert row[SIDE // 8].tolist() == pytest.approx([184, 127, 0], abs=2)  # four fifths of orange: doubled
    assert row[-SIDE // 8].tolist() == FOLDED.tolist()
    assert row[SIDE // 2].tolist() == [0, 0, 0]


def test_a_matrix_has_no_picture_of_its_change_of_volume():
    assert "volume change" not in styles(shift(SHIFT))
    assert "volume change" not in styles(None)


def test_a_fixed_image_that_is_placed_itself_is_shown_where_it_lies():
    """Both moved by the same: nothing differs, and the picture is filled as before."""
    place = shift((70.0, 0.0, 0.0))
    volume = ball(GRID.centre)
    here = tuple(float(mm) for mm in GRID.centre)
    there = (here[0] - 70.0, here[1], here[2])
    plain = next(p for s, _, p in pictures(*[PlacedImage(volume, WINDOW)] * 3, here) if s == "after")
    placed = next(p for s, _, p in pictures(*[PlacedImage(volume, WINDOW, place)] * 3, there) if s == "after")
    assert np.array_equal(plain, placed)
