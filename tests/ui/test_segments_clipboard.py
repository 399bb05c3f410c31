"""Segments carried to other segmentations, and images masked by them."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def pair(window, add_image):
    """Two images, each with a segmentation; the first has a painted segment, "liver"."""
    do = window.segments.do
    layers = []
    for name in ("first", "second"):
        add_image(name)
        do.new()
        layers.append(do.layer)
    do.choose_layer(layers[0])
    do.change(do.segment, name="liver", color=(1, 2, 3))
    layers[0].segmentation.array[2:6, 4:9, 10:20] = 1
    return layers


def wait(qtbot, session) -> None:
    qtbot.waitUntil(lambda: not any(task.running for task in session.tasks), timeout=30000)


def test_a_copied_segment_is_pasted_under_its_name(window, session, pair, qtbot):
    first, second = pair
    clip, do = window.segments.clipboard, window.segments.do
    clip.copy()
    do.choose_layer(second)
    clip.paste()
    wait(qtbot, session)
    pasted = do.segment
    assert (pasted.name, pasted.color) == ("liver", (1, 2, 3))
    assert np.array_equal(second.segmentation.mask(pasted), first.segmentation.array == 1)
    assert session.history.undo_labels[0] == "Paste liver"
    clip.paste()  # once more: into the same one
    wait(qtbot, session)
    assert len(second.segmentation.segments) == 2


def test_an_empty_segment_is_not_copied(window, session, pair):
    said = []
    session.message.connect(lambda message: said.append(message.text))
    window.segments.do.choose_layer(pair[1])
    window.segments.clipboard.copy()
    assert said == ["Segment 1 is empty: there is nothing to copy."]
    assert not window.actions_["paste_segment"].isEnabled()


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
