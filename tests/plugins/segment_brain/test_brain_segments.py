"""Some structures take the place of earlier ones in a copy; everything else keeps all of its voxels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from plugins.segment_brain.labels import NAMES, STRUCTURES
from plugins.segment_brain.segments import find_segment, segments, structure_name, update
from viewer.api import Grid, Refusal, Segment, Segmentation

GRID = Grid.of((12, 12, 12))
HIPPOCAMPUS, CORTEX, THALAMUS, BRAIN = (17, 53), (3, 42), (10, 49), 1


def found(shift: int = 0) -> Segmentation:
    """Cortex around hippocampus and thalamus on either side, moved by so many voxels; the brain is all of it."""
    array = np.zeros(GRID.shape, np.uint8)
    for side, columns in enumerate((slice(6, 11), slice(1, 6))):
        array[1:11, 1:11, columns] = CORTEX[side]
        array[3:6, 3:6, columns.start + 1 : columns.stop - 1] = HIPPOCAMPUS[side]
        array[7:9, 7:9, columns.start + 1 : columns.stop - 1] = THALAMUS[side]
    array = np.roll(array, shift, 0)
    return Segmentation(array, GRID, segments(), overlapping=((array > 0).astype(np.uint8),))


def test_the_choices_are_the_structures_and_the_brain() -> None:
    assert (*(one.name for one in STRUCTURES), "brain") == NAMES
    assert {structure_name(one) for one in segments()} == set(NAMES)


def test_without_an_earlier_one_only_the_chosen_are_there() -> None:
    made = update(None, found(), ("hippocampus",))
    assert [(one.name, one.key, one.side) for one in made.segments] == [
        ("Left hippocampus", (0, 17), "left"),
        ("Right hippocampus", (0, 53), "right"),
    ]
    assert set(np.unique(made.array)) == {0, *HIPPOCAMPUS}
    assert made.overlapping == ()


def test_the_brain_alone_lies_in_the_first_map() -> None:
    made = update(None, found(), ("brain",))
    assert [(one.name, one.key) for one in made.segments] == [("Brain", (0, 1))]
    assert np.array_equal(made.array > 0, found().array > 0)


def test_all_are_what_was_found() -> None:
    made = update(None, found(), NAMES)
    assert made.segments == segments()
    assert all(np.array_equal(a, b) for a, b in zip(made.maps, found().maps, strict=True))


def test_only_what_is_ticked_is_replaced() -> None:
    earlier, fresh = update(None, found(), NAMES), found(1)
    corrected = earlier.array.copy()
    corrected[2, 2, 7:9] = 17  # by hand
    earlier = replace(earlier, array=corrected)
    before = [map.copy() for map in earlier.maps]
    made = update(earlier, fresh, ("hippocampus", "brain"))
    for one in earlier.segments:
        if structure_name(one) not in ("hippocampus", "brain"):
            assert made.segment(one.key) == one
            assert np.array_equal(made.mask(one), earlier.mask(one))
    old, new = (np.isin(one.array, HIPPOCAMPUS) for one in (earlier, fresh))
    kept = (corrected > 0) & ~old
    assert np.array_equal(np.isin(made.array, HIPPOCAMPUS), new & ~kept)
    assert np.array_equal(made.maps[1], fresh.maps[1])
    assert all(np.array_equal(a, b) for a, b in zip(earlier.maps, before, strict=True))  # a copy was changed


def test_segments_of_the_user_are_safe_and_his_names_stay() -> None:
    array = np.zeros(GRID.shape, np.uint8)
    array[2:4, 2:4, 2:4], array[5, 5, 5] = 3, 17
    own = (
        Segment(3, "Tumour", (1, 2, 3), reader="A", state="completed"),
        Segment(17, "Hippo L", (9, 9, 9), ("SCT", "5366008", "Hippocampus"), side="left", state="completed"),
    )
    earlier = Segmentation(array, GRID, own)
    made = update(earlier, found(), ("hippocampus", "cerebral cortex"))
    assert made.segments[0] == own[0]
    assert np.array_equal(made.mask(own[0]), array == 3)
    left, right, cortex_left = made.segments[1:4]
    assert (left.name, left.color, left.state, left.algorithm) == ("Hippo L", (9, 9, 9), "not started", "AUTOMATIC")
    assert (cortex_left.name, cortex_left.label) == ("Right hippocampus", 53) or cortex_left.name.endswith("cortex")
    by_name = {one.name: one for one in made.segments}
    assert by_name["Left cerebral cortex"].label not in (3, 17)  # its own number is the tumour's here
    assert np.array_equal(made.mask(left), found().array == 17)
    expected = (found().array == 3) & (array != 3)
    assert np.array_equal(made.mask(by_name["Left cerebral cortex"]), expected)
    assert right.name in by_name


def test_a_code_is_enough_but_not_of_the_other_side() -> None:
    wanted = next(one for one in segments() if one.name == "Left hippocampus")
    other = Segment(1, "x", code=wanted.code, side="right")
    own = Segment(2, "y", code=wanted.code, side="left")
    assert find_segment((other, own), wanted) is own
    assert find_segment((other,), wanted) is None


def test_numbers_alone_are_freesurfers() -> None:
    bare = Segment(17, "Label 17")
    assert find_segment((bare,), next(one for one in segments() if one.name == "Left hippocampus")) is bare
    assert find_segment((Segment(1, "label 1"),), segments()[-1]) is None  # the brain's number is not FreeSurfer's


def test_labels_beyond_a_byte_have_room() -> None:
    array = np.full(GRID.shape, 0, np.uint8)
    taken = tuple(Segment(n, f"part {n}") for n in range(1, 256))
    made = update(Segmentation(array, GRID, taken), found(), ("hippocampus",))
    assert {one.label for one in made.segments} - set(range(256)) == {256, 257}
    assert np.array_equal(np.isin(made.array, (256, 257)), np.isin(found().array, HIPPOCAMPUS))


def test_another_grid_is_refused() -> None:
    earlier = Segmentation(np.zeros((4, 4, 4), np.uint8), Grid.of((4, 4, 4)), ())
    with pytest.raises(Refusal, match="another grid"):
        update(earlier, found(), NAMES)
