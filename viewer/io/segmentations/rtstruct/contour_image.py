"""Which of the images at hand contours were drawn on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from viewer.io.dicom.export.object_header import object_source
from viewer.io.segmentations.rtstruct.contours import ONE, Region, axis_of, encloses, reaches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pydicom.dataset import Dataset

    from viewer.data.arrays import Points
    from viewer.data.grid import Grid
    from viewer.data.transform import ImageReference

NEARLY = 0.9  # of all contours, which must lie in planes of an image that nothing else tells is theirs
ANOTHER_FRAME = "drawn on the images that it names, whose frame of reference is another"
PART = "drawn on an image without frame of reference, as its slices lie in their planes"


class ImageChoice(NamedTuple):
    """The grid that contours are drawn on.

    frame: which of their frames of reference it is in. badges: what a reader must know.
    """

    grid: Grid
    frame: str
    badges: tuple[str, ...] = ()


def image_of(
    ds: Dataset, images: Sequence[ImageReference], regions: Mapping[int, Region], frames: Mapping[int, str]
) -> ImageChoice | None:
    """The first image that contours may be of; None where there is none.

    Such an image is in their frame of reference, or named by them, or tells no frame of reference and holds all of them
    (the same image as NIfTI), or has their planes and some of them (a part of it). One whose planes are theirs comes
    before one that they lie across. frames: of the regions; "" where they do not tell.
    """
    first = next((frame for frame in frames.values() if frame), "")
    named = {*object_source(ds).sop_instance_uids, *_instances(ds)}
    found: list[tuple[int, ImageChoice]] = []
    for grid, source in images:
        own = grid.frame_of_reference
        frame = own if own in frames.values() else first
        rings = rings_in(frame, regions, frames)
        untold = not own or not frame
        known = bool(named & set(source.sop_instance_uids)) or (own and own == frame)
        if known or (untold and holds(grid, rings)):
            badges = (ANOTHER_FRAME,) if own and frame and own != frame else ()
            found.append((0 if are_parallel(grid, rings) else 2, ImageChoice(grid, frame, badges)))
        elif untold and has_planes(grid, rings):
            found.append((1, ImageChoice(grid, frame, (PART,))))
    return min(found, key=lambda one: one[0])[1] if found else None


def rings_in(frame: str, regions: Mapping[int, Region], frames: Mapping[int, str]) -> list[Points]:
    """The contours of a frame of reference, and of those that tell none."""
    return [ring.points for n, one in regions.items() if frames[n] in ("", frame) for ring in one.rings]


def holds(grid: Grid, rings: Sequence[Points]) -> bool:
    """Whether a grid that is placed in the patient reaches around all contours."""
    return bool(rings) and grid.placed and encloses(grid, np.concatenate(rings))


def are_parallel(grid: Grid, rings: Sequence[Points]) -> bool:
    """Whether most contours lie in planes of voxels, whichever axis these are slices of."""
    flat = sum(axis_of(grid, ring) is not None for ring in rings)
    return 2 * flat >= len(rings)


def has_planes(grid: Grid, rings: Sequence[Points]) -> bool:
    """Whether nearly all contours lie at the centres of slices, be they beyond the grid, and some of them in it."""
    if not grid.placed or not any(reaches(grid, ring) for ring in rings):
        return False
    axes = [axis_of(grid, ring) for ring in rings]
    places = [grid.to_index(ring)[:, axis].mean() for ring, axis in zip(rings, axes, strict=True) if axis is not None]
    centred = np.count_nonzero(np.abs(places - np.rint(places)) <= ONE)
    return bool(centred > NEARLY * len(rings))


def _instances(ds: Dataset) -> Iterator[str]:
    """The images that single contours name."""
    for item in ds.get("ROIContourSequence") or ():
        for one in item.get("ContourSequence") or ():
            yield from (str(image.ReferencedSOPInstanceUID) for image in one.get("ContourImageSequence") or ())
