"""Regions are drawn and moved, and the wipe's line is taken hold of, with the mouse."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.data.provenance import Provenance
from viewer.data.volume import Volume, Window
from viewer.render.slices.slice_view import SliceView
from viewer.render.view import MouseEvent
from viewer.scene.compare.inspection import Inspection
from viewer.scene.layer import difference_layer, volume_layer
from viewer.tools.measure.region import region_between, thicken


def test_an_ellipse_fills_the_box_that_was_dragged(drag, state, view):
    state.tool = "ellipse"
    drag(60, 40, at=(180, 120))
    region, scale = state.region, view.pose.scale
    assert region.shape == "ellipse"
    assert region.reach == pytest.approx((30 * scale, 20 * scale))
    assert view.pose.pixel(region.centre) == pytest.approx((210, 140))
    assert region.depth == 1.25  # half of a slice
    assert np.dot(region.centre, view.plane.normal) == pytest.approx(view.plane.depth(view.index))


def test_a_box_may_be_dragged_any_way(drag, state, view):
    state.tool = "box"
    drag(-50, -30, at=(230, 170))
    assert state.region.shape == "box"
    assert view.pose.pixel(state.region.centre) == pytest.approx((205, 155))


def test_a_drag_from_its_inside_moves_it_and_one_from_outside_draws_anew(drag, state, view):
    state.tool = "ellipse"
    drag(60, 60, at=(150, 100))
    first = state.region
    drag(25, -10, at=(180, 130))
    moved = state.region
    assert moved.reach == first.reach
    assert view.pose.pixel(moved.centre) == pytest.approx((205, 120))
    drag(30, 30, at=(260, 200))
    assert state.region.reach != first.reach


def test_a_click_draws_nothing_and_leaves_what_is_there(drag, state):
    state.tool = "ellipse"
    drag(1, 1)
    assert state.region is None
    drag(40, 40)
    kept = state.region
    drag(1, 1, at=(60, 60))
    assert state.region is kept


def test_more_slices_on_either_side(view):
    start, end = view.world_at(180, 120), view.world_at(220, 160)
    region = region_between(view, "ellipse", start, end)
    thick = thicken(region, view.plane.spacing, 3)
    assert thick.depth == 3.5 * 2.5
    slices = [k for k in range(20) if len(thick.cut(view.plane.normal, view.plane.depth(k)))]
    assert slices == list(range(view.index - 3, view.index + 4))


@pytest.fixture
def wipe(document, layer, state):
    """A result of the first time point, active, wiped against it at the cross-hair."""
    made = layer.volumes[0]
    result = volume_layer((Volume(made.array + np.int16(1), made.grid, "result", "HU"),))
    result.made_from = layer.id
    document.insert(1, result)
    state.active = result.id
    state.inspection = Inspection(result.id, "wipe", at=state.crosshair)
    return result


@pytest.mark.parametrize("upright", [True, False])
def test_the_line_is_dragged_whatever_the_tool(drag, state, view, wipe, upright):
    state.inspection = Inspection(wipe.id, "wipe", at=state.crosshair, upright=upright)
    window = wipe.window
    at = view.overlay().wipe.at
    drag(37, 21, at=(at + 3, 100) if upright else (100, at + 3))
    assert view.overlay().wipe.at == pytest.approx(at + 3 + (37 if upright else 21))
    assert wipe.window == window


def test_beside_the_line_the_tool_works(drag, state, view, wipe):
    before, wipe.window = view.overlay().wipe.at, Window(10, 20)
    drag(30, 0, at=(before + 20, 100))
    assert view.overlay().wipe.at == before
    assert wipe.window.width > 20


def test_the_line_moves_in_the_other_views_too(drag, document, state, view, wipe, qtbot):
    coronal = SliceView(document, state, "coronal")
    qtbot.addWidget(coronal)
    drag(40, 0, at=(view.overlay().wipe.at, 100))
    x = state.inspection.at[0]
    assert coronal.overlay().wipe.at == pytest.approx(coronal.pose.pixel((x, 0, 0))[0])


def test_the_cursor_says_that_the_line_can_be_moved(view, mouse, wipe):
    at = view.overlay().wipe.at
    plain = view.cursor().shape()
    view.mouse.emit(view, MouseEvent("move", at + 2, 80))
    over = view.cursor().shape()
    view.mouse.emit(view, MouseEvent("move", at + 60, 80))
    assert over != plain
    assert view.cursor().shape() == plain


def test_a_difference_stays_even_about_zero_under_the_window_tool(drag, document, layer, state):
    made = layer.volumes[0]
    gap = difference_layer(Volume(made.array, made.grid, "gap", "HU", provenance=Provenance("difference", "1", "1")))
    document.insert(1, gap)
    gap.visible, gap.window, state.active = True, Window(0.0, 20.0), gap.id
    drag(40, 60)
    assert gap.window.center == 0
    assert gap.window.width > 20
