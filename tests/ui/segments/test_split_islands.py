"""A segment falls into its parts."""

from __future__ import annotations

import numpy as np


def test_parts_become_segments_in_one_step(window, add_image, session, qtbot):
    add_image()
    controller = window.segments.controller
    controller.new()
    layer = controller.layer
    layer.segmentation.array[2:8, 4:12, 4:12] = 1
    layer.segmentation.array[2:4, 18:20, 20:30] = 1
    layer.segmentation.array[10, 1, 1] = 1
    before = layer.segmentation.array.copy()
    window.actions_.refresh_now()
    window.actions_["split_segment"].trigger()
    qtbot.waitUntil(lambda: len(layer.segmentation.segments) == 3)
    assert [segment.name for segment in layer.segmentation.segments] == ["Segment 1", "Segment 1 2", "Segment 1 3"]
    sizes = [int(layer.segmentation.mask(segment).sum()) for segment in layer.segmentation.segments]
    assert sizes == [384, 40, 1]
    assert session.history.undo_labels[0] == "Split Segment 1"
    session.history.undo()
    assert np.array_equal(layer.segmentation.array, before)
    assert len(layer.segmentation.segments) == 1


def test_what_hangs_together_is_not_split(window, add_image, session, qtbot):
    add_image()
    controller = window.segments.controller
    controller.new()
    controller.layer.segmentation.array[2:8, 4:12, 4:12] = 1
    said = []
    session.messages.added.connect(lambda message: said.append(message.text))
    window.actions_.refresh_now()
    window.actions_["split_segment"].trigger()
    qtbot.waitUntil(lambda: bool(said))
    assert said == ["Segment 1 hangs together: there is nothing to split."]
