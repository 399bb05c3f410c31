"""A transform drawn over the images: where its lines lie, and what its colours say."""

from __future__ import annotations

import numpy as np
import pytest
from screen import pixels
from transforms import FIXED, MOVING, PLANES, TRANSFORMS, bend

from viewer.compute.registration.transform_quality import jacobian
from viewer.data.grid import Grid
from viewer.data.transform import Transform
from viewer.render.comparison.deformation_artist import (
    FOLDED,
    deformation_content,
    determinants,
    displacements,
    spacing,
)
from viewer.render.slices.slice_view import SliceView
from viewer.scene.compare.deformation_display import DEFORMATIONS, Deformation


@pytest.fixture
def layer(add, state):
    add(np.zeros(FIXED.shape, np.uint8), FIXED, name="fixed")
    layer = add(np.zeros(MOVING.shape, np.int16), MOVING, name="MR")
    layer.transform = TRANSFORMS["field and affine"]
    state.deformation = Deformation(layer.id, "grid")
    return layer


@pytest.mark.parametrize("plane", PLANES)
def test_arrows_go_from_each_place_to_where_it_is_taken_from(document, state, layer, show, plane):
    state.deformation = Deformation(layer.id, "arrows", 12.0)
    view = show(SliceView(document, state, plane))
    strokes, pose = view.overlay().strokes, view.pose
    assert strokes.arrows
    assert len(strokes.lines) > 20
    for start, end in strokes.lines:
        place = pose.world(*start)
        on = place @ pose.plane.right / 12, place @ pose.plane.down / 12
        assert on == pytest.approx(np.round(on), abs=1e-6)  # they stand still in the patient
        assert end == pytest.approx(pose.pixel(place + displacements(layer.transform, place[None])[0]), abs=1e-6)


def test_the_lines_of_the_grid_are_bent_by_the_field(document, state, layer, show):
    state.deformation = Deformation(layer.id, "grid", 10.0)
    view = show(SliceView(document, state, "axial"))
    bent = view.overlay().strokes
    assert not bent.arrows
    depth = view.pose.plane.depth(view.index)
    field = Transform(np.eye(4), layer.transform.displacement, layer.transform.grid)
    here = np.array([(-20.0, y, depth) for y in np.arange(-40, 30, 2.5)])
    expected = {tuple(np.round(view.pose.pixel(place), 3)) for place in field(here)}
    drawn = {tuple(np.round(point, 3)) for line in bent.lines for point in line}
    assert expected <= drawn
    layer.transform = Transform(np.eye(4), np.zeros_like(layer.transform.displacement), layer.transform.grid)
    for line in view.overlay().strokes.lines:
        assert np.ptp(np.array(line), axis=0).min() < 1e-6  # straight


def test_the_change_of_volume_is_that_of_the_quality_measures():
    transform = TRANSFORMS["field and affine"]
    expected, grid = jacobian(transform)
    inner = np.array([(k, j, i) for k in (5, 20, 33) for j in (7, 30) for i in (3, 21)])
    found = determinants(transform, grid.to_world(inner))
    assert found == pytest.approx(expected[tuple(inner.T)], abs=1e-4)
    assert determinants(TRANSFORMS["scaled"], np.zeros((2, 3))) == pytest.approx([1.15**3] * 2)


def test_folds_are_red_and_what_does_not_change_is_clear(document, state, layer, show):
    grid = Grid.of((30, 30, 30), (3, 3, 3), (-43.5, -43.5, -43.5))
    field = np.zeros((*grid.shape, 3), np.float32)
    field[:, :, 10:15, 0] = 12.0 * np.array([0, 1, 0.4, -0.2, 0])  # it goes on and back by more than a voxel
    layer.transform = Transform(np.eye(4), field, grid)
    state.deformation = Deformation(layer.id, "determinant")
    view = show(SliceView(document, state, "axial"))
    picture = pixels(view).astype(int)
    determinant, _ = jacobian(layer.transform)
    row = determinant[15, 15]
    assert (row <= 0).any()
    for i in np.nonzero((row <= -0.2) | (np.abs(row - 1) < 1e-6))[0]:
        x, y = view.pose.pixel(grid.to_world((15, 15, int(i))))
        colour = picture[int(y), int(x)]
        if row[i] <= 0:
            assert colour == pytest.approx(FOLDED[:3], abs=30)
        elif 1 < i < 28:
            assert colour.max() < 10


def test_the_magnitude_grows_with_the_displacement(document, state, layer, show):
    grid = Grid.of((30, 30, 30), (3, 3, 3), (-43.5, -43.5, -43.5))
    field = np.zeros((*grid.shape, 3), np.float32)
    field[..., 1] = np.linspace(0, 8, 30)[None, None, :]
    layer.transform = Transform(np.eye(4), field, grid)
    state.deformation, state.show_text = Deformation(layer.id, "magnitude"), True
    view = show(SliceView(document, state, "axial"))
    bar = view.overlay().color_bars[0]
    assert (bar.lower, bar.upper, bar.unit) == ("0", "8", "mm")
    state.show_text = False
    picture = pixels(view).astype(int)
    low, high = (picture[60, int(view.pose.pixel((x, 0, 0))[0])] for x in (-38, 38))
    assert high[1] > low[1] + 50


@pytest.mark.parametrize("style", DEFORMATIONS)
def test_it_is_said_what_is_drawn_and_nothing_is_without_a_transform(document, state, layer, show, style):
    state.deformation, state.show_text = Deformation(layer.id, style), True
    view = show(SliceView(document, state, "axial"))
    first = view.overlay().top_right[0].text
    assert first.startswith(DEFORMATIONS[style])
    with_it = pixels(view)
    layer.transform = None
    assert deformation_content(document, state.deformation) is None
    assert view.overlay().strokes is None
    assert not view.overlay().top_right[0].text.startswith(DEFORMATIONS[style])
    assert not np.array_equal(pixels(view), with_it)


def test_a_matrix_alone_is_drawn_as_a_whole(state, layer):
    points = np.array([[1.0, 2, 3], [-5, 6, 7]])
    rigid = TRANSFORMS["rigid"]
    assert displacements(rigid, points) == pytest.approx(rigid(points) - points)
    field, grid = bend()
    assert displacements(Transform(rigid.matrix, field, grid), points) == pytest.approx(
        Transform(np.eye(4), field, grid)(points) - points, abs=1e-5
    )


def test_spacings_are_round():
    assert [spacing(mm) for mm in (10, 100, 240, 241, 1e6)] == [0.5, 5, 10, 20, 1000]
