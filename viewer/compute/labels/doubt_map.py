"""The doubt map: how undecided a model is at each voxel, as the entropy of its answer there.

Binary entropy of the winning class against all others, −p·log₂p − (1−p)·log₂(1−p) with p from ½ on (Shannon 1948): only
the winner's probability is needed, so the classes need never be in memory together. In bits: 0 is certain, 1 even odds.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.compute.labels.comparison import middle_voxel
from viewer.compute.labels.label_metrics import surface
from viewer.data.annotations.doubt import ENTROPY
from viewer.data.box import dilate_box, label_box
from viewer.data.volume import Volume, Window

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.arrays import Floats, Labels
    from viewer.data.grid import Grid
    from viewer.data.study import Source

AROUND = 5  # voxels a side of what is looked at together, where a map has no structure to go by
STEPS = 255  # of a stored value of 8 bits, to one bit of entropy


def entropy(winner: NDArray[Any]) -> NDArray[np.uint8]:
    """Entropy in 1/255 bit of the winning class's probability, 0…1, in any shape; below ½ it is even odds.

    What is no number is even odds, too: nothing is known there.
    """
    table = np.round(_bits(np.linspace(0.5, 1, 4096)) * STEPS).astype(np.uint8)
    p = np.clip(np.nan_to_num(winner, nan=0.5), 0.5, 1)
    found: NDArray[np.uint8] = table[np.round((p - 0.5) * (2 * 4095)).astype(np.int16)]
    return found


def doubt_map(stored: NDArray[np.uint8], grid: Grid, source: Source, name: str = "Doubt") -> Volume:
    """The image of what `entropy` gave [k, j, i]: its unit is the bit, by which it is known as a doubt map."""
    window = Window(0.5, 1.0, "certain to even odds")
    return Volume(stored, grid, name, ENTROPY, slope=1 / STEPS, windows=(window,), source=source)


def most_doubtful(labels: Labels, label: int, stored: NDArray[np.uint8] | None = None) -> tuple[int, int, int] | None:
    """The voxel (k, j, i) of a label's shell where a doubt map is highest; None where the label has no voxel.

    The shell is the label's surface and the voxels that touch it. The mean over 3³ voxels counts, a lone one is noise.
    Without a map: the voxel of the label that is nearest to its middle.
    """
    from scipy.ndimage import binary_dilation, uniform_filter

    box = label_box(labels, label)
    if box is None:
        return None
    wide = dilate_box(box, (1, 1, 1), labels.shape)
    mask = labels[wide] == label
    if stored is None:
        found = middle_voxel(mask)
    else:
        shell = surface(mask) | (binary_dilation(mask) & ~mask)
        mean = uniform_filter(stored[wide].astype(np.float32), 3)
        found = np.array(np.unravel_index(int(np.where(shell, mean, -1.0).argmax()), mask.shape))
    k, j, i = (int(at) + side.start for at, side in zip(found, wide, strict=True))
    return k, j, i


def most_doubtful_voxel(stored: NDArray[np.uint8]) -> tuple[int, int, int] | None:
    """The voxel (k, j, i) about which a map is highest, as the mean over 5³ voxels; None where all of it is certain.

    It is at least half as doubtful itself as the most doubtful one.
    """
    from scipy.ndimage import uniform_filter

    if not stored.any():
        return None
    doubtful = stored > stored.max() / 2
    mean = np.where(doubtful, uniform_filter(stored.astype(np.float32), AROUND, mode="constant"), -1.0)
    k, j, i = (int(at) for at in np.unravel_index(int(mean.argmax()), mean.shape))
    return k, j, i


@cache
def winner_table() -> Floats:
    """The winner's probability, ½…1, for each of the 256 stored values: the inverse of `entropy`."""
    p = np.linspace(1, 0.5, 4096)
    table: Floats = np.interp(np.arange(STEPS + 1) / STEPS, _bits(p), p)
    table.setflags(write=False)
    return table


def _bits(p: Floats) -> Floats:
    """The binary entropy of probabilities."""
    ends = (p <= 0) | (p >= 1)
    safe = np.where(ends, 0.5, p)
    return np.where(ends, 0.0, -safe * np.log2(safe) - (1 - safe) * np.log2(1 - safe))
