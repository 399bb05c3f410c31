"""The structures of a brain in an image of any orientation and spacing, on the image's own grid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from plugins.image_checks import check_finite
from viewer.api import Job, Net, Refusal, Segment, Segmentation, Volume, resample, resample_labels, tiles

from .head_image import MULTIPLE, SIDE, SPACING, Floats, double, halve, head_grid, normalize
from .labels import CLASSES, CSF, numbers, to_numbers

Box = tuple[slice, slice, slice]
LEAST_WIDTH = 80.0  # mm that an image must be wide each way to hold a brain
VOLUMES = (300.0, 2500.0)  # ml: what a brain has, with the fluid around it or not
MODALITIES = ("MR", "CT", "OT", "")  # the last two where the file does not tell
LOCATED, HALO = 128, 16  # voxels of 2 mm: a tile, and its halo, where the head is looked for
BRAIN, BRAIN_COLOR = 1, (230, 159, 0)
CEREBRUM, CEREBELLUM = (2, 3, 41, 42), (7, 8, 46, 47)
LOWER = 15.0  # mm, at least, is the middle of the cerebellum than that of the cerebrum
FURROWS = 5  # mm: half of the width that is closed
FOUND, SEGMENTED = 0.4, 0.8  # of the work


def segment_brain(image: Volume, net: Net, job: Job) -> Segmentation:
    """The structures in one label map, the whole brain in another.

    net: [1, 1, k, j, i] as head_image makes them to logits [1, CLASSES + 1, k, j, i] (labels).

    Raises Refusal: what is no head, holds values that are not numbers, or lies in another way than its header says.
    """
    check_image(image)
    grid = head_grid(image.grid)
    job.need(12 * int(np.prod(grid.shape)), "the head at 1 mm")
    with job.stage("bringing the head to the patient's axes"):
        head = halve(resample(image.with_values(image.values()), grid).array)
    box = _cube_around(_locate(head, net, job), head.shape)
    with job.stage("telling the structures apart"):
        answer = net(normalize(head[box])[None, None])[0]
        job.progress(SEGMENTED)
        labels = decide(answer)
    start = [SPACING * part.start for part in box]
    cube = grid.crop((start[0], start[1], start[2]), labels.shape)
    _check_brain(labels)
    with job.stage("bringing the structures back"):
        structures, brain = (
            resample_labels(one.astype(np.uint8), cube, image.grid) for one in (labels, brain_mask(labels))
        )
    return Segmentation(structures, image.grid, segments(), source=image.source, overlapping=(brain,))


def segments() -> tuple[Segment, ...]:
    """The structures by FreeSurfer's numbers, and BRAIN in a label map of its own."""
    structures = tuple(
        Segment(
            number,
            f"{side} {structure.name}".strip().capitalize(),
            structure.color,
            ("SCT", structure.code, structure.name.capitalize()) if structure.code else None,
            algorithm="AUTOMATIC",
            side=side,
        )
        for number, structure, side in numbers()
    )
    return (*structures, Segment(BRAIN, "Brain", BRAIN_COLOR, ("SCT", "12738006", "Brain"), 1, "AUTOMATIC"))


def check_image(image: Volume) -> None:
    """Raises Refusal for what cannot be a head."""
    if image.color:
        raise Refusal("colour images cannot be segmented: choose a grey-scale one.")
    if image.modality not in MODALITIES:
        raise Refusal(f"the image is of modality {image.modality}: brains are found in MR and CT only.")
    if not image.grid.placed:
        raise Refusal("nothing tells how the image lies in the patient, so its left and right are not known.")
    width = image.grid.spacing * image.grid.shape
    if width.min() < LEAST_WIDTH:
        raise Refusal(f"the image is only {width.min():.0f} mm wide one way: a brain needs {LEAST_WIDTH:.0f} mm.")
    check_finite(image)
    if image.array.min() == image.array.max():
        raise Refusal("all voxels of the image have one value: there is nothing to segment.")


def _locate(head: Floats, net: Net, job: Job) -> NDArray[np.intp]:
    """The middle of the brain in an image of 2 mm, in voxels. Raises Refusal where there is none."""
    seen, inside = normalize(head), np.zeros(head.shape, bool)

    def write(slices: slice, answer: Floats) -> None:
        inside[slices] = answer[1:CLASSES].max(0) > answer[0]

    tiles(
        net, head.shape, job, read=lambda box: seen[None, *box], write=write, tile=(LOCATED,) * 3, halo=HALO,
        multiple=MULTIPLE, span=(0.0, FOUND), text="looking for the brain",
    )  # fmt: skip
    brain = largest_part(inside)
    if not brain.any():
        raise Refusal("no brain was found in the image: choose one of a head.")
    return np.array([(part.start + part.stop) // 2 for part in ndimage.find_objects(brain.astype(np.uint8))[0]])


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


def _check_brain(labels: NDArray[np.uint16]) -> None:
    """Raises Refusal where what was found, in voxels of 1 mm along the patient's axes, is no brain, or none upright."""
    volume = np.count_nonzero(labels) / 1000
    if not VOLUMES[0] <= volume <= VOLUMES[1]:
        raise Refusal(f"what looks like a brain has {volume:.0f} ml: choose an image of a whole head.")
    cerebrum, cerebellum = (np.argwhere(np.isin(labels, part)) for part in (CEREBRUM, CEREBELLUM))
    lower, _, _ = cerebrum.mean(0) - cerebellum.mean(0) if len(cerebrum) and len(cerebellum) else (0.0, 0.0, 0.0)
    if lower < LOWER:
        raise Refusal(
            "no cerebellum was found below the cerebrum: the head lies in another way than the image's header says, or "
            "the image does not show all of it."
        )


def volumes(found: Segmentation) -> dict[int, float]:
    """Of each structure, by number, ml."""
    voxel = float(np.prod(found.grid.spacing)) / 1000
    counts = np.bincount(found.array.ravel(), minlength=1 + max(number for number, *_ in numbers()))
    return {number: float(counts[number]) * voxel for number, *_ in numbers()}


def asymmetries(volumes: dict[int, float]) -> Iterator[tuple[str, float]]:
    """By structure: the left volume less the right one, in percent of their mean; of those found on a side at least."""
    for _, structure, side in numbers():
        left, right = volumes[structure.left], volumes[structure.right]
        if side == "left" and left + right:
            yield structure.name, 200 * (left - right) / (left + right)
