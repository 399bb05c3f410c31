"""Slices with a type and a box each, and the blocks of consecutive numbers that a network is tested on."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from plugins.diagnose_brain_tumour.networks import TYPES

FOLDER = "labelled/brain-tumour-cheng"
SIZE = 512  # pixels a side
BLOCKS = 5
GAP = 12  # numbers on either side of a tested block that are in no set: neighbours in number are often one patient


@dataclass(frozen=True)
class LabelledSlices:
    """Sorted by type and number.

    Attributes
    ----------
    paths
        n files
    types
        [n] number in TYPES
    numbers
        [n] of the files
    boxes
        [n, 4] left, top, right, bottom in pixels
    """

    paths: tuple[Path, ...]
    types: NDArray[np.int64]
    numbers: NDArray[np.int64]
    boxes: NDArray[np.float64]

    @cached_property
    def images(self) -> NDArray[np.uint8]:
        """[n, 512, 512], read when first asked for."""
        images = np.empty((len(self.paths), SIZE, SIZE), np.uint8)
        for image, path in zip(images, self.paths, strict=True):
            image[:] = np.asarray(Image.open(path).convert("L").resize((SIZE, SIZE)))
        return images

    @property
    def blocks(self) -> NDArray[np.int64]:
        """The block of each slice: fifths of its type's numbers, in order."""
        blocks = np.empty(len(self.types), np.int64)
        for kind in range(len(TYPES)):
            rows = np.flatnonzero(self.types == kind)
            blocks[rows] = np.arange(len(rows)) * BLOCKS // len(rows)
        return blocks

    def split(self, block: int | None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Rows to train on, and those of the block to be tested; without a block all are trained on."""
        tested = self.blocks == (-1 if block is None else block)
        train = ~tested
        for kind in range(len(TYPES)):
            numbers = self.numbers[tested & (self.types == kind)]
            if numbers.size:
                near = (self.numbers >= numbers.min() - GAP) & (self.numbers <= numbers.max() + GAP)
                train &= ~(near & (self.types == kind))
        return np.flatnonzero(train), np.flatnonzero(tested)


def read_labelled_slices(data: Path) -> LabelledSlices:
    """All of them; `data` is the folder that TOMOLENS_DATA names."""
    with (data / FOLDER / "boxes.csv").open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["image"])
    sides = np.array([[float(row[name]) for name in ("x_center", "y_center", "width", "height")] for row in rows])
    boxes = np.concatenate([sides[:, :2] - sides[:, 2:] / 2, sides[:, :2] + sides[:, 2:] / 2], 1) * SIZE
    types = np.array([TYPES.index(row["class"]) for row in rows])
    numbers = np.array([int(Path(row["image"]).stem) for row in rows])
    paths = tuple(data / FOLDER / row["image"] for row in rows)
    return LabelledSlices(paths, types, numbers, boxes)
