"""What a result keeps of what is known to be there: the contrast of lesions and the steepness of edges."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from viewer.data.box import dilate_box, label_boxes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.arrays import Floats32
    from viewer.data.volume import Volume

GAP, SHELL = 1.0, 4.0  # mm: the surroundings of a lesion lie between these distances from it
SMOOTH = 0.7  # voxels
EDGES = 95  # percentile of the reference's gradient above which a voxel lies on an edge
FEWEST = 8  # voxels of surroundings that a contrast is measured against


@dataclass(frozen=True)
class Lesion:
    """A known lesion. label: its value in the label map. diameter: mm, of the ball of its volume.

    reference: its contrast, mean minus that of its surroundings, in the unit. kept: that of the image over it.
    """

    label: int
    diameter: float
    reference: float
    retention: float


def contrast_retention(reference: Volume, image: Volume, labels: NDArray[Any]) -> list[Lesion]:
    """How much of each lesion's contrast an image keeps, by label. labels [k, j, i]: 0 where there is no lesion.

    Surroundings: 1 to 4 mm from the lesion, in no lesion, where the reference holds a signal (is not 0).
    A lesion without surroundings or contrast is left out. Raises ValueError where the grids differ.
    """
    from scipy import ndimage

    truth, values = _pair(reference, image)
    spacing = reference.grid.spacing
    around = np.ceil((SHELL + 1) / spacing).astype(int)
    cell = float(abs(np.linalg.det(reference.grid.affine[:3, :3])))
    found = []
    for label, place in label_boxes(labels).items():
        box = dilate_box(place, around.tolist(), labels.shape)
        inside = labels[box] == label
        away = ndimage.distance_transform_edt(~inside, sampling=spacing)
        shell = (away > GAP) & (away <= SHELL) & (labels[box] == 0) & (truth[box] != 0)
        if shell.sum() < FEWEST:
            continue
        was, now = (float(one[box][inside].mean() - one[box][shell].mean()) for one in (truth, values))
        diameter = 2 * (3 * inside.sum() * cell / (4 * np.pi)) ** (1 / 3)
        if was:
            found.append(Lesion(label, float(diameter), was, now / was))
    return found


def edge_retention(reference: Volume, image: Volume) -> float:
    """The steepness of the reference's edges that an image keeps, 1 for all of it.

    The image's slope along the reference's gradient, fitted to it by least squares over the steepest voxels: noise
    that knows nothing of the edges changes it by chance only. Raises ValueError where the grids differ.
    """
    truth, values = _pair(reference, image)
    spacing = reference.grid.spacing
    axes = [axis for axis in range(3) if truth.shape[axis] > 1]
    before = [_slope(truth, axis, spacing[axis]) for axis in axes]
    steep = np.sqrt(sum(np.square(one) for one in before))
    edge = steep >= np.percentile(steep[steep > 0], EDGES) if (steep > 0).any() else np.zeros(steep.shape, bool)
    was, retention = float(np.square(steep[edge]).sum(dtype=np.float64)), 0.0
    for axis, one in zip(axes, before, strict=True):
        retention += float((one[edge] * _slope(values, axis, spacing[axis])[edge]).sum(dtype=np.float64))
    return retention / was if was else 1.0


def _pair(reference: Volume, image: Volume) -> tuple[Floats32, Floats32]:
    if not image.grid.matches(reference.grid, tolerance=0.01):
        raise ValueError("The result does not lie on the grid of what is known: nothing can be compared.")
    return reference.values(), image.values()


def _slope(values: Floats32, axis: int, mm: float) -> Floats32:
    from scipy import ndimage

    order = [0, 0, 0]
    order[axis] = 1
    return np.asarray(ndimage.gaussian_filter(values, SMOOTH, order) / np.float32(mm))
