"""Lesions of a mask, one by one: which voxels belong together, and how large each is in true millimetres."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.progress import Refusal
from viewer.data.annotations.finding import Measurement, SegmentRegion
from viewer.data.annotations.packed_mask import mask_checksum
from viewer.data.box import box_shape, label_boxes
from viewer.data.segmentation import HIGHEST

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from viewer.data.annotations.region import Point
    from viewer.data.arrays import Floats, Labels, Mask, ProgressCallback
    from viewer.data.box import Box
    from viewer.data.grid import Grid

VOLUME = ("SCT", "118565006", "Volume")
DIAMETER = ("IBSI", "L0JK", "Maximum 3D Diameter of a Mesh")  # as DICOM PS3.16 lists it
PAIRS = 1 << 22  # distances that are held at once


@dataclass(frozen=True)
class Lesion:
    """One of them. volume: mm³. diameter: the longest one in 3-D, mm.

    place: of its voxel that lies nearest to its middle, LPS mm. checksum: of its voxels, packed_mask.mask_checksum.
    """

    voxels: int
    volume: float
    diameter: float
    place: Point
    checksum: int

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """Its figures with their codes, in UCUM units: volume in ml, the longest diameter in mm."""
        return Measurement(VOLUME, self.volume / 1000, "ml"), Measurement(DIAMETER, self.diameter, "mm")

    def region(self, segmentation: str, key: tuple[int, int]) -> SegmentRegion:
        """What a finding refers to its voxels by: a segment, by the name of the output that holds it and its key."""
        return SegmentRegion(segmentation, key, self.checksum)


def connected_lesions(mask: Mask, smallest: int, most: int = HIGHEST) -> Labels:
    """Each lesion of a mask [k, j, i] as a label of its own, the largest is 1; uint16 [k, j, i].

    Voxels that share a face, an edge or a corner belong together. smallest: voxels below which it is left out. Raises
    Refusal, one sentence, where there are more lesions than `most`.
    """
    from scipy import ndimage

    labels, count = ndimage.label(mask, np.ones((3, 3, 3)))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    sizes[0] = 0
    order = [label for label in np.argsort(-sizes, kind="stable").tolist() if sizes[label] >= max(smallest, 1)]
    if len(order) > most:
        raise Refusal(f"there are {len(order):,} lesions; more than {most:,} are no list to read: choose another mask.")
    ranks = np.zeros(count + 1, np.uint16)
    ranks[order] = np.arange(1, len(order) + 1)
    return np.asarray(ranks[labels])


def measure_lesions(labels: Labels, grid: Grid, tell: ProgressCallback = lambda fraction: None) -> dict[int, Lesion]:
    """Every label but 0 of a map [k, j, i] on a grid, by label. tell: gets the progress, 0…1; may raise Cancelled."""
    boxes = label_boxes(labels)
    found = {}
    for done, (label, box) in enumerate(boxes.items(), 1):
        found[label] = measure_lesion(labels[box] == label, box, grid)
        tell(done / len(boxes))
    return found


def measure_lesion(mask: Mask, box: Box, grid: Grid) -> Lesion:
    """One lesion: its voxels in a box of the grid; there is one at least."""
    start = [side.start for side in box]
    index = np.argwhere(mask) + start
    world = grid.to_world(index)
    middle = np.linalg.norm(world - world.mean(axis=0), axis=1).argmin()
    x, y, z = world[middle].tolist()
    cell = float(abs(np.linalg.det(grid.affine[:3, :3])))
    assert box_shape(box) == mask.shape
    return Lesion(len(index), len(index) * cell, longest_diameter(index, grid), (x, y, z), mask_checksum(mask, start))


def longest_diameter(index: NDArray[np.integer], grid: Grid) -> float:
    """The greatest distance in mm between two points of the surface of voxels (n, 3) [k, j, i], in array order.

    The surface is that half-way between voxels, by the middles of their six faces, as IBSI measures on a mesh
    (Zwanenburg et al., Radiology 295, 2020, L0JK): of one voxel of 1 mm it is 1 mm. Exact on oblique and sheared grids:
    distances are those of places in the patient.
    """
    from scipy.spatial import ConvexHull

    turns = np.any(np.diff(index[:, :2], axis=0), axis=1)  # where a row ends: what lies within one is no corner
    index = index[np.append(True, turns) | np.append(turns, True)]
    halves = np.concatenate([np.eye(3), -np.eye(3)]) / 2
    faces = grid.to_world(np.unique((index[:, None] + halves).reshape(-1, 3), axis=0))
    corners = faces[ConvexHull(faces).vertices]  # the two farthest points are corners of the hull
    steps = [*range(0, len(corners), max(1, PAIRS // len(corners))), len(corners)]
    return max(_farthest(corners[first:last], corners) for first, last in pairwise(steps))


def _farthest(some: Floats, others: Floats) -> float:
    gaps = some[:, None] - others[None]
    return float(np.sqrt(np.einsum("abc,abc->ab", gaps, gaps).max()))
