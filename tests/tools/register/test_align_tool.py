"""Moving and turning the moving image by hand: it goes where the mouse goes, in one step that can be undone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from viewer.data.grid import Grid
from viewer.data.transform import SignOff, Transform
from viewer.data.volume import Volume
from viewer.render.view import MouseEvent
from viewer.scene.compare.comparison import Comparison
from viewer.scene.layer import volume_layer
from viewer.tools.register.align import carried, nudge_edit, shift, turn


@pytest.fixture
def moving(document, state, layer):
    grid = Grid.of((10, 20, 30), (4.0, 2.0, 1.5), (-15, -12, 105))
    array = np.random.default_rng(1).integers(0, 100, grid.shape).astype(np.int16)
    moving = volume_layer((Volume(array, grid, "MR"),))
    document.insert(1, moving)
    state.comparison, state.tool = Comparison(layer.id, moving.id), "align"
    return moving


def bent():
    grid = Grid.of((20, 20, 20), (4, 4, 4), (-40, -40, 90))
    noise = np.random.default_rng(2).normal(size=(*grid.shape, 3))
    field = np.stack([gaussian_filter(noise[..., c], 2) for c in range(3)], axis=-1)
    return Transform(turn(np.array([0.0, 0, 1]), 0.1, (0, 0, 100)), (30 * field).astype(np.float32), grid, "deformable")


@pytest.mark.parametrize("before", [None, Transform(shift(np.array([3.0, -2, 5]))), bent()])
def test_what_is_under_the_mouse_goes_with_it(state, view, moving, drag, history, before):
    moving.transform = before
    start = view.world_at(200, 150)
    there = moving.own_place(start)
    drag(32, -18)
    assert moving.own_place(view.world_at(232, 132)) == pytest.approx(there, abs=1e-3)
    assert history.undo_labels == ("Align MR",)
    history.undo()
    assert moving.transform is before
    history.redo()
    assert moving.own_place(view.world_at(232, 132)) == pytest.approx(there, abs=1e-3)


@pytest.mark.parametrize("before", [None, bent()])
def test_the_ring_turns_it_about_the_crosshair_with_the_mouse(state, view, moving, history, mouse, before):
    moving.transform = before
    pose = view.pose
    x, y = pose.pixel(state.crosshair)
    middle, beside = moving.own_place(state.crosshair), moving.own_place(tuple(pose.world(x + pose.ring, y)))
    view.mouse.emit(view, MouseEvent("press", x + pose.ring + 3, y, "left"))
    for angle in (0.2, 0.5):
        at = x + 90 * np.cos(angle), y + 90 * np.sin(angle)
        view.mouse.emit(view, MouseEvent("move", *at, "left"))
    assert history.undo_labels == ()  # shown on the way, no step yet
    view.mouse.emit(view, MouseEvent("release", *at, "left"))
    assert moving.own_place(state.crosshair) == pytest.approx(middle, abs=1e-3)
    end = pose.world(x + pose.ring * np.cos(0.5), y + pose.ring * np.sin(0.5))
    assert moving.own_place(tuple(end)) == pytest.approx(beside, abs=1e-3)
    assert len(history.undo_labels) == 1


def test_shift_turns_wherever_the_drag_begins_and_does_not_move_the_crosshair(state, moving, drag):
    before = state.crosshair
    drag(0, 60, "left", "shift", at=(260, 150))
    assert state.crosshair == before
    assert moving.transform.matrix[:3, :3] != pytest.approx(np.eye(3))
    state.tool = "zoom"
    drag(0, 60, "left", "shift", at=(260, 150))
    assert state.crosshair != before


def test_a_click_is_no_step_and_neither_is_a_drag_without_a_second_image(state, document, moving, drag, history):
    drag(0, 0)
    document.remove(moving.id)
    drag(20, 20)
    assert history.undo_labels == ()


def test_a_hand_alignment_is_a_new_transform_that_nobody_signed(moving):
    signed = Transform(np.eye(4), name="rigid", sign_off=SignOff("accepted", "A reader", "", "2026-01-01T00:00:00Z"))
    once = carried(signed, shift(np.array([1.0, 0, 0])))
    assert (once.sign_off, once.provenance, once.name) == (None, None, "rigid, then by hand")
    assert carried(once, shift(np.array([1.0, 0, 0]))).name == "rigid, then by hand"
    assert carried(None, np.eye(4)).name == "by hand"


def test_nudges_of_one_gesture_are_one_step(moving, history):
    for _ in range(3):
        history.do(nudge_edit(moving, shift(np.array([0.5, 0, 0])), "keys"))
    assert moving.transform((0, 0, 0)) == pytest.approx([-1.5, 0, 0])
    history.undo()
    assert moving.transform is None


def test_a_turn_keeps_the_axis_and_goes_round_the_right_way():
    matrix = turn(np.array([0.0, 0, 1]), np.pi / 2, (1.0, 2.0, 3.0))
    assert matrix @ (1, 2, 9, 1) == pytest.approx([1, 2, 9, 1])
    assert matrix @ (2, 2, 3, 1) == pytest.approx([1, 3, 3, 1])
