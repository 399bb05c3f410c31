from __future__ import annotations

import numpy as np
import pytest
from any_grid import grids
from hypothesis import given
from hypothesis import strategies as st

from viewer.data.grid import PLANES, Grid
from viewer.render.planes.plane import Plane, Pose


@st.composite
def poses(draw, source=grids()) -> Pose:  # noqa: B008
    grid = draw(source)
    plane = Plane(grid, draw(st.sampled_from(PLANES)))
    fitted = Pose.fit(plane, draw(st.integers(0, plane.count - 1)), draw(st.integers(50, 900)), 400)
    shift = draw(st.floats(-50, 50))
    return Pose(
        plane,
        fitted.index,
        fitted.across + shift,
        fitted.along - shift,
        fitted.scale * draw(st.floats(0.1, 4)),
        fitted.width,
        fitted.height,
    )


@given(poses(), st.floats(-100, 1000), st.floats(-100, 1000))
def test_a_pixel_goes_to_the_world_and_back(pose, x, y):
    world = pose.world(x, y)
    assert pose.pixel(world) == pytest.approx((x, y), abs=1e-5)
    assert pose.plane.grid.to_index(world)[pose.plane.normal_axis] == pytest.approx(pose.index, abs=1e-5)
    assert pose.plane.index(world) == pose.index


@given(poses())
def test_the_screen_is_square_and_its_pixels_are_millimetres(pose):
    axes = np.array([pose.plane.right, pose.plane.down, pose.plane.normal])
    assert axes @ axes.T == pytest.approx(np.eye(3), abs=1e-9)
    across = pose.world(10, 0) - pose.world(0, 0)
    assert np.linalg.norm(across) == pytest.approx(10 * pose.scale)


@given(grids(tilt=40))
def test_left_is_right_front_is_up_and_head_is_up(grid):
    axial, coronal, sagittal = (Plane(grid, name) for name in ("axial", "coronal", "sagittal"))
    assert axial.right[0] > 0 < axial.down[1]
    assert coronal.right[0] > 0 > coronal.down[2]
    assert sagittal.right[1] > 0 > sagittal.down[2]


@given(grids(tilt=20))
def test_letters_name_the_sides(grid):
    first = {name: "".join(side[0] for side in Plane(grid, name).letters) for name in PLANES}
    assert first == {"axial": "RLAP", "coronal": "RLHF", "sagittal": "APHF"}


@given(grids(), st.sampled_from(PLANES))
def test_a_fitted_picture_holds_the_whole_grid(grid, name):
    pose = Pose.fit(Plane(grid, name), 0, 300, 200)
    corners = np.array([pose.pixel(corner) for corner in grid.corners])
    assert (corners >= -1e-6).all()
    assert (corners <= np.array([300, 200]) + 1e-6).all()


@given(grids(), st.sampled_from(PLANES), st.integers(-60, 60))
def test_steps_go_by_whole_slices_and_stop_at_the_ends(grid, name, steps):
    plane = Plane(grid, name)
    before = plane.index(grid.centre)
    world = plane.moved(grid.centre, steps)
    sign = 1 if plane.step @ grid.affine[:3, plane.normal_axis] > 0 else -1
    assert plane.index(world) == min(max(before + sign * steps, 0), plane.count - 1)
    travelled = (world - grid.centre) @ plane.normal
    assert travelled * steps >= -1e-9, "positive steps go to the left, the back, the head"


def test_the_slice_of_a_position_outside_is_the_nearest_one():
    plane = Plane(Grid.of((5, 6, 7)), "axial")
    assert (plane.index((0, 0, -99)), plane.index((0, 0, 99))) == (0, 4)


def test_sheared_slices_keep_their_distance_at_a_right_angle():
    affine = np.array([[0, 0, 1, 0], [0.5, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 1.0]])
    plane = Plane(Grid((4, 5, 6), affine), "axial")
    assert plane.spacing == pytest.approx(2)
    assert plane.depth(3) - plane.depth(2) == pytest.approx(2)


def test_a_single_slice_has_no_side_views():
    grid = Grid.of((1, 6, 7))
    assert [Plane(grid, name).flat for name in ("axial", "coronal", "sagittal")] == [False, True, True]


def test_no_letters_where_no_side_is_known() -> None:
    grid = Grid.of((1, 20, 30), placed=False)
    assert Plane(grid, "axial").letters == ("", "", "", "")
    assert Plane(Grid.of((1, 20, 30)), "axial").letters == ("R", "L", "A", "P")
