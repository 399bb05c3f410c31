"""Strokes: labels written in place at once, so that they are seen at once, and one step of the history in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from viewer.data.box import Box, box_at
from viewer.data.segmentation import Key, Segment
from viewer.scene.segmentation.edits import EditLabels, Segments, set_segments, write_labels
from viewer.scene.segmentation.label_delta import BLOCK, Change, LabelDelta
from viewer.scene.segmentation_layer import SegmentationLayer


class Stroke:
    """From the press of a button to its release. End it by `edit`, whose step goes to the history, or by `undo`.

    A step that is made or undone meanwhile takes it back first; what is written then is a new stroke. Boxes [k, j, i]
    lie inside the label map; its number is `map`.
    """

    def __init__(self, layer: SegmentationLayer) -> None:
        self.layer = layer
        self._segments: Segments | None = None  # as they were; None before the first change
        self._kept: dict[tuple[int, int, int, int], NDArray[Any]] = {}  # map, block k, j, i -> what was there

    def write(self, map: int, box: Box, values: NDArray[Any]) -> None:
        """Put labels into a box."""
        self._keep(map, box)
        self.layer.segmentation.maps[map][box] = values
        self.layer.notify_written(map, box)

    def fill(self, map: int, box: Box, mask: NDArray[np.bool_], label: int) -> None:
        """Put one label where the mask of the box says so."""
        self._keep(map, box)
        np.copyto(self.layer.segmentation.maps[map][box], label, where=mask, casting="unsafe")
        self.layer.notify_written(map, box)

    def change(self, key: Key, change: Callable[[Segment], Segment]) -> None:
        """Make another segment of one, such as one in another map: part of this stroke's step."""
        segments = self.layer.segmentation.segments
        self.set_segments(tuple(change(one) if one.key == key else one for one in segments))

    def set_segments(self, segments: Segments) -> None:
        """Give the layer other segments: part of this stroke's step."""
        self._begin()
        set_segments(self.layer, segments)

    def edit(self, label: str) -> EditLabels | None:
        """The edit for the history, under a name; None where nothing changed."""
        after, boxes = self.layer.segmentation.segments, LabelDelta.of(self._changes())
        before = after if self._segments is None else self._segments
        self._end()
        return EditLabels(self.layer, label, before, after, boxes, drawn=True) if boxes or after != before else None

    def undo(self) -> None:
        """Take all of it back."""
        if self._segments is not None:
            set_segments(self.layer, self._segments)
            write_labels(self.layer, ((map, box, before) for map, box, before, _ in self._changes()))
        self._end()

    def _begin(self) -> None:
        if self._segments is None:
            self._segments = self.layer.segmentation.segments
            self.layer.cancel_stroke = self.undo

    def _end(self) -> None:
        if self._segments is not None:
            self.layer.cancel_stroke = None
        self._segments = None
        self._kept.clear()

    def _keep(self, map: int, box: Box) -> None:
        array = self.layer.segmentation.maps[map]
        if any(not 0 <= one.start <= one.stop <= size for one, size in zip(box, array.shape, strict=True)):
            raise ValueError(f"the box {box} lies outside a label map of {array.shape}")
        self._begin()
        for k, j, i in product(*(range(one.start // BLOCK * BLOCK, one.stop, BLOCK) for one in box)):
            if (map, k, j, i) not in self._kept:
                self._kept[map, k, j, i] = array[k : k + BLOCK, j : j + BLOCK, i : i + BLOCK].copy()

    def _changes(self) -> Iterator[Change]:
        maps = self.layer.segmentation.maps
        for (map, k, j, i), before in self._kept.items():
            box = box_at((k, j, i), before.shape)
            yield map, box, before, maps[map][box] if map < len(maps) else np.zeros_like(before)
