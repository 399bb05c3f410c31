"""An image whose values are labels: files say "image" of both, so it is told by what is in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.data.segmentation import Segment, Segmentation

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.volume import Volume

MOST = 128  # different values in a sample of the voxels; grey images have more, label maps of the whole brain fewer
EVEN = 0.5  # of the labelled voxels have the label of their neighbour; in smooth grey images far fewer
SCALED = 1e-3  # from a whole number that the slope of a file may bring a label
SAMPLE = 200_000  # voxels looked at
HIGHEST = 65_535  # label that is taken
COLORS = (  # Okabe and Ito's, which readers of any colour vision tell apart
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0), (204, 121, 167),
)  # fmt: skip


def is_label_image(volume: Volume) -> bool:
    """True where the values are whole, not negative, few, and the same in neighbours: a sample of rows is looked at."""
    if volume.color or (volume.slope, volume.intercept) != (1.0, 0.0):
        return False
    step = max(1, round((volume.array.size / SAMPLE) ** 0.5))
    rows = volume.array[::step, ::step]
    values = np.unique(rows)
    few = 2 <= len(values) <= MOST and values[0] == 0 and values[-1] <= HIGHEST
    if not few or (values != np.rint(values)).any():
        return False
    inside = rows[..., 1:] > 0
    return bool((rows[..., 1:] == rows[..., :-1])[inside].mean() > EVEN) if inside.any() else False


def label_values(volume: Volume) -> NDArray[Any]:
    """Its physical values [k, j, i] as unsigned integers, exactly, however they are stored.

    Raises ValueError, one sentence, where one is no whole number from 0 on.
    """
    array, scaled = volume.array, (volume.slope, volume.intercept) != (1.0, 0.0)
    if scaled:
        array = array.astype(np.float64) * volume.slope + volume.intercept
    if array.dtype.kind == "f":
        whole = np.rint(array)
        if not np.isfinite(array).all() or np.abs(array - whole).max(initial=0) > (SCALED if scaled else 0):
            raise ValueError(f"{volume.name} is no label image: its values are not all whole numbers from 0 on.")
        array = whole.astype(np.float64)
    low, high = int(array.min()), int(array.max())
    if volume.color or low < 0 or high >= 1 << 64:
        raise ValueError(f"{volume.name} is no label image: its values are not all whole numbers from 0 on.")
    return array.astype(np.min_scalar_type(high))


def as_segmentation(volume: Volume) -> Segmentation:
    """The labels of a label image. Raises ValueError, one sentence, where a value is no label."""
    array = label_values(volume)
    if array.max() > HIGHEST:
        sentence = f"{volume.name} has labels up to {array.max()}; {HIGHEST} is the highest: number them anew first."
        raise ValueError(sentence)
    labels = np.flatnonzero(np.bincount(array.ravel())[1:]) + 1
    segments = tuple(Segment(int(label), f"label {label}", COLORS[n % len(COLORS)]) for n, label in enumerate(labels))
    return Segmentation(array, volume.grid, segments, volume.name, volume.source, volume.provenance, volume.badges)
