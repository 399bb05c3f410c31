"""The tools that give prompts: which segment, which sign, which places; and a click on a prompt chooses it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from viewer.data.annotations.prompts import Prompt
from viewer.data.transform import Transform
from viewer.render.view import MouseEvent
from viewer.render.volumes.volume_view import VolumeView
from viewer.scene.segmentation.edits import set_segments
from viewer.scene.segmentation.prompt_settings import PromptSettings


@pytest.fixture(autouse=True)
def chosen(state, labels) -> None:
    state.active = labels.id


def given(work) -> tuple:
    """Layer, key, prompt, image and masking of the one prompt that was given."""
    (one,) = work.prompts
    work.prompts.clear()
    return one


@pytest.mark.parametrize(
    ("modifiers", "setting", "positive"), [((), True, True), (("alt",), True, False), (("alt",), False, True)]
)
def test_a_click_gives_a_point_with_its_sign(view, state, labels, work, drag, modifiers, setting, positive) -> None:
    state.tool, state.prompting = "prompt_point", PromptSettings(positive=setting)
    drag(0, 0, "left", *modifiers, at=(200, 150))
    layer, key, prompt, image, masking = given(work)
    assert (layer, key, image.unit) == (labels, (0, 1), "HU")
    assert (prompt.kind, prompt.positive, masking.overlap) == ("point", positive, "keep others")
    assert np.allclose(prompt.points[0], view.world_at(200, 150))


def test_a_scribble_is_the_way_of_the_mouse(view, state, work, drag) -> None:
    state.tool = "prompt_scribble"
    drag(40, 20, at=(180, 140))
    prompt = given(work)[2]
    assert prompt.kind == "scribble"
    assert np.allclose(prompt.points[0], view.world_at(180, 140))
    assert np.allclose(prompt.points[-1], view.world_at(220, 160))


def test_a_box_speaks_of_its_slice_or_goes_through(view, state, work, drag) -> None:
    state.tool = "prompt_box"
    drag(40, 30, at=(180, 140))
    flat = given(work)[2]
    corner, across, down, deep = (np.array(place) for place in flat.points)
    assert np.allclose(corner, view.world_at(180, 140))
    assert np.allclose(across + down - corner, view.world_at(220, 170))
    assert np.allclose(deep, corner)
    assert flat.radius == pytest.approx(1.25)  # half of the slices' distance
    drag(40, 30, "left", *("shift",), at=(180, 140))
    solid = given(work)[2]
    corner, across, down, deep = (np.array(place) for place in solid.points)
    side = np.linalg.norm(down - corner)
    assert np.linalg.norm(deep - corner) == pytest.approx(side)
    assert np.allclose((corner + deep) / 2, view.world_at(180, 140))
    drag(1, 1, at=(180, 140))
    assert work.prompts == []


def test_a_lasso_is_a_closed_line_in_the_slice(view, state, work, drag) -> None:
    state.tool = "prompt_lasso"
    drag(40, 20, "left", *("alt",), at=(180, 140))
    prompt = given(work)[2]
    assert (prompt.kind, prompt.positive, prompt.radius) == ("lasso", False, pytest.approx(1.25))


def test_a_click_on_a_prompt_chooses_it(view, state, labels, work, drag) -> None:
    place = view.world_at(200, 150)
    prompt = Prompt("point", (place,))
    first, *others = labels.segmentation.segments
    set_segments(labels, (replace(first, prompts=(prompt,)), *others))
    state.tool = "prompt_point"
    drag(0, 0, at=(203, 152))
    assert (state.prompt, work.prompts) == (prompt.id, [])
    drag(0, 0, at=(240, 152))
    assert (state.prompt, len(work.prompts)) == ("", 1)


def test_places_are_those_of_the_moved_image(view, state, labels, work, drag) -> None:
    matrix = np.eye(4)
    matrix[:3, 3] = (1, 2, 0)
    labels.transform = Transform(matrix)
    state.tool = "prompt_point"
    drag(0, 0, at=(200, 150))
    assert np.allclose(given(work)[2].points[0], labels.own_place(view.world_at(200, 150)))


def test_what_cannot_be_prompted_is_said(view, state, labels, work, drag) -> None:
    labels.locked = frozenset({(0, 1)})
    state.tool = "prompt_point"
    drag(0, 0, at=(200, 150))
    assert work.prompts == []
    assert "locked" in work.said[0]


@pytest.fixture
def space(qtbot, document, state, mouse):
    """The 3-D view, from the front, of segments alone: what a click means there is the first voxel of one."""
    view = VolumeView(document, state)
    view.resize(400, 300)
    qtbot.addWidget(view)
    view.set_preset("segments")
    view.show()
    mouse.follow(view)
    qtbot.waitUntil(lambda: view.is_complete)
    return view


def press_and_release(view, x: float, y: float, *modifiers: str, to: tuple[float, float] = (0, 0)) -> None:
    held = frozenset(modifiers)
    view.mouse.emit(view, MouseEvent("press", x, y, "left", held))
    view.mouse.emit(view, MouseEvent("move", x + to[0], y + to[1], "left", held))
    view.mouse.emit(view, MouseEvent("release", x + to[0], y + to[1], "left", held))


@pytest.mark.parametrize(("modifiers", "positive"), [((), True), (("alt",), False)])
def test_a_click_in_3d_means_the_first_voxel_that_is_seen(space, state, labels, work, modifiers, positive) -> None:
    labels.segmentation.array[5:15, 10:20, 15:25] = 1
    state.tool = "prompt_point"
    press_and_release(space, 200, 150, *modifiers)
    prompt = given(work)[2]
    assert (prompt.kind, prompt.positive) == ("point", positive)
    assert labels.grid.nearest(prompt.points[0])[1] == 10  # its foremost voxels
    assert np.allclose(state.crosshair, prompt.points[0])


def test_a_drag_in_3d_turns_and_gives_nothing(space, state, labels, work) -> None:
    labels.segmentation.array[5:15, 10:20, 15:25] = 1
    state.tool = "prompt_point"
    before = space.renderer.GetActiveCamera().GetPosition()
    press_and_release(space, 200, 150, to=(30, 5))
    assert work.prompts == []
    assert space.renderer.GetActiveCamera().GetPosition() != before


def test_a_click_in_3d_on_nothing_is_said(space, state, labels, work) -> None:
    state.tool = "prompt_point"
    press_and_release(space, 200, 150)
    assert work.prompts == []
    assert "nothing to be seen" in work.said[0]


def test_a_click_in_3d_on_a_prompt_chooses_it(space, state, labels, work) -> None:
    labels.segmentation.array[5:15, 10:20, 15:25] = 1
    first, *others = labels.segmentation.segments
    prompt = Prompt("point", (tuple(labels.grid.centre.tolist()),))
    set_segments(labels, (replace(first, prompts=(prompt,)), *others))
    (mark,) = space.overlay().prompts
    state.tool = "prompt_point"
    press_and_release(space, *mark.places[0])
    assert (state.prompt, work.prompts) == (prompt.id, [])


def test_a_click_on_an_image_without_a_segmentation_is_for_the_first_of_a_new_one(
    view, document, state, labels, layer, work, drag
):
    document.remove(labels.id)
    state.active, state.tool = layer.id, "prompt_point"
    drag(0, 0, at=(200, 150))
    new, key, prompt, image, _ = given(work)
    assert (new.made_from, key, work.said) == (layer.id, (0, 1), [])
    assert image is layer.volumes[0]
    assert np.allclose(prompt.points[0], view.world_at(200, 150))
