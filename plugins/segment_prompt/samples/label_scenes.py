"""Images of any contrast from label maps and shapes, as SynthSeg makes them (Billot et al., MedIA 2023)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_dilation, gaussian_filter, map_coordinates, zoom

from plugins.segment_prompt.prompts import Mask
from plugins.training import phantoms

from .sources import Source

Floats = NDArray[np.float32]
Labels = NDArray[np.uint8]
Random = np.random.Generator
PLAIN = 0.85  # of the structures differ from what is beside them by at least STEP of the whole range of values
STEP = 0.08
LEAST = 24  # voxels of a shape


def from_map(source: Source, size: int, rng: Random) -> tuple[Labels, int]:
    """A crop [size]³ about a structure of a label map: relabelled 0…n, and the structure's label in it."""
    label, places = about_structure(source, size, rng)
    return cut_labels(source, label, places)


def about_structure(source: Source, size: int, rng: Random) -> tuple[int, NDArray[np.float64]]:
    """A label of a map, and the voxels [3, size, size, size] of a crop about it in mm along k, j, i.

    Sides are 1.3 to 3 times the structure's largest extent, or of any length about one of its voxels.
    """
    label = int(rng.choice(list(source.structures)))
    box = source.structures[label]
    low, high = (np.array([getattr(s, end) for s in box]) for end in ("start", "stop"))
    centre, side = (low + high) / 2 * source.spacing, float(((high - low) * source.spacing).max()) * rng.uniform(1.3, 3)
    if rng.random() < 0.3 or side > 160:
        part = source.array[box] == label
        inside = np.flatnonzero(part)
        centre = (low + np.unravel_index(inside[rng.integers(len(inside))], part.shape)) * source.spacing
        side = float(np.exp(rng.uniform(np.log(20), np.log(110))))
    side = max(side, 12 * float(source.spacing.min()))
    centre = centre + rng.uniform(-0.12, 0.12, 3) * side
    return label, sampling_places(centre, side, size, rng)


def cut_labels(source: Source, label: int, places: NDArray[np.float64]) -> tuple[Labels, int]:
    """A label map at places in mm, relabelled 0…n, and which of these was the label; -1 where it is not there."""
    cut = map_coordinates(source.array, places / source.spacing[:, None, None, None], order=0, mode="constant")
    present, labels = np.unique(cut, return_inverse=True)
    target = int(np.searchsorted(present, label)) if label in present else -1
    return labels.reshape(cut.shape).astype(np.uint8), target


def sampling_places(centre: NDArray[np.float64], side: float, size: int, rng: Random) -> NDArray[np.float64]:
    """Where the voxels [3, size, size, size] of a cube lie in mm along k, j, i: mirrored, turned, often bent."""
    steps = (np.arange(size) + 0.5) / size - 0.5
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"))
    if rng.random() < 0.6:
        knots = rng.standard_normal((3, 4, 4, 4)) * rng.uniform(0, 0.05)
        spline = zoom(np.eye(4), (size / 4, 1), order=2)  # along one axis; what zoom would do along three, in no time
        grid = grid + np.einsum("kc,jb,ia,ncba->nkji", spline, spline, spline, knots, optimize=True)
    turn = np.eye(3)[rng.permutation(3)] * rng.choice((-1, 1), 3)
    if rng.random() < 0.5:
        turn = np.linalg.qr(turn + 0.3 * rng.standard_normal((3, 3)))[0]
    return np.asarray(np.einsum("ab,bkji->akji", turn, grid) * side + centre[:, None, None, None])


def from_shapes(size: int, rng: Random) -> tuple[Labels, int]:
    """Ellipsoids, tubes and plates over each other; the structure is one of them, or a blob or wall among them."""
    labels = np.zeros((size,) * 3, np.uint8)
    count = int(rng.integers(8, 60))
    for n in range(1, count):
        where, opacity = phantoms.draw_object(labels.shape, rng)
        labels[where][opacity > 0.5] = n
    if rng.random() < 0.6:
        labels[blob(size, rng)] = count
        return labels, count
    sizes = np.bincount(labels.ravel(), minlength=count)
    return labels, int(rng.choice(np.flatnonzero(sizes >= LEAST))) if (sizes >= LEAST).any() else -1


def blob(size: int, rng: Random) -> Mask:
    """Something irregular about the middle: an ellipsoid with a rough border, or its wall."""
    shortest, longest = np.log((size / 24, size / 3.2))
    radius = np.exp((rng.uniform(shortest, longest, 3) + rng.uniform(shortest, longest)) / 2)
    steps = np.arange(size) - size / 2
    grid = np.stack(np.meshgrid(steps, steps, steps, indexing="ij")) - rng.uniform(-0.1, 0.1, (3, 1, 1, 1)) * size
    turned = np.einsum("ab,bkji->akji", np.linalg.qr(rng.standard_normal((3, 3)))[0], grid)
    depth = np.linalg.norm(turned / radius[:, None, None, None], axis=0) - 1
    rough = gaussian_filter(rng.standard_normal((size,) * 3, dtype=np.float32), rng.uniform(1.5, 5))
    depth = depth + rng.uniform(0, 0.5) * rough / rough.std()
    wall = rng.random() < 0.2
    return np.asarray(np.abs(depth) < 1.5 / radius.mean() if wall else depth < 0)


def paint(labels: Labels, target: Mask, rng: Random) -> Floats:
    """A value and a texture for each label, partial volume; the target mostly stands out from what is beside it."""
    count = int(labels.max()) + 1
    values = rng.uniform(0, 1, count).astype(np.float32)
    if rng.random() < 0.3:
        values = values[rng.integers(0, count, count)]
    if rng.random() < PLAIN:
        _stand_out(values, labels, target, rng)
    texture = (rng.uniform(0, 0.08, count) * (rng.random(count) < 0.7)).astype(np.float32)
    image = values[labels] + texture[labels] * phantoms.texture(labels.shape, rng)
    blurred: Floats = gaussian_filter(image, rng.uniform(0.3, 1.1))
    return blurred


def _stand_out(values: Floats, labels: Labels, target: Mask, rng: Random) -> None:
    """Draw the target's values anew until they differ from those of its larger neighbours."""
    around = np.bincount(labels[binary_dilation(target) & ~target], minlength=len(values))
    beside = np.flatnonzero(around > 0.15 * around.sum())
    mine = np.setdiff1d(np.unique(labels[target]), beside)
    for _ in range(10):
        if not len(beside) or not len(mine) or np.abs(values[mine][:, None] - values[beside]).min() >= STEP:
            return
        values[mine] = rng.uniform(0, 1, len(mine))


def neighbours(labels: Labels, target: Mask) -> NDArray[np.intp]:
    """The labels that touch the target, the one with the longest border first."""
    counts = np.bincount(labels[binary_dilation(target) & ~target])
    return np.argsort(-counts)[: np.count_nonzero(counts)]
