"""Boxes of voxels against the masks that they stand for."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from viewer.data.box import (
    Box,
    box_at,
    box_shape,
    box_size,
    box_union,
    dilate_box,
    label_box,
    label_boxes,
    mask_box,
    shift_box,
    whole_box,
)

SHAPE = (4, 5, 6)


@st.composite
def boxes(draw: st.DrawFn, shape: tuple[int, ...] = SHAPE) -> Box:
    """Any box of at least one voxel in an array of that shape."""
    starts = [draw(st.integers(0, size - 1)) for size in shape]
    return box_at(starts, [draw(st.integers(1, size - start)) for start, size in zip(starts, shape, strict=True)])


def mask_of(*boxes: Box) -> np.ndarray:
    mask = np.zeros(SHAPE, bool)
    for box in boxes:
        mask[box] = True
    return mask


def test_a_whole_array_is_a_box() -> None:
    assert whole_box(SHAPE) == (slice(0, 4), slice(0, 5), slice(0, 6))
    assert (box_shape(whole_box(SHAPE)), box_size(whole_box(SHAPE))) == (SHAPE, 120)


@given(boxes())
def test_a_mask_is_found_where_it_is(box: Box) -> None:
    mask = mask_of(box)
    assert mask_box(mask) == label_box(mask.astype(np.uint8) * 7, 7) == box
    assert label_boxes(mask.astype(np.uint8) * 7) == {7: box}
    assert box_size(box) == mask.sum() == mask[box].size
    assert box_shape(box) == mask[box].shape


def test_nothing_has_no_box() -> None:
    empty = np.zeros(SHAPE, np.uint8)
    assert mask_box(empty > 0) is None
    assert label_box(empty, 1) is None
    assert label_boxes(empty) == {}


@given(arrays(np.uint8, SHAPE, elements=st.integers(0, 3)))
def test_all_boxes_of_labels_are_those_of_each(labels: np.ndarray) -> None:
    each = {label: mask_box(labels == label) for label in range(1, 4)}
    assert label_boxes(labels) == {label: box for label, box in each.items() if box is not None}
    assert all(label_box(labels, label) == box for label, box in each.items())


@given(boxes(), boxes())
def test_a_union_holds_both_and_no_more(one: Box, other: Box) -> None:
    assert box_union(one, other) == box_union(other, one) == mask_box(mask_of(one, other))


@given(boxes())
def test_a_union_with_nothing_is_the_box(box: Box) -> None:
    assert box_union(box, None) == box_union(None, box) == box_union(box, box) == box
    assert box_union(None, None) is None


@given(st.data(), boxes())
def test_a_box_of_a_part_is_shifted_to_the_whole(data: st.DataObject, within: Box) -> None:
    part = data.draw(boxes(box_shape(within)))
    numbers = np.arange(120).reshape(SHAPE)
    assert np.array_equal(numbers[shift_box(part, within)], numbers[within][part])


@given(boxes(), st.tuples(*[st.integers(0, 3)] * 3))
def test_a_wider_box_ends_at_the_edge(box: Box, margin: tuple[int, int, int]) -> None:
    padded = np.pad(mask_of(box), 3)
    for axis, more in enumerate(margin):
        padded = np.max([np.roll(padded, shift, axis) for shift in range(-more, more + 1)], axis=0)
    assert dilate_box(box, margin, SHAPE) == mask_box(padded[3:-3, 3:-3, 3:-3])
