"""A segment carried to another segmentation: of another time point, another image, another grid."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from viewer.compute.labels.fit_grid import BESIDE, different_frames
from viewer.compute.progress import Refusal
from viewer.data.box import label_box, mask_box
from viewer.data.segmentation import Key, Segment, Segmentation
from viewer.scene.task import Message, Task

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future

    from viewer.data.arrays import Mask, ProgressCallback
    from viewer.data.grid import Grid
    from viewer.data.transform import Transform
    from viewer.effects.effect_run import Answer
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.ui.segments.controller import SegmentsController


@dataclass(frozen=True, eq=False)
class CopiedSegment:
    """A segment as it was when it was copied. part: its mask in a box, and where that box lies; None while it is empty.

    place: takes the world to the voxels' own space there; None where nothing moved it.
    """

    segment: Segment
    part: Future[tuple[Mask, Grid] | None]
    place: Transform | None


class SegmentClipboard:
    """One segment at a time. It is pasted where it lies in the world, by the nearest voxel."""

    def __init__(self, controller: SegmentsController) -> None:
        self.controller = controller
        self.copied: CopiedSegment | None = None

    def copy(self) -> None:
        """Remember the chosen segment as it is now; it is looked for in the background."""
        layer, segment = self.controller.layer, self.controller.segment
        if layer is None or segment is None:
            return
        background = self.controller.session.background
        copied = CopiedSegment(segment, background.submit("display", _part, layer, segment), layer.transform)
        self.copied = copied
        copied.part.add_done_callback(lambda part: background.post(partial(self._warn_empty, copied)))

    def _warn_empty(self, copied: CopiedSegment) -> None:
        if copied.part.result() is None and self.copied is copied:
            self.copied = None
            self.controller.session.messages.warn(f"{copied.segment.name} is empty: there is nothing to copy.")
            self.controller.changed.emit()

    def paste(self) -> Task | None:
        """Add it to the segment of the same name, or to a new one; on another grid voxel by voxel to the nearest.

        What lies in another frame of reference, or is bent by another registration, has no place here: that is said.
        """
        layer, copied, session = self.controller.layer, self.copied, self.controller.session
        if layer is None or copied is None:
            return None
        source, place, grid = copied.segment, layer.transform, layer.grid
        if place is not copied.place and any(one and one.displacement is not None for one in (place, copied.place)):
            session.messages.warn(
                f"{source.name} cannot be pasted: one of the images was bent. Resample that image first."
            )
            return None
        segments = layer.segmentation.segments
        segment = next((one for one in segments if one.name == source.name), None)
        if segment is None:
            segment = session.segments.add(layer, source.name, source.color, source.code, source.side)
        layer.active = key = segment.key

        def call(tell: ProgressCallback) -> Iterable[Answer]:
            return _pasted(copied, key, grid, place, tell)

        label = f"Paste {source.name}"
        task = session.segments.run_effect(layer, label, call, "add", self.controller.state.masking)
        task.events.state.connect(lambda state: self._say(copied, grid, place) if state == "done" else None)
        return task

    def _say(self, copied: CopiedSegment, grid: Grid, place: Transform | None) -> None:
        """A paste that had to resample says so."""
        part = copied.part.result()
        if part is not None and (place is not copied.place or not same_voxels(part[1], grid)):
            text = f"{copied.segment.name} was pasted onto another grid, by the nearest voxel: look at its edges."
            self.controller.session.messages.add(Message(text))

    def mask_image(self, *, keep: str) -> Task | None:
        """A new image: the labelled one inside of the chosen segment alone, or outside of it; it waits for review."""
        layer, segment, image = self.controller.layer, self.controller.segment, self.controller.image
        if layer is None or segment is None or image is None:
            return None
        held = Segmentation(layer.segmentation.mask(segment).astype(np.uint8), layer.grid, (Segment(1, segment.name),))
        return self.controller.session.runs.run_plugin(
            "mask_image", {"image": image.id, "segments": held}, {"keep": keep}
        )


def _part(layer: SegmentationLayer, segment: Segment) -> tuple[Mask, Grid] | None:
    """In the background. A stroke meanwhile makes it look once more: no half of one is copied."""
    while True:
        before = layer.generation
        labels = layer.segmentation.maps[segment.layer]
        box = label_box(labels, segment.label)
        mask = None if box is None else labels[box] == segment.label
        if layer.generation == before:
            break
    if box is None or mask is None:
        return None
    k, j, i = box
    return mask, layer.grid.crop((k.start, j.start, i.start), mask.shape)


def _pasted(
    copied: CopiedSegment, key: Key, grid: Grid, place: Transform | None, tell: ProgressCallback
) -> list[Answer]:
    """Raises Refusal where the copy has no place on the grid."""
    from viewer.compute.images.resample import resample_labels

    part = copied.part.result()
    if part is None:
        return []
    mask, own = part
    if place is not copied.place:  # both stand in the world, each by its own registration
        own = copied.place.placed(own) if copied.place else own
        grid = place.placed(grid) if place else grid
    elif different_frames(own, grid):
        raise Refusal(f"{copied.segment.name} lies in another frame of reference: register the two images first.")
    made = resample_labels(mask.astype(np.uint8), own, grid, interpolation="nearest", tell=tell) > 0
    found = mask_box(made)
    return [] if found is None else [(key, made[found], found)]


def same_voxels(part: Grid, grid: Grid) -> bool:
    """Whether the voxels of the one are voxels of the other."""
    index = grid.to_index(part.corners) - 0.5
    return bool(np.abs(index - np.rint(index)).max() < BESIDE and np.allclose(part.spacing, grid.spacing))
