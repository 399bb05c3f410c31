"""An effect on segments: computed on a copy in the background, then one edit of the layer itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Literal

from viewer.compute.progress import Cancelled
from viewer.data.arrays import Mask, ProgressCallback
from viewer.data.box import Box
from viewer.data.segmentation import Key, Segment
from viewer.data.volume import Volume
from viewer.scene.document import Document
from viewer.scene.segmentation.edits import EditLabels
from viewer.scene.segmentation.masking import Masking, erase, paint
from viewer.scene.segmentation.stroke import Stroke
from viewer.scene.segmentation_layer import SegmentationLayer

How = Literal["add", "remove", "set"]  # what a mask does to its segment: inside the box, "set" makes it the segment
Answer = tuple[Key, Mask, Box]
Call = Callable[[ProgressCallback], Iterable[Answer]]


class Effect:
    """One run of an effect on a layer: see Segments.run_effect."""

    def __init__(
        self, layer: SegmentationLayer, label: str, call: Call, how: How, masking: Masking, image: Volume | None
    ) -> None:
        self.layer, self.label = layer, label
        self._call, self._how, self._masking, self._image = call, how, masking, image
        self._generation = layer.generation
        self._wanted = True

    def cancel(self) -> None:
        """It ends the next time it tells its progress."""
        self._wanted = False

    def fits(self, document: Document) -> bool:
        """False where the layer was edited or removed since this began."""
        return self._generation == self.layer.generation and self.layer in tuple(document)

    def edit(self, tell: ProgressCallback) -> EditLabels | None:
        """The step it comes to; None where it changes nothing. Raises Cancelled, and what the computation raises."""

        def told(fraction: float) -> None:
            if not self._wanted:
                raise Cancelled
            tell(fraction)

        stroke = Stroke(self._copy())
        for answer in self._call(told):
            key = apply(stroke, answer, self._how, self._masking, self._image)
            stroke.change(key, self._signed)
            if not self._wanted:
                raise Cancelled
        edit = stroke.edit(self.label)
        return replace(edit, layer=self.layer, drawn=False) if edit and edit.boxes else None

    def _copy(self) -> SegmentationLayer:
        layer, segmentation = self.layer, self.layer.segmentation
        first, *others = (map.copy() for map in segmentation.maps)
        return SegmentationLayer(
            name=layer.name,
            segmentation=replace(segmentation, array=first, overlapping=tuple(others)),
            hidden=layer.hidden,
            locked=layer.locked,
        )

    def _signed(self, segment: Segment) -> Segment:
        """A segment that an algorithm had a part in is no longer made by hand alone (PS3.3 C.8.20.4)."""
        if segment.algorithm != "MANUAL":
            return segment
        return replace(segment, algorithm="SEMIAUTOMATIC", algorithm_name=self.label)


def apply(stroke: Stroke, answer: Answer, how: How, masking: Masking, image: Volume | None) -> Key:
    """Put a mask [k, j, i] into a segment as the rules let it; its key then. Raises ValueError as `paint` does."""
    key, mask, box = answer
    if how != "add":
        erase(stroke, key, box, mask if how == "remove" else ~mask, masking, image)
    return key if how == "remove" else paint(stroke, key, box, mask, masking, image)
