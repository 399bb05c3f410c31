"""Review of a result structure by structure: the verbs behind the list, the keys and the menu."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from viewer.scene.task import Message
from viewer.session.review.structure_review import (
    find_doubt_map,
    is_decided,
    most_doubtful_place,
    next_to_review,
    reviewed_segments,
)

if TYPE_CHECKING:
    from viewer.data.annotations.region import Point
    from viewer.data.segmentation import Key, Segment
    from viewer.scene.layer import VolumeLayer
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.session.background import BackgroundCall
    from viewer.ui.segments.controller import SegmentsController


class DoubtController:
    """segments: which segmentation and which segment are meant. changed: other structures, verdicts, or another map."""

    changed = Signal()

    def __init__(self, segments: SegmentsController) -> None:
        self.segments, self.session = segments, segments.session
        self._work: BackgroundCall[float, Point | None] | None = None
        self._map: VolumeLayer | None = None
        self._at: tuple[SegmentationLayer | None, Key | None] = None, None  # what was looked at last
        segments.changed.connect(self._refresh)
        self._refresh()

    # ---- what is meant
    @property
    def layer(self) -> SegmentationLayer | None:
        """The segmentation that is reviewed."""
        return self.segments.layer

    @property
    def structures(self) -> tuple[Segment, ...]:
        """Its segments that a model gave, or prompts with their doubt, the most doubtful first."""
        return reviewed_segments(self.layer)

    @property
    def structure(self) -> Segment | None:
        """The chosen one of them."""
        return next((one for one in self.structures if one == self.segments.segment), None)

    @property
    def decided(self) -> int:
        """How many of them a reader has decided on."""
        return sum(map(is_decided, self.structures))

    @property
    def doubt_map(self) -> VolumeLayer | None:
        """The doubt map of the segmentation, shown or hidden; None where it has none."""
        return find_doubt_map(self.session.document, self.layer) if self.layer else None

    @property
    def tells_places(self) -> bool:
        """Whether it is known where the chosen segment is doubtful."""
        segment = self.segments.segment
        return segment is not None and (segment.mask_doubt is not None or self.doubt_map is not None)

    # ---- where to look
    def visit(self, key: Key) -> None:
        """Choose a structure; every view goes to its most doubtful place, without a doubt map to its middle."""
        layer, map = self.layer, self.doubt_map
        segment = layer.segmentation.segment(key) if layer else None
        if layer is None or segment is None:
            return
        self.segments.choose(key)
        self._at = layer, key
        if self._work is not None:
            self._work.stop()
        self._work = self.session.background.call(
            "display", lambda tell: most_doubtful_place(layer, segment, map), partial(self._look, segment)
        )

    def visit_next(self) -> None:
        """Go on to the next structure that is not reviewed; at first to the most doubtful of them."""
        layer, key = self._at
        layer, key = (layer, key) if layer is self.layer else (self.layer, None)
        found = next_to_review(layer, key) if layer else None
        if found is not None:
            self.visit(found.key)
        else:
            self.session.messages.add(Message("Every structure has been reviewed."))

    def visit_most_doubtful(self) -> None:
        """Go to the most doubtful place of the chosen segment."""
        if self.segments.segment is not None:
            self.visit(self.segments.segment.key)

    def flip_map(self) -> None:
        """Show the doubt map over the image, or hide it."""
        if (map := self.doubt_map) is not None:
            map.visible = not map.visible

    # ---- verdicts on the chosen structure
    def accept(self) -> None:
        """Accept it, as it is now."""
        if self.layer and self.structure:
            try:
                self.session.review.structures.accept(self.layer, self.structure.key)
            except ValueError as error:
                self.session.messages.warn(str(error))

    def reject(self) -> None:
        """Reject it: its voxels go."""
        if self.layer and self.structure:
            try:
                self.session.review.structures.reject(self.layer, self.structure.key)
            except ValueError as error:
                self.session.messages.warn(str(error))

    def restore(self) -> None:
        """Bring back what the model gave of it."""
        if self.layer and self.structure:
            self.session.review.structures.restore(self.layer, self.structure.key)

    # ---- within
    def _look(self, segment: Segment, place: Point | None) -> None:
        if place is not None:
            self.session.state.crosshair = place
        else:
            self.session.messages.add(Message(f"{segment.name} has no voxel: there is nothing to look at."))

    def _refresh(self, *_: object) -> None:
        map = self.doubt_map
        if map is not self._map:
            for one, tie in ((self._map, "disconnect"), (map, "connect")):
                if one is not None:
                    getattr(one.events.visible, tie)(self._tell)
            self._map = map
        self._tell()

    def _tell(self, *_: object) -> None:
        self.changed.emit()
