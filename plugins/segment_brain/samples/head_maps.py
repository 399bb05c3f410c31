"""Heads to train on: label maps turned, scaled and bent (SynthSeg: Billot et al., MedIA 2023).

World axes, whatever the file's: arrays are [k, j, i] with i to the left, j to the back, k to the head, so that the
network sees every head in one orientation.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy.ndimage import zoom
from scipy.spatial.transform import Rotation

from plugins.segment_brain.labels import class_table

Floats = NDArray[np.float32]
Random = np.random.Generator
SIDE = 80  # voxels of a sample, each way: at 2 mm most of a brain, at 0.6 times the cost of all of it
TURN, GROWTH, SHEAR, SHIFT = 20.0, 0.15, 0.02, 20.0  # at most: degrees, share, share, mm
BENDS = ((5, 6.0), (14, 2.0))  # knots along the cube; standard deviation at most, mm


@dataclass(frozen=True)
class HeadMap:
    """array: numbers of the label map's table, [k, j, i] at 1 mm. centre: of the brain, in voxels."""

    array: NDArray[np.uint16]
    centre: Floats


@dataclass(frozen=True)
class Head:
    """A head of chance.

    fine: labels [n, n, n] that the image is painted from, `over` times as many each way as the sample has; labels:
    those at the centres of its voxels.
    """

    fine: NDArray[np.uint16]
    labels: NDArray[np.uint16]
    over: int


def read_head_map(path: Path) -> HeadMap:
    """A label map of a head [k, j, i], turned to LPS, and the centre of its brain in voxels."""
    image = sitk.DICOMOrient(sitk.ReadImage(str(path)), "LPS")
    array = np.pad(sitk.GetArrayFromImage(image), 1).astype(np.uint16)
    brain = np.argwhere(class_table()[array] > 0)
    return HeadMap(array, ((brain.min(0) + brain.max(0)) / 2).astype(np.float32))


def draw_head(head_map: HeadMap, spacing: int, rng: Random) -> Head:
    """A cube of SIDE voxels of 1 or 2 mm: about the whole brain at 2 mm, anywhere in it at 1 mm."""
    rotation = Rotation.from_euler("xyz", rng.uniform(-TURN, TURN, 3), degrees=True).as_matrix()
    scale = np.diag(rng.uniform(1 - GROWTH, 1 + GROWTH, 3)) + rng.uniform(-SHEAR, SHEAR, (3, 3))
    reach = SHIFT if spacing > 1 else 50.0
    centre = head_map.centre + rng.uniform(-reach, reach, 3).astype(np.float32)
    knots = [(rng.standard_normal((3, n, n, n)) * rng.uniform(0, most)).astype(np.float32) for n, most in BENDS]

    def look(count: int, step: float) -> NDArray[np.uint16]:
        where = places_of_cube(count, step, (rotation @ scale).astype(np.float32), centre, knots)
        return nearest_labels(head_map.array, where)

    labels = look(SIDE, spacing)
    return Head(look(SIDE * spacing, 1.0) if spacing > 1 else labels, labels, spacing)


def places_of_cube(count: int, step: float, matrix: Floats, centre: Floats, knots: list[Floats]) -> list[Floats]:
    """Where the voxels of a cube come from, in voxels of the map: one array [n, n, n] an axis."""
    at = (np.arange(count, dtype=np.float32) - (count - 1) / 2) * np.float32(step)
    places = []
    for axis in range(3):
        k, j, i = matrix[axis]
        place = (k * at + np.float32(centre[axis]))[:, None, None] + (j * at)[:, None] + i * at
        for bend in knots:
            place += smooth_field(bend[axis], (count,) * 3)
        places.append(place)
    return places


def nearest_labels(array: NDArray[np.uint16], places: list[Floats]) -> NDArray[np.uint16]:
    """The labels at places, in voxels, one array an axis, which are rounded in place."""
    index = np.zeros(places[0].shape, np.int32)
    for place, length in zip(places, array.shape, strict=True):
        np.rint(place, out=place)
        np.clip(place, 0, length - 1, out=place)
        index *= length
        index += place.astype(np.int32)
    return array.ravel()[index]


def smooth_field(knots: Floats, shape: tuple[int, ...]) -> Floats:
    """Cubic B-splines through values on a coarse grid that spans the array."""
    field = knots
    for axis, (count, length) in enumerate(zip(knots.shape, shape, strict=True)):
        weights = zoom(np.eye(count, dtype=np.float32), (length / count, 1), order=3)
        field = np.moveaxis(np.tensordot(weights, field, (1, axis)), 0, axis)
    return np.ascontiguousarray(field, np.float32)
