"""The structures of a brain in an image of any orientation and spacing, on the image's own grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from torch.nn import functional

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

from .atlas import answer_shares, load_atlas
from .head_image import MULTIPLE, SIDE, SPACING, Floats, double, halve, head_grid, normalize
from .labels import CLASSES, CSF, numbers, to_numbers
from .network import BLOCK
from .prediction import Prediction, predict, with_prior
from .segments import BRAIN, segments

Box = tuple[slice, slice, slice]
LEAST_WIDTH = 80.0  # mm that an image must be wide each way to hold a brain
THICKEST = 6.0  # mm between slices: what the network was trained for
AIR_HU = -900.0  # values of MR are not below 0, but for a little of filters
VOLUMES = (500.0, 2200.0)  # ml: what a brain has, without the fluid around it
LEAST_CONFIDENCE, SURE = 0.35, 0.7  # mean probability of the answer: below the first it is none, below the second said
MODALITIES = ("MR", "OT", "")  # the last two where the file does not tell
LOCATED, HALO = 128, 16  # voxels of 2 mm: a tile, and its halo, where the head is looked for
CEREBRUM, CEREBELLUM = (2, 3, 41, 42), (7, 8, 46, 47)
LEFT, RIGHT = (tuple(number for number, _, side in numbers() if side == which) for which in ("left", "right"))
LOWER, BEHIND = 15.0, 5.0  # mm, at least, is the middle of the cerebellum below and behind that of the cerebrum
FURROWS = 5  # mm: half of the width that is closed
BLOCKS = 4  # voxels of 2 mm along what the atlas is placed by
FOUND, PLACED, HALF, SEGMENTED, MASKED = 0.35, 0.5, 0.65, 0.8, 0.9  # of the work


@dataclass(frozen=True, eq=False)
class FoundBrain:
    """What was found of a head. labels: FreeSurfer's numbers, and mask: BRAIN, [k, j, i] of 1 mm on `cube`.

    prediction: what the network said, of voxels of 2 mm, which `coarse` places.
    """

    image: Volume
    labels: NDArray[np.uint16]
    mask: NDArray[np.uint8]
    cube: Grid
    prediction: Prediction

    @property
    def coarse(self) -> Grid:
        """Of the prediction: each voxel is a block of the cube's."""
        k, j, i = (n // SPACING for n in self.cube.shape)
        middle = self.cube.to_world([(SPACING - 1) / 2] * 3)
        return Grid.of((k, j, i), (SPACING,) * 3, middle, self.cube.direction, self.cube.frame_of_reference)

    def segmentation(self) -> Segmentation:
        """The structures in one label map, the whole brain in another, on the image's grid."""
        grid = self.image.grid
        structures, brain = (resample_labels(one.astype(np.uint8), self.cube, grid) for one in (self.labels, self.mask))
        return Segmentation(
            structures, grid, segments(), source=self.image.source, badges=self._notices(), overlapping=(brain,)
        )

    def _notices(self) -> tuple[str, ...]:
        """What a reader must know of it."""
        confidence = self.prediction.confidence()
        return (f"uncertain: mean probability {confidence:.2f}",) if confidence < SURE else ()

    def doubt(self) -> Volume:
        """How undecided the prediction is, on the image's grid: see viewer.api.doubt_map; 0 outside the cube."""
        stored = entropy(self.prediction.winner())
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
    """The structures of the brain in an image.

    net: images with a prior [1, CLASSES + 2, k, j, i] (prediction.with_prior) to logits [1, CLASSES + 1, k, j, i]
    (labels). mirrored: the structures are told apart in two passes, of which the second sees the mirror image.

    Raises Refusal: what is no head, holds values that are not numbers, or lies in another way than its header says.
    """
    check_image(image)
    grid = head_grid(image.grid)
    job.need(12 * int(np.prod(grid.shape)), "the head at 1 mm")
    with job.stage("bringing the head to the patient's axes"):
        head = halve(resample(image.with_values(image.values()), grid).array)
    box = _cube_around(_locate(head, net, job), head.shape)
    with job.stage("telling the structures apart"):
        seen = normalize(head[box])
        prior = lay_atlas(predict(seen, None, net, job).mean)
        job.progress(PLACED)
        prediction = predict(seen, prior, net, job, mirrored=mirrored, between=HALF)
        job.progress(SEGMENTED)
        labels = decide(prediction.logits())
    _check_brain(labels, prediction.confidence())
    start = [SPACING * part.start for part in box]
    cube = grid.crop((start[0], start[1], start[2]), labels.shape)
    with job.stage("closing the furrows"):
        mask = brain_mask(labels)
    job.progress(MASKED)
    return FoundBrain(image, labels, mask, cube, prediction)


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
        return with_prior(seen[*box], None)

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


def lay_atlas(answer: Floats) -> Floats:
    """The prior [CLASSES + 1, k, j, i] of a head, by what a first look says of it: probabilities of the same shape."""
    shares = functional.avg_pool3d(answer_shares(answer), BLOCKS)
    atlas = load_atlas()
    placement = atlas.fit(shares, BLOCKS * SPACING)
    prior = atlas.prior(placement, tuple(n // BLOCK for n in answer.shape[1:]), BLOCK * SPACING)
    return np.asarray(functional.interpolate(prior[None], scale_factor=BLOCK)[0].numpy(), np.float32)


def largest_part(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The largest of its connected parts (by faces)."""
    parts, count = ndimage.label(mask)
    return parts == 1 + int(np.bincount(parts.ravel())[1:].argmax()) if count else mask


def _cube_around(middle: NDArray[np.intp], shape: tuple[int, ...]) -> Box:
    """SIDE voxels each way, inside the image."""
    starts = [min(max(int(at) - SIDE // 2, 0), n - SIDE) for at, n in zip(middle, shape, strict=True)]
    k, j, i = (slice(start, start + SIDE) for start in starts)
    return k, j, i


def decide(answer: Floats) -> NDArray[np.uint16]:
    """Logits [CLASSES + 1, k, j, i] of 2 mm to numbers of FreeSurfer's table, of 1 mm; of the largest part only."""
    classes = np.zeros([SPACING * n for n in answer.shape[1:]], np.uint8)
    best = double(answer[0])
    for number, logit in enumerate(answer[1:CLASSES], 1):
        fine = double(logit)
        better = fine > best
        classes[better], best[better] = number, fine[better]
    classes[~largest_part(classes > 0)] = 0
    return to_numbers(classes, double(answer[CLASSES]) > 0)


def brain_mask(labels: NDArray[np.uint16]) -> NDArray[np.uint8]:
    """The brain in voxels of 1 mm, with its furrows but without the fluid around it: BRAIN, else 0."""
    tissue = np.pad((labels > 0) & (labels != CSF), FURROWS)
    closed = ndimage.binary_fill_holes(ndimage.binary_closing(tissue, iterations=FURROWS))
    inner = (slice(FURROWS, -FURROWS),) * 3
    return np.where(closed[inner], BRAIN, 0).astype(np.uint8)


def _check_brain(labels: NDArray[np.uint16], confidence: float) -> None:
    """Raises Refusal where what was found, in voxels of 1 mm along the patient's axes, is no brain, or none upright."""
    volume = np.count_nonzero((labels > 0) & (labels != CSF)) / 1000
    if not VOLUMES[0] <= volume <= VOLUMES[1]:
        raise Refusal(f"what looks like a brain has {volume:.0f} ml: choose an image of a whole head.")
    if confidence < LEAST_CONFIDENCE:
        raise Refusal(
            f"what looks like a brain is none for sure (mean probability {confidence:.2f}): choose an image of a whole "
            "head, or one with less noise."
        )
    above, before, _ = _middle(labels, CEREBELLUM) - _middle(labels, CEREBRUM)
    if not (-above >= LOWER and before >= BEHIND):
        raise Refusal(
            "no cerebellum was found below and behind the cerebrum: the head lies in another way than the image's "
            "header says, or the image does not show all of it."
        )
    if not _middle(labels, LEFT)[2] > _middle(labels, RIGHT)[2]:
        raise Refusal("the left half was found on the right: the head lies in another way than its header says.")


def _middle(labels: NDArray[np.uint16], numbers: tuple[int, ...]) -> NDArray[np.float64]:
    """Of the voxels with one of the numbers, in voxels; NaN without any."""
    places = np.argwhere(np.isin(labels, numbers))
    return np.asarray(places.mean(0) if len(places) else np.full(3, np.nan))
