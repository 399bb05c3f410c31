"""Outlines by clicks and drags, snapping to edges, and cutting: what ends them, what drops them, what they do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from viewer.data.volume import Volume
from viewer.render.view import MouseEvent
from viewer.render.volumes.volume_view import VolumeView
from viewer.scene.segmentation.brush import Brush
from viewer.tools.segment.livewire import sampled
from viewer.tools.segment.paint_tool import find_paint_target

SQUARE = ((150, 100), (250, 100), (250, 200), (150, 200))


@pytest.fixture
def click(view, mouse):
    """Press and release at places of the view."""

    def go(*places, kind="press"):
        for x, y in places:
            view.mouse.emit(view, MouseEvent(kind, x, y, "left"))
            view.mouse.emit(view, MouseEvent("release", x, y, "left"))

    return go


def area(labels, view) -> float:
    """Of the first segment, mm²."""
    return float((labels.segmentation.array == 1).sum() * labels.grid.spacing[1] * labels.grid.spacing[2])


@pytest.mark.parametrize("end", ["double", "enter", "first corner"])
def test_a_polygon_is_filled_however_it_is_ended(click, view, state, mouse, labels, history, end):
    state.tool = "draw"
    click(*SQUARE)
    assert mouse.drawing
    assert history.undo_labels == ()
    if end == "double":
        assert mouse.double_click(view, MouseEvent("double", *SQUARE[-1], "left"))
    elif end == "enter":
        mouse.handle_key("end")
    else:
        click(SQUARE[0])
    assert not mouse.drawing
    assert history.undo_labels == ("Draw liver",)
    assert area(labels, view) == pytest.approx((100 * view.pose.scale) ** 2, rel=0.1)


def test_a_drag_round_a_region_is_enough(drag, view, state, labels, mouse):
    state.tool = "draw"
    view.mouse.emit(view, MouseEvent("press", 250, 150, "left"))
    for angle in np.linspace(0, 2 * np.pi, 60):
        view.mouse.emit(view, MouseEvent("move", 200 + 50 * np.cos(angle), 150 + 50 * np.sin(angle), "left"))
    view.mouse.emit(view, MouseEvent("release", 250, 150, "left"))
    assert area(labels, view) == pytest.approx(np.pi * (50 * view.pose.scale) ** 2, rel=0.1)


def test_corners_can_be_taken_back_and_the_outline_dropped(click, view, state, mouse, labels, history):
    state.tool = "draw"
    click(*SQUARE)
    mouse.handle_key("back")
    assert len(view._draft.knots) == 3
    mouse.handle_key("drop")
    assert not mouse.drawing
    assert view._draft is None
    assert history.undo_labels == ()


def test_another_tool_drops_the_outline(click, view, state, mouse, labels):
    state.tool = "draw"
    click(*SQUARE)
    state.tool = "brush"
    assert view._draft is None
    state.tool = "draw"
    assert not mouse.drawing


def test_an_outline_that_takes_away_leaves_a_hole(click, view, state, mouse, labels, history):
    state.tool = "draw"
    click(*SQUARE)
    mouse.handle_key("end")
    whole = area(labels, view)
    state.brush = Brush(taking=True)
    hole = [(175, 125), (225, 125), (225, 175), (175, 175)]
    click(*hole)
    mouse.handle_key("end")
    assert area(labels, view) == pytest.approx(whole - (50 * view.pose.scale) ** 2, abs=12)
    assert history.undo_labels[0] == "Erase from liver"


def test_a_double_click_with_another_tool_is_left_to_the_views(view, state, mouse):
    state.tool = "pan"
    assert not mouse.double_click(view, MouseEvent("double", 200, 150, "left"))


@pytest.fixture
def bright_disc(layer):
    """The image shows a bright disc of 8 mm radius in every slice."""
    grid = layer.volumes[0].grid
    j, i = np.ogrid[:30, :40]
    picture = np.where(np.hypot(j - 15, i - 20) <= 8, 1000, 0).astype(np.int16)
    layer.volumes = (Volume(np.ascontiguousarray(np.broadcast_to(picture, grid.shape)), grid, "disc", "HU"),)
    return layer


def test_a_livewire_follows_the_edge_between_two_clicks(click, view, state, mouse, labels, bright_disc):
    state.tool = "livewire"
    grid = labels.grid
    box_between = [view.pixel_of(grid.to_world((10, 15 + 8 * np.sin(a), 20 + 8 * np.cos(a)))) for a in (0, 2.1, 4.2)]
    click(*box_between)
    mouse.handle_key("end")
    disc = np.broadcast_to(bright_disc.volumes[0].array[10] > 0, (30, 40))
    made = labels.segmentation.array[10] == 1
    assert 2 * (made & disc).sum() / (made.sum() + disc.sum()) > 0.85  # the triangle of the clicks has .58


def test_an_oblique_picture_holds_the_values_of_the_image(view, state, document, labels, bright_disc):
    goal = find_paint_target(document, state)
    pose = view.pose
    low = np.array([pose.across, pose.along]) - 5
    picture = sampled(goal.image, labels, pose, low, 1.0, 11)
    middle = pose.plane.depth(pose.index) * pose.plane.normal
    for row, column in ((0, 0), (5, 5), (10, 3)):
        world = (low[0] + column) * pose.plane.right + (low[1] + row) * pose.plane.down + middle
        value = goal.image.value_at(tuple(world))
        assert value is not None
        assert abs(picture[row, column] - value) <= 1000
    assert picture.shape == (11, 11)


def run(work, layer) -> tuple[np.ndarray, str]:
    """What the computation that scissors asked for comes to, over all voxels; and how it is applied."""
    asked_of, _, call, how, *_ = work.run[-1]
    assert asked_of is layer
    out = np.zeros(layer.grid.shape, bool)
    for _, mask, box in call(lambda fraction: None):
        out[box] |= mask
    return out, how


@pytest.mark.parametrize(
    ("cut", "how"), [("erase inside", "remove"), ("erase outside", "remove"), ("fill inside", "add")]
)
def test_scissors_cut_through_all_slices(click, view, state, mouse, labels, work, cut, how):
    labels.segmentation.array[:, 5:25, 5:35] = 1
    state.tool, state.brush = "scissors", Brush(cut=cut)
    click(*SQUARE)
    mouse.handle_key("end")
    mask, applied = run(work, labels)
    assert applied == how
    corners = [labels.grid.to_index(view.world_at(x, y))[1:] for x, y in SQUARE]
    (top, left), (bottom, right) = np.min(corners, axis=0), np.max(corners, axis=0)
    j, i = np.mgrid[:30, :40]
    within = (j > top) & (j < bottom) & (i > left) & (i < right)
    held = np.zeros((30, 40), bool)
    held[5:25, 5:35] = True
    wanted = within if cut == "fill inside" else held & (within != (cut == "erase outside"))
    assert all((plane == mask[0]).all() for plane in mask)
    assert (mask[0] != wanted).sum() <= 2  # a voxel's middle may lie on the line


def test_scissors_work_in_the_3d_view_along_the_line_of_sight(qtbot, document, state, mouse, labels, work):
    view = VolumeView(document, state)
    view.resize(300, 300)
    qtbot.addWidget(view)
    mouse.follow(view)
    view._aim(labels.grid, labels.grid)  # from the front
    labels.segmentation.array[:] = 1
    state.tool, state.brush = "scissors", replace(state.brush, cut="erase inside")
    for x, y in ((0, 0), (150, 0), (150, 300), (0, 300)):
        for kind in ("press", "release"):
            view.mouse.emit(view, MouseEvent(kind, x, y, "left"))
    mouse.handle_key("end")
    mask, _ = run(work, labels)
    world = labels.grid.to_world(np.argwhere(mask))
    assert world[:, 0].max() <= labels.grid.centre[0] + 0.5  # the patient's right is at the left of the screen
    assert mask.mean() == pytest.approx(0.5, abs=0.03)


def test_dragging_the_3d_view_with_the_brush_still_turns_it(qtbot, document, state, mouse, labels, history):
    view = VolumeView(document, state)
    view.resize(300, 300)
    qtbot.addWidget(view)
    mouse.follow(view)
    view._aim(labels.grid, labels.grid)
    before = view.renderer.GetActiveCamera().GetPosition()
    state.tool = "brush"
    for kind, x in (("press", 100), ("move", 140), ("release", 140)):
        view.mouse.emit(view, MouseEvent(kind, x, 100, "left"))
    assert view.renderer.GetActiveCamera().GetPosition() != before
    assert history.undo_labels == ()
