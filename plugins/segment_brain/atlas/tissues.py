"""The atlas's channels, and which of them look alike in an image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from plugins.segment_brain.labels import CLASSES, LARGEST, MERGED, SIDES, STRUCTURES, Name

AIR, SOFT, SKIN, BONE, MARROW = range(5)  # channels of what is outside the brain
OUTSIDE = MARROW + 1
LAYOUT = (
    *((0, 0) for _ in range(OUTSIDE)),
    *((n, side) for n, one in enumerate(STRUCTURES, 1) for side in ((1, 2) if one.paired else (0,))),
)  # class and side (0 none, 1 left, 2 right) of each channel
CHANNELS = len(LAYOUT)
MIRROR = [*range(OUTSIDE), *(LAYOUT.index((n, (0, 2, 1)[side])) for n, side in LAYOUT[OUTSIDE:])]
# by numbers of the label maps: vessels, eyes, mucosa and muscles are soft tissue
HEAD = {SOFT: (502, 506, 507, 508, 509, 512, 514, 530), SKIN: (511,), BONE: (515,), MARROW: (516,)}


@dataclass(frozen=True)
class Tissue:
    """What looks alike. channels: of the atlas; components: Gaussians that it takes.

    like: what its values are likely to be near, a mean of tissues with these shares.
    """

    channels: tuple[int, ...]
    components: int = 1
    like: tuple[tuple[int, float], ...] = ()


def _of(*names: Name) -> tuple[int, ...]:
    return tuple(n for n, (number, _) in enumerate(LAYOUT) if number and STRUCTURES[number - 1].name in names)


WHITE, GREY, FLUID = range(OUTSIDE, OUTSIDE + 3)  # of the tissues
TISSUES = (
    Tissue((AIR,)),
    Tissue((SOFT,), 2),  # muscle and fat
    Tissue((SKIN,)),
    Tissue((BONE,)),
    Tissue((MARROW,)),
    Tissue(_of("cerebral white matter", "cerebellar white matter")),
    Tissue(
        _of("cerebral cortex", "cerebellar cortex", "hippocampus", "amygdala", "caudate nucleus", "nucleus accumbens")
    ),
    Tissue(_of("lateral ventricle", "inferior lateral ventricle", "third ventricle", "fourth ventricle")),
    Tissue(_of("cerebrospinal fluid"), like=((FLUID, 1.0),)),
    Tissue(_of("choroid plexus"), like=((GREY, 0.5), (FLUID, 0.5))),
    Tissue(_of("putamen"), like=((GREY, 0.95), (WHITE, 0.05))),
    Tissue(_of("thalamus"), like=((GREY, 0.6), (WHITE, 0.4))),
    Tissue(_of("globus pallidus"), like=((GREY, 0.4), (WHITE, 0.6))),
    Tissue(_of("brain stem", "ventral diencephalon"), like=((GREY, 0.25), (WHITE, 0.75))),
)
TISSUE_OF = [next(n for n, tissue in enumerate(TISSUES) if channel in tissue.channels) for channel in range(CHANNELS)]


@cache
def channel_table() -> NDArray[np.int64]:
    """By number of the label maps: the atlas's channel."""
    table = np.zeros(LARGEST, np.int64)
    for channel, numbers in HEAD.items():
        table[list(numbers)] = channel
    for channel, (number, side) in enumerate(LAYOUT):
        if number:
            structure = STRUCTURES[number - 1]
            table[structure.right if SIDES[side] == "right" else structure.left] = channel
    for number, like in MERGED.items():
        table[number] = table[like]
    return table


def class_shares(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    """[CLASSES + 1, …] of shares [CHANNELS, …]: those of the classes, then that of the left in what has a side."""
    answer = np.zeros((CLASSES + 1, *shares.shape[1:]), np.float32)
    sides = np.full((3, *shares.shape[1:]), 1e-6, np.float32)
    for share, (number, side) in zip(shares, LAYOUT, strict=True):
        answer[number] += share
        sides[side] += share
    answer[CLASSES] = sides[1] / (sides[1] + sides[2])
    return answer
