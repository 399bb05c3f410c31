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

from plugins.segment_brain.atlas import Placement, label_shares, load_atlas, mirrored
from plugins.segment_brain.labels import OUTPUTS, class_table, side_table
from plugins.segment_brain.network import BLOCK

from .contrast import paint
from .head_maps import Floats, Head, HeadMap, Random, draw_head, read_head_map

MAPS = "nifti/brain-labelmaps-synthseg/training_seg_{:02d}.nii.gz"
TRAINED_ON, HELD_OUT = range(1, 9), (9, 10)
POOL, USES = 16, 4  # heads at hand; paintings of each
MIRRORED = np.array([0, 2, 1], np.uint8)  # sides
FIT = 4  # voxels of a sample along a block by which the atlas is placed
WRONG = ((0.02, 2.0), (0.03, 4.0))  # of the atlas's place, at random: mostly the first, share and mm
FAR, UNKNOWN = 0.2, 0.25  # how often it is the second, and how often there is no prior at all
NICER = 5  # than the process that trains


class Sample(NamedTuple):
    """image: [1, 1, k, j, i]. classes, sides (0 none, 1 left, 2 right): [k, j, i], uint8.

    prior: logits of blocks [1, CLASSES + 1, k / 2, j / 2, i / 2].
    """

    image: Tensor
    prior: Tensor
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

    def _head(self, maps: list[HeadMap], rng: Random) -> PlacedHead:
        return place_head(draw_head(maps[rng.integers(len(maps))], self.spacing, rng), self.spacing)


class PlacedHead(NamedTuple):
    """A head with the place of the atlas on it."""

    head: Head
    placement: Placement


def place_head(head: Head, spacing: int) -> PlacedHead:
    """By all of its labels, whatever an image of it will show."""
    return PlacedHead(head, load_atlas().fit(label_shares(head.labels, FIT), FIT * spacing))


def draw_sample(placed: PlacedHead, spacing: int, rng: Random) -> Sample:
    """A painting of a head, or of its mirror image, in which left is right."""
    image, labels = paint(placed.head, spacing, rng)
    classes, sides = class_table()[labels], side_table()[labels]
    prior = _draw_prior(placed.placement, labels.shape, spacing, rng)
    if rng.random() < 0.5:
        image, classes, sides = image[:, :, ::-1], classes[:, :, ::-1], MIRRORED[sides[:, :, ::-1]]
        prior = mirrored(prior)
    arrays = (image[None, None], prior[None], classes, sides)
    return Sample(*(torch.from_numpy(np.ascontiguousarray(one)) for one in arrays))


def _draw_prior(placement: Placement, shape: tuple[int, ...], spacing: int, rng: Random) -> Floats:
    """Of blocks, from an atlas a little out of place; all 0 now and then, as at the first look at a head."""
    blocks = tuple(n // BLOCK for n in shape)
    if rng.random() < UNKNOWN:
        return np.zeros((OUTPUTS, *blocks), np.float32)
    wrong = placement.disturbed(rng, *WRONG[int(rng.random() < FAR)])
    return load_atlas().prior(wrong, blocks, BLOCK * spacing).numpy()


def lower_priority(_: int) -> None:
    """Of the process that makes samples: what trains goes first."""
    os.nice(NICER)
    torch.set_num_threads(1)
