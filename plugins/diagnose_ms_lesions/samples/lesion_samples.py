"""An endless stream of crops with lesions: painted heads, and real FLAIR that lesions were put into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from torch import Tensor
from torch.utils.data import IterableDataset

from plugins.diagnose_ms_lesions.brain_image import brain_places, inputs, relative_values
from plugins.segment_brain.labels import CSF, class_table
from plugins.segment_brain.samples.contrast import slice_profile
from plugins.segment_brain.samples.head_maps import nearest_labels, places_of_cube, read_head_map
from plugins.segment_brain.samples.head_samples import MAPS

from .flair import acquire, brain_of, insert_lesions, paint, tissue_values
from .lesion_masks import HeadLabels, drawn_lesions, placed_mask, read_mask
from .real_heads import RealHead

Floats = NDArray[np.float32]
Mask = NDArray[np.bool_]
Random = np.random.Generator
MASKS = "labelled/ms-lesions-ljubljana/masks-mni/patient{:02d}.nii.gz"
PATIENTS = (1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 16, 17, 18, 20)  # 22 to 29 are for the test, 7 has the image of it
SIDE = 64
TURN, GROWTH, BENDS = 15.0, 0.12, ((4, 5.0), (12, 1.5))  # degrees; share; knots and their mm
AT_LESION, REAL = 0.6, 0.25  # of crops: about a lesion; of a real head
LESION = 1 << 12  # bit of a label
USES = 6  # crops of a head before another set of lesions comes


class LesionSample(NamedTuple):
    """inputs: [4, n, n, n], see brain_image. targets: [2, n, n, n]: 1 in lesions; 1 where it counts."""

    inputs: Floats
    targets: Floats


@dataclass(frozen=True, eq=False)
class Head:
    """A label map with lesions, written as LESION in its labels, and where they are (flat indices)."""

    labels: HeadLabels
    array: NDArray[np.uint16]
    lesions: NDArray[np.intp]
    brain: NDArray[np.intp]


class LesionSamples(IterableDataset[LesionSample]):
    """The stream of one seed. maps: numbers of label maps; patients: of masks; real: heads with FLAIR of their own."""

    def __init__(self, data: Path, seed: int, maps: Sequence[int], patients: Sequence[int] = PATIENTS) -> None:
        self.data, self.seed, self.maps, self.patients = data, seed, maps, patients

    def __iter__(self) -> Iterator[LesionSample]:
        rng = np.random.default_rng(self.seed)
        real = [RealHead.read(self.data / path) for path in RealHead.PATHS]
        heads, scans = [self._head(rng) for _ in range(3)], [self._scan(real, rng) for _ in range(2)]
        count = 0
        while True:
            count += 1
            if count % USES == 0:
                heads[rng.integers(len(heads))] = self._head(rng)
                scans[rng.integers(len(scans))] = self._scan(real, rng)
            if rng.random() < REAL:
                sample = inserted(*scans[rng.integers(len(scans))], rng)
            else:
                sample = painted(heads[rng.integers(len(heads))], rng)
            yield _mirrored(sample, rng)

    def _head(self, rng: Random) -> Head:
        number = int(rng.choice(self.maps))
        return head_with_lesions(self.data, number, int(rng.choice(self.patients)), rng)

    def _scan(self, heads: list[RealHead], rng: Random) -> tuple[RealHead, Mask]:
        """A real head and lesions for it, where it has none of its own."""
        head = heads[rng.integers(len(heads))]
        lesions = drawn_lesions(head.labels, rng)
        if rng.random() < 0.7:
            lesions |= placed_mask(read_mask(self.data / MASKS.format(int(rng.choice(self.patients)))), head.labels)
        return head, lesions & ~head.bright


@cache
def _map_labels(data: Path, number: int) -> HeadLabels:
    return HeadLabels(read_head_map(data / MAPS.format(number)).array)


@cache
def _brain_voxels(data: Path, number: int) -> NDArray[np.intp]:
    labels = _map_labels(data, number).array
    return np.flatnonzero((class_table()[labels] > 0) & (labels != CSF))


def head_with_lesions(data: Path, number: int, patient: int, rng: Random) -> Head:
    """A label map with the lesions of a patient, now and then none of these, and drawn ones."""
    labels = _map_labels(data, number)
    mask = drawn_lesions(labels, rng)
    if rng.random() < 0.8:
        mask |= placed_mask(read_mask(data / MASKS.format(patient)), labels)
    array = labels.array + np.uint16(LESION) * mask.astype(np.uint16)
    return Head(labels, array, np.flatnonzero(mask), _brain_voxels(data, number))


def painted(head: Head, rng: Random, side: int = SIDE) -> LesionSample:
    """A crop [side]³ of 1 mm of a head that is turned, scaled, bent and painted."""
    inside = head.lesions if len(head.lesions) and rng.random() < AT_LESION else head.brain
    centre = np.array(np.unravel_index(inside[rng.integers(len(inside))], head.array.shape), np.float32)
    centre += rng.uniform(-12, 12, 3).astype(np.float32)
    rotation = Rotation.from_euler("xyz", rng.uniform(-TURN, TURN, 3), degrees=True).as_matrix()
    scale = np.diag(rng.uniform(1 - GROWTH, 1 + GROWTH, 3))
    knots = [(rng.standard_normal((3, n, n, n)) * rng.uniform(0, mm)).astype(np.float32) for n, mm in BENDS]
    where = places_of_cube(side, 1.0, (rotation @ scale).astype(np.float32), centre, knots)
    low, high = head.labels.box.T.astype(np.float32)
    at = brain_places(np.stack(where), low, high)
    cut = nearest_labels(head.array, where)
    labels, lesions = cut % LESION, cut >= LESION
    values = tissue_values(rng)
    image, shown = acquire(paint(labels, lesions, values, rng), lesions, rng)
    some = head.array.ravel()[head.brain[:: len(head.brain) // 5000]] % LESION
    median = float(np.median(values[some])) * rng.uniform(0.92, 1.08)
    targets = np.stack([shown, np.ones_like(shown)]).astype(np.float32)
    return LesionSample(inputs(relative_values(image, median), brain_of(labels, rng), at), targets)


def inserted(head: RealHead, lesions: Mask, rng: Random) -> LesionSample:
    """A crop [SIDE]³ of a real head with lesions put in."""
    inside = np.flatnonzero(lesions) if rng.random() < AT_LESION else head.brain
    inside = inside if len(inside) else head.brain
    box = _box(np.unravel_index(inside[rng.integers(len(inside))], lesions.shape), lesions.shape)
    weights = slice_profile(SIDE, head.thickness, rng.uniform(0, head.thickness))
    shares = np.tensordot(weights, lesions[box].astype(np.float32), 1)  # as thick slices show them
    image = insert_lesions(head.image[box], shares, rng, reference=head.white)
    values = relative_values(image * np.float32(rng.uniform(0.92, 1.08)), head.median)
    at = np.stack(np.meshgrid(*(np.arange(s.start, s.stop) for s in box), indexing="ij")).astype(np.float32)
    low, high = head.labels.box.T.astype(np.float32)
    targets = np.stack([shares > 0.5, ~head.bright[box]]).astype(np.float32)
    return LesionSample(inputs(values, head.brain_mask[box], brain_places(at, low, high)), targets)


def _box(middle: tuple[np.intp, ...], shape: tuple[int, ...]) -> tuple[slice, ...]:
    starts = [min(max(int(at) - SIDE // 2, 0), n - SIDE) for at, n in zip(middle, shape, strict=True)]
    return tuple(slice(start, start + SIDE) for start in starts)


def _mirrored(sample: LesionSample, rng: Random) -> LesionSample:
    """Left for right, which places do not tell apart."""
    if rng.random() < 0.5:
        return sample
    return LesionSample(*(np.ascontiguousarray(part[..., ::-1]) for part in sample))


def to_tensors(samples: list[LesionSample]) -> tuple[Tensor, Tensor]:
    """Inputs [n, 4, …] and targets [n, 2, …] of a batch."""
    inputs_, targets = (torch.from_numpy(np.stack(part)) for part in zip(*samples, strict=True))
    return inputs_, targets
