"""Segments carried to other segmentations, and images masked by them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.segmentation import Segmentation
from viewer.data.transform import Transform
from viewer.scene.edits import AddLayer
from viewer.scene.journal.serialization import describe_layer, restore_layer
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer
from viewer.ui.segments import clipboard


@pytest.fixture
def pair(window, add_image):
    """Two images, each with a segmentation; the first has a painted segment, "liver"."""
    controller = window.segments.controller
    layers = []
    for name in ("first", "second"):
        add_image(name)
        controller.new()
        layers.append(controller.layer)
    controller.choose_layer(layers[0])
    controller.change(controller.segment, name="liver", color=(1, 2, 3))
    layers[0].segmentation.array[2:6, 4:9, 10:20] = 1
    return layers


def wait(qtbot, session) -> None:
    qtbot.waitUntil(lambda: not any(task.running for task in session.tasks))


def test_a_copied_segment_is_pasted_under_its_name(window, session, pair, qtbot):
    first, second = pair
    clip, controller = window.segments.clipboard, window.segments.controller
    clip.copy()
    controller.choose_layer(second)
    clip.paste()
    wait(qtbot, session)
    pasted = controller.segment
    assert (pasted.name, pasted.color) == ("liver", (1, 2, 3))
    assert np.array_equal(second.segmentation.mask(pasted), first.segmentation.array == 1)
    assert session.history.undo_labels[0] == "Paste liver"
    clip.paste()  # once more: into the same one
    wait(qtbot, session)
    assert len(second.segmentation.segments) == 2


def test_an_empty_segment_is_not_copied(window, session, pair, qtbot):
    said = []
    session.messages.added.connect(lambda message: said.append(message.text))
    window.segments.controller.choose_layer(pair[1])
    window.segments.clipboard.copy()
    qtbot.waitUntil(lambda: said == ["Segment 1 is empty: there is nothing to copy."])
    qtbot.waitUntil(lambda: not window.actions_["paste_segment"].isEnabled())


@pytest.mark.parametrize("keep", ["inside", "outside"])
def test_a_masked_image_is_a_new_layer_that_waits_for_review(window, session, pair, qtbot, keep):
    task = window.segments.clipboard.mask_image(keep=keep)
    wait(qtbot, session)
    assert task.state == "done", task.error
    image = next(one for one in session.document.volume_layers if one.name == "first")
    made = next(one for one in session.document.volume_layers if one.review == "unreviewed" and not one.is_difference)
    kept = (pair[0].segmentation.array == 1) == (keep == "inside")
    assert np.array_equal(made.volumes[0].array[kept], image.volumes[0].array[kept])
    assert (made.volumes[0].array[~kept] == image.volumes[0].array.min()).all()


def other_grid(session, frame: str = "") -> SegmentationLayer:
    """An empty segmentation of another study: coarser, turned about, of another patient's place on the table."""
    turned = np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    grid = Grid.of((8, 20, 20), (3, 2, 2), (-4, 30, -1), turned, frame)
    values = Segmentation(np.zeros(grid.shape, np.uint8), grid, (), "other study")
    layer = segmentation_layer(values)
    session.history.do(AddLayer(layer))
    return layer


def test_on_another_grid_it_lies_at_the_same_place_and_that_is_said(window, session, pair, qtbot):
    said = []
    session.messages.added.connect(lambda message: said.append(message.text))
    other = other_grid(session)
    clip, controller = window.segments.clipboard, window.segments.controller
    clip.copy()
    controller.choose_layer(other)
    clip.paste()
    wait(qtbot, session)
    mask = other.segmentation.mask(controller.segment)
    assert mask.any()
    for index in np.ndindex(mask.shape):  # by the nearest voxel
        there = pair[0].grid.nearest(other.grid.to_world(index))
        assert mask[index] == (there is not None and bool(pair[0].segmentation.array[there]))
    assert said == ["liver was pasted onto another grid, by the nearest voxel: look at its edges."]


def test_in_another_frame_of_reference_it_has_no_place(window, session, pair, qtbot):
    said = []
    session.messages.added.connect(lambda message: said.append(message.text))
    image = session.document.volume_layers[0]
    pair[0].segmentation = replace(pair[0].segmentation, grid=replace(image.grid, frame_of_reference="1.2"))
    other = other_grid(session, "1.3")
    window.segments.clipboard.copy()
    window.segments.controller.choose_layer(other)
    window.segments.clipboard.paste()
    wait(qtbot, session)
    assert not other.segmentation.array.any()
    assert said == ["liver lies in another frame of reference: register the two images first."]


def test_a_registration_tells_where_it_lies(window, session, pair, qtbot):
    """The second image stands 4 mm further left in the world than its file says."""
    first, second = pair
    matrix = np.eye(4)
    matrix[0, 3] = -4
    second.transform = Transform(matrix)
    window.segments.clipboard.copy()
    window.segments.controller.choose_layer(second)
    window.segments.clipboard.paste()
    wait(qtbot, session)
    pasted = second.segmentation.mask(window.segments.controller.segment)
    assert np.array_equal(pasted[:, :, :-4], (first.segmentation.array == 1)[:, :, 4:])


def test_a_stroke_while_it_copies_is_copied_whole_or_not_at_all(window, session, pair, qtbot, monkeypatch):
    """What was looked through before a stroke is looked through again."""
    look, layer = clipboard.label_box, pair[0]

    def slow(labels, label):
        box = look(labels, label)
        if not layer.segmentation.array[8].any():
            layer.segmentation.array[8] = 1
            layer.notify_written(0, (slice(8, 9), slice(0, 24), slice(0, 32)))
        return box

    monkeypatch.setattr(clipboard, "label_box", slow)
    mask, grid = clipboard._part(layer, layer.segmentation.segments[0])
    assert mask.sum() == (layer.segmentation.array == 1).sum()
    assert grid.shape == mask.shape


def test_each_time_point_has_its_own(window, session, add_image, qtbot):
    clip, controller, state = window.segments.clipboard, window.segments.controller, session.state
    image = add_image("perfusion", times=3)
    state.timepoint = 1
    controller.new()
    first = controller.layer
    controller.change(controller.segment, name="lesion")
    first.segmentation.array[2:6, 4:9, 10:20] = 1
    view = window.views.by_name["axial"]
    assert (first.drawn_at, first.name) == (1, "Segments of perfusion, time point 2")
    assert first in view.labels
    clip.copy()
    state.timepoint = 2
    assert first not in view.labels
    assert controller.problem == f"{first.name} was drawn on time point 2: go there, or make a new segmentation here."
    controller.choose_layer(image)
    controller.new()
    second = controller.layer
    assert second is not first
    clip.paste()
    wait(qtbot, session)
    assert np.array_equal(second.segmentation.mask(controller.segment), first.segmentation.array == 1)
    state.active = image.id
    assert controller.layer is second
    state.timepoint = 1
    assert controller.layer is first


def test_the_time_point_survives_a_crash(tmp_path, session, add_image, window):
    add_image("perfusion", times=2)
    session.state.timepoint = 1
    window.segments.controller.new()
    entry = describe_layer(window.segments.controller.layer, lambda array: "a", lambda array: "b")
    assert restore_layer(entry, lambda key: None, lambda name: None).drawn_at == 1
