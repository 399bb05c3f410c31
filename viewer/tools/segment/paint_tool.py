"""What the tools that paint segments share: which segment they mean, and a stroke as one step of the history."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from viewer.data.arrays import Mask
from viewer.data.box import Box
from viewer.render.slices.slice_view import SliceView
from viewer.scene.active_image import active_image, seen_images
from viewer.scene.layer import VolumeLayer
from viewer.scene.segmentation.masking import erase, paint
from viewer.scene.segmentation.stroke import Stroke
from viewer.tools.tool import Tool

if TYPE_CHECKING:
    from viewer.data.segmentation import Key, Segment
    from viewer.data.volume import Volume
    from viewer.render.view import View
    from viewer.scene.document import Document
    from viewer.scene.segmentation_layer import SegmentationLayer
    from viewer.scene.view_state import ViewState

Part = tuple[Box, Mask]


@dataclass(frozen=True)
class PaintTarget:
    """What is painted: a segment of a layer. image: what the layer labels, at the time point that is shown."""

    layer: SegmentationLayer
    segment: Segment
    image: Volume | None


def chosen_segmentation(document: Document, state: ViewState) -> SegmentationLayer | None:
    """The segmentation that is meant: the active one, else the uppermost of the image that is seen.

    What was drawn on another time point comes last.
    """
    layers = sorted(seen_segmentations(document, state), key=lambda one: one.is_at(state.timepoint))
    active = next((one for one in layers if one.id == state.active), None)
    image = active_image(document, state)
    of_image = [one for one in layers if image is None or one.made_from == image.id]
    return active or next(reversed(of_image), None)


def seen_segmentations(document: Document, state: ViewState) -> tuple[SegmentationLayer, ...]:
    """Those of the images that are seen, and those of no image: the visible ones, or all where no image is seen."""
    seen = {image.id for image in seen_images(document, state)}
    known = {image.id for image in document.volume_layers}
    alone = [one for one in document.segmentation_layers if one.made_from not in known and (one.visible or not seen)]
    return tuple(one for one in document.segmentation_layers if one.made_from in seen or one in alone)


def labelled_image(document: Document, layer: SegmentationLayer) -> VolumeLayer | None:
    """The image that a segmentation labels; where it is not known, the lowest one that is shown."""
    image = document.find(layer.made_from)
    return image if isinstance(image, VolumeLayer) else document.base


def find_paint_target(document: Document, state: ViewState) -> PaintTarget | str:
    """What is painted now; else why nothing can be, in one sentence."""
    layer = chosen_segmentation(document, state)
    if layer is None:
        return "There is no segmentation to paint in: make one in the Segments tab."
    segment = layer.active_segment
    if segment is None:
        return f"{layer.name} has no chosen segment: add one in the Segments tab, or choose one."
    if layer.drawn_at is not None and layer.drawn_at != state.timepoint:
        return f"{layer.name} was drawn on time point {layer.drawn_at + 1}: go there, or make a new segmentation here."
    if not layer.visible or segment.key in layer.hidden:
        return f"{segment.name} is hidden: show it before you change it."
    if segment.key in layer.locked:
        return f"{segment.name} is locked: unlock it before you change it."
    image = labelled_image(document, layer)
    return PaintTarget(layer, segment, image.volume(state.timepoint) if image else None)


class PaintTool(Tool):
    """Begin with `begin`, `lay` parts, end with `finish`: one step of the history, named after the verb."""

    gestures = frozenset({"move"})
    verb: ClassVar[str] = ""
    goal: PaintTarget | None = None
    stroke: Stroke | None = None
    painted_key: Key = 0, 0  # the segment's key, which painting may change

    def begin(self) -> bool:
        """Take up a stroke; where nothing can be painted, say why."""
        found = find_paint_target(self.document, self.state)
        if isinstance(found, str):
            self.say(found)
            return False
        self.goal, self.stroke, self.painted_key = found, Stroke(found.layer), found.segment.key
        return True

    def lay(self, part: Part | None, *, taking: bool) -> None:
        """Paint a part, or take it away, within what may be changed."""
        goal, stroke = self.goal, self.stroke
        if part is None or goal is None or stroke is None:
            return
        try:
            if taking:
                erase(stroke, self.painted_key, *part, self.state.masking, goal.image)
            else:
                self.painted_key = paint(stroke, self.painted_key, *part, self.state.masking, goal.image)
        except ValueError as refusal:
            self.drop()
            self.say(str(refusal))

    def finish(self, verb: str = "") -> None:
        """The stroke becomes a step of the history; taken back where its layer is gone."""
        goal, stroke = self.goal, self.stroke
        self.goal = self.stroke = None
        if goal is None or stroke is None:
            return
        if self.document.find(goal.layer.id) is None:
            stroke.undo()
        elif edit := stroke.edit(f"{verb or self.verb} {goal.segment.name}"):
            self.edit(edit)

    def say(self, text: str) -> None:
        """Tell the person at the screen, in one sentence."""
        if self.services:
            self.services.warn(text)

    def drop(self) -> None:
        """As if the stroke had never begun."""
        if self.stroke:
            self.stroke.undo()
        self.goal = self.stroke = None


def slices_of(view: View) -> SliceView | None:
    """The view where it shows a slice that can be painted in."""
    return view if isinstance(view, SliceView) and view.pose and not view.pose.plane.flat else None
