"""What the mouse does, by the table of the profile."""

from __future__ import annotations

import pytest

from viewer.data.volume import Window
from viewer.render.slices.slice_view import SliceView
from viewer.render.view import MouseEvent
from viewer.scene.history import History
from viewer.tools.mouse_dispatch import CHOICES, Mouse
from viewer.tools.mouse_profiles import profiles


def test_wheel_towards_the_user_reads_on_from_head_to_feet(wheel, view):
    before = view.index
    wheel(-1)
    assert view.index == before - 1
    wheel(3)
    assert view.index == before + 2


def test_parts_of_a_notch_add_up(wheel, view):
    before = view.index
    for _ in range(4):
        wheel(-0.25)
    assert view.index == before - 1


@pytest.mark.parametrize("plane", ["sagittal", "coronal"])
def test_wheel_towards_the_user_goes_to_left_and_back(qtbot, document, state, mouse, plane):
    view = SliceView(document, state, plane)
    qtbot.addWidget(view)
    mouse.follow(view)
    before = state.crosshair
    view.mouse.emit(view, MouseEvent("wheel", steps=-2.0))
    axis = {"sagittal": 0, "coronal": 1}[plane]
    assert state.crosshair[axis] == pytest.approx(before[axis] + 2)


def test_left_drag_to_the_right_widens_the_window(drag, layer):
    drag(150, 0)
    assert layer.window == Window(-990, 80)


def test_left_drag_down_raises_the_level(drag, layer):
    drag(0, 150)
    assert layer.window.center == pytest.approx(-990 + 20)
    assert layer.window.width == pytest.approx(40)


def test_window_never_collapses(drag, layer):
    for _ in range(20):
        drag(-400, 0)
    assert layer.window.width > 0


def test_window_means_the_active_image(drag, document, layer, state):
    from viewer.scene.layer import volume_layer

    above = volume_layer(layer.volumes)
    document.insert(1, above)
    drag(150, 0)
    assert (layer.window.width, above.window.width) == (80, 40)
    state.active = above.id
    drag(150, 0)
    assert (layer.window.width, above.window.width) == (80, 80)


def test_right_drag_up_enlarges_about_the_point_it_began_at(drag, view):
    before, scale = view.world_at(100, 80), view.pose.scale
    drag(0, -150, "right", at=(100, 80))
    assert view.pose.scale == pytest.approx(scale / 2)
    assert view.world_at(100, 80) == pytest.approx(before)


def test_ctrl_wheel_enlarges_and_does_not_scroll(wheel, view):
    index, scale = view.index, view.pose.scale
    wheel(1, "ctrl")
    assert view.index == index
    assert view.pose.scale < scale


def test_middle_drag_moves_the_picture_with_the_mouse(drag, view):
    before = view.world_at(200, 150)
    drag(30, -20, "middle")
    assert view.world_at(230, 130) == pytest.approx(before)


def test_shift_and_move_sets_the_crosshair(view, mouse, state):
    view.mouse.emit(view, MouseEvent("move", 120, 90, "", frozenset({"shift"})))
    assert state.crosshair == pytest.approx(view.world_at(120, 90))


def test_crosshair_tool_follows_the_drag_and_links_all_planes(qtbot, document, state, view, drag):
    sagittal = SliceView(document, state, "sagittal")
    coronal = SliceView(document, state, "coronal")
    for other in (sagittal, coronal):
        qtbot.addWidget(other)
    state.tool = "crosshair"
    drag(40, 20)
    at = document.base.volumes[0].grid.nearest(view.world_at(240, 170))
    assert (view.index, coronal.index, sagittal.index) == at


def test_alt_wheel_goes_through_the_time_points_and_stops_at_the_ends(wheel, state):
    wheel(-1, "alt")
    assert state.timepoint == 1
    wheel(-5, "alt")
    assert state.timepoint == 2
    wheel(9, "alt")
    assert state.timepoint == 0


def test_a_gesture_without_a_tool_does_nothing(drag, view, layer, state):
    before = layer.window, state.crosshair, view.pose.scale
    drag(50, 50, "right", "ctrl", "alt")
    assert (layer.window, state.crosshair, view.pose.scale) == before


def test_hovering_without_shift_moves_nothing(view, mouse, state):
    before = state.crosshair
    view.mouse.emit(view, MouseEvent("move", 10, 10))
    assert state.crosshair == before


@pytest.mark.parametrize("name", profiles())
def test_every_profile_names_tools_that_there_are(document, state, name):
    profile = profiles()[name]
    tools = Mouse(document, state, profile, History(document).do).tools
    assert {*profile.slices.values(), *profile.volume.values()} - {"active"} <= set(tools)
    assert profile.tool in {kind.id for kind in CHOICES}


@pytest.mark.parametrize("tool", [kind.id for kind in CHOICES])
def test_every_tool_can_be_dragged_without_an_image(qtbot, tool):
    from viewer.scene.document import Document
    from viewer.scene.view_state import ViewState

    document, state = Document(), ViewState(tool=tool)
    view = SliceView(document, state, "axial")
    qtbot.addWidget(view)
    mouse = Mouse(document, state, profiles()["default"], History(document).do)
    mouse.follow(view)
    view.mouse.emit(view, MouseEvent("press", 5, 5, "left"))
    view.mouse.emit(view, MouseEvent("move", 9, 9, "left"))
    view.mouse.emit(view, MouseEvent("wheel", 5, 5, steps=1.0))
    assert state.crosshair == (0, 0, 0)
