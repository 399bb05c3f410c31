"""The value under the mouse."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.render.view import MouseEvent
from viewer.scene.history import History
from viewer.tools.navigate.value_probe import ProbeTool


@pytest.fixture
def readings(document, state, view):
    probe = ProbeTool(document, state, History(document).do)
    probe.follow(view)
    heard = []
    probe.reading.connect(heard.append)
    view.probe = probe  # psygnal holds it weakly
    return heard


def test_value_is_physical_and_of_the_voxel_under_the_mouse(view, readings, layer):
    view.mouse.emit(view, MouseEvent("move", 200, 150))
    (only, value), *_ = readings[-1].values
    assert only is layer
    assert readings[-1].index == layer.volumes[0].grid.nearest(readings[-1].world)
    assert value == -1000 + readings[-1].index[0]


def test_value_follows_the_time_point(view, readings, state):
    state.timepoint = 2
    view.mouse.emit(view, MouseEvent("move", 200, 150))
    assert readings[-1].values[0][1] == -1000 + readings[-1].index[0] + 20


def test_outside_there_is_no_value(view, readings):
    view.mouse.emit(view, MouseEvent("move", 1, 150))
    assert readings[-1].index is None
    assert readings[-1].values[0][1] is None


def test_hidden_images_are_not_read(view, readings, layer):
    layer.visible = False
    view.mouse.emit(view, MouseEvent("move", 200, 150))
    assert readings[-1] is None


def test_nothing_is_said_once_the_mouse_left(view, readings):
    view.mouse.emit(view, MouseEvent("move", 200, 150))
    view.mouse.emit(view, MouseEvent("leave"))
    assert readings[-1] is None


def test_segments_are_named_where_slices_show_them(view, readings, layer, document, state):
    from viewer.data.segmentation import Segment, Segmentation
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.ui.window.status_bar import describe

    grid = layer.volumes[0].grid
    ones = np.ones(grid.shape, np.uint8)
    segments = Segment(1, "liver"), Segment(1, "lesion", layer=1)
    labels = SegmentationLayer(segmentation=Segmentation(ones, grid, segments, overlapping=(ones,)))
    document.insert(len(document), labels)

    def read() -> list[str]:
        view.mouse.emit(view, MouseEvent("move", 200, 150))
        return [segment.name for segment in readings[-1].segments]

    assert read() == ["lesion", "liver"]
    assert describe(readings[-1]).endswith("· lesion · liver")
    labels.hidden = frozenset({(1, 1)})
    assert read() == ["liver"]
    state.show_overlays = False
    assert read() == []
