"""The numbers of the structures, and the classes that the network knows them by."""

from __future__ import annotations

import numpy as np

from plugins.segment_brain.labels import (
    CLASSES,
    MERGED,
    STRUCTURES,
    class_table,
    numbers,
    side_table,
    to_numbers,
    usual_volumes,
)

SYNTHSEG = (2, 3, 4, 5, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 24, 26, 28, 41, 42, 43, 44, 46, 47, 49, 50, 51, 52,
            53, 54, 58, 60)  # fmt: skip
OUTSIDE = (0, 85, 502, 506, 507, 508, 509, 511, 512, 514, 515, 516, 530)


def test_the_structures_of_synthseg_and_the_plexus_are_there() -> None:
    assert sorted(number for number, *_ in numbers()) == sorted((*SYNTHSEG, 31, 63))


def test_what_is_outside_the_brain_has_no_class() -> None:
    assert not class_table()[list(OUTSIDE)].any()


def test_classes_and_sides_lead_back_to_the_numbers() -> None:
    every = np.array([number for number, *_ in numbers()])
    classes, sides = class_table()[every], side_table()[every]
    assert sorted(set(classes)) == list(range(1, CLASSES))
    assert np.array_equal(to_numbers(classes, sides == 1), every)


def test_what_is_merged_keeps_its_side() -> None:
    sides = side_table()
    assert {number: sides[number] for number in MERGED} == {
        25: 1,
        57: 2,
        30: 1,
        62: 2,
        136: 1,
        137: 1,
        163: 2,
        164: 2,
        72: 0,
    }


def test_codes_and_colours_are_each_structures_own() -> None:
    codes = [one.code for one in STRUCTURES if one.code]
    assert len(set(codes)) == len(codes)
    assert len({one.color for one in STRUCTURES}) == len(STRUCTURES)


def test_every_structure_has_a_usual_volume() -> None:
    usual = usual_volumes()
    assert set(usual) == {number for number, _, _ in numbers()}
    assert all(0 <= low < high for low, high in usual.values())
    assert usual[17] == usual[53] == (1500, 7000)  # hippocampus, mm³
