"""What a stroke means in voxels: sizes in mm on any grid, no gaps, no stripes in oblique planes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import label
from scipy.spatial.transform import Rotation

from viewer.data.grid import Grid
from viewer.effects.footprint import ball, disc, plane_coordinates, polygon_mask
from viewer.render.planes.plane import Plane, Pose

spacings = st.tuples(*[st.floats(0.4, 3.0)] * 3)
radii = st.floats(4.0, 12.0)


def whole(grid: Grid, part) -> np.ndarray:
    out = np.zeros(grid.shape, bool)
    if part is not None:
        out[part[0]] = part[1]
    return out


def volume(grid: Grid) -> float:
    return float(np.prod(grid.spacing))


@given(spacings, radii)
def test_a_ball_is_as_large_as_its_radius_says(spacing, radius):
    grid = Grid.of(tuple(int(2.4 * radius / step) + 3 for step in spacing), spacing)
    mask = whole(grid, ball(grid, grid.centre, grid.centre, radius))
    shell = 4 * np.pi * radius**2 * max(spacing)  # a layer of voxels on the surface
    assert abs(mask.sum() * volume(grid) - 4 / 3 * np.pi * radius**3) < shell
    at = grid.to_world(np.argwhere(mask))
    assert np.linalg.norm(at - grid.centre, axis=1).max() <= radius * (1 + 1e-5)


@given(st.floats(-0.3, 0.3), st.tuples(*[st.floats(-6, 6)] * 3))
def test_a_ball_is_round_in_a_sheared_grid_too(lean, way):
    """As of a CT with a tilted gantry: the slices are shifted against each other."""
    affine = np.array([[0, 0, 0.8, -10.0], [lean, 1.0, 0, -10.0], [1.5, 0, 0, -10.0], [0, 0, 0, 1]])
    grid = Grid((16, 24, 30), affine)
    start, end = grid.centre, grid.centre + way
    mask = whole(grid, ball(grid, start, end, 5.0))
    off = grid.to_world(np.argwhere(np.ones(grid.shape, bool))) - start
    length = max(np.dot(way, way), 1e-12)
    along = np.clip(off @ np.asarray(way) / length, 0, 1)
    away = np.linalg.norm(off - along[:, None] * way, axis=1).reshape(grid.shape)
    sure = np.abs(away - 5.0) > 1e-3
    assert (mask == (away <= 5.0))[sure].all()


@given(st.floats(0, 2 * np.pi), st.floats(5, 40), radii)
def test_a_fast_stroke_has_no_gaps(angle, length, radius):
    grid = Grid.of((3, 120, 120), (2.0, 0.7, 0.7))
    pose = Pose.fit(Plane(grid, "axial"), 1, 500, 500)
    start = np.array(plane_coordinates(pose, grid.centre))
    end = start + np.array([np.cos(angle), np.sin(angle)]) * min(length, 25)
    mask = whole(grid, disc(grid, pose, tuple(start), tuple(end), radius / 4))
    assert label(mask)[1] == 1
    assert mask[1].any()
    assert not mask[[0, 2]].any()
    u, v = (grid.to_world(np.argwhere(mask)) @ side for side in (pose.plane.right, pose.plane.down))
    along = np.clip(
        ((u - start[0]) * (end - start)[0] + (v - start[1]) * (end - start)[1]) / ((end - start) @ (end - start)), 0, 1
    )
    away = np.hypot(u - start[0] - along * (end - start)[0], v - start[1] - along * (end - start)[1])
    assert away.max() <= radius / 4 + 1e-6


def test_the_smallest_brush_still_paints_the_voxel_under_it():
    grid = Grid.of((4, 10, 10), (3.0, 3.0, 3.0))
    pose = Pose.fit(Plane(grid, "axial"), 2, 300, 300)
    at = plane_coordinates(pose, grid.to_world((2, 4, 7)))
    mask = whole(grid, disc(grid, pose, at, at, 0.2))
    assert np.argwhere(mask).tolist() == [[2, 4, 7]]
    assert np.argwhere(whole(grid, ball(grid, grid.to_world((2, 4, 7)), grid.to_world((2, 4, 7)), 0.2))).tolist() == [
        [2, 4, 7]
    ]


@given(st.floats(-40, 40), st.floats(-40, 40))
def test_in_an_oblique_plane_every_voxel_that_is_seen_is_painted(yaw, pitch):
    """Wherever the slice is looked at, the nearest voxel is one of the painted: no stripes."""
    turned = Rotation.from_euler("zy", [yaw, pitch], degrees=True).as_matrix()
    labels = Grid.of((40, 50, 60), (1.3, 1.0, 0.8), origin=(-20, -20, -20), direction=turned)
    room = Grid.of((50, 50, 50), (1.0, 1.0, 1.0), origin=(-25, -25, -25))
    pose = Pose.fit(Plane(room, "axial"), 25, 400, 400)
    middle = pose.world(200, 200)
    mask = whole(labels, disc(labels, pose, plane_coordinates(pose, middle), plane_coordinates(pose, middle), 8.0))
    across, along = np.meshgrid(np.linspace(-5, 5, 41), np.linspace(-5, 5, 41))
    seen = middle + across[..., None] * pose.plane.right + along[..., None] * pose.plane.down
    k, j, i = np.floor(labels.to_index(seen) + 0.5).astype(int).reshape(-1, 3).T
    known = (k >= 0) & (j >= 0) & (i >= 0) & (k < 40) & (j < 50) & (i < 60)
    assert mask[k[known], j[known], i[known]].all()


@pytest.mark.parametrize("plane", ["axial", "sagittal", "coronal"])
def test_the_inside_of_an_outline_is_as_large_as_the_outline(plane):
    grid = Grid.of((90, 80, 100), (0.9, 1.0, 0.8))
    pose = Pose.fit(Plane(grid, plane), 40, 400, 400)
    u, v = plane_coordinates(pose, grid.centre)
    turn = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    mask = whole(grid, polygon_mask(grid, pose, list(zip(u + 20 * np.cos(turn), v + 12 * np.sin(turn), strict=True))))
    thick = grid.spacing[pose.plane.normal_axis]
    assert mask.sum() * volume(grid) / thick == pytest.approx(np.pi * 20 * 12, rel=0.02)
    assert set(np.argwhere(mask)[:, pose.plane.normal_axis]) == {40}


def test_an_outline_that_crosses_itself_follows_the_even_odd_rule():
    grid = Grid.of((1, 60, 60), (1, 1, 1))
    pose = Pose.fit(Plane(grid, "axial"), 0, 400, 400)
    square = [(10, 10), (50, 10), (50, 50), (10, 50)]
    hole = [(20, 20), (40, 20), (40, 40), (20, 40)]
    mask = whole(grid, polygon_mask(grid, pose, [*square, square[0], *hole, hole[0]]))[0]
    assert mask[12, 30]
    assert not mask[30, 30]


def test_outside_of_the_voxels_there_is_nothing_to_paint():
    grid = Grid.of((3, 10, 10), (1, 1, 1))
    pose = Pose.fit(Plane(grid, "axial"), 1, 300, 300)
    assert disc(grid, pose, (100.0, 100.0), (110.0, 100.0), 3.0) is None
    assert ball(grid, (100, 100, 100), (100, 100, 100), 3.0) is None
    assert polygon_mask(grid, pose, [(50, 50), (60, 50), (60, 60)]) is None
