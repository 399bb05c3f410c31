"""Where two segmentations of one segment differ, drawn over the image. No part of the document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, QThreadPool

from viewer.data.segmentation import Segment, Segmentation
from viewer.plugin.effect import Tell
from viewer.scene.layer import Box, VolumeLayer
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.ui.label_comparing import LabelComparing, Pair
from viewer.ui.segments_work import Look

if TYPE_CHECKING:  # scipy comes with it
    from viewer.compute.label_review import SegmentReview

# Orange and sky blue (Okabe & Ito 2008) stay apart for every kind of colour vision.
EXTRA = Segment(1, "Extra: only in B", (230, 159, 0))
MISSED = Segment(2, "Missed: only in A", (86, 180, 233))
FILL = 0.75


class Differences(QObject):
    """Shows the differences of one row until `hide`; meanwhile the two themselves are outlines only."""

    def __init__(self, do: LabelComparing) -> None:
        super().__init__()
        self.do = do
        self.layer: SegmentationLayer | None = None
        self._box: Box | None = None
        self._fills: list[tuple[SegmentationLayer, float]] = []
        self._work: Look | None = None

    def show(self, row: SegmentReview) -> None:
        """Compute them beside the window, then draw them in place of those before."""
        pair = self.do.pair
        box = row.box
        if pair is None or box is None:
            return
        one, two = (layer.segmentation for layer in pair)

        def call(tell: Tell) -> list[Any]:
            from viewer.compute.label_review import differences

            return [differences(one, two, row)]

        work = self._work = Look(call)
        work.answers.found.connect(lambda found: self._draw(pair, box, found[0]) if self._work is work else None)
        QThreadPool.globalInstance().start(work)

    def hide(self) -> None:
        """Show the two as they were."""
        layer, fills = self.layer, self._fills
        self._work = self._box = self.layer = None
        self._fills = []
        for one, fill in fills:
            one.fill = fill
        if layer is not None:
            self.do.session.document.lift(layer)

    def _draw(self, pair: Pair, box: Box, found: Any) -> None:
        if self.layer is None or self.layer.grid is not pair[0].grid:
            self.hide()
            self._lay(pair)
        assert self.layer is not None
        array = self.layer.segmentation.array
        for place, values in ((self._box, 0), (box, found)):
            if place is not None:
                array[place] = values
                self.layer.wrote(0, place)
        self._box = box

    def _lay(self, pair: Pair) -> None:
        document, first = self.do.session.document, pair[0]
        labels = np.zeros(first.grid.shape, np.uint8)
        values = Segmentation(labels, first.grid, (EXTRA, MISSED), "Differences", first.segmentation.source)
        self.layer = SegmentationLayer(
            name="Differences", segmentation=values, transform=first.transform, fill=FILL, outline=False
        )
        self._fills = [(layer, layer.fill) for layer in pair]
        for layer in pair:
            layer.fill = 0.0
        image = document.find(first.made_from)
        under = image if isinstance(image, VolumeLayer) else document.base
        document.lay_over(under or first, self.layer)
