"""How far the mask of the chosen segment's prompts can be trusted: its map over the image, and where to click next."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from psygnal import Signal

from viewer.compute.labels.doubt_map import doubt_map, most_doubtful_voxel
from viewer.scene.layer import doubt_layer
from viewer.scene.task import Message

if TYPE_CHECKING:
    from viewer.data.annotations.mask_doubt import MaskDoubt
    from viewer.data.annotations.region import Point
    from viewer.data.segmentation import Segment
    from viewer.scene.layer import VolumeLayer
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.session.background import BackgroundCall
    from viewer.ui.segments.controller import SegmentsController


class PromptDoubtController:
    """Follows the chosen segment; what it shows is no part of the document. changed: another doubt, or shown or not."""

    changed = Signal()

    def __init__(self, segments: SegmentsController) -> None:
        self.segments, self.session = segments, segments.session
        self.shown = False
        self._drawn: tuple[MaskDoubt, SegmentationLayer, VolumeLayer] | None = None
        self._map: VolumeLayer | None = None
        self._fill = 0.0  # of the segments, while the map is not over them
        self._work: BackgroundCall[float, Point | None] | None = None
        segments.changed.connect(self.refresh)
        self.refresh()

    @property
    def doubt(self) -> MaskDoubt | None:
        """That of the chosen segment's mask; None where no prompts found it, or it was changed since."""
        segment = self.segments.segment
        return segment.mask_doubt if segment else None

    @property
    def jump(self) -> float | None:
        """The Dice with the mask before, where the last prompt of the chosen segment left little of that."""
        segment, (prompts, dice) = self.segments.segment, self.session.prompts.jump
        return dice if segment and prompts and segment.prompts == prompts else None

    def flip_map(self) -> None:
        """Show the doubt map of the edge over the image, or hide it."""
        self.shown = not self.shown
        self.refresh()

    def visit(self) -> None:
        """Take every view to the most doubtful place of the edge: there the next prompt helps most."""
        layer, segment, doubt = self.segments.layer, self.segments.segment, self.doubt
        if layer is None or segment is None or doubt is None:
            return
        if self._work is not None:
            self._work.stop()

        def search(tell: object) -> Point | None:
            stored, grid = doubt.map()
            voxel = most_doubtful_voxel(stored)
            if voxel is None:
                return None
            x, y, z = grid.to_world(voxel).tolist()
            return layer.world_place((x, y, z))

        def go(place: Point | None) -> None:
            if place is None:
                self.session.messages.add(Message(f"The edge of {segment.name} is certain everywhere."))
            else:
                self.session.state.crosshair = place

        self._work = self.session.background.call("display", search, go)

    def refresh(self, *_: object) -> None:
        """Show the map of what is chosen now, or none."""
        wanted = self._wanted() if self.shown else None
        if wanted != self._drawn:
            before, self._drawn = self._drawn, wanted  # first: the document tells of previews, too
            if before is not None:
                self._hide(before[1])
            if wanted is not None and self.segments.segment is not None:
                self._show(*wanted, self.segments.segment)
        self.changed.emit()

    def _wanted(self) -> tuple[MaskDoubt, SegmentationLayer, VolumeLayer] | None:
        layer, image, segment, doubt = self.segments.layer, self.segments.image, self.segments.segment, self.doubt
        if layer is None or image is None or segment is None or doubt is None:
            return None
        seen = layer.visible and segment.key not in layer.hidden and layer.is_at(self.session.state.timepoint)
        return (doubt, layer, image) if seen else None

    def _show(self, doubt: MaskDoubt, layer: SegmentationLayer, image: VolumeLayer, segment: Segment) -> None:
        stored, grid = doubt.map()
        named = replace(grid, frame_of_reference=layer.grid.frame_of_reference, placed=layer.grid.placed)
        drawn = doubt_layer(doubt_map(stored, named, image.source, f"Doubt: {segment.name}"))
        drawn.review, drawn.visible, drawn.transform = "source", True, layer.transform
        layer.events.transform.connect_setattr(drawn, "transform", maxargs=1)
        self._map, self._fill = drawn, layer.fill
        layer.fill = 0.0  # the colour of a segment would be taken for one of the map
        self.session.document.show_preview(image, drawn)

    def _hide(self, layer: SegmentationLayer) -> None:
        map, self._map = self._map, None
        if map is not None:
            layer.events.transform.disconnect_setattr(map, "transform", missing_ok=True)
            self.session.document.hide_preview(map)
            layer.fill = layer.fill or self._fill
