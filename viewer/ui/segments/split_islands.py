"""The parts of a segment that do not hang together, each a segment of its own."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from viewer.compute.labels.label_image import COLORS
from viewer.data.arrays import Mask, ProgressCallback
from viewer.data.box import Box
from viewer.scene.segmentation.stroke import Stroke

if TYPE_CHECKING:
    from viewer.effects.effect import EffectContext
    from viewer.ui.segments.controller import SegmentsController

Found = tuple[Box, list[Mask]]


def split(controller: SegmentsController) -> None:
    """Make a segment of each part of the chosen one, in the background, as one step; the largest stays as it is."""
    target = controller.effect_target()
    if target is None:
        controller.session.messages.warn(controller.problem)
        return
    generation = target.layer.generation

    def call(tell: ProgressCallback) -> Found:
        from viewer.compute.effects.shape.islands import split as parts_of

        box, mask = target.part()
        return box, parts_of(mask)

    def done(found: Found) -> None:
        if target.layer.generation != generation:
            controller.session.messages.warn(f"{target.layer.name} was changed while it was split; split it again.")
        else:
            _into_segments(controller, target, *found)

    session = controller.session
    session.background.call("preview", call, done, failed=session.messages.warn)


def _into_segments(controller: SegmentsController, target: EffectContext, box: Box, parts: list[Mask]) -> None:
    layer, segment = target.layer, target.segment
    if len(parts) < 2:
        controller.session.messages.warn(f"{segment.name} hangs together: there is nothing to split.")
        return
    stroke = Stroke(layer)
    for number, part in enumerate(parts[1:], 2):
        segments = layer.segmentation.segments
        label, color = layer.segmentation.free_label(segment.layer), COLORS[len(segments) % len(COLORS)]
        made = replace(segment, label=label, name=f"{segment.name} {number}", color=color, doubt=None)
        stroke.set_segments((*segments, made))
        stroke.fill(segment.layer, box, part, label)
    controller.session.segments.end_stroke(stroke, f"Split {segment.name}")
