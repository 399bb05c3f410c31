"""Which voxels a stroke may change, and what becomes of the others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.data.volume import Volume
from viewer.scene.segmentation.masking import Masking, allowed, erase, paint
from viewer.scene.segmentation.stroke import Stroke
from viewer.scene.segmentation_layer import SegmentationLayer, segmentation_layer

GRID = Grid.of((1, 1, 8))
ROW = (slice(0, 1), slice(0, 1), slice(0, 8))
ONE, TWO, THREE = (0, 1), (0, 2), (1, 1)


def layer() -> SegmentationLayer:
    """Two segments beside each other, and a third over both in another map."""
    first, second = np.array([[[1, 1, 1, 0, 0, 2, 2, 2]]], np.uint8), np.array([[[0, 0, 1, 1, 1, 1, 0, 0]]], np.uint8)
    segments = Segment(1, "one"), Segment(2, "two"), Segment(1, "three", layer=1)
    return segmentation_layer(Segmentation(first, GRID, segments, "labels", overlapping=(second,)))


def rows(layer: SegmentationLayer) -> list[list[int]]:
    return [map.ravel().tolist() for map in layer.segmentation.maps]


def brush(layer: SegmentationLayer, key: Any, masking: Masking, image: Volume | None = None) -> Any:
    """Paint everything but the first voxel."""
    stroke = Stroke(layer)
    return paint(stroke, key, ROW, np.arange(8).reshape(1, 1, 8) > 0, masking, image)


def test_others_are_replaced_in_every_map() -> None:
    shown = layer()
    assert brush(shown, ONE, Masking()) == ONE
    assert rows(shown) == [[1] * 8, [0] * 8]


def test_others_are_kept() -> None:
    shown = layer()
    brush(shown, ONE, Masking(overlap="keep others"))
    assert rows(shown) == [[1, 1, 1, 0, 0, 2, 2, 2], [0, 0, 1, 1, 1, 1, 0, 0]]
    brush(shown, THREE, Masking(overlap="keep others"))
    assert rows(shown) == [[1, 1, 1, 0, 0, 2, 2, 2], [0, 0, 1, 1, 1, 1, 0, 0]]


def test_a_segment_that_comes_to_overlap_goes_into_a_map_of_its_own_and_keeps_its_looks() -> None:
    shown = layer()
    shown.active, shown.hidden = ONE, frozenset({ONE, TWO})
    key = brush(shown, ONE, Masking(overlap="allow overlap"))
    assert key == (2, 1)
    assert rows(shown) == [[0, 0, 0, 0, 0, 2, 2, 2], [0, 0, 1, 1, 1, 1, 0, 0], [1] * 8]
    assert shown.active == key
    assert shown.hidden == {key, TWO}
    assert [segment.name for segment in shown.segmentation.segments] == ["one", "two", "three"]


def test_the_first_map_with_room_takes_it_under_a_free_label() -> None:
    first, second = np.array([[[1, 1, 2, 2]]], np.uint8), np.array([[[0, 0, 0, 1]]], np.uint8)
    segments = Segment(1, "one"), Segment(2, "two"), Segment(1, "three", layer=1)
    shown = segmentation_layer(Segmentation(first, Grid.of((1, 1, 4)), segments, overlapping=(second,)))
    box, mask = (slice(0, 1), slice(0, 1), slice(1, 3)), np.ones((1, 1, 2), bool)
    assert paint(Stroke(shown), ONE, box, mask, Masking(overlap="allow overlap")) == (1, 2)
    assert rows(shown) == [[0, 0, 2, 2], [2, 2, 2, 1]]


def test_what_is_locked_stays() -> None:
    shown = layer()
    shown.locked = frozenset({TWO, THREE})
    brush(shown, ONE, Masking())
    assert rows(shown) == [[1, 1, 1, 0, 0, 2, 2, 2], [0, 0, 1, 1, 1, 1, 0, 0]]
    for verb in (paint, erase):
        with pytest.raises(ValueError, match="two is locked: unlock it"):
            verb(Stroke(shown), TWO, ROW, np.ones((1, 1, 8), bool), Masking())
    with pytest.raises(ValueError, match="no segment to change"):
        brush(shown, (0, 9), Masking())


@pytest.mark.parametrize(
    ("masking", "expected"),
    [
        (Masking(), "11111111"),
        (Masking("inside"), "11111111"),
        (Masking("inside", ONE), "11100000"),
        (Masking("outside"), "00000000"),
        (Masking("outside", THREE), "11000011"),
        (Masking("visible"), "00111111"),
        (Masking("visible", ONE), "00111111"),
        (Masking("outside", ONE, values=(2.5, 4.0)), "00011110"),
    ],
)
def test_regions_and_values(masking: Masking, expected: str) -> None:
    shown = layer()
    shown.hidden = frozenset({ONE})
    image = Volume(np.arange(8, dtype=np.int16).reshape(1, 1, 8), GRID, slope=0.5, intercept=1.0)
    found = allowed(shown, ROW, image, masking)
    assert "".join(str(int(may)) for may in found.ravel()) == expected


@pytest.mark.parametrize("image", [None, Volume(np.zeros((1, 1, 9)), Grid.of((1, 1, 9)))])
def test_a_range_of_values_needs_an_image_on_the_same_grid(image: Volume | None) -> None:
    with pytest.raises(ValueError, match="switch the range off"):
        allowed(layer(), ROW, image, Masking(values=(0, 1)))


def test_erasing_takes_from_one_segment_only_whatever_the_overlap() -> None:
    shown = layer()
    stroke = Stroke(shown)
    erase(stroke, THREE, ROW, np.arange(8).reshape(1, 1, 8) < 4, Masking(overlap="keep others"))
    assert rows(shown) == [[1, 1, 1, 0, 0, 2, 2, 2], [0, 0, 0, 0, 1, 1, 0, 0]]


def test_the_first_voxel_begins_the_work_on_a_segment_and_undo_takes_that_back() -> None:
    shown = layer()
    brush(shown, ONE, Masking())
    assert [segment.state for segment in shown.segmentation.segments] == ["in progress", "not started", "not started"]
    other = layer()
    stroke = Stroke(other)
    paint(stroke, ONE, ROW, np.ones((1, 1, 8), bool), Masking(overlap="keep others"))
    assert other.segmentation.segments[0].state == "not started"  # there was nothing that it might change
