"""An endless stream of painted heads; each head is painted some times before another takes its place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import IterableDataset

from plugins.segment_brain.labels import class_table, side_table

from .contrast import paint
from .head_maps import Head, HeadMap, Random, draw_head, read_head_map

MAPS = "nifti/brain-labelmaps-synthseg/training_seg_{:02d}.nii.gz"
TRAINED_ON, HELD_OUT = range(1, 9), (9, 10)
POOL, USES = 16, 4  # heads at hand; paintings of each
MIRRORED = np.array([0, 2, 1], np.uint8)  # sides
NICER = 5  # than the process that trains


class Sample(NamedTuple):
    """image: [1, 1, k, j, i]. classes, sides (0 none, 1 left, 2 right): [k, j, i], uint8."""

    image: Tensor
    classes: Tensor
    sides: Tensor


class Samples(IterableDataset[Sample]):
    """spacing: 2 mm for whole heads, 1 mm for parts of them."""

    def __init__(self, data: Path, spacing: int, seed: int) -> None:
        self.data, self.spacing, self.seed = data, spacing, seed

    def __iter__(self) -> Iterator[Sample]:
        rng = np.random.default_rng(self.seed)
        maps = [read_head_map(self.data / MAPS.format(n)) for n in TRAINED_ON]
        pool = [self._head(maps, rng) for _ in range(2)]
        count = 0
        while True:
            yield draw_sample(pool[rng.integers(len(pool))], self.spacing, rng)
            count += 1
            if len(pool) < POOL or count % USES == 0:
                pool = [*pool[-POOL + 1 :], self._head(maps, rng)]

    def _head(self, maps: list[HeadMap], rng: Random) -> Head:
        return draw_head(maps[rng.integers(len(maps))], self.spacing, rng)


def draw_sample(head: Head, spacing: int, rng: Random) -> Sample:
    """A painting of a head, or of its mirror image, in which left is right."""
    image, labels = paint(head, spacing, rng)
    classes, sides = class_table()[labels], side_table()[labels]
    if rng.random() < 0.5:
        image, classes, sides = image[:, :, ::-1], classes[:, :, ::-1], MIRRORED[sides[:, :, ::-1]]
    return Sample(*(torch.from_numpy(np.ascontiguousarray(one)) for one in (image[None, None], classes, sides)))


def lower_priority(_: int) -> None:
    """Of the process that makes samples: what trains goes first."""
    os.nice(NICER)
    torch.set_num_threads(1)
