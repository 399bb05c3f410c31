"""An image whose values are labels: files say "image" of both, so it is told by what is in it."""

from __future__ import annotations

import numpy as np

from viewer.data.segmentation import Segment, Segmentation
from viewer.data.volume import Volume

MOST = 128  # different values in a sample of the voxels; grey images have more, label maps of the whole brain fewer
EVEN = 0.5  # of the labelled voxels have the label of their neighbour; in smooth grey images far fewer
SAMPLE = 200_000  # voxels looked at
HIGHEST = 65_535  # label that is taken
COLORS = (  # Okabe and Ito's, which readers of any colour vision tell apart
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip


def is_label_image(volume: Volume) -> bool:
    """True where the values are whole, not negative, few, and the same in neighbours: a sample of rows is looked at."""
    if volume.color or volume.array.dtype.kind not in "iu" or (volume.slope, volume.intercept) != (1.0, 0.0):
        return False
    step = max(1, round((volume.array.size / SAMPLE) ** 0.5))
    rows = volume.array[::step, ::step]
    values = np.unique(rows)
    if not (2 <= len(values) <= MOST and values[0] == 0 and int(values[-1]) <= HIGHEST):
        return False
    inside = rows[..., 1:] > 0
    return bool((rows[..., 1:] == rows[..., :-1])[inside].mean() > EVEN) if inside.any() else False


def as_segmentation(volume: Volume) -> Segmentation:
    """The labels of a label image. Raises ValueError, one sentence, where a value is no label."""
    low, high = int(volume.array.min()), int(volume.array.max())
    if volume.array.dtype.kind not in "iu" or low < 0 or high > HIGHEST:
        raise ValueError(f"{volume.name} is no label image: its values are not all whole numbers from 0 to {HIGHEST}.")
    array = volume.array.astype(np.uint8 if high < 256 else np.uint16)
    labels = np.flatnonzero(np.bincount(array.ravel())[1:]) + 1
    segments = tuple(Segment(int(label), f"label {label}", COLORS[n % len(COLORS)]) for n, label in enumerate(labels))
    return Segmentation(array, volume.grid, segments, volume.name, volume.source, volume.provenance, volume.badges)
