"""Growing over like values and filling outlines, by a click and a drag."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.data.volume import Volume
from viewer.render.view import MouseEvent
from viewer.scene.segmentation.brush import Brush
from viewer.tools.segment.region_grow import seed_statistics


@pytest.fixture
def step(layer):
    """Values 0, 100 and 300 in three bands of columns, with a little noise."""
    grid = layer.volumes[0].grid
    bands = np.repeat([0, 100, 300], [10, 20, 10])
    noise = np.random.default_rng(0).integers(-3, 4, grid.shape)
    layer.volumes = (Volume((bands + noise).astype(np.int16), grid, "bands", "HU"),)
    return layer


def test_what_is_connected_and_alike_is_taken_in_the_slice(drag, state, labels, step, history):
    state.tool = "grow"
    drag(0, 0)
    made = labels.segmentation.array == 1
    assert made[10, :, 10:30].mean() > 0.9
    assert not made[10, :, :10].any()
    assert not made[:10].any()
    assert history.undo_labels == ("Grow liver",)


def test_a_drag_to_the_right_takes_more_and_back_again_less(view, state, mouse, labels, step, history):
    state.tool = "grow"
    sizes = []
    view.mouse.emit(view, MouseEvent("press", 200, 150, "left"))
    for x in (500, 200, 600):
        view.mouse.emit(view, MouseEvent("move", x, 150, "left"))
        sizes.append(int(labels.segmentation.array.sum()))
        assert "±" in view._draft.text
    assert sizes[0] > sizes[1]
    assert sizes[2] >= sizes[0]
    view.mouse.emit(view, MouseEvent("release", 600, 150, "left"))
    assert view._draft is None
    history.undo()
    assert not labels.segmentation.array.any()


def test_through_the_slices_the_volume_follows_in_the_background(drag, state, labels, step, work):
    state.tool, state.brush = "grow", Brush(solid=True)
    drag(0, 0)
    assert not labels.segmentation.array.any()  # the look into the slice is taken back
    layer, title, call, how, *_ = work.run[-1]
    assert (layer, title, how) == (labels, "Grow liver", "add")
    ((key, mask, box),) = call(lambda fraction: None)
    whole = np.zeros(labels.grid.shape, bool)
    whole[box] = mask
    assert key == (0, 1)
    assert whole[:, :, 10:30].mean() > 0.9
    assert not whole[:, :, :10].any()


def test_the_first_tolerance_comes_from_the_noise_not_from_an_edge_nearby(step):
    value, reach = seed_statistics(step.volumes[0], (10, 15, 12))  # two voxels from the darker band
    assert value == pytest.approx(100, abs=4)
    assert reach < 40


def test_without_an_image_growing_says_so(drag, state, labels, step, work, document):
    document.remove(step.id)
    document.insert(0, step)
    step.volumes = tuple(Volume(one.array[:10], one.grid.crop((0, 0, 0), (10, 30, 40))) for one in step.volumes)
    state.tool = "grow"
    drag(0, 0)
    assert "no values to grow over" in work.said[0]


def ring(labels) -> None:
    j, i = np.ogrid[:30, :40]
    off = np.hypot(j - 15, i - 20)
    labels.segmentation.array[10][(off > 5) & (off < 9)] = 2


def test_a_closed_outline_is_filled(drag, state, labels, history):
    ring(labels)
    state.tool = "fill"
    drag(0, 0)
    array = labels.segmentation.array
    assert array[10, 15, 20] == 1
    assert (array == 1).sum() == pytest.approx(np.pi * 25, rel=0.15)
    assert history.undo_labels == ("Fill liver",)


def test_what_is_open_to_the_edge_is_not_filled(drag, state, labels, work, history):
    ring(labels)
    labels.segmentation.array[10, 15:] = 0
    state.tool = "fill"
    drag(0, 0)
    assert "close the outline" in work.said[0]
    assert history.undo_labels == ()


def test_a_click_on_another_segment_takes_it_over(view, state, mouse, labels):
    ring(labels)
    state.tool = "fill"
    x, y = view.pixel_of(labels.grid.to_world((10, 15, 27)))
    for kind in ("press", "release"):
        view.mouse.emit(view, MouseEvent(kind, x, y, "left"))
    assert not (labels.segmentation.array == 2).any()
    assert (labels.segmentation.array == 1).any()
