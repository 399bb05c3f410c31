"""Painting with the mouse: strokes, what they may change, one step of the history each."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.render.view import MouseEvent
from viewer.scene.segmentation.brush import Brush
from viewer.scene.segmentation.masking import Masking
from viewer.scene.segmentation_layer import segmentation_layer
from viewer.tools.segment.paint_tool import chosen_segmentation


def test_a_stroke_is_one_named_step_that_can_be_undone(drag, state, labels, history):
    state.tool, state.brush = "brush", Brush(2.0)
    drag(60, 30)
    assert history.undo_labels == ("Paint liver",)
    painted = labels.segmentation.array == 1
    assert painted.sum() > 20
    assert set(np.argwhere(painted)[:, 0]) == {10}  # the slice of the view
    history.undo()
    assert not labels.segmentation.array.any()
    history.redo()
    assert np.array_equal(labels.segmentation.array == 1, painted)


def test_a_ball_goes_through_the_slices(drag, state, labels):
    state.tool, state.brush = "brush", Brush(6.0, solid=True)
    drag(1, 1)
    assert len(set(np.argwhere(labels.segmentation.array)[:, 0])) == 5  # 2.5 mm apart


def test_alt_takes_away_and_the_eraser_with_alt_paints(drag, state, labels, history):
    state.tool, state.brush = "brush", Brush(4.0)
    drag(20, 0)
    before = labels.segmentation.array.sum()
    drag(5, 0, "left", "alt")
    assert labels.segmentation.array.sum() < before
    state.tool = "erase"
    drag(20, 0)
    assert not labels.segmentation.array.any()
    drag(20, 0, "left", "alt")
    assert labels.segmentation.array.sum() == before
    assert history.undo_labels[:2] == ("Paint liver", "Erase from liver")


def test_other_buttons_and_the_wheel_do_what_they_always_did(drag, wheel, state, view, labels):
    state.tool = "brush"
    scale, index = view.pose.scale, view.index
    drag(0, -30, "right")
    assert view.pose.scale < scale
    wheel(-2)
    assert view.index != index
    assert not labels.segmentation.array.any()


def test_only_the_range_of_values_is_painted(drag, state, labels, layer):
    state.tool, state.brush = "brush", Brush(6.0, solid=True)
    state.masking = Masking(values=(-990.0, -989.0))  # the values of slices 10 and 11
    drag(1, 0)
    assert set(np.argwhere(labels.segmentation.array)[:, 0]) == {10, 11}


def test_a_locked_a_hidden_or_a_missing_segment_is_said_and_nothing_painted(drag, state, labels, work, document):
    state.tool = "brush"
    labels.locked = frozenset({(0, 1)})
    drag(10, 0)
    labels.locked, labels.hidden = frozenset(), frozenset({(0, 1)})
    drag(10, 0)
    document.remove(labels.id)
    drag(10, 0)
    assert [said.split(":")[0] for said in work.said] == [
        "liver is locked", "liver is hidden", "There is no segmentation to paint in",
    ]  # fmt: skip
    assert not labels.segmentation.array.any()


def test_a_range_without_an_image_on_the_grid_is_said(drag, state, labels, work, document, layer, history):
    state.tool, state.masking = "brush", Masking(values=(0.0, 1.0))
    layer.volumes = tuple(type(one)(one.array[:19], one.grid.crop((0, 0, 0), (19, 30, 40))) for one in layer.volumes)
    drag(10, 0)
    assert len(work.said) == 1
    assert "no grey image on its grid" in work.said[0]
    assert history.undo_labels == ()


def test_undo_in_the_middle_of_a_stroke_ends_it_first(view, state, mouse, labels, history):
    state.tool = "brush"
    view.mouse.emit(view, MouseEvent("press", 200, 150, "left"))
    view.mouse.emit(view, MouseEvent("move", 230, 150, "left"))
    mouse.let_go()
    assert history.undo_labels == ("Paint liver",)
    view.mouse.emit(view, MouseEvent("move", 260, 150, "left"))  # the button is still down
    view.mouse.emit(view, MouseEvent("release", 260, 150, "left"))
    assert len(history.undo_labels) == 1


def test_the_ring_has_the_size_of_the_brush_and_goes_with_the_mouse(view, state, mouse, labels):
    state.tool, state.brush = "brush", Brush(4.0)
    view.mouse.emit(view, MouseEvent("move", 210, 140))
    place, radius = view._draft.ring
    assert (view.pixel_of(place), radius) == (pytest.approx((210, 140)), 4.0)
    state.brush = state.brush.resized(2)
    assert view._draft.ring[1] == 8.0
    view.mouse.emit(view, MouseEvent("leave"))
    assert view._draft is None
    view.mouse.emit(view, MouseEvent("move", 210, 140))
    state.tool = "pan"
    assert view._draft is None


def test_the_uppermost_segmentation_of_the_active_image_is_meant(document, state, layer, labels):
    other = segmentation_layer(labels.segmentation)
    document.insert(2, other)
    assert chosen_segmentation(document, state) is labels  # made from the active image
    state.active = other.id
    assert chosen_segmentation(document, state) is other
