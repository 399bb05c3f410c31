"""Two segmentations held against each other: the verbs behind the comparison."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from viewer.data.segmentation import Segment
from viewer.scene.segmentation_layer import SegmentationLayer
from viewer.tools.segment.paint_tool import seen_segmentations

if TYPE_CHECKING:  # scipy comes with it
    from viewer.compute.labels.comparison import SegmentReview
    from viewer.data.arrays import ProgressCallback
    from viewer.scene.task import Task
    from viewer.session.session import Session

TOLERANCE = 1.0  # mm, of the NSD
EDITED = "Edited since: these numbers are old. Compare again."
GONE = "One of the two is closed: these numbers are old."

Pair = tuple[SegmentationLayer, SegmentationLayer]


class LabelComparisonController:
    """reference, other: the two that are chosen. pair: those that `rows` are about, at `measured_at` mm.

    changed: other segmentations, other numbers, or the numbers have become old.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        self.session = session
        self.reference: SegmentationLayer | None = None
        self.other: SegmentationLayer | None = None
        self.tolerance = self.measured_at = TOLERANCE
        self.rows: list[SegmentReview] = []
        self.pair: Pair | None = None
        self.task: Task | None = None
        self._edited = False
        self._meant: list[tuple[Segment, ...]] = []  # what the segments were called when they were measured
        document = session.document
        for signal in (document.inserted, document.removed, document.visibility):
            signal.connect(self._refresh)

    @property
    def layers(self) -> tuple[SegmentationLayer, ...]:
        """What can be compared."""
        return self.session.document.segmentation_layers

    @property
    def possible(self) -> bool:
        """Whether two different segmentations are chosen."""
        return self.reference is not None and self.other is not None and self.reference is not self.other

    @property
    def running(self) -> bool:
        """Whether they are measured now."""
        return self.task is not None and self.task.running

    @property
    def old(self) -> str:
        """Why the numbers no longer hold, in a sentence; "" while they do."""
        if self.pair is None:
            return ""
        if any(layer not in self.layers for layer in self.pair):
            return GONE
        return EDITED if self._edited or self._meant != _meanings(self.pair) else ""

    def choose(self, reference: SegmentationLayer | None, other: SegmentationLayer | None) -> None:
        """Compare these from now on; the figures that there are stay until `compare`."""
        self.reference, self.other = reference, other
        self.changed.emit()

    def swap(self) -> None:
        """Make the reference the other one."""
        self.choose(self.other, self.reference)

    def compare(self) -> Task | None:
        """Measure, in the background; None where there is nothing to measure."""
        if self.reference is None or self.other is None or not self.possible:
            return None
        self.stop()
        pair, tolerance = (self.reference, self.other), self.tolerance
        self._follow(pair)
        one, two = (layer.segmentation for layer in pair)

        def call(tell: ProgressCallback) -> list[SegmentReview]:
            from viewer.compute.labels.comparison import review

            return review(one, two, tolerance, tell)

        title = f"Compare {pair[1].name} with {pair[0].name}"
        self.task = self.session.background.ask(title, call, partial(self._take_rows, tolerance))
        self.task.events.connect(lambda *_: self.changed.emit())
        self.changed.emit()
        return self.task

    def stop(self) -> None:
        """Wait for it no longer."""
        if self.task is not None:
            self.task.cancel()

    def go(self, row: SegmentReview) -> None:
        """Every view goes where the two are farthest apart; where only one has the segment, to its middle."""
        if row.worst is not None and self.pair is not None:
            self.session.state.crosshair = self.pair[0].world_place(row.worst)

    def _take_rows(self, tolerance: float, rows: list[SegmentReview]) -> None:
        self.rows, self.measured_at = rows, tolerance
        self.changed.emit()

    def _follow(self, pair: Pair) -> None:
        """What is edited from now on makes the numbers old, also while they are measured."""
        for layer in self.pair or ():
            layer.touched.disconnect(self._touch)
            layer.events.segmentation.disconnect(self._tell)
        self.pair, self.rows, self._edited, self._meant = pair, [], False, _meanings(pair)
        for layer in pair:
            layer.touched.connect(self._touch)
            layer.events.segmentation.connect(self._tell)

    def _touch(self, *_: object) -> None:
        if not self._edited:
            self._edited = True
            self.changed.emit()

    def _tell(self, *_: object) -> None:
        self.changed.emit()

    def _refresh(self, *_: object) -> None:
        """Choose the lowest two of one image that is seen where nothing is chosen, or what was is gone or not seen."""
        layers, seen = self.layers, seen_segmentations(self.session.document, self.session.state)
        if seen and self.reference not in seen and self.other not in seen:
            self.reference = self.other = None
        if self.reference not in layers:
            self.reference = next((one for one in seen if one is not self.other), None)
        if self.other not in layers and self.reference is not None:
            of = self.reference.made_from
            self.other = next((one for one in seen if one is not self.reference and one.made_from == of), None)
        self.changed.emit()


def _meanings(pair: Pair) -> list[tuple[Segment, ...]]:
    """What decides which segments are compared: a review state or a colour does not."""
    return [
        tuple(
            Segment(one.label, one.name, code=one.code, layer=one.layer, side=one.side)
            for one in layer.segmentation.segments
        )
        for layer in pair
    ]
