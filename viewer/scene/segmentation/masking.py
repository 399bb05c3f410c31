"""Which voxels a stroke may change, and how a mask becomes labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from viewer.data.arrays import Mask
from viewer.data.box import Box, box_shape, label_box
from viewer.data.segmentation import Key, Segment, Segmentation
from viewer.data.volume import Volume
from viewer.scene.segmentation.stroke import Stroke
from viewer.scene.segmentation_layer import SegmentationLayer

Editable = Literal["everywhere", "inside", "outside", "visible"]
Overlap = Literal["replace others", "keep others", "allow overlap"]


@dataclass(frozen=True)
class Masking:
    """What may change. region: inside or outside of the segment `of` (None: of every one), or inside the visible ones.

    values: the lowest and the highest physical value of the image in which voxels may change; None for any.
    overlap: what becomes of another segment where this one is painted over it.
    """

    region: Editable = "everywhere"
    of: Key | None = None
    values: tuple[float, float] | None = None
    overlap: Overlap = "replace others"


EVERYWHERE = Masking()


def allowed(layer: SegmentationLayer, box: Box, image: Volume | None, masking: Masking) -> Mask:
    """The voxels of a box [k, j, i] that may become another segment's; a locked segment keeps its own.

    image: on the layer's grid; needed where masking has a range of values. Raises ValueError, one sentence, where it
    is not there.
    """
    may = _editable(layer, box, image, masking)
    if masking.overlap == "keep others":
        may &= ~_held(layer.segmentation, box, (one.key for one in layer.segmentation.segments))
    elif masking.overlap == "replace others" and layer.locked:
        may &= ~_held(layer.segmentation, box, layer.locked)
    return may


def paint(stroke: Stroke, key: Key, box: Box, mask: Mask, masking: Masking, image: Volume | None = None) -> Key:
    """Make the voxels of a mask [k, j, i] in a box, as far as masking lets them, the segment's.

    Returns its key, another one where overlap made it go into another label map. Raises ValueError, one sentence, where
    the segment is locked, and as `allowed` does.
    """
    layer = stroke.layer
    _refuse_locked(layer, key)
    mask = mask & allowed(layer, box, image, masking)
    if not mask.any():
        return key
    if masking.overlap == "replace others":
        for map, array in enumerate(layer.segmentation.maps):
            if map != key[0] and (array[box] != 0)[mask].any():
                stroke.fill(map, box, mask, 0)
    else:
        key = _apart(stroke, key, box, mask)
    stroke.fill(key[0], box, mask, key[1])
    stroke.change(key, _in_progress)
    return key


def erase(stroke: Stroke, key: Key, box: Box, mask: Mask, masking: Masking, image: Volume | None = None) -> None:
    """Take the voxels of a mask, as far as masking lets them, from the segment. Raises ValueError as `paint` does."""
    layer = stroke.layer
    _refuse_locked(layer, key)
    own = layer.segmentation.maps[key[0]][box] == key[1]
    mask = mask & own & _editable(layer, box, image, masking)
    if mask.any():
        stroke.fill(key[0], box, mask, 0)
        stroke.change(key, _in_progress)


def _in_progress(segment: Segment) -> Segment:
    return replace(segment, state="in progress") if segment.state == "not started" else segment


def _refuse_locked(layer: SegmentationLayer, key: Key) -> None:
    segment = layer.segmentation.segment(key)
    if segment is None:
        raise ValueError(f"{layer.name} has no segment to change: add one or choose one.")
    if key in layer.locked:
        raise ValueError(f"{segment.name} is locked: unlock it to change it.")


def _editable(layer: SegmentationLayer, box: Box, image: Volume | None, masking: Masking) -> Mask:
    """Whatever segment it is."""
    segments = layer.visible_segments if masking.region == "visible" else layer.segmentation.segments
    keys = [segment.key for segment in segments] if masking.of is None or masking.region == "visible" else [masking.of]
    if masking.region == "everywhere":
        may = np.ones(box_shape(box), bool)
    else:
        may = _held(layer.segmentation, box, keys) ^ (masking.region == "outside")
    if masking.values is None:
        return may
    if image is None or image.color or not image.grid.matches(layer.grid):
        raise ValueError(f"{layer.name} has no grey image on its grid, so no range of values: switch the range off.")
    low, high = masking.values
    physical = image.array[box] * image.slope + image.intercept
    return may & (physical >= low) & (physical <= high)


def _held(segmentation: Segmentation, box: Box, keys: Iterable[Key]) -> Mask:
    """Where any of the segments is."""
    keys = tuple(keys)
    held = np.zeros(box_shape(box), bool)
    for map, array in enumerate(segmentation.maps):
        table = np.zeros(int(np.iinfo(array.dtype).max) + 1, bool)
        table[[label for at, label in keys if at == map]] = True
        held |= table[array[box]]
    return held


def _apart(stroke: Stroke, key: Key, box: Box, mask: Mask) -> Key:
    """The segment's key in a label map where it shares no voxel with others once it has those of the mask, too.

    Its own where that is so; else it moves to the first that can take it, or to a new one.
    """
    segmentation = stroke.layer.segmentation
    segment, own = segmentation.segment(key), segmentation.maps[key[0]]
    here = own[box][mask]
    if segment is None or not ((here != 0) & (here != key[1])).any():
        return key
    around = label_box(own, key[1]) or box
    voxels = own[around] == key[1]
    free = [not array[around][voxels].any() and not array[box][mask].any() for array in segmentation.maps]
    map = next((map for map, fits in enumerate(free) if fits and map != key[0]), len(free))
    taken = map < len(free) and segmentation.segment((map, key[1])) is not None
    moved = replace(segment, layer=map, label=segmentation.free_label(map) if taken else key[1])
    stroke.change(key, lambda _: moved)
    stroke.fill(key[0], around, voxels, 0)
    stroke.fill(map, around, voxels, moved.label)
    return moved.key
