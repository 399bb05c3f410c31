"""The structures of a brain in an image of any orientation and spacing, on the image's own grid."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from plugins.image_checks import check_finite
from viewer.api import (
    Grid,
    Job,
    Net,
    Refusal,
    Segmentation,
    Volume,
    doubt_map,
    entropy,
    resample,
    resample_labels,
    tiles,
)

from .atlas.adaptation import AdaptedAtlas, Leaders, adapt
from .atlas.tissues import LAYOUT, class_shares
from .head_image import MULTIPLE, SIDE, SPACING, Box, Floats, GreyScale, coarse_grid, halve, head_grid, normalize
from .labels import CLASSES, CSF, OUTPUTS, STRUCTURES, to_numbers
from .plausibility import ROUGH, VOLUMES, check_brain, check_fit, check_whole, largest_part
from .prediction import Prediction, mirror, predict
from .segments import BRAIN, segments

LEAST_WIDTH = 80.0  # mm that an image must be wide each way to hold a brain
THICKEST = 6.0  # mm between slices: what the network was trained for
AIR_HU = -900.0  # values of MR are not below 0, but for a little of filters
AGREED = 0.6  # Dice of the two brains, below which it is said
MODALITIES = ("MR", "OT", "")  # the last two where the file does not tell
LOCATED, HALO = 128, 16  # voxels of 2 mm: a tile, and its halo, where the head is looked for
FURROWS = 5  # mm: half of the width that is closed
PIA = 1  # mm that the brain goes beyond what is more tissue than fluid
NUMBERS = to_numbers(np.array([number for number, _ in LAYOUT]), np.array([side < 2 for _, side in LAYOUT]))
FOUND, LOOKED, HALF, TOLD, MASKED = 0.25, 0.35, 0.6, 0.85, 0.9  # of the work


@dataclass(frozen=True, eq=False)
class FoundBrain:
    """What was found of a head. labels: FreeSurfer's numbers, and mask: BRAIN, [k, j, i] of 1 mm on `cube`.

    prediction: what the atlas says, fitted to the image, of voxels of 2 mm, which `coarse` places; fitted to the mirror
    image as well, perhaps. agreement: Dice of the brain in the first look and in what the atlas says.
    """

    image: Volume
    labels: NDArray[np.uint16]
    mask: NDArray[np.uint8]
    cube: Grid
    prediction: Prediction
    agreement: float

    @property
    def coarse(self) -> Grid:
        """Of the prediction: each voxel is a block of the cube's."""
        return coarse_grid(self.cube)

    def segmentation(self) -> Segmentation:
        """The structures in one label map, the whole brain in another, on the image's grid."""
        grid = self.image.grid
        structures, brain = (self._placed(one.astype(np.uint8)) for one in (self.labels, self.mask))
        return Segmentation(
            structures, grid, segments(), source=self.image.source, badges=self._notices(), overlapping=(brain,)
        )

    def _placed(self, labels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Labels of the cube on the image's grid; only where there are any is looked at."""
        grid = self.image.grid
        placed = np.zeros(grid.shape, np.uint8)
        for box in ndimage.find_objects((labels > 0).astype(np.uint8)):  # one, or none where nothing was found
            ends = np.array([(part.start - 1, part.stop) for part in box])
            corners = grid.to_index(self.cube.to_world(np.array(list(product(*ends)))))
            low, high = corners.min(0).clip(0, grid.shape), corners.max(0).clip(-1, np.array(grid.shape) - 1)
            start, stop = np.floor(low).astype(int), np.ceil(high).astype(int) + 1
            inside = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
            if (stop > start).all():
                target = grid.crop((int(start[0]), int(start[1]), int(start[2])), placed[inside].shape)
                placed[inside] = resample_labels(labels, self.cube, target)
        return placed

    def _notices(self) -> tuple[str, ...]:
        """What a reader must know of it."""
        if self.agreement >= AGREED:
            return ()
        return (f"uncertain: two ways to find the brain agree with a Dice of only {self.agreement:.2f}",)

    def doubt(self) -> Volume:
        """How undecided the prediction is, on the image's grid: see viewer.api.doubt_map; 0 outside the cube."""
        stored = entropy(self.prediction.calibrated().winner())
        placed = resample(Volume(stored, self.coarse), self.image.grid, outside=0.0)
        return doubt_map(placed.array.astype(np.uint8), self.image.grid, self.image.source)

    def pass_labels(self) -> list[NDArray[np.uint8]]:
        """What each pass alone says of voxels of 2 mm, by FreeSurfer's numbers on the image's grid [k, j, i]."""
        alone = (
            to_numbers(one[:CLASSES].argmax(0).astype(np.uint8), one[CLASSES] > 0.5) for one in self.prediction.passes
        )
        return [resample_labels(labels.astype(np.uint8), self.coarse, self.image.grid) for labels in alone]


def segment_brain(image: Volume, net: Net, job: Job) -> Segmentation:
    """The structures in one label map, the whole brain in another. Arguments and errors as of find_brain."""
    return find_brain(image, net, job).segmentation()


def find_brain(image: Volume, net: Net, job: Job, *, mirrored: bool = False) -> FoundBrain:
    """The structures of the brain in an image: a first look by the network, then an atlas that is fitted to the image.

    net: images [1, 1, k, j, i] to logits [1, CLASSES + 1, k, j, i] (labels). mirrored: all of it is done with the
    mirror image as well, so that the two answers can be held against each other.

    Raises Refusal: what is no head or a part of one, holds values that are not numbers, or lies in another way than its
    header says.
    """
    check_image(image)
    grid = head_grid(image.grid)
    job.need(12 * int(np.prod(grid.shape)), "the head at 1 mm")
    with job.stage("bringing the head to the patient's axes"):
        fine = resample(image.with_values(image.values()), grid).array
        head = halve(fine)
    box = _cube_around(_locate(head, net, job), head.shape)
    start = [SPACING * part.start for part in box]
    cube = grid.crop((start[0], start[1], start[2]), (SPACING * SIDE,) * 3)
    scale = GreyScale.of(head[box])
    seen, shown = scale(head[box]), _shown(cube, image.grid)
    with job.stage("telling the structures apart"):
        first = predict(seen, net)
        check_brain(first, ROUGH)
        adapted = adapt(seen, first, shown, SPACING, job, (LOOKED, HALF if mirrored else TOLD))
        near = adapted.near(seen.shape, SPACING) & torch.from_numpy(shown)
        where = (torch.nonzero(near) + 0.5) * SPACING
        shares = adapted.shares(where)
        values = torch.from_numpy(seen)[near]
        check_fit(adapted, values, where)
        passes = [_answer(adapted.posterior(shares, values, where), near)]
        check_brain(passes[0], VOLUMES)
        check_whole(_tissue(passes[0]), coarse_grid(cube), image)
        if mirrored:
            turned = seen[..., ::-1].copy()
            again = adapt(turned, predict(turned, net), shown[..., ::-1].copy(), SPACING, job, (HALF, TOLD))
            beside = (torch.nonzero(near.flip(-1)) + 0.5) * SPACING
            answer = again.posterior(again.shares(beside), torch.from_numpy(turned)[near.flip(-1)], beside)
            passes.append(mirror(_answer(answer, near.flip(-1))))
        leaders = adapted.leaders(shares, where)
        labels = tell(adapted, leaders, scale(fine[*(slice(n, n + SPACING * SIDE) for n in start)]), near)
    with job.stage("closing the furrows"):
        mask = brain_mask(labels)
    job.progress(MASKED)
    return FoundBrain(image, labels, mask, cube, Prediction(tuple(passes)), _agreement(first, passes[0]))


def check_image(image: Volume) -> None:
    """Raises Refusal for what cannot be a head in MR."""
    if image.color:
        raise Refusal("colour images cannot be segmented: choose a grey-scale one.")
    if image.modality not in MODALITIES:
        raise Refusal(f"the image is of modality {image.modality}: the network was made for MR of the head only.")
    if not image.grid.placed:
        raise Refusal("nothing tells how the image lies in the patient, so its left and right are not known.")
    width = image.grid.spacing * image.grid.shape
    if min(image.grid.shape) == 1:
        raise Refusal("the image is a single slice: choose a volume that holds the whole head.")
    if width.min() < LEAST_WIDTH:
        raise Refusal(f"the image is only {width.min():.0f} mm wide one way: a brain needs {LEAST_WIDTH:.0f} mm.")
    if image.grid.spacing.max() > THICKEST + 0.5:
        raise Refusal(f"the slices are {image.grid.spacing.max():.1f} mm apart: {THICKEST:.0f} mm are the most.")
    check_finite(image)
    low, high = image.array.min(), image.array.max()
    if low == high:
        raise Refusal("all voxels of the image have one value: there is nothing to segment.")
    if image.unit == "HU" or low * image.slope + image.intercept <= AIR_HU:
        raise Refusal("the values are those of a CT (Hounsfield units): the network was made for MR of the head only.")


def _locate(head: Floats, net: Net, job: Job) -> NDArray[np.intp]:
    """The middle of the brain in an image of 2 mm, in voxels. Raises Refusal where there is none."""
    seen, inside = normalize(head), np.zeros(head.shape, bool)

    def read(box: Box) -> Floats:
        return seen[None, *box]

    def write(slices: slice, answer: Floats) -> None:
        inside[slices] = answer[1:CLASSES].max(0) > answer[0]

    tiles(
        net, head.shape, job, read=read, write=write, tile=(LOCATED,) * 3, halo=HALO,
        multiple=MULTIPLE, span=(0.0, FOUND), text="looking for the brain",
    )  # fmt: skip
    brain = largest_part(inside)
    if not brain.any():
        raise Refusal("no brain was found in the image: choose one of a head.")
    return np.array([(part.start + part.stop) // 2 for part in ndimage.find_objects(brain.astype(np.uint8))[0]])


def _shown(cube: Grid, grid: Grid) -> NDArray[np.bool_]:
    """Which blocks of SPACING voxels of a cube lie, by their middles, within a grid."""
    blocks = np.stack(np.meshgrid(*(np.arange(n // SPACING) for n in cube.shape), indexing="ij"), -1)
    index = grid.to_index(cube.to_world(SPACING * blocks + (SPACING - 1) / 2))
    return np.asarray(((index >= -0.5) & (index <= np.array(grid.shape) - 0.5)).all(-1), bool)


def _answer(posterior: Tensor, near: Tensor) -> Floats:
    """A pass of a Prediction, from what the atlas says [CHANNELS, n] of voxels near the brain [k, j, i]."""
    answer = np.zeros((OUTPUTS, *near.shape), np.float32)
    answer[0], answer[CLASSES] = 1, 0.5
    answer[:, near.numpy()] = class_shares(posterior.numpy())
    return answer


def _agreement(one: Floats, other: Floats) -> float:
    """Dice of the brain, without the fluid around it, in two passes."""
    brains = [_tissue(each) for each in (one, other)]
    both = sum(map(np.count_nonzero, brains))
    return 2 * np.count_nonzero(brains[0] & brains[1]) / both if both else 0.0


def _tissue(found: Floats) -> NDArray[np.bool_]:
    """What is brain in a pass of a Prediction, without the fluid around it [k, j, i]."""
    fluid = 1 + STRUCTURES.index(next(structure for structure in STRUCTURES if structure.left == CSF))
    return ~np.isin(found[:CLASSES].argmax(0), (0, fluid))


def tell(adapted: AdaptedAtlas, leaders: Leaders, fine: Floats, near: Tensor) -> NDArray[np.uint16]:
    """FreeSurfer's numbers [k, j, i] of an image in voxels of 1 mm; of the largest part only.

    near: which blocks of SPACING voxels are asked about, one leader each: where a structure may be is asked once a
    block, and what it looks like for each of its voxels.
    """
    labels = np.zeros(fine.shape, np.uint16)
    for k, j, i in np.ndindex((SPACING,) * 3):
        part = (slice(k, None, SPACING), slice(j, None, SPACING), slice(i, None, SPACING))
        values = torch.from_numpy(np.ascontiguousarray(fine[part]))[near]
        labels[part][near.numpy()] = NUMBERS[adapted.winners(leaders, values).numpy()]
    labels[~largest_part(labels > 0)] = 0
    return labels


def _cube_around(middle: NDArray[np.intp], shape: tuple[int, ...]) -> Box:
    """SIDE voxels each way, inside the image."""
    starts = [min(max(int(at) - SIDE // 2, 0), n - SIDE) for at, n in zip(middle, shape, strict=True)]
    k, j, i = (slice(start, start + SIDE) for start in starts)
    return k, j, i


def brain_mask(labels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """The brain in voxels of 1 mm, with its furrows and its pia, but without the fluid around it: BRAIN, else 0."""
    mask, tissue = np.zeros(labels.shape, np.uint8), (labels > 0) & (labels != CSF)
    for box in ndimage.find_objects(tissue.astype(np.uint8)):  # one, or none where nothing was found
        closed = ndimage.binary_closing(np.pad(tissue[box], FURROWS), iterations=FURROWS)
        inner = ndimage.binary_fill_holes(closed)[(slice(FURROWS, -FURROWS),) * 3]
        mask[box] = np.where(inner, BRAIN, 0)
    return np.where(ndimage.binary_dilation(mask > 0, iterations=PIA), BRAIN, 0).astype(np.uint8)
