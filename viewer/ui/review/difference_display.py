"""Where two segmentations of one segment differ, drawn over the image. No part of the document."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from viewer.data.segmentation import Segment, Segmentation
from viewer.scene.layer import VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer

if TYPE_CHECKING:  # scipy comes with it
    from viewer.compute.labels.comparison import SegmentReview
    from viewer.data.arrays import Labels, ProgressCallback
    from viewer.data.box import Box
    from viewer.session.background import BackgroundCall
    from viewer.ui.review.comparison_controller import LabelComparisonController, Pair

# Orange and sky blue (Okabe & Ito 2008) stay apart for every kind of colour vision.
EXTRA = Segment(1, "Only in B", (230, 159, 0))
MISSED = Segment(2, "Only in A", (86, 180, 233))
OUTLINE = (255, 255, 255)  # of the reference
FILL = 0.75


class DifferenceDisplay:
    """Shows the differences of one row, and the reference's outline, until `hide`; meanwhile the two are hidden."""

    def __init__(self, controller: LabelComparisonController) -> None:
        self.controller = controller
        self.layer: SegmentationLayer | None = None
        self._outline: SegmentationLayer | None = None
        self._box: Box | None = None
        self._hidden: list[SegmentationLayer] = []
        self._work: BackgroundCall[float, Labels | None] | None = None

    def show(self, row: SegmentReview) -> None:
        """Compute them beside the window, then draw them in place of those before."""
        pair = self.controller.pair
        box = row.box
        if pair is None or box is None:
            return
        one, two = (layer.segmentation for layer in pair)

        def call(tell: ProgressCallback) -> Labels | None:
            from viewer.compute.labels.comparison import differences

            return differences(one, two, row)

        self._stop()
        self._work = self.controller.session.background.call("display", call, partial(self._draw, pair, row, box))

    def hide(self) -> None:
        """Show the two as they were."""
        self._stop()
        drawn, hidden = (self.layer, self._outline), self._hidden
        self._box = self.layer = self._outline = None
        self._hidden = []
        for layer in hidden:
            layer.visible = True
        for one in drawn:
            if one is not None:
                self.controller.session.document.hide_preview(one)

    def _stop(self) -> None:
        if self._work is not None:
            self._work.stop()
        self._work = None

    def _draw(self, pair: Pair, row: SegmentReview, box: Box, found: Labels | None) -> None:
        under = self._under(pair[0])
        if under is None or found is None:
            return
        if self.layer is None or self.layer.grid is not pair[0].grid:
            self.hide()
            self._lay(pair, under)
        assert self.layer is not None
        array = self.layer.segmentation.array
        for place, values in ((self._box, 0), (box, found)):
            if place is not None:
                array[place] = values
                self.layer.notify_written(0, place)
        self._box = box
        self._line(pair[0], row, under)

    def _lay(self, pair: Pair, under: VolumeLayer) -> None:
        first = pair[0]
        labels = np.zeros(first.grid.shape, np.uint8)
        values = Segmentation(labels, first.grid, (EXTRA, MISSED), "Differences", first.segmentation.source)
        self.layer = SegmentationLayer(
            name="B against A", segmentation=values, transform=first.transform, fill=FILL, outline=False
        )
        self._hidden = [layer for layer in pair if layer.visible]
        for layer in self._hidden:
            layer.visible = False
        self.controller.session.document.show_preview(under, self.layer)

    def _line(self, first: SegmentationLayer, row: SegmentReview, under: VolumeLayer) -> None:
        """The reference's outline alone, of this segment, over its own voxels."""
        document = self.controller.session.document
        if self._outline is not None:
            document.hide_preview(self._outline)
        self._outline = None
        if row.reference is not None:
            values = replace(first.segmentation, segments=(replace(row.reference, color=OUTLINE),))
            name = f"{row.name}: outline of A"
            self._outline = SegmentationLayer(name=name, segmentation=values, transform=first.transform, fill=0.0)
            document.show_preview(under, self._outline)

    def _under(self, first: SegmentationLayer) -> VolumeLayer | None:
        """The image that is drawn beneath."""
        document = self.controller.session.document
        image = document.find(first.made_from)
        return image if isinstance(image, VolumeLayer) and image.visible else document.base
