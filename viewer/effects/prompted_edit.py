"""Prompts of a segment as one edit: the part of the image that is looked at, and the labels that a mask in it makes.

Nothing here takes time or memory for voxels beside that part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from viewer.data.annotations.mask_doubt import MaskDoubt
from viewer.data.annotations.packed_mask import pack_mask, unpack_mask
from viewer.data.annotations.prompts import Prompt, Prompts
from viewer.data.arrays import Mask
from viewer.data.box import Box, box_at, box_shape, box_size, box_union, dilate_box, mask_box
from viewer.data.grid import Grid
from viewer.data.provenance import Provenance
from viewer.data.segmentation import DECIDED, Key, Segment, Segmentation, Verdict
from viewer.data.study import Source
from viewer.data.volume import Volume
from viewer.scene.segmentation.edits import EditLabels
from viewer.scene.segmentation.label_delta import LabelDelta
from viewer.scene.segmentation.masking import Masking, allowed, erase, paint
from viewer.scene.segmentation.stroke import Stroke
from viewer.scene.segmentation_layer import SegmentationLayer

LEAST = 40.0  # mm to each side of the prompts that are looked at first
WIDER = 0.5  # of the extent of the prompts and the mask, to each side
MOST = 32 << 20  # voxels that are looked at at the image's own resolution; of more every second, third … is


@dataclass(frozen=True, eq=False)
class PromptRequest:
    """The prompts that a segment is to have, of which the first `answered` are those that its mask came from.

    image: what the layer labels, on its grid. box: around the segment's voxels; None where it has none.
    """

    layer: SegmentationLayer
    key: Key
    image: Volume
    prompts: tuple[Prompt, ...]
    answered: int
    masking: Masking
    label: str
    box: Box | None

    @property
    def segment(self) -> Segment:
        """Raises ValueError, one sentence, where it is gone."""
        segment = self.layer.segmentation.segment(self.key)
        if segment is None:
            raise ValueError(f"{self.layer.name} does not have this segment any more: choose one.")
        return segment

    def base_mask(self) -> str:
        """The segment before its first prompt, as text: its voxels by now, where this is the first."""
        segment = self.segment
        if segment.prompts or self.box is None:
            return segment.base_mask
        return pack_mask(self.held(self.box), _start(self.box))

    def base_in(self, box: Box) -> Mask:
        """The segment before its first prompt, in a box that holds all of it."""
        mask = np.zeros(box_shape(box), np.bool_)
        if (base := unpack_mask(self.base_mask())) is not None:
            mask[_relative(base[0], box)] = base[1]
        return mask

    def held(self, box: Box) -> Mask:
        """Where the segment is within a box."""
        return np.asarray(self.layer.segmentation.maps[self.key[0]][box] == self.key[1])

    def first_box(self) -> Box:
        """What is looked at first. Raises ValueError, one sentence, where a prompt lies outside the image."""
        grid, extent = self.layer.grid, self.box if self.answered or not self.prompts else None
        if (base := unpack_mask(self.segment.base_mask)) is not None:
            extent = box_union(base[0], extent)
        for prompt in self.prompts:
            extent = box_union(_extent(grid, prompt), extent)
        extent = extent or box_at((0, 0, 0), (1, 1, 1))  # of no prompts and no voxels
        margin = np.maximum(np.array(box_shape(extent)) * WIDER, LEAST / grid.spacing)
        return _within(extent, margin, grid)

    def wider_box(self, box: Box, mask: Mask) -> Box | None:
        """Twice as large a box along every axis on which the mask reaches the end of this one; None where none does."""
        ends = [
            (mask.take(0, axis).any() and part.start > 0) or (mask.take(-1, axis).any() and part.stop < size)
            for axis, (part, size) in enumerate(zip(box, self.layer.grid.shape, strict=True))
        ]
        if not any(ends):
            return None
        return _within(box, [size / 2 * end for size, end in zip(box_shape(box), ends, strict=True)], self.layer.grid)

    def inputs(self, box: Box) -> dict[str, Volume | Segmentation | Prompts]:
        """What the plugin segment_prompt gets of a box."""
        step = _step(box)
        thin = (slice(None, None, step),) * 3
        image = np.ascontiguousarray(self.image.array[box][thin])
        grid = _thinner(self.layer.grid, box, step, image.shape[:3])
        blank = Source(modality=self.image.modality)
        values: dict[str, Volume | Segmentation | Prompts] = {
            "image": replace(self.image, array=image, grid=grid, source=blank),
            "prompts": Prompts(self.prompts),
        }
        initial = self.base_in(box)
        protected = ~allowed(self.layer, box, self.image, self.masking) & ~self.held(box)
        for name, mask in (("initial", initial), ("previous", self.held(box)), ("protected", protected)):
            if mask.any():
                values[name] = Segmentation(np.ascontiguousarray(mask[thin], np.uint8), grid, (Segment(1, name),), name)
        return values

    def mask(self, found: Segmentation, box: Box) -> Mask:
        """The plugin's answer on the voxels of the box."""
        step = _step(box)
        mask = found.array > 0
        for axis in range(3):
            mask = mask.repeat(step, axis) if step > 1 else mask
        k, j, i = box_shape(box)
        return np.asarray(mask[:k, :j, :i])

    def kept(self, box: Box, mask: Mask) -> float:
        """The Dice of a mask in a box with the one that earlier prompts gave; 1 where there is none, or it may go."""
        before = self.held(box)
        if not self.answered or not self.prompts[-1].positive or not before.any():
            return 1.0
        return 2 * np.count_nonzero(before & mask) / (np.count_nonzero(before) + np.count_nonzero(mask))

    def edit(
        self, box: Box, mask: Mask, doubt: MaskDoubt | None, name: str, made: Provenance | None = None
    ) -> EditLabels:
        """The mask as the segment's voxels in the box, and the prompts as the segment's: one step.

        doubt: of the mask. name: of the method. made: where the mask came from; of a trained model, it waits for
        review. Raises ValueError, one sentence, where the rules forbid it.
        """
        before = self.layer.segmentation.segments
        box, mask = self._whole(box, mask)
        part = self._part(box)
        image = replace(self.image, array=self.image.array[box], grid=part.grid)
        stroke, key = Stroke(part), self.key
        changed = mask_box(mask | self.held(box))
        if changed is not None:
            inside = mask[changed]
            erase(stroke, key, changed, ~inside, self.masking, image)
            key = paint(stroke, key, changed, inside, self.masking, image)
        prompted = self._prompted(doubt, name, made)
        stroke.change(key, lambda segment: replace(prompted, layer=segment.layer, label=segment.label))
        drawn = stroke.edit(self.label)
        after, boxes = (drawn.after, drawn.boxes) if drawn else (before, None)
        return EditLabels(self.layer, self.label, before, after, boxes and _shifted(boxes, box))

    def _prompted(self, doubt: MaskDoubt | None, name: str, made: Provenance | None) -> Segment:
        """The segment with its prompts, and with the review that the mask that they found needs.

        What a trained model found of a drawn segment waits for review, also where another method goes on from there; a
        mask found anew by a classical method alone is again the person's own. What a model's result held is edited.
        """
        segment = self.segment
        before = segment.base_review if segment.prompts else segment.review
        kept = segment.provenance if self.answered or before != "source" else None
        learned = made is not None and made.learned
        provenance = made if learned else kept
        review: Verdict = "edited"
        if not self.prompts and before not in DECIDED:
            review = before
        elif before == "source":
            review = "source" if provenance is None else "unreviewed" if learned else segment.review
        told = replace(segment, prompts=self.prompts, mask_doubt=doubt, provenance=provenance, review=review)
        if not self.prompts:
            return replace(told, base_mask="", base_review="source", algorithm_name=name)
        told = replace(told, base_mask=self.base_mask(), base_review=before)
        return replace(told, algorithm="SEMIAUTOMATIC", algorithm_name=name)

    def _whole(self, box: Box, mask: Mask) -> tuple[Box, Mask]:
        """A mask in a box as one in the box that the segment's voxels by now are in, too."""
        whole = box_union(box, self.box)
        more = np.zeros(box_shape(whole), np.bool_)
        more[_relative(box, whole)] = mask
        return whole, more

    def _part(self, box: Box) -> SegmentationLayer:
        """A copy of the layer's part."""
        layer, whole = self.layer, self.layer.segmentation
        first, *others = (map[box].copy() for map in whole.maps)
        grid = layer.grid.crop(_start(box), box_shape(box))
        values = replace(whole, array=first, grid=grid, overlapping=tuple(others))
        return SegmentationLayer(name=layer.name, segmentation=values, hidden=layer.hidden, locked=layer.locked)


def _start(box: Box) -> tuple[int, int, int]:
    k, j, i = (part.start for part in box)
    return k, j, i


def _relative(box: Box, within: Box) -> Box:
    """The box counted from the first voxel of another one."""
    return box_at([part.start - first for part, first in zip(box, _start(within), strict=True)], box_shape(box))


def _within(box: Box, margin: ArrayLike, grid: Grid) -> Box:
    return dilate_box(box, np.ceil(margin).astype(int).tolist(), grid.shape)


def _extent(grid: Grid, prompt: Prompt) -> Box:
    """The voxels around the places of a prompt. Raises ValueError, one sentence, where it lies outside the image."""
    index = grid.to_index(prompt.points)
    last = np.array(grid.shape) - 1
    low, high = np.floor(index.min(axis=0)), np.ceil(index.max(axis=0))
    if (high < 0).any() or (low > last).any():
        raise ValueError(f"A {prompt.kind} lies outside the image: place it in the image.")
    first = np.clip(low, 0, last).astype(int)
    return box_at(first.tolist(), (np.clip(high, 0, last).astype(int) - first + 1).tolist())


def _step(box: Box) -> int:
    """Every how many voxels of it are looked at."""
    return int(np.ceil((box_size(box) / MOST) ** (1 / 3)))


def _thinner(grid: Grid, box: Box, step: int, shape: Sequence[int]) -> Grid:
    """The grid of every step-th voxel of a box."""
    affine = grid.affine.copy()
    affine[:3, 3] = grid.to_world(_start(box))
    affine[:3, :3] *= step
    k, j, i = shape
    return Grid((k, j, i), affine, grid.frame_of_reference, grid.placed)


def _shifted(boxes: LabelDelta, within: Box) -> LabelDelta:
    """Boxes of a part's label maps as boxes of the whole ones."""
    start = _start(within)
    places = tuple(
        (map, k + start[0], j + start[1], i + start[2], deep, high, wide)
        for map, k, j, i, deep, high, wide in boxes.places
    )
    return replace(boxes, places=places)
