"""The one edit of a segmentation: other labels in some voxels, other segments, or both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from numpy.typing import NDArray

from viewer.data.box import Box, box_union
from viewer.data.segmentation import Key, Segment
from viewer.scene.document import Document
from viewer.scene.edits import Edit
from viewer.scene.layer import Review
from viewer.scene.segmentation.label_delta import LabelDelta
from viewer.scene.segmentation.verdicts import layer_verdict, without_stale_doubts, without_stale_verdicts
from viewer.scene.segmentation_layer import SegmentationLayer

Segments = tuple[Segment, ...]


@dataclass(eq=False)
class EditLabels:
    """Other labels in some voxels, other segments, or both. boxes: the voxels that change. before, after: the segments.

    drawn: a stroke has written the voxels already, so the first `do` need not. gesture: edits of the segments in one
    gesture merge.
    A segment whose voxels it changes loses its acceptance and the doubt of its mask, unless the edit itself says what
    becomes of them; and a layer that waits for review is decided on with the last of its segments (see .verdicts).
    """

    layer: SegmentationLayer
    label: str
    before: Segments
    after: Segments
    boxes: LabelDelta | None = None
    drawn: bool = False
    gesture: str = ""
    review: Review = field(init=False)  # of the layer before `do`

    def __post_init__(self) -> None:
        self.review = self.layer.review
        if self.boxes is not None and any(one.review != "source" or one.mask_doubt for one in self.after):
            changed = self.boxes.keys
            self.after = without_stale_verdicts(self.before, self.after, changed)
            self.after = without_stale_doubts(self.before, self.after, changed)

    @property
    def size(self) -> int:
        """Bytes of the compressed labels that it keeps."""
        return self.boxes.size if self.boxes else 0

    def do(self, document: Document) -> None:
        """Write the segments and labels `after`; a stroke that is being drawn ends first."""
        _end_stroke(self.layer)
        set_segments(self.layer, self.after)
        if not self.drawn:
            self._write("after")
        self.drawn = False
        self.review = self.layer.review
        drawn = self.layer.given is None and self.layer.segmentation.provenance is None
        self.layer.review = layer_verdict(self.review, self.before, self.after, drawn=drawn)

    def undo(self, document: Document) -> None:
        """Write the segments and labels `before`; a stroke that is being drawn ends first."""
        _end_stroke(self.layer)
        set_segments(self.layer, self.before)
        self._write("before")
        self.layer.review = self.review

    def merge(self, later: Edit) -> Edit | None:
        """One step for changes of colour while it is dragged, of a name while it is typed."""
        if not isinstance(later, EditLabels) or not self.gesture or self.boxes or later.boxes:
            return None
        if (later.layer, later.gesture) != (self.layer, self.gesture):
            return None
        return replace(self, after=later.after)

    def _write(self, end: Literal["before", "after"]) -> None:
        if self.boxes is not None:
            write_labels(self.layer, self.boxes.unpack(getattr(self.boxes, end)))


def write_labels(layer: SegmentationLayer, boxes: Iterable[tuple[int, Box, NDArray[Any]]]) -> None:
    """Put labels into boxes (number of the map, box [k, j, i], labels), and tell it once a map.

    A map that no segment lies in any more is gone, and with it what was in it.
    """
    maps = layer.segmentation.maps
    written: dict[int, Box] = {}
    for map, box, labels in boxes:
        if map < len(maps):
            maps[map][box] = labels
            written[map] = box_union(written.get(map), box)
    for map, box in written.items():
        layer.notify_written(map, box)


def set_segments(layer: SegmentationLayer, segments: Segments) -> None:
    """Give a layer other segments; only edits and strokes call this.

    What is chosen, hidden or locked stays so, in whichever map it comes to lie.
    """
    before = layer.segmentation
    if segments == before.segments:
        return
    layer.generation += 1
    layer.segmentation = before.with_segments(segments)
    moved = _moved(before.segments, segments)
    there = {segment.key for segment in segments}
    for look in ("hidden", "locked"):
        setattr(layer, look, frozenset(moved.get(key, key) for key in getattr(layer, look)) & there)
    active = moved.get(layer.active, layer.active) if layer.active else None
    layer.active = active if active in there else next((segment.key for segment in segments), None)


def _end_stroke(layer: SegmentationLayer) -> None:
    if layer.cancel_stroke is not None:
        layer.cancel_stroke()


def _moved(before: Segments, after: Segments) -> dict[Key, Key]:
    """Segments that went into another map: they keep their place in the list."""
    if len(before) != len(after) or {one.key for one in before} == {one.key for one in after}:
        return {}
    return {was.key: now.key for was, now in zip(before, after, strict=True)}
