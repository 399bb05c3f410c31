"""Segmentation: what does not fit is refused; other segments over the same arrays."""

from __future__ import annotations

import numpy as np
import pytest

from viewer.data.grid import Grid
from viewer.data.segmentation import HIGHEST, Segment, Segmentation

SHAPE = (2, 3, 4)
GRID = Grid.of(SHAPE)


def blank(*segments: Segment, dtype: type = np.uint8, maps: int = 1) -> Segmentation:
    first, *others = (np.zeros(SHAPE, dtype) for _ in range(maps))
    return Segmentation(first, GRID, segments, "labels", overlapping=tuple(others))


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((2, 3, 5), np.uint8), "does not fit"),
        (np.zeros((2, 3, 4), np.int16), "unsigned"),
        (np.zeros((2, 3, 4), np.float32), "unsigned"),
        (np.zeros((2, 3, 4), bool), "unsigned"),
    ],
)
def test_a_label_map_holds_unsigned_integers_on_its_grid(array: np.ndarray, reason: str) -> None:
    assert Segmentation(np.zeros((2, 3, 4), np.uint16), GRID, (Segment(1, "liver"),)).segments[0].name == "liver"
    with pytest.raises(ValueError, match=reason):
        Segmentation(array, GRID, ())
    with pytest.raises(ValueError, match=reason):
        Segmentation(np.zeros(SHAPE, np.uint8), GRID, (), overlapping=(array,))


@pytest.mark.parametrize(
    ("segments", "reason"),
    [
        ([Segment(0, "background")], "cannot hold"),
        ([Segment(256, "beyond 8 bits")], "cannot hold"),
        ([Segment(1, "in a map that is not there", layer=1)], "cannot hold"),
        ([Segment(1, "one"), Segment(1, "the same")], "the same label"),
    ],
)
def test_every_segment_is_a_label_of_its_own(segments: list[Segment], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        blank(*segments)


def test_segments_by_key_and_their_voxels() -> None:
    one, other = Segment(1, "one"), Segment(1, "other", layer=1)
    values = blank(one, other, maps=2)
    values.maps[1][0, 0, 0] = 1
    assert values.segment((1, 1)) is other
    assert values.segment((2, 1)) is values.segment(None) is None
    assert not values.mask(one).any()
    assert np.argwhere(values.mask(other)).tolist() == [[0, 0, 0]]


def test_three_hundred_segments_widen_the_map_and_change_no_voxel() -> None:
    values = blank(Segment(255, "last"))
    values.array[0, 1, 2] = 255
    many = values.with_segments(
        [*values.segments, *(Segment(n, f"segment {n}") for n in [*range(1, 255), *range(256, 301)])]
    )
    assert len(many.segments) == 300
    assert many.array.dtype == np.uint16
    assert np.array_equal(many.array, values.array)
    assert many.with_segments(values.segments).array is many.array  # it never becomes narrower: no voxel is lost


def test_maps_come_and_go_with_the_segments_in_them_and_are_not_copied() -> None:
    values = blank(Segment(1, "one"))
    three = values.with_segments([*values.segments, Segment(1, "above", layer=2)])
    assert len(three.maps) == 3
    assert three.array is values.array
    assert three.with_segments(values.segments).maps == (values.array,)


def test_free_labels_are_new_ones_until_there_are_none() -> None:
    assert blank().free_label() == 1
    assert blank(Segment(7, "seven")).free_label() == 8
    assert blank(Segment(7, "seven", layer=1), maps=2).free_label() == 1
    assert blank(Segment(HIGHEST, "last"), dtype=np.uint16).free_label() == 1
    full = blank(dtype=np.uint16).with_segments(Segment(n, "") for n in range(1, HIGHEST + 1))
    with pytest.raises(ValueError, match="remove one first"):
        full.free_label()
