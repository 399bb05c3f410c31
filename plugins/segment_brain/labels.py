"""The structures that are told apart, with their numbers in FreeSurfer's table, which SynthSeg uses as well.

The network's classes are the structures without their side, in this order; 0 is all that is none of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

Group = Literal["white matter", "cortex", "deep grey matter", "CSF spaces", "cerebellum", "brain stem"]
Side = Literal["", "left", "right"]
BRAIN_NAME = "brain"
Name = Literal[
    "cerebral white matter", "cerebral cortex", "lateral ventricle", "inferior lateral ventricle",
    "cerebellar white matter", "cerebellar cortex", "thalamus", "caudate nucleus", "putamen", "globus pallidus",
    "hippocampus", "amygdala", "nucleus accumbens", "ventral diencephalon", "choroid plexus", "third ventricle",
    "fourth ventricle", "brain stem", "cerebrospinal fluid", "brain",
]  # fmt: skip
NAMES: tuple[Name, ...] = get_args(Name)


@dataclass(frozen=True)
class Structure:
    """left, right: FreeSurfer's numbers, equal for what lies in the middle. code: SNOMED CT, "" where none is known.

    color: FreeSurfer's, r, g, b in 0…255. usual: ml of one side in adults, those of eight heads and a third
    and more beyond (ventricles); no fluid is left where the skull was taken off.
    """

    name: Name
    left: int
    right: int
    code: str
    group: Group
    color: tuple[int, int, int]
    usual: tuple[float, float]

    @property
    def paired(self) -> bool:
        """Whether there is one on the left and one on the right."""
        return self.left != self.right


STRUCTURES = (
    Structure("cerebral white matter", 2, 41, "68523003", "white matter", (245, 245, 245), (110, 380)),
    Structure("cerebral cortex", 3, 42, "40146001", "cortex", (205, 62, 78), (110, 430)),
    Structure("lateral ventricle", 4, 43, "66720007", "CSF spaces", (120, 18, 134), (2, 60)),
    Structure("inferior lateral ventricle", 5, 44, "53118009", "CSF spaces", (196, 58, 250), (0.05, 6)),
    Structure("cerebellar white matter", 7, 46, "33060004", "cerebellum", (220, 248, 164), (8, 26)),
    Structure("cerebellar cortex", 8, 47, "25991003", "cerebellum", (230, 148, 34), (30, 95)),
    Structure("thalamus", 10, 49, "42695009", "deep grey matter", (0, 118, 14), (4, 14)),
    Structure("caudate nucleus", 11, 50, "11000004", "deep grey matter", (122, 186, 220), (1.7, 6.6)),
    Structure("putamen", 12, 51, "89278009", "deep grey matter", (236, 13, 176), (2.4, 9)),
    Structure("globus pallidus", 13, 52, "14738005", "deep grey matter", (12, 48, 255), (0.7, 2.8)),
    Structure("hippocampus", 17, 53, "5366008", "deep grey matter", (220, 216, 20), (1.5, 7)),
    Structure("amygdala", 18, 54, "4958002", "deep grey matter", (103, 255, 255), (0.6, 2.8)),
    Structure("nucleus accumbens", 26, 58, "427667007", "deep grey matter", (255, 165, 0), (0.25, 0.95)),
    Structure("ventral diencephalon", 28, 60, "", "brain stem", (165, 42, 42), (1.9, 7.3)),
    Structure("choroid plexus", 31, 63, "80621003", "CSF spaces", (0, 200, 200), (0.4, 3.5)),
    Structure("third ventricle", 14, 14, "49841001", "CSF spaces", (204, 182, 142), (0.3, 6)),
    Structure("fourth ventricle", 15, 15, "35918002", "CSF spaces", (42, 204, 164), (0.7, 5)),
    Structure("brain stem", 16, 16, "119238007", "brain stem", (119, 159, 176), (11, 35)),
    Structure("cerebrospinal fluid", 24, 24, "", "CSF spaces", (60, 60, 60), (0, 800)),
)
CLASSES = 1 + len(STRUCTURES)
OUTPUTS = CLASSES + 1  # of the network: the classes, then which side: above 0 is left
CSF = 24
SCATTERED = (CSF, 31, 63)  # come in parts by nature: fluid, choroid plexus
SIDES: tuple[Side, ...] = ("", "left", "right")
LARGEST = 600  # above every number of the label maps
# what the label maps tell apart beyond: lesions and vessels in the white matter, plexus by the ventricle it lies in
MERGED = {25: 2, 57: 41, 30: 2, 62: 41, 136: 31, 137: 31, 163: 63, 164: 63, 72: 24}


def numbers() -> Iterator[tuple[int, Structure, Side]]:
    """Each number with its structure and side."""
    for structure in STRUCTURES:
        if structure.paired:
            yield structure.left, structure, "left"
            yield structure.right, structure, "right"
        else:
            yield structure.left, structure, ""


def usual_volumes() -> dict[int, tuple[float, float]]:
    """By number: the volumes of adults, mm³."""
    return {number: (1000 * structure.usual[0], 1000 * structure.usual[1]) for number, structure, _ in numbers()}


def class_table() -> NDArray[np.uint8]:
    """By number: the class, 0 outside the brain."""
    return _table({number: 1 + STRUCTURES.index(structure) for number, structure, _ in numbers()})


def side_table() -> NDArray[np.uint8]:
    """By number: 0 for what has no side, 1 left, 2 right."""
    return _table({number: SIDES.index(side) for number, _, side in numbers()})


def _table(values: dict[int, int]) -> NDArray[np.uint8]:
    table = np.zeros(LARGEST, np.uint8)
    for number, value in values.items():
        table[number] = value
    for number, like in MERGED.items():
        table[number] = table[like]
    return table


def to_numbers(classes: NDArray[np.integer[Any]], left: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """FreeSurfer's numbers of classes, where left is True those of the left side."""
    on_left, on_right = (
        np.array([0, *(getattr(one, side) for one in STRUCTURES)], np.uint16) for side in ("left", "right")
    )
    numbered: NDArray[np.uint16] = np.where(left, on_left[classes], on_right[classes])
    return numbered
