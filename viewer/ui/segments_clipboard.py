"""A segment carried to another segmentation: of another time point, another image, another grid."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from viewer.data.grid import Grid
from viewer.data.segmentation import Segment, Segmentation
from viewer.plugin.effect import Answer, Tell
from viewer.scene.label_boxes import bounds
from viewer.scene.task import Task
from viewer.tools.footprint import Mask
from viewer.ui.segments_editing import SegmentsEditing


@dataclass(frozen=True, eq=False)
class Copied:
    """mask: of the box that holds the segment, on its own grid."""

    segment: Segment
    mask: Mask
    grid: Grid


class SegmentClipboard:
    """One segment at a time. Places are those of the voxels' own space, as their files tell."""

    def __init__(self, do: SegmentsEditing) -> None:
        self.do = do
        self.copied: Copied | None = None

    def copy(self) -> None:
        """Remember the chosen segment as it is now."""
        layer, segment = self.do.layer, self.do.segment
        if layer is None or segment is None:
            return
        mask = layer.segmentation.mask(segment)
        box = bounds(mask)
        if box is None:
            self.do.session.warn(f"{segment.name} is empty: there is nothing to copy.")
            return
        k, j, i = box
        shape = mask[box].shape
        self.copied = Copied(segment, mask[box].copy(), layer.grid.crop((k.start, j.start, i.start), shape))

    def paste(self) -> Task | None:
        """Add it to the segment of the same name, or to a new one; on another grid voxel by voxel to the nearest."""
        layer, copied = self.do.layer, self.copied
        if layer is None or copied is None:
            return None
        named = (one for one in layer.segmentation.segments if one.name == copied.segment.name)
        source = copied.segment
        segment = next(named, None) or self.do.session.add_segment(layer, source.name, source.color, source.code)
        layer.active = segment.key
        grid, key = layer.grid, segment.key

        def call(tell: Tell) -> Iterable[Answer]:
            from viewer.compute.resample import resample_labels

            made = (
                resample_labels(copied.mask.astype(np.uint8), copied.grid, grid, interpolation="nearest", tell=tell) > 0
            )
            found = bounds(made)
            return [] if found is None else [(key, made[found], found)]

        return self.do.session.run_effect(layer, f"Paste {source.name}", call, "add", self.do.state.rules)

    def mask_image(self, *, keep: str) -> Task | None:
        """A new image: the labelled one inside of the chosen segment alone, or outside of it; it waits for review."""
        layer, segment, image = self.do.layer, self.do.segment, self.do.image
        if layer is None or segment is None or image is None:
            return None
        held = Segmentation(layer.segmentation.mask(segment).astype(np.uint8), layer.grid, (Segment(1, segment.name),))
        return self.do.session.run("mask_image", {"image": image.id, "segments": held}, {"keep": keep})
